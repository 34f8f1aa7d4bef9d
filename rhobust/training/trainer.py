"""The loop of training: batches, radii, rates, checkpoints; the same weights for the same seed."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiler.base.errors import InputError
from ..compiler.question.claim import check_eps
from ..data import Images
from .checkpoint import Saved, question, read, write
from .history import Epoch, History
from .images import tensors
from .methods import CERTIFIED, METHODS
from .methods.batch import OPTIONS, Batch
from .schedule import Schedule
from .torch_library import library

Progress = Callable[[Epoch, int], None]


def train(
    module: Any,
    images: Images | npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    method: str = "plain",
    *,
    eps: float | str = 0.1,
    epochs: int = 10,
    seed: int = 0,
    batch: int = 128,
    rate: float = 1e-3,
    l1: float = 0.0,
    domain: tuple[float, float] = (0.0, 1.0),
    validation: Images | tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    patience: int | None = None,
    warmup: float | None = None,
    rampup: float | None = None,
    decay: tuple[float, ...] | None = None,
    anneal: float | None = None,
    clip: float = 10.0,
    checkpoint: str | Path | None = None,
    options: Mapping[str, float] | None = None,
    progress: Progress = lambda epoch, epochs: None,
) -> tuple[Any, History]:
    """Trains a `torch.nn.Module` in place, by Adam; returns it in evaluation mode, with a history.

    images: (N, *shape) as the module takes them, or `Images`; uint8 is divided by 255 unless the
    domain holds 0 to 255.  labels: (N,).  method: a name in `methods.METHODS`; eps: its radius
    (pgd-l2: in l2; noise: the standard deviation), a number or a text such as "8/255".  l1: weight
    of the sum of all |weights| but biases in the loss.  validation: `Images`, or images and labels;
    with them `patience` epochs without a smaller loss end training once the radius is whole, and
    the best weights are kept.
    warmup, rampup: shares of all steps at which the radius begins and ends to grow, 0 and 0 by
    default, 0.05 and 0.5 for methods that prove.  decay: shares at which the rate falls to a tenth,
    0.7 and 0.9 by default.  anneal: instead, the share from which on it falls to 0 along a cosine.
    clip: largest norm of a gradient.  checkpoint: a file that is written after each epoch, and from
    which the same call goes on; it is removed at the end.  options: numbers of single methods, see
    `methods.batch.OPTIONS`.  progress: told of each epoch and how many there are.
    All random numbers follow from the seed, dropout's too: an interrupted run that goes on ends in
    the same weights.  Raises InputError for arguments that make no sense, and where the loss is no
    finite number any more.
    """
    torch = library()
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"{type(module).__name__} is no torch.nn.Module; see module_of(network)")
    if method not in METHODS:
        raise InputError(f"no method is called {method!r}; there are: {', '.join(METHODS)}")
    radius = check_eps(eps)
    if not math.isfinite(radius):
        raise InputError("eps must be finite")
    unknown = set(options or {}) - set(OPTIONS)
    if unknown:
        raise InputError(f"no option is called {min(unknown)!r}; there are: {', '.join(OPTIONS)}")
    for name, value in (("epochs", epochs), ("batch", batch), ("rate", rate), ("clip", clip)):
        if not value > 0:
            raise InputError(f"{name} must be positive, not {value}")
    known = {**OPTIONS, **(options or {})}
    given, target = tensors(torch, images, labels, domain)
    given = _ordered(torch, module, given)
    tested = None
    if isinstance(validation, Images):
        tested = tensors(torch, validation, None, domain)
    elif validation is not None:
        tested = tensors(torch, *validation, domain)
    certified = method in CERTIFIED
    ends = (0.05, 0.5) if certified else (0.0, 0.0)
    schedule = Schedule(
        epochs * math.ceil(len(given) / batch), radius, rate,
        ends[0] if warmup is None else warmup, ends[1] if rampup is None else rampup,
        decay if decay is not None else (0.7, 0.9) if anneal is None else (),
        1.0 if anneal is None else anneal,
    )  # fmt: skip
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    state = Saved(0, [], copy.deepcopy(module.state_dict()), optimizer.state_dict(), math.inf, None)
    asked = ""
    if checkpoint is not None:
        asked = question(
            module, given, target, method, radius, epochs, seed, batch, rate, l1, domain, clip,
            schedule, patience, known,
        )  # fmt: skip
        state = read(torch, Path(checkpoint), asked) or state
        module.load_state_dict(state.weights)
        optimizer.load_state_dict(state.optimizer)
    stopped = ""
    while state.done < epochs:
        began = time.monotonic()
        generator = torch.Generator().manual_seed(_seed(seed, state.done))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_seed(seed, state.done, 1))  # dropout takes no generator
            found = _epoch(
                torch, module, given, target, method, state.done, batch, schedule, optimizer,
                generator, domain, known, l1, clip,
            )  # fmt: skip
        share, loss = (None, None) if tested is None else evaluate(torch, module, *tested)
        epoch = Epoch(state.done + 1, *found, time.monotonic() - began, share, loss)
        whole = schedule.share((state.done + 1) * (schedule.steps // epochs) - 1) >= 1.0
        better = loss is not None and whole and loss < state.least
        weights = copy.deepcopy(module.state_dict())
        state = Saved(
            state.done + 1, [*state.epochs, epoch], weights, optimizer.state_dict(),
            loss if better and loss is not None else state.least,
            (epoch.number, weights) if better else state.best,
        )  # fmt: skip
        if checkpoint is not None:
            write(torch, Path(checkpoint), asked, state)
        progress(epoch, epochs)
        if patience is not None and state.best is not None and state.done < epochs:
            if state.done - state.best[0] >= patience:
                stopped = f"no better validation loss for {patience} epochs"
                break
    best = state.done if state.best is None or patience is None else state.best[0]
    if state.best is not None and patience is not None:
        module.load_state_dict(state.best[1])
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    module.to(memory_format=torch.contiguous_format)
    return module.eval(), History(method, seed, tuple(state.epochs), best, stopped)


def _ordered(torch: Any, module: Any, images: Any) -> Any:
    """Images, and the module's weights, in the order in which convolutions are fastest: channels
    last, unless the module views its numbers in another one.
    """
    if images.dim() != 4:
        return images
    ordered, training = images.contiguous(memory_format=torch.channels_last), module.training
    module.to(memory_format=torch.channels_last)
    try:
        with torch.no_grad():
            module.eval()(ordered[:2])
        return ordered
    except RuntimeError:
        module.to(memory_format=torch.contiguous_format)
        return images
    finally:
        module.train(training)


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _epoch(
    torch: Any,
    module: Any,
    images: Any,
    labels: Any,
    method: str,
    number: int,
    size: int,
    schedule: Schedule,
    optimizer: Any,
    generator: Any,
    domain: tuple[float, float],
    options: Mapping[str, float],
    l1: float,
    clip: float,
) -> tuple[float, float, float, float]:
    """One pass over all images: mean loss, accuracy as the loss saw them, last radius and rate."""
    order = torch.randperm(len(images), generator=generator)
    starts = range(0, len(images), size)
    total, right, eps, rate = 0.0, 0, 0.0, 0.0
    module.train()
    for place, start in enumerate(starts):
        some = order[start : start + size]
        step = number * len(starts) + place
        share = schedule.share(step)
        eps, rate = share * schedule.eps, schedule.rate_at(step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = Batch(
            torch, module, images[some], labels[some], eps, share, *domain, options, generator
        )
        loss, scores = METHODS[method](batch)
        if l1:
            loss = loss + l1 * sum(w.abs().sum() for w in module.parameters() if w.dim() > 1)
        if not bool(torch.isfinite(loss)):
            raise InputError(
                f"the loss of epoch {number + 1} is {float(loss.detach())}; a smaller rate or eps "
                "may help"
            )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
        total += float(loss.detach()) * len(some)
        right += int((scores.detach().argmax(1) == batch.labels).sum())
    return total / len(images), right / len(images), eps, rate


def evaluate(torch: Any, module: Any, images: Any, labels: Any) -> tuple[float, float]:
    """The share of images with the right label, and the natural loss."""
    module.eval()
    right, loss = 0, 0.0
    with torch.no_grad():
        for start in range(0, len(images), 1000):
            logits = module(images[start : start + 1000]).flatten(1)
            own = labels[start : start + 1000]
            right += int((logits.argmax(1) == own).sum())
            loss += float(torch.nn.functional.cross_entropy(logits, own, reduction="sum"))
    return right / len(images), loss / len(images)
