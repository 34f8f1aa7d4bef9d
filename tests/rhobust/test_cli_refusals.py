"""Bad input ends in one line and exit status 2, and leaves no file behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.cli.options import chosen, interval, radius
from rhobust.compiler.base.errors import InputError

from .files import IMAGES, LABELS, images, model

runner = CliRunner()
Arguments = Callable[[Path], list[str | Path]]


def files(folder: Path) -> None:
    """Good and bad files, by names that tell what is wrong with them."""
    model(folder / "model.onnx")
    model(folder / "wide.onnx", (3, 4, 4))
    (folder / "cut.onnx").write_bytes((folder / "model.onnx").read_bytes()[:100])
    (folder / "text.onnx").write_text("no model")
    good = images(folder / "good.npz")
    (folder / "cut.npz").write_bytes(good.read_bytes()[:200])
    (folder / "text.npz").write_text("no archive")
    np.savez(folder / "large.npz", images=np.zeros((2, 5, 5)), labels=[0, 1])
    np.savez(folder / "last.npz", images=np.zeros((2, 4, 4, 3)), labels=[0, 1])
    np.savez(folder / "labels.npz", images=IMAGES, labels=[0, 1, 2, 0])
    np.savez(folder / "few.npz", images=IMAGES, labels=LABELS[:2])
    np.savez(folder / "half.npz", images=IMAGES, labels=LABELS + 0.5)
    np.savez(folder / "keys.npz", data=IMAGES, target=LABELS)
    np.savez(folder / "none.npz", images=IMAGES)
    np.savez(folder / "objects.npz", images=IMAGES.astype(object), labels=LABELS)
    np.savez(folder / "words.npz", images=IMAGES.astype(str), labels=LABELS)
    np.savez(folder / "nan.npz", images=np.where(IMAGES > 0.8, np.nan, IMAGES), labels=LABELS)
    np.savez(folder / "bright.npz", images=3.0 * IMAGES, labels=LABELS)
    np.save(folder / "images.npy", IMAGES)
    (folder / "one.npz").write_bytes((folder / "images.npy").read_bytes())
    (folder / "two.npy").write_bytes(good.read_bytes())
    (folder / "nothing.npz").write_bytes(b"")
    np.save(folder / "flat.npy", LABELS)
    (folder / "words.csv").write_text("0,0.5,0.5\n1,0.5,dark\n")
    (folder / "ragged.csv").write_text("0,0.5,0.5\n1,0.5\n")
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("label,first,second\n")
    (folder / "thin.csv").write_text("0\n1\n")
    (folder / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    (folder / "file.txt").write_text("text")
    (folder / "kept.jsonl").write_text('{"index": 7}\n')


def data(name: str, *more: str, network: str = "model.onnx") -> Arguments:
    return lambda folder: ["rho", folder / network, "--data", folder / name, *more]


def good(*more: str) -> Arguments:
    return data("good.npz", *more)


def verify(*more: str) -> Arguments:
    return lambda folder: ["verify", *good(*more)(folder)[1:]]


def output(option: str, name: str) -> Arguments:
    return lambda folder: [*good()(folder), option, folder / name]


CASES: dict[str, tuple[Arguments, str]] = {
    "no model": (data("good.npz", network="missing.onnx"), "missing.onnx: no such file"),
    "model cut short": (data("good.npz", network="cut.onnx"), "cut.onnx: "),
    "model of text": (data("good.npz", network="text.onnx"), "text.onnx: "),
    "model of another kind": (data("good.npz", network="file.txt"), "unknown format"),
    "model is a folder": (data("good.npz", network="."), "unknown format"),
    "no model to inspect": (lambda folder: ["inspect", folder / "missing.onnx"], "no such file"),
    "no data": (lambda folder: ["rho", folder / "model.onnx"], "--data FILE"),
    "labels alone": (
        lambda folder: ["rho", "digits", "--labels", folder / "flat.npy"], "--labels needs --data"
    ),
    "data missing": (data("missing.npz"), "missing.npz: no such file"),
    "csv missing": (data("missing.csv"), "missing.csv: no such file"),
    "data cut short": (data("cut.npz"), "cut.npz: cannot be read"),
    "data of text": (data("text.npz"), "text.npz: cannot be read"),
    "data without a byte": (data("nothing.npz"), "nothing.npz: cannot be read"),
    "npy called npz": (data("one.npz"), "one.npz: cannot be read"),
    "npz called npy": (data("two.npy"), "two.npy: cannot be read"),
    "data of another suffix": (data("file.txt"), "reads .npz, .npy, .csv"),
    "images of the wrong size": (data("large.npz"), "25 numbers (shape (5, 5)), but model takes 2"),
    "channels last": (data("last.npz", network="wide.onnx"), "transpose"),
    "label out of range": (data("labels.npz"), "image 2: label 2 is outside 0..1"),
    "few labels": (data("few.npz"), "2 labels for 4 images"),
    "labels with a fraction": (data("half.npz"), "not whole numbers"),
    "wrong keys": (data("keys.npz"), "no array 'images'; it holds data, target"),
    "no labels": (data("none.npz"), "--labels FILE"),
    "no labels for npy": (data("images.npy"), "--labels FILE"),
    "images of one number": (
        lambda folder: [*data("flat.npy")(folder), "--labels", folder / "flat.npy"],
        "should be (count, ...)",
    ),
    "labels of another suffix": (
        lambda folder: [*data("images.npy")(folder), "--labels", folder / "model.onnx"],
        "--labels reads",
    ),
    "pickled objects": (data("objects.npz"), "objects.npz: cannot be read"),
    "images of words": (data("words.npz"), "not numbers"),
    "images with NaN": (data("nan.npz"), "image 2 holds a number that is not finite"),
    "images outside the domain": (data("bright.npz"), "--domain LOW,HIGH"),
    "csv with words": (data("words.csv"), "'dark'"),
    "csv of two lengths": (data("ragged.csv"), "ragged.csv: cannot be read"),
    "csv without lines": (data("empty.csv"), "empty.csv: is empty"),
    "csv of a heading": (data("header.csv"), "header.csv: is empty"),
    "csv of labels": (data("thin.csv"), "a label and then the pixels"),
    "csv of bytes": (data("bytes.csv"), "bytes.csv: cannot be read"),
    "eps negative": (verify("--eps", "-0.1"), "--eps must be at least 0"),
    "eps NaN": (verify("--eps", "nan"), "--eps must be a number"),
    "eps infinite": (verify("--eps", "inf"), "--eps must be a number"),
    "eps by zero": (verify("--eps", "1/0"), "--eps must be a number"),
    "eps a word": (verify("--eps", "small"), "--eps must be a number"),
    "index outside": (good("--index", "2:5"), "good.npz, which has 4 images"),
    "index beyond": (good("--index", "4"), "good.npz, which has 4 images"),
    "index empty": (good("--index", "2:2"), "names none of the 4 images"),
    "index a word": (good("--index", "first"), "--index must be A:B"),
    "index by zero": (good("--index", "::0"), "--index must be A:B"),
    "other norm": (good("--norm", "l3"), "supported: linf, l1, l2"),
    "norm of an estimate": (
        lambda folder: ["estimate", *good("--norm", "l3")(folder)[1:]], "linf, l1, l2"
    ),
    "max-eps negative": (
        lambda folder: ["estimate", *good("--max-eps", "-1")(folder)[1:]], "--max-eps must be"
    ),
    "no whole pixels": (
        lambda folder: ["estimate", *good("--integer")(folder)[1:]], "not made of whole pixels"
    ),
    "target unknown": (good("--target", "best"), "'any', 'second'"),
    "target outside": (good("--target", "7"), "target 7 must be in 0..1"),
    "target the label": (good("--target", "1"), "image 1: target 1 must"),
    "margin NaN": (good("--margin", "nan"), "--margin must be a finite number"),
    "domain of one": (good("--domain", "1"), "--domain must be LOW,HIGH"),
    "domain reversed": (good("--domain", "1,0"), "LOW <= HIGH"),
    "timeout zero": (good("--timeout", "0"), "--timeout must be a positive number"),
    "timeout NaN": (good("--timeout", "nan"), "--timeout must be a positive number"),
    "seed negative": (good("--seed", "-1"), "--seed must be at least 0"),
    "json in no folder": (output("--json", "no/out.jsonl"), "out.jsonl: cannot be written"),
    "json a folder": (output("--json", "."), "cannot be written"),
    "json the data": (output("--json", "good.npz"), "named twice"),
    "picture in no folder": (output("--out", "no/out.png"), "out.png: cannot be written"),
    "picture of no kind": (output("--out", "out.txt"), "--out writes .png"),
    "no picture of two numbers": (output("--out", "out.png"), "cannot be drawn"),
    "output is checked, and then the rest": (
        lambda folder: [*output("--json", "kept.jsonl")(folder), "--index", "9"], "--index 9"
    ),
    "demo in a file": (lambda folder: ["demo", "--out", folder / "file.txt"], "cannot be made"),
    "demo without time": (lambda folder: ["demo", "--timeout", "0"], "--timeout must be"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("refusals")
    files(made)
    return made


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", CASES)
def test_one_line_and_nothing_half_written(name: str, folder: Path) -> None:
    arguments, told = CASES[name]
    before = contents(folder)
    result = runner.invoke(app, [str(argument) for argument in arguments(folder)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and told in line
    assert contents(folder) == before


def test_what_typer_refuses_ends_in_two() -> None:
    for arguments in (["verify", "digits"], ["rho"], ["rho", "digits", "--seed", "x"], ["prove"]):
        assert runner.invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [0, 1, 2, 3, 4]), ("3", [3]), ("-1", [4]), ("1:3", [1, 2]), (":", [0, 1, 2, 3, 4]),
        ("3:", [3, 4]), (":-3", [0, 1]), ("::2", [0, 2, 4]), ("4,0,0", [4, 0, 0]),
        ("0:2,4", [0, 1, 4]), ("0:5", [0, 1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_index_reads_as_in_python(text: str, found: list[int]) -> None:
    assert chosen(text, 5, "file") == found


@pytest.mark.parametrize("text", ["5", "-6", "0:6", "-6:", "", "1,5", "1.5", "0,", "1:2:3:4"])
def test_index_outside(text: str) -> None:
    with pytest.raises(InputError):
        chosen(text, 5 if text else 0, "file")


def test_numbers() -> None:
    assert radius("8/255") == 8 / 255 and radius("0") == 0.0 and radius("1e-3") == 1e-3
    assert interval("-1, 1/2") == (-1.0, 0.5)
