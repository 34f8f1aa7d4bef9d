"""The page Start, as a reader does it: files are written, commands run one after the other."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "start" / "index.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r'```python title="([\w.]+)"\n(.*?)```', PAGE, flags=re.DOTALL))
COMMANDS = [
    line.split("  ")[0]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith(("rhobust", "python"))
]


def test_the_way_is_short() -> None:
    """At most five commands from the model to the picture, the installation apart."""
    before, _, after = PAGE.partition("## What next?")
    assert sum(line in before for line in COMMANDS) <= 5 and "train.py" in after


def write_mnist(folder: Path, count: int) -> None:
    """MNIST's own files with the first images of the training and the test set."""
    folder.mkdir()
    data = Path(os.environ["RHOBUST_DATA"]) / "mnist"
    for part, stem in (("train", "train"), ("test", "t10k")):
        with np.load(data / f"mnist_{part}.npz") as stored:
            images, labels = stored["images"][:count], stored["labels"][:count]
        head = struct.pack(">IIII", 0x803, count, 28, 28)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = struct.pack(">II", 0x801, count)
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


@pytest.mark.data
@pytest.mark.long
@pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")
def test_the_page_leads_to_a_line_and_a_picture(tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", 5000)
    assert set(FILES) == {"robust.py", "train.py"}
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    first = [command for command in COMMANDS if "train.py" in command]
    later = [command for command in COMMANDS if command not in first and "fetch" not in command]
    told = {}
    for command in [*first, *later, "python robust.py"]:
        words = command.replace("--timeout 20", "--timeout 1")
        words = words.replace("--timeout 10", "--timeout 0.2 --index 0:6")
        program = [sys.executable, *(["-m", "rhobust"] if words.startswith("rhobust") else [])]
        done = subprocess.run(
            [*program, *words.split()[1:]], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, (command, done.stderr)
        told[command] = done.stdout
    (line,) = [text.splitlines()[0] for name, text in told.items() if " evaluate " in name]
    assert re.fullmatch(r"clean accuracy [\d.]+ %, robust accuracy .* at 0\.01 \(.*", line), line
    for picture in ("nearest.png", "report.html", "robust.html"):
        assert (tmp_path / picture).stat().st_size > 1000
