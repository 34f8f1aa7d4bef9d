"""Every format gives back what was written into it, or an error that names the file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.data import Images, cifar10, digits, load, mnist
from rhobust.data.formats import idx as idx_format

from . import files

Array = npt.NDArray[Any]

GREY = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)), fill=st.nothing()
)


@given(
    st.sampled_from(sorted(files.CODES)).flatmap(
        lambda name: arrays.arrays(np.dtype(name), arrays.array_shapes(max_dims=4, max_side=4))
    ),
    st.booleans(),
)
def test_idx_gives_back_any_array(values: Array, packed: bool) -> None:
    with TemporaryDirectory() as folder:
        path = files.idx(Path(folder) / f"x.idx{'.gz' if packed else ''}", values)
        found = idx_format.array(path)
    assert found.dtype == values.dtype and found.shape == values.shape
    assert np.array_equal(found, values, equal_nan=values.dtype.kind == "f")


@given(GREY, st.booleans(), st.booleans(), st.sampled_from("-."))
def test_mnist_finds_its_labels(values: Array, packed: bool, other: bool, mark: str) -> None:
    labels = (np.arange(len(values)) * 7 % 10).astype(np.uint8)
    with TemporaryDirectory() as name:
        folder = Path(name)
        ends = [".gz" if flag else "" for flag in (packed, other)]
        path = files.idx(folder / f"t10k-images{mark}idx3-ubyte{ends[0]}", values)
        files.idx(folder / f"t10k-labels{mark}idx1-ubyte{ends[1]}", labels)
        for images in (load(path), load(folder), mnist(folder)):
            assert np.array_equal(images.values, values) and images.divisor == 255.0
            assert images.labels.tolist() == labels.tolist()
            assert "divided by 255" in images.told and "labels from t10k-labels" in images.told
        assert "the test set, t10k-images" in load(folder).told
        with pytest.raises(InputError, match=r"no file train-images.*data fetch mnist"):
            mnist(folder, train=True)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_cifar_gives_back_its_records(labels: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (len(labels), 3, 32, 32), np.uint8)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cifar-10-batches-bin").mkdir()
        inside = folder / "cifar-10-batches-bin"
        path = files.cifar(inside / "test_batch.bin", values, labels)
        for number in range(1, 6):
            shifted = np.roll(values, number, axis=2)
            files.cifar(inside / f"data_batch_{number}.bin", shifted, labels)
        for images in (load(path), load(folder), load(inside), cifar10(folder)):
            assert np.array_equal(images.values, values) and images.labels.tolist() == labels
            assert images.layout == "nchw"
        training = cifar10(folder, train=True)
    assert len(training) == 5 * len(labels)
    assert np.array_equal(training.values[len(labels) :][: len(labels)], np.roll(values, 2, axis=2))


@settings(max_examples=20)
@given(GREY, st.booleans())
def test_folders_give_back_their_pixels(values: Array, colour: bool) -> None:
    pixels = np.stack([values, values[::-1], 255 - values], axis=-1) if colour else values
    labels = np.arange(len(pixels)) % 3
    with TemporaryDirectory() as name:
        images = load(files.pictures(Path(name), pixels, labels))
    order = np.argsort(labels, kind="stable")
    assert np.array_equal(images.values, pixels[order])
    assert images.labels.tolist() == labels[order].tolist()
    assert images.names == tuple(f"{labels[place]}/{place:03d}.png" for place in order)
    assert images.layout == ("nhwc" if colour else "")
    assert ("RGB" if colour else "grey") in images.told


def test_sub_folders_are_labels_in_their_order(tmp_path: Path) -> None:
    image = np.zeros((2, 2), np.uint8)
    for name in ("frog", "cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "x.png")
    (tmp_path / "dog" / "notes.txt").write_text("a dog")
    (tmp_path / ".hidden").mkdir()
    images = load(tmp_path)
    assert images.names == ("cat/x.png", "dog/x.png", "frog/x.png")
    assert images.labels.tolist() == [0, 1, 2]
    assert "labels by sub-folder: 0 cat, 1 dog, 2 frog" in images.told
    assert "1 files that are no .png, .jpg, .jpeg are left out" in images.told
    for name, number in (("frog", "1"), ("cat", "7"), ("dog", "10")):
        (tmp_path / name).rename(tmp_path / number)
    images = load(tmp_path)
    assert images.names == ("1/x.png", "10/x.png", "7/x.png")
    assert images.labels.tolist() == [1, 10, 7] and "the numbers of the sub-folders" in images.told


@pytest.mark.parametrize("heading", ["file,label\n", ""])
def test_a_table_names_files_and_labels(tmp_path: Path, heading: str) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    folder = files.pictures(tmp_path / "images", values, np.array([0, 0, 0]))
    table = tmp_path / "images" / "labels.csv"
    table.write_text(f"{heading}0/002.png,4\n\n0/000.png,1\n")
    for images in (load(folder, table), load(table)):
        assert images.names == ("0/002.png", "0/000.png") and images.labels.tolist() == [4, 1]
        assert np.array_equal(images.values, values[[2, 0]])


def written(folder: Path) -> dict[str, Images]:
    """The first 40 embedded digits in many formats."""
    torch = pytest.importorskip("torch")
    values, labels = digits().values[:40], digits().labels[:40]
    np.savez(folder / "a.npz", images=values, labels=labels)
    np.save(folder / "a.npy", values)
    np.save(folder / "labels.npy", labels)
    rows = np.column_stack([labels, values.reshape(40, -1)])
    np.savetxt(folder / "a.csv", rows, fmt="%d", delimiter=",")
    np.savez(folder / "keras.npz", x_test=values, y_test=labels)
    path = files.idx(folder / "t10k-images-idx3-ubyte.gz", values)
    files.idx(folder / "t10k-labels-idx1-ubyte", labels.astype(np.uint8))
    table = files.pictures(folder / "pictures", values, labels) / "labels.csv"
    lines = [f"{label}/{index:03d}.png,{label}" for index, label in enumerate(labels)]
    table.write_text("\n".join(["file,label", *lines]))
    pairs = torch.utils.data.TensorDataset(torch.tensor(values), torch.tensor(labels))
    return {
        "npz": load(folder / "a.npz"),
        "npy": load(folder / "a.npy", folder / "labels.npy"),
        "csv": load(folder / "a.csv"),
        "keras": load(folder / "keras.npz"),
        "idx": load(path),
        "labels in idx": load(folder / "a.npy", folder / "t10k-labels-idx1-ubyte"),
        "pictures": load(table),
        "arrays": load(values, labels),
        "pair": load((values, labels.tolist())),
        "dataset": load(pairs),
        "loader": load(torch.utils.data.DataLoader(pairs, batch_size=7)),
    }


def test_all_formats_give_the_same_images(tmp_path: Path) -> None:
    """The same numbers, labels and digests, whatever they came from; and the same answers."""
    network, known = rb.load("digits"), digits()
    for name, images in written(tmp_path).items():
        assert images.labels.tolist() == known.labels[:40].tolist(), name
        fitted = images.fitted(network)
        for index in range(40):
            assert np.array_equal(fitted.vector(index), known.vector(index)), (name, index)
            if fitted.shape == known.shape:
                assert fitted.digest(index) == known.digest(index), (name, index)
    expected = answers(tmp_path, "--index", "0:2")
    for data in ("a.npz", "t10k-images-idx3-ubyte.gz", "pictures/labels.csv"):
        found = answers(tmp_path, "--index", "0:2", "--data", str(tmp_path / data))
        named = [row.pop("name", None) for row in found]
        files_names = [f"{known.labels[index]}/00{index}.png" for index in range(2)]
        assert named == (files_names if "pictures" in data else [None, None])
        assert [row.pop("divisor") for row in found] == [255.0, 255.0]
        assert found == expected, data


def answers(folder: Path, *more: str) -> list[dict[str, Any]]:
    """The rows of verify, but for the time they took."""
    lines = folder / "rows.jsonl"
    asked = ["verify", "digits", "--eps", "8/255", "--json", str(lines), *more]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_loader_that_shuffles_is_told(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.rand(6, 1, 2, 2), torch.arange(6))
    images = load(torch.utils.data.DataLoader(pairs, batch_size=4, shuffle=True))
    assert sorted(images.labels.tolist()) == list(range(6)) and "which shuffles" in images.told
    assert load(pairs).told == "" and load(pairs).divisor == 1.0
    part = torch.utils.data.Subset(pairs, range(2))
    assert load(part).labels.tolist() == [0, 1]


def batch(count: int = 2) -> bytes:
    return bytes(3073 * count)


def image(mode: str, size: tuple[int, int] = (2, 2)) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / "0").mkdir()
        Image.new("L", (2, 2)).save(folder / "0" / "a.png")
        Image.new(mode, size).save(folder / "0" / "b.png")

    return make


def broken(content: bytes, suffix: str = ".png") -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / "0").mkdir()
        (folder / "0" / f"x{suffix}").write_bytes(content)

    return make


def table(text: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        image("L")(folder)
        (folder / "list.csv").write_text(text)

    return make


def one(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def labelled(labels: Array) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        files.idx(folder / "t10k-images-idx3-ubyte", np.zeros((2, 2, 2), np.uint8))
        files.idx(folder / "t10k-labels-idx1-ubyte", labels)

    return make


def png(width: int, height: int) -> bytes:
    """The head of a picture of this size, with a right checksum, and nothing behind it."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


BAD: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "idx of text": (one("a.idx3-ubyte", b"hello"), "a.idx3-ubyte", "first bytes are 68 65"),
    "idx without a byte": (one("a.idx3-ubyte", b""), "a.idx3-ubyte", "missing"),
    "idx within its head": (one("a.idx3-ubyte", b"\0\0\x08\x03\0"), "a.idx3-ubyte", "its head"),
    "idx cut short": (
        one("a.idx3-ubyte", b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + b"1234567"),
        "a.idx3-ubyte", "says 8 bytes.*has 7; fetch it again",
    ),
    "idx too long": (
        one("a.idx3-ubyte", b"\0\0\x08\x03" + b"\0\0\0\x02" * 3 + b"123456789"),
        "a.idx3-ubyte", "has 9",
    ),
    "idx of a giant": (
        one("a.idx3-ubyte", b"\0\0\x08\x03" + b"\xff\xff\xff\xff" * 3), "a.idx3-ubyte", "and has 0"
    ),
    "idx of labels": (
        one("a.idx1-ubyte", b"\0\0\x08\x01\0\0\0\x021"[:8] + b"12"), "a.idx1-ubyte",
        "as labels do",
    ),
    "gz of text": (one("a.idx3-ubyte.gz", b"hello"), "a.idx3-ubyte.gz", "cannot be read as IDX"),
    "gz cut short": (
        one("a.idx3-ubyte.gz", gzip.compress(bytes(1000))[:-9]), "a.idx3-ubyte.gz", "cannot be read"
    ),
    "gz of a bomb": (
        one("a.idx3-ubyte.gz", gzip.compress(bytes(2**26 + 1))), "a.idx3-ubyte.gz", "unpacks to"
    ),
    "idx with few labels": (
        labelled(np.zeros(3, np.uint8)), "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte: 3 labels for 2",
    ),
    "idx with labels of halves": (
        labelled(np.full(2, 0.5, np.float32)), "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte: labels are not whole",
    ),
    "no labels beside": (
        lambda folder: files.idx(folder / "t10k-images-idx3-ubyte", np.zeros((2, 2, 2), np.uint8)),
        "t10k-images-idx3-ubyte", "holds no labels; give them with --labels",
    ),
    "cifar cut short": (one("test_batch.bin", batch()[:-1]), "test_batch.bin", "6145 bytes are no"),
    "cifar without a byte": (one("test_batch.bin", b""), "test_batch.bin", "0 bytes are no"),
    "cifar of another set": (
        one("test_batch.bin", b"\x0a" + batch()[1:]), "test_batch.bin", "image 0 has the label 10"
    ),
    "cifar in python": (one("test_batch", b"\x80"), "", "pickles that can run any program"),
    "cifar without a batch": (one("data_batch_1.bin", batch()), "", "no file test_batch.bin"),
    "pixels of a palette": (image("P"), "", "0/b.png: its pixels are of Pillow's mode P"),
    "pixels with an alpha": (image("RGBA"), "", "b.png: .*mode RGBA, neither grey"),
    "grey beside RGB": (image("RGB"), "", r"b.png: has the shape \(2, 2, 3\), and .*0/a.png"),
    "two sizes": (image("L", (3, 2)), "", r"b.png: has the shape \(2, 3\)"),
    "png of text": (broken(b"hello"), "", "x.png: cannot be read as an image"),
    "png without a byte": (broken(b""), "", "x.png: cannot be read as an image"),
    "png of a bomb": (broken(png(30000, 30000)), "", "x.png: cannot be read as an image"),
    "png cut short": (broken(png(2, 2)[:-20]), "", "x.png: cannot be read as an image"),
    "png with few pixels": (broken(png(90, 90)), "", "x.png: cannot be read as an image"),
    "gif called png": (broken(b"GIF89a" + bytes(99)), "", "x.png: cannot be read as an image"),
    "a folder without sub-folders": (
        one("a.png", b""), "", "images but no sub-folders of them, one a label; or give --labels"
    ),
    "a folder of sub-folders without images": (
        lambda folder: (folder / "0").mkdir(), "", "names no .png, .jpg, .jpeg file"
    ),
    "no such folder": (lambda folder: None, "missing", "missing: no such file or folder"),
    "an empty folder": (lambda folder: None, "", "no images and no sub-folders"),
    "a table of words": (
        table("0/a.png,0\n0/b.png,cat\n"), "list.csv", "list.csv:2: the label 'cat' is no whole"
    ),
    "a table of nothing there": (
        table("file,label\n0/c.png,0\n"), "list.csv", "list.csv:2: there is no file"
    ),
    "a table of three columns": (
        table("0/a.png,0\n0/b.png,1,2\n"), "list.csv", "list.csv:2: should be file,label"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_by_name(case: str, tmp_path: Path) -> None:
    make, name, words = BAD[case]
    make(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        load(tmp_path / name)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small file of each format that is read as a whole."""
    folder = tmp_path_factory.mktemp("samples")
    values, labels = digits().values[:3], digits().labels[:3].astype(np.uint8)
    np.savez_compressed(folder / "a.npz", images=values, labels=labels)
    np.savetxt(folder / "a.csv", np.column_stack([labels, values.reshape(3, -1)]), "%d", ",")
    files.idx(folder / "a-images-idx3-ubyte", values)
    files.idx(folder / "b-images-idx3-ubyte.gz", values)
    for name in "ab":
        files.idx(folder / f"{name}-labels-idx1-ubyte", labels)
    rng = np.random.default_rng(0)
    files.cifar(folder / "test_batch.bin", rng.integers(0, 9, (2, 3, 32, 32), np.uint8), [1, 2])
    for suffix in (".png", ".jpg"):
        (folder / f"x{suffix}.csv").write_text(f"x{suffix},1\n")
        Image.fromarray(values[0]).save(folder / f"x{suffix}")
    return sorted(path for path in folder.iterdir() if "labels" not in path.name)


@settings(max_examples=150)
@given(st.data())
def test_spoiled_files_are_read_or_refused(samples: list[Path], data: st.DataObject) -> None:
    """Whatever stands in a file, the answer is images or an InputError, never another error."""
    path = data.draw(st.sampled_from(samples))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()):
            del content[data.draw(st.integers(0, len(content))) :]
        elif content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as name:
        folder = Path(name)
        for other in path.parent.iterdir():
            (folder / other.name).write_bytes(other.read_bytes())
        (folder / path.name).write_bytes(bytes(content))
        shown = path.with_name(f"{path.name}.csv")
        try:
            images = load(folder / (shown.name if shown in samples else path.name))
        except InputError as error:
            assert name in str(error)
        else:
            assert len(images) == len(images.labels) > 0
            assert np.asarray(images.vector(0)).ndim == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (3, "a int is no source of images"),
        ((np.zeros((2, 3)), np.zeros(3)), "3 labels for 2 images"),
        ((np.zeros((2, 3)), ["a", "b"]), "labels: of type <U1, no numbers"),
        (np.zeros((2, 3)), "holds no labels"),
        ((np.zeros(2), np.zeros(2)), r"shape \(2,\) should be \(count, ...\)"),
        (([[1.0], [1.0, 2.0]], [0, 1]), "no array of numbers"),
    ],
)
def test_objects_that_are_no_images(source: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(source)


def test_data_sets_that_are_no_images() -> None:
    torch = pytest.importorskip("torch")

    class Odd(torch.utils.data.Dataset):  # type: ignore[misc,name-defined]
        def __init__(self, items: list[Any]) -> None:
            self.items = items

        def __len__(self) -> int:
            return len(self.items)

        def __getitem__(self, index: int) -> Any:
            return self.items[index]

    for items, words in (
        ([], "is empty"),
        ([torch.zeros(2)], "item 0 of the data set is a Tensor, not an image and its label"),
        ([(torch.zeros(2), 0), (torch.zeros(3), 0)], "image 1 has the shape"),
        ([("cat.png", 0)], "image 0: of type"),
    ):
        with pytest.raises(InputError, match=words):
            load(Odd(items))


def test_folders_of_torchvision_give_names(tmp_path: Path) -> None:
    """Anything like them: items without a transform are pictures of Pillow."""
    torch = pytest.importorskip("torch")
    values = np.arange(16, dtype=np.uint8).reshape(4, 2, 2)
    folder = files.pictures(tmp_path, values, np.array([0, 1, 0, 1]))

    class Folder(torch.utils.data.Dataset):  # type: ignore[misc,name-defined]
        samples = [(str(path), int(path.parent.name)) for path in sorted(folder.rglob("*.png"))]

        def __len__(self) -> int:
            return len(self.samples)

        def __getitem__(self, index: int) -> Any:
            path, label = self.samples[index]
            with Image.open(path) as picture:
                picture.load()
                return picture, label

    images, same = load(Folder()), load(folder)
    assert images.names == ("000.png", "002.png", "001.png", "003.png")
    assert images.digest() == same.digest() and images.labels.tolist() == same.labels.tolist()
