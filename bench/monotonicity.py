"""Monotonicity of ACAS Xu networks in one input over small boxes: 20 questions on two copies.

    RHOBUST_DATA=... python -m bench.monotonicity [--limit 100] [--only K] [--apart] [--out FILE]

Question k: is there an x and an x' in a box, equal but in input i, with x'_i >= x_i and an output
that goes more than a tolerance against the direction that it has at the middle? The answer unsat
means that the output is monotone there, up to the tolerance. The questions are VNN-LIB 2.0 texts on
two networks, the second `equal-to` the first. `--apart` leaves out the bounds of differences: the
two copies are relaxed each for itself.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rhobust as rb
from rhobust.compiler.network.graph import Network
from rhobust.queries.copies import TwoCopies

COUNT, INPUTS, OUTPUTS = 20, 5, 5
HALF = 0.03
"""Half of a box's side; inputs are between -0.5 and 0.5."""
STEP = 1e-4


@dataclass(frozen=True)
class Question:
    """One of the questions: its network, its box, and which output is monotone in which input."""

    model: Path
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    input: int
    output: int
    rising: bool
    tolerance: float

    def text(self) -> str:
        """The question as VNN-LIB 2.0."""
        ports = "(declare-input {0} float32 [1,1,1,5]) (declare-output {1} float32 [1,5])"
        lines = [
            "(vnnlib-version <2.0>)",
            f"(declare-network f {ports.format('X', 'Y')})",
            f"(declare-network g (equal-to f) {ports.format('Z', 'W')})",
        ]
        for k, (low, high) in enumerate(zip(self.lower, self.upper, strict=True)):
            lines += [f"(assert (<= {low!r} {t}[0,0,0,{k}] {high!r}))" for t in "XZ"]
            relation = ">=" if k == self.input else "="
            lines.append(f"(assert ({relation} Z[0,0,0,{k}] X[0,0,0,{k}]))")
        first, second = ("Y", "W") if self.rising else ("W", "Y")
        k = self.output
        lines.append(f"(assert (>= (- {first}[0,{k}] {second}[0,{k}]) {self.tolerance!r}))")
        return "\n".join(lines) + "\n"


def questions(folder: Path) -> list[Question]:
    """The 20: a network each, a box around a point drawn by its number."""
    models = sorted(folder.glob("onnx/*.onnx*"))
    found = []
    for number in range(COUNT):
        model = models[(number * 7) % len(models)]
        rng = np.random.default_rng([number, 2026])
        center = rng.uniform(-0.4, 0.4, INPUTS).round(3)
        network = rb.load(model)
        i, k = number % INPUTS, int(rng.integers(OUTPUTS))
        slope = _slope(network, center, i, k)
        found.append(
            Question(
                model, tuple((center - HALF).round(6).tolist()),
                tuple((center + HALF).round(6).tolist()), i, k, bool(slope >= 0),
                float(max(1e-6, 0.1 * abs(slope) * HALF).__format__(".3g")),
            )
        )  # fmt: skip
    return found


def _slope(
    network: Network, center: np.ndarray[tuple[int], np.dtype[np.float64]], i: int, k: int
) -> float:
    """About how fast output k changes with input i at the middle."""
    ends = np.repeat(center[None], 2, axis=0)
    ends[0, i] -= STEP
    ends[1, i] += STEP
    low, high = network.forward(ends)[:, k]
    return float((high - low) / (2 * STEP))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--limit", type=float, default=100.0)
    parser.add_argument("--only", type=int, default=None)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    if given.apart:
        TwoCopies.of = classmethod(lambda *arguments: None)  # type: ignore[assignment]
    asked = questions(Path(os.environ["RHOBUST_DATA"]) / "vnncomp" / "acasxu")
    decided, total, processor = 0, 0.0, 0.0
    lines: list[str] = []
    for number, question in enumerate(asked):
        if given.only not in (None, number):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{number}.vnnlib"
            path.write_text(question.text())
            network = rb.load(question.model)
            wall, spent = time.monotonic(), time.process_time()
            result = rb.solve([network], path, timeout=given.limit)
            wall, spent = time.monotonic() - wall, time.process_time() - spent
        decided += result.status in ("sat", "unsat")
        total, processor = total + wall, processor + spent
        row = {
            "question": number, "model": question.model.name, "input": question.input,
            "output": question.output, "rising": question.rising, "status": result.status,
            "reason": result.reason, "nodes": result.nodes, "lps": result.lps,
            "seconds": round(wall, 3), "processor": round(spent, 3),
        }  # fmt: skip
        lines.append(json.dumps(row))
        print(lines[-1], flush=True)
    if given.out is not None:
        given.out.write_text("\n".join(lines) + "\n")
    print(f"{decided} decided, {total:.1f} s, {processor:.1f} s of processor time")


if __name__ == "__main__":
    main()
