"""No mutant of a witness is accepted unless it loses its label inside of its region."""

from __future__ import annotations

import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rhobust.bnb.check import Checker

from .certificates import Files, Network, network, save
from .test_check_witness import witness

COUNT = 400


def values(net: Network, point: list[Fraction]) -> list[Fraction]:
    """Exact outputs."""
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        if layer:
            point = [max(value, Fraction(0)) for value in point]
        rows = zip(weight.tolist(), bias.tolist(), strict=True)
        point = [
            sum((Fraction(w) * x for w, x in zip(row, point, strict=True)), Fraction(b))
            for row, b in rows
        ]
    return point


def true(net: Network, files: Files) -> bool:
    claim, arrays = files[0]["claim"], files[1]
    names = ("point", "image", "domain_low", "domain_high")
    point, image, low, high = ([Fraction(float(x)) for x in arrays[name]] for name in names)
    if not all(a <= x <= b for x, a, b in zip(point, low, high, strict=True)):
        return False
    away = [abs(x - y) for x, y in zip(point, image, strict=True)]
    eps, norm = Fraction(float.fromhex(claim["eps"])), claim["norm"]
    if norm == "linf":
        inside = max(away) <= eps
    else:
        power = {"l1": 1, "l2": 2}[norm]
        inside = sum(step**power for step in away) <= eps**power
    y = values(net, point)
    margin = Fraction(float.fromhex(claim["margin"]))
    return inside and any(y[t] >= y[claim["label"]] + margin for t in claim["targets"])


def changed(files: Files, random: np.random.Generator) -> Files:
    header, arrays = copy.deepcopy(files[0]), {k: v.copy() for k, v in files[1].items()}
    claim: dict[str, Any] = header["claim"]
    for _ in range(int(random.integers(1, 3))):
        kind = int(random.integers(0, 7))
        name = str(random.choice(sorted(arrays)))
        place = int(random.integers(0, arrays[name].size))
        if kind == 0:
            factor = float(random.choice([0.5, 1.0 - 1e-15, 1.0 + 1e-15, 0.99, 2.0]))
            claim["eps"] = (float.fromhex(claim["eps"]) * factor).hex()
        elif kind == 1:
            claim["label"] = int(random.integers(0, 4))
        elif kind == 2:
            claim["targets"] = random.permutation(3)[: int(random.integers(1, 3))].tolist()
        elif kind == 3:
            claim["norm"] = str(random.choice(["linf", "l1", "l2"]))
        elif kind == 4:
            claim["margin"] = float(random.choice([-1.0, -1e-9, 1e-300, 1e-9, 1.0])).hex()
        elif kind == 5:
            bits = arrays[name][place : place + 1].view(np.uint64)
            bits ^= np.uint64(1) << np.uint64(random.integers(0, 64))
        else:
            side = float(random.choice([-np.inf, np.inf]))
            arrays[name][place] = np.nextafter(arrays[name][place], side)
    return header, arrays


def test_only_what_is_true_is_accepted(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    accepted = refused = 0
    for _ in range(10):
        net = network(random, [3, 4, 3])
        digest = net.save(tmp_path / "m.onnx")
        checker = Checker(tmp_path / "m.onnx")
        point = random.integers(2, 7, 3) / 8.0
        y = net.outputs(point[None])[0]
        label = int(np.argsort(y)[1])  # the greatest but one
        image = point + random.choice([-0.125, 0.0, 0.125], 3)
        rest = tuple(k for k in range(3) if k != label)
        good = witness(digest, image, point, label, rest, 0.125)
        assert true(net, good) and checker.check(save(tmp_path / "w.npz", good)).accepted
        for _ in range(COUNT // 10):
            files = changed(good, random)
            report = checker.check(save(tmp_path / "w.npz", files))
            if report.accepted:
                assert true(net, files), (files, report)
                accepted += 1
            else:
                refused += 1
    assert accepted > COUNT // 10 and refused > COUNT // 4
