"""A whole test set under one question: what is cheap for all images, then searches, all kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..bnb.settings import Settings
from ..compiler.base.errors import InputError
from ..compiler.base.norms import NormName
from ..compiler.question.claim import Target
from ..data import Images
from ..data import load as load_images
from ..networks.given import Given, network_of
from ..store import Store
from .asked import Asked, Radii
from .certified import Smoothing
from .coordinator import Coordinator, Step, nobody
from .plan import Options
from .result import Evaluation

GivenImages: TypeAlias = Images | npt.ArrayLike | str | Path


def evaluate(
    network: Given,
    images: GivenImages,
    *,
    labels: npt.ArrayLike | None = None,
    eps: Radii = (),
    rho: bool = False,
    estimate: bool = False,
    smoothing: float | None = None,
    n0: int = 100,
    n: int = 10_000,
    alpha: float = 0.001,
    norm: NormName = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "any",
    margin: float = 0.0,
    attacks: Sequence[str] = ("pgd",),
    index: Sequence[int] | None = None,
    timeout: float | None = 60.0,
    total_timeout: float | None = None,
    settings: Settings | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory: float | None = None,
    store: Store | str | Path | None = None,
    rerun: str = "never",
    only_new: bool = False,
    workers: int | str | Executor = 1,
    certificates: str | Path | None = None,
    check: bool = True,
    overwrite: bool = False,
    progress: Callable[[Step], None] = nobody,
) -> Evaluation:
    """The robust accuracy of a network on a test set, proven from below and shown from above.

    network, norm, domain, target, margin, settings, threads, memory, seed: as of `verify`.
    images: `rb.data.Images`, a file of them, or an array (N, ...); uint8 is divided by 255 unless
    the domain holds 0 to 255.  labels (N,): by default those of the images, and of an array the
    predicted ones.  eps: a radius, or several; an image that one decides is not asked at others.
    rho: whether the exact least distance of every image is asked for; estimate: whether that of the
    convex restriction is, an upper end.  smoothing: sigma of the noise for the certified radius of
    every image (`Record.certified_radius`), in l2, about the smoothed classifier; n0, n, alpha: as
    of `rb.smoothing.Smoothed.certify`.  attacks: names of attacks that come before any search.
    index: which images, by default all.
    timeout: seconds for each image; total_timeout: for all of them, after which the images that
    were not reached are UNKNOWN; the cheap ones come first.
    store: a file or server (see `Store`) that keeps each image as it is finished, and from which a
    later call goes on.  rerun: which images with stored answers are asked again: never, always,
    undecided, refine (decided ones: their exact rho), retarget (those that were ROBUST against
    another target; no others are asked).  only_new: leave out images with stored answers.
    workers: how many processes, an executor, or the address of a Dask scheduler.
    certificates: a folder for proofs, INDEX.npz, and witnesses, INDEX.witness.npz, with a manifest
    of them all, manifest.json, which `rhobust check` proves again; check: whether the checker has
    to accept them first; overwrite: whether they may replace files of other kinds.
    progress: is told of each finished image.
    Raises InputError for arguments that make no sense, and `Interrupted` with the `Evaluation` of
    what is finished after Ctrl-C.
    """
    asked = Asked.make(
        eps,
        norm,
        domain,
        target,
        margin,
        rho,
        estimate,
        attacks,
        timeout,
        seed,
        Settings.of(settings, threads, memory),
        None if smoothing is None else Smoothing(smoothing, n0, n, alpha),
    )
    given = images_of(images, labels, domain)
    known = network_of(network, given.shape)
    given = given.fitted(known)
    options = Options(
        rerun, only_new, None if certificates is None else Path(certificates), check, overwrite
    )
    own = Store.open(store) if isinstance(store, str | Path) else None
    try:
        work = Coordinator(
            known, given, asked, options, index=index, total_timeout=total_timeout,
            store=store if isinstance(store, Store) else own, workers=workers,
            labelled=labels is not None or isinstance(images, Images | str | Path),
        )  # fmt: skip
        return work.work(progress)
    finally:
        if own is not None:
            own.close()


def images_of(
    images: GivenImages, labels: npt.ArrayLike | None, domain: tuple[object, object]
) -> Images:
    """Images from what a caller has; labels that nobody gave are 0, and are not looked at."""
    if isinstance(images, str | Path):
        low, high = (float(np.min(np.asarray(end, dtype=np.float64))) for end in domain)
        images = load_images(images, domain=(low, high))
    if not isinstance(images, Images):
        values = np.asarray(images)
        if values.ndim < 2 or not values.size or values.dtype.kind not in "fiub":
            raise InputError(f"images of shape {values.shape} should be numbers (count, ...)")
        lower, upper = (np.asarray(end, dtype=np.float64) for end in domain)
        whole = bool((lower <= 0.0).all() and (upper >= 255.0).all())
        divisor = 255.0 if values.dtype == np.uint8 and not whole else 1.0
        nothing = np.zeros(len(values), dtype=np.int64)
        images = Images("the images", values, nothing, divisor)
    if labels is None:
        return images
    given = np.asarray(labels).reshape(-1)
    if given.dtype.kind not in "iu" or len(given) != len(images):
        raise InputError(f"labels should be {len(images)} whole numbers, not {given.shape}")
    return replace(images, labels=given.astype(np.int64))
