"""The commands that the pages show run as they stand there, one after the other, in a folder with
the files that they name."""

from __future__ import annotations

import json
import logging
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    str(page.relative_to(ROOT)): re.findall(
        r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if page.parent.name != "start"  # tests/test_start.py
}
OTHERS = ("pip", "pytest", "python", "mkdocs", "git", "cd", "dask", "twine")
"""Programs that are not ours; tests/test_start.py runs the files of Start."""
NOT_HERE = {
    r"data fetch": "needs a network",
    r"wk17a_linf0.1.onnx": "needs a published network and MNIST, and proves for minutes",
}
SCHEDULER = "host:8786"
"""In its place stands the address of a cluster of this machine."""
RUNS = "6872", "9af0"
"""How pages call the runs of both.sqlite: runs have other names in every store."""


def commands(blocks: list[str]) -> list[list[str]]:
    """Each command of ours, split as a shell does."""
    found = []
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if not words or words[0] in OTHERS or "/" in words[0]:  # or in a place of its own
                    continue
                assert words[0] == "rhobust", line
                if not any(re.search(skipped, part) for skipped in NOT_HERE):
                    found.append(words[1:])
    return found


def shorter(words: list[str]) -> list[str]:
    """The same question with fewer images, less time and less noise."""
    less = {"0:100": "0:4", "0:10": "0:4", "0:5": "0:2", "10000": "200"}
    asked = [less.get(word, word) for word in words]
    if "--certificates" in words:
        return asked  # their files are checked by the next command, so none may be missing
    if words[0] in ("rho", "verify", "evaluate", "estimate", "explain"):
        if "--timeout" in asked:
            asked[asked.index("--timeout") + 1] = "1"
        else:
            asked += ["--timeout", "1"]
    if words[0] == "bench-attacks":
        for option in ("--calls", "--index"):
            if option in asked:
                del asked[(at := asked.index(option)) : at + 2]
        asked += ["--calls", "20", "--index", "0:2", "--no-foolbox"]
    if words[0] == "demo":
        asked += ["--count", "1"]
    if words[0] in ("rho", "estimate", "smooth") and "--index" not in words:
        asked += ["--index", "0:2"]
    return asked


def as_mnist(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """A test set in MNIST's own files: IDX, whose heads hold sizes as four bytes each."""
    folder.mkdir()
    for name, values in (("images-idx3", images), ("labels-idx1", labels)):
        head = np.array([0x800 + values.ndim, *values.shape], ">u4").tobytes()
        (folder / f"t10k-{name}-ubyte").write_bytes(head + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The scheduler of a cluster of one worker."""
    distributed = pytest.importorskip("distributed")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster.scheduler_address.removeprefix("tcp://")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, images, stores and a property by the names that pages use."""
    folder = tmp_path_factory.mktemp("files")
    rb.load("digits_conv").save(folder / "model.onnx")
    images = rb.data.digits()
    for name in ("images.npz", "test.npz"):
        np.savez(folder / name, images=images.values[:16], labels=images.labels[:16])
    for name, store in (("digits", "before.sqlite"), ("digits_conv", "after.sqlite")):
        rb.evaluate(name, images, eps=0.1, index=range(4), store=folder / store)
    runs = [
        rb.evaluate(name, images, eps=0.1, index=range(4), store=folder / "both.sqlite").run.id
        for name in ("digits", "digits_conv")
    ]
    (folder / "runs.json").write_text(json.dumps(dict(zip(RUNS, runs, strict=True))))
    as_mnist(folder / "mnist", images.values[:100], images.labels[:100])
    lines = [f"(declare-const X_{i} Real)" for i in range(64)]
    lines += [f"(declare-const Y_{k} Real)" for k in range(10)]
    for i, pixel in enumerate(images.vector(0)):
        lines += [f"(assert (>= X_{i} {max(pixel - 0.1, 0):.3f}))"]
        lines += [f"(assert (<= X_{i} {min(pixel + 0.1, 1):.3f}))"]
    lines += ["(assert (>= Y_5 Y_6))"]
    (folder / "property.vnnlib").write_text("\n".join(lines))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in PAGES.items() if commands(blocks)])
def test_commands_of_the_pages_run(
    page: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(files, folder)
    monkeypatch.chdir(folder)
    asked = commands(PAGES[page])
    here = {"/shared/model.onnx": str(folder / "model.onnx")}
    here |= json.loads((folder / "runs.json").read_text())
    if any(SCHEDULER in words for words in asked):
        here[SCHEDULER] = request.getfixturevalue("address")
    runner = CliRunner()
    for words in asked:
        done = runner.invoke(app, [here.get(word, word) for word in shorter(words)])
        assert done.exit_code == 0, (words, done.output, done.exception)


JSON = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
ASKED = {
    "verify": "--eps 0.05", "rho": "--timeout 0.5", "estimate": "--integer --iterate",
    "attack": "--eps 0.05", "evaluate": "--eps 0.05", "smooth": "--sigma 0.1 --n 100",
    "explain": "--eps 0.05",
}  # fmt: skip


@pytest.mark.parametrize("command", ASKED)
def test_every_json_key_is_explained(command: str) -> None:
    """Among the keys of every line, or of the command's own."""
    words = [command, "digits", "--index", "0", *ASKED[command].split(), "--json"]
    done = CliRunner().invoke(app, words if command == "explain" else [*words, "-"])
    assert done.exit_code == 0, done.output
    own = JSON.partition(f"## {command}\n")[2].partition("\n## ")[0]
    every = JSON.partition("## Every line\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(\w+)`", own + every))
    line = json.loads(done.stdout.splitlines()[-1])
    assert "label" in line
    assert not set(line) - told


def test_pages_name_commands_that_there_are() -> None:
    """Also those that are not run here."""
    names = set(getattr(get_command(app), "commands"))  # noqa: B009  (of a type that typer keeps)
    for page, blocks in PAGES.items():
        for block in blocks:
            for name in re.findall(r"^rhobust ([\w-]+)", block, flags=re.MULTILINE):
                assert name in names, page
