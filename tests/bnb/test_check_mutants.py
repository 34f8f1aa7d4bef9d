"""No mutant of a certificate is accepted unless what it claims is true."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from .certificates import Files, halving, splitting
from .test_check import Case, within

pytestmark = pytest.mark.slow


def mutant(files: Files, random: np.random.Generator) -> Files:
    """A certificate with a few changes of its numbers, of its header or of its bytes' order."""
    header, arrays = copy.deepcopy(files[0]), dict(files[1])
    for _ in range(random.integers(1, 4)):
        name = str(random.choice(sorted(arrays)))
        array = arrays[name].copy()
        kind = random.integers(0, 9)
        if kind == 0:
            part = header["parts"][0]
            key = str(random.choice(["boxes", "propagate", "refine"]))
            part[key] = not part[key]
        elif kind == 1:
            claim = header["claim"]
            factor = float(random.choice([0.5, 1.0 + 1e-12, 1.0001, 1.05, 2.0]))
            claim["eps"] = (float.fromhex(claim["eps"]) * factor).hex()
        elif kind == 2:
            claim = header["claim"]
            key = str(random.choice(["label", "targets", "norm", "norm"]))
            others: dict[str, object] = {
                "label": int(random.integers(0, 4)),
                "targets": claim["targets"][:1],
                "norm": str(random.choice(["linf", "l1", "l2"])),
            }
            claim[key] = others[key]
        elif not array.size:
            continue
        elif kind == 3 and array.ndim == 1:
            array = random.permutation(array)
        elif kind == 4 and array.ndim == 1:
            array = np.delete(array, random.integers(0, len(array)))
        elif kind == 5:
            flat = array.reshape(-1)
            place = random.integers(0, len(flat))
            raw = flat[place : place + 1].copy().view(np.uint8)
            raw[random.integers(0, len(raw))] ^= 1 << random.integers(0, 8)
            flat[place] = raw.view(flat.dtype)[0]
        elif kind == 6 and array.dtype != np.uint8:
            array.reshape(-1)[random.integers(0, array.size)] *= -1
        elif kind == 7:
            flat = array.reshape(-1)
            flat[random.integers(0, len(flat))] = flat[random.integers(0, len(flat))]
        else:
            flat = array.reshape(-1)
            small = array.dtype.kind in "iu"
            value = random.integers(-2, 8) if small else random.choice([0.0, 1.0, 10.0, 1e9])
            if array.dtype != np.uint8 or value >= 0:
                flat[random.integers(0, len(flat))] = value
        arrays[name] = array
    return header, arrays


def true(case: Case, files: Files) -> bool:
    """Whether the claim holds; a claim about other images is decided on a grid of points."""
    claim, image = files[0]["claim"], files[1]["image"]
    eps, label, norm = float.fromhex(claim["eps"]), claim["label"], claim["norm"]
    known = np.array_equal(image, case.image) and label == case.label
    lows, highs = files[1]["domain_low"], files[1]["domain_high"]
    if known and np.all(lows >= 0.0) and np.all(highs <= 1.0):
        if eps <= case.rho:  # the other balls lie in the box
            return True
        if norm == "linf" and eps > 1.01 * case.rho and not lows.any() and (highs == 1.0).all():
            return case.targets != claim["targets"] and _sampled(case, files)
    return _sampled(case, files)


def _sampled(case: Case, files: Files) -> bool:
    claim, image = files[0]["claim"], files[1]["image"]
    eps = float.fromhex(claim["eps"])
    low = np.maximum(image - eps, files[1]["domain_low"])
    high = np.minimum(image + eps, files[1]["domain_high"])
    if not np.all(low <= high):
        return True
    sides = [np.linspace(a, b, 81) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, len(image))
    values = case.net.outputs(points[within(points - image, eps, claim["norm"])])
    return all((values[:, claim["label"]] > values[:, t]).all() for t in claim["targets"])


def survivors(folder: Path, seed: int, count: int) -> tuple[int, int]:
    """How many mutants of a true and of a false claim's proofs were accepted, of `count`; each of
    them is about a claim that holds. Of balls there are true claims that fail in the box, and
    false ones."""
    case = Case(folder, seed, [2, 3, 3, 3], share=0.9)
    random = np.random.default_rng(seed)
    bases = []
    for eps in (case.eps, case.rho * 1.02):
        bases.append(splitting(case.claim(eps), case.net, refine=True))
        bases.append(halving(case.claim(eps), 6, random, propagate=True))
        share = 0.9 if eps == case.eps else 1.02
        for norm in ("l1", "l2"):
            claim = case.claim(share * case.widest(norm), norm)
            bases.append(halving(claim, 8, random, propagate=norm == "l1"))
    accepted = [0, 0]
    for number in range(count):
        files = mutant(bases[number % 8], random)
        if case.verdict(files) == "":
            accepted[number % 8 // 4] += 1
            assert true(case, files), (seed, number)
    return accepted[0], accepted[1]


def test_mutants(tmp_path: Path) -> None:
    proofs, _ = survivors(tmp_path, 12, 200)
    assert proofs > 5  # a good part of small changes is harmless


@pytest.mark.long
def test_many_mutants(tmp_path: Path) -> None:
    accepted = [survivors(tmp_path, seed, 2000) for seed in range(100, 150)]
    assert sum(proofs for proofs, _ in accepted) > 1000
