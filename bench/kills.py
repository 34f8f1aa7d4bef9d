"""Whether trainings and matrices that are killed end in the same weights and the same table.

    python -m bench.kills [--kills 5] [--seed 0] [--epochs 12]

`rhobust train` and `rhobust matrix` on the embedded digits, once left alone, and once killed
(SIGKILL) at random moments and begun again until so many kills have been; then both files are
compared byte by byte.  Needs torch.  The exit status is 1 where they differ.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from rhobust.data import digits

TRAIN = """
[model]
layers = [["conv", 8, 3, 2, 1], "relu", "flatten", ["linear", 32], "relu", ["linear", 10]]
[data]
images = "digits.npz"
[training]
method = "pgd-linf"
eps = 0.05
epochs = {epochs}
seed = 3
batch = 4
[output]
model = "trained.onnx"
"""
MATRIX = """
[[models]]
path = "digits"
[[models]]
path = "digits_conv"
[data]
images = "digits"
count = 40
[columns]
attacks = ["fgsm", "pgd", "pgd-l2"]
attack_eps = {{pgd-l2 = 0.5}}
verified = [0.05, 0.1]
timeout = 60
[smoothing]
sigma = 0.25
radius = [0.25]
n = 2000
[output]
store = "matrix.sqlite"
table = "matrix.md"
"""


@dataclass(frozen=True)
class Work:
    """A command with its configuration, and the file that it ends in."""

    command: str
    config: str
    result: str


WORKS = (Work("train", TRAIN, "trained.onnx"), Work("matrix", MATRIX, "matrix.md"))


def prepared(work: Work, folder: Path, epochs: int) -> list[str]:
    images = digits()
    shaped = images.values.reshape(len(images), 1, 8, 8)
    np.savez(folder / "digits.npz", images=shaped, labels=images.labels)
    config = folder / "config.toml"
    config.write_text(work.config.format(epochs=epochs))
    return [sys.executable, "-m", "rhobust", work.command, str(config)]


def alone(command: list[str]) -> float:
    """Seconds that the command takes when it is left alone."""
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def killed(command: list[str], whole: float, kills: int, rng: random.Random) -> tuple[int, int]:
    """Runs to the end, killed so often before that; how often it was killed, and begun.

    A command that ends before its kill has done its work.
    """
    done = 0
    for begun in range(1, 10 * kills + 2):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            limit = None if done == kills else rng.uniform(0.05, 0.5) * whole
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                done += 1
                continue
        if status:
            raise SystemExit(f"{command[3]} ended with status {status} after {done} kills")
        return done, begun
    raise SystemExit(f"{command[3]} has not ended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--only", choices=[work.command for work in WORKS], default=None)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    same = True
    for work in WORKS:
        if chosen.only not in (None, work.command):
            continue
        found = []
        whole, told = 0.0, ""
        for often in (0, chosen.kills):
            with tempfile.TemporaryDirectory() as name:
                command = prepared(work, Path(name), chosen.epochs)
                if often:
                    done, begun = killed(command, whole, often, rng)
                    told = f"killed {done} times, begun {begun} times"
                else:
                    whole = alone(command)
                found.append(sha256((Path(name) / work.result).read_bytes()).hexdigest())
        same &= found[0] == found[1]
        verdict = "the same" if found[0] == found[1] else "ANOTHER"
        print(f"{work.command}: {whole:.0f} s alone; {told}: {verdict} {work.result}", flush=True)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
