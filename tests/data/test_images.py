"""Images as the network sees them, their names and digests, and the table of formats."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.cli.options import chosen
from rhobust.compiler.base.errors import InputError
from rhobust.data import Images, digits, load
from rhobust.data.formats import FORMATS
from rhobust.data.formats.stored import Format
from rhobust.report.picture import Panel, draw
from rhobust.report.row import Row
from rhobust.report.table import COLUMNS, named, plain, table
from rhobust.results import Verdict

FOLDER = Path(rb.data.__file__).parent


def test_every_format_is_in_the_table() -> None:
    """Every file of the folder but the one of their type has formats, and all of them are there."""
    own: list[Format] = []
    for path in (FOLDER / "formats").glob("*.py"):
        if path.stem not in ("__init__", "stored"):
            module = import_module(f"rhobust.data.formats.{path.stem}")
            made = [value for value in vars(module).values() if isinstance(value, Format)]
            assert made, path
            own += made
    assert len(own) == len(FORMATS) and all(any(one is kept for kept in FORMATS) for one in own)
    assert len({known.name for known in FORMATS}) == len(FORMATS)


def test_the_embedded_digits() -> None:
    images = digits()
    assert len(images) == 200 and images.shape == (8, 8) and images.divisor == 255.0
    vector = images.vector(7)
    assert vector.shape == (64,) and 0.0 <= vector.min() and vector.max() <= 1.0
    assert images.name(7) == "7" and images.name(-1) == "199"
    with pytest.raises(IndexError):
        images.name(200)
    assert "200 of shape (8, 8)" in repr(images)


def test_a_digest_is_of_what_the_network_sees() -> None:
    images = digits()
    seen = b"8,8\n" + images.vector(3).tobytes()
    assert images.digest(3) == hashlib.sha256(seen).hexdigest()
    scaled = Images("scaled", images.values / 255.0, images.labels)
    assert scaled.digest(3) == images.digest(3) and scaled.digest() == images.digest()


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))),
    st.data(),
)
def test_digests_differ_where_images_or_labels_do(values: np.ndarray, data: st.DataObject) -> None:
    labels = np.arange(len(values))
    images = Images("one", values, labels, 255.0)
    place = data.draw(st.integers(0, values.size - 1))
    other = values.copy()
    other.reshape(-1)[place] ^= 1
    changed = Images("two", other, labels, 255.0)
    touched = place // values[0].size
    same = [images.digest(index) == changed.digest(index) for index in range(len(values))]
    assert same == [index != touched for index in range(len(values))]
    assert images.digest() != changed.digest()
    assert images.digest() != Images("three", values, labels + 1, 255.0).digest()
    flat = Images("flat", values.reshape(len(values), -1), labels, 255.0)
    assert images.digest() != flat.digest()
    named = Images("named", values, labels, 255.0, names=tuple(map(str, labels)))
    assert images.digest() == named.digest()


def test_names_come_from_archives(tmp_path: Path) -> None:
    values, labels = np.zeros((2, 3)), np.array([1, 0])
    np.savez(tmp_path / "a.npz", images=values, labels=labels, names=np.array(["first", "second"]))
    images = load(tmp_path / "a.npz")
    assert images.names == ("first", "second") and images.name(1) == "second"
    np.savez(tmp_path / "few.npz", images=values, labels=labels, names=np.array(["first"]))
    with pytest.raises(InputError, match=r"few\.npz: 1 names for 2 images"):
        load(tmp_path / "few.npz")
    np.savez(tmp_path / "number.npz", images=values, labels=labels, names=np.arange(2))
    with pytest.raises(InputError, match="'names' should be one text for each image"):
        load(str(tmp_path / "number.npz"))


@pytest.mark.parametrize("labels", [[0.0, np.nan], [np.inf, 0.0], [0.5, 1.0], ["a", "b"]])
def test_labels_are_whole_numbers(labels: list[object], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 3)), labels=np.array(labels))
    with pytest.raises(InputError, match=r"a\.npz: labels are not whole numbers"):
        load(tmp_path / "a.npz")


NASTY = ["[red]x[/foo]", "$a_{b$", "line\nfeed", "\udce9t\u00e9", "\u732b", "a" * 60, "", "50%"]


def test_any_name_is_told_as_it_is(tmp_path: Path) -> None:
    """Markup of tables, formulas of pictures, control characters, bytes that are no UTF-8."""
    known = digits()
    count = len(NASTY)
    images = Images("here", known.values[:count], known.labels[:count], 255.0, "", tuple(NASTY))
    told = [images.name(index) for index in range(count)]
    assert told[:4] == ["[red]x[/foo]", "$a_{b$", "line\\nfeed", "\\udce9t\u00e9"]
    assert all(name.isprintable() for name in told)
    rows = [
        Row(index, 1, 1, 0.0, Verdict.ROBUST, extra={"name": name})
        for index, name in enumerate(told)
    ]
    columns = named(COLUMNS["verify"], told)
    with (tmp_path / "out").open("w", encoding="utf-8") as file:
        Console(file=file, width=160).print(table(rows, columns, 160))
    shown = (tmp_path / "out").read_text(encoding="utf-8")
    assert "[red]x[/foo]" in shown and "$a_{b$" in shown and "line\\nfeed" in shown
    assert plain(rows[0], columns).split()[1] == "[red]x[/foo]"
    vector = images.vector(0)
    panels = [Panel(vector, 0.5 * vector, f"{name}\n1\n2") for name in told]
    draw(tmp_path / "out.png", panels, (8, 8), (0.0, 1.0))
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_names_of_files_are_told_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("[b]$x.png", "new\nline.png"):
        Image.fromarray(digits().values[0]).save(tmp_path / "a" / name)
    lines = tmp_path / "out.jsonl"
    asked = ["verify", "digits", "--eps", "0.3", "--data", str(tmp_path), "--json", str(lines)]
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "p.png")])
    assert done.exit_code == 0, done.output
    names = [json.loads(line)["name"] for line in lines.read_text().splitlines()]
    assert names == ["a/[b]$x.png", "a/new\\nline.png"]
    assert all(name in done.stdout for name in names)


def test_an_image_is_chosen_by_number_or_name() -> None:
    names = ["cat/1.png", "7", "a,b", "cat/1.png", "x"]
    for text, found in (
        ("cat/1.png", [0, 3]),
        ("a,b", [2]),
        ("x", [4]),
        ("3", [3]),
        ("1:3", [1, 2]),
    ):
        assert chosen(text, 5, "here", names) == found
    with pytest.raises(InputError, match="is outside here"):
        chosen("7", 5, "here", names)
    with pytest.raises(InputError, match="or the name of an image; not 'y'"):
        chosen("y", 5, "here", names)


def test_parts_keep_labels_and_names() -> None:
    known = digits()
    images = Images("here", known.values, known.labels, 255.0, names=tuple(map(str, range(200))))
    for index in (range(3, 9), [5, 2], slice(-2, None), slice(0, 9, 4)):
        part = images.take(index)
        places = np.arange(200)[index].tolist()
        assert part.names == tuple(map(str, places))
        assert part.labels.tolist() == known.labels[places].tolist()
        assert [part.digest(k) for k in range(len(part))] == [known.digest(k) for k in places]
    with pytest.raises(IndexError):
        images.take([200])
