"""What a manifest says, read without trust in any of it; its form is docs/design/certificate.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..arithmetic import Refused, require
from ..claim import number
from ..expectation import HASH
from ..statement import NORMS

FORMAT, VERSION = "rhobust-manifest", 1
MOST_BYTES = 2**30
MOST_RADII = 1000  # of one curve
KINDS = ("robust", "witness")


@dataclass(frozen=True, slots=True)
class File:
    """One proof or witness. name: of the file, in the manifest's folder or below; eps: the radius
    that it speaks of; sha256: of its bytes."""

    name: str
    sha256: str
    kind: str
    eps: float


@dataclass(frozen=True, slots=True)
class Image:
    """One image of the data set, by the SHA-256 of its little-endian float64 numbers."""

    index: int
    label: int
    sha256: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What all files are about: outputs within each eps, in a norm and a domain (as of an
    expectation), where the label's has a margin over all others."""

    norm: str
    eps: tuple[float, ...]
    margin: float
    domain: tuple[Any, Any]
    model: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """model: the file that was asked, relative to the manifest, or "". source, count: of the data
    set. says: its sentences."""

    model: str
    question: Question
    source: str
    count: int
    images: tuple[Image, ...]
    says: tuple[str, ...]

    @property
    def files(self) -> list[tuple[Image, File]]:
        return [(image, file) for image in self.images for file in image.files]


def is_manifest(path: Path) -> bool:
    """Whether a file looks like one, and not like a certificate."""
    try:
        with path.open("rb") as stream:
            return stream.read(64).lstrip()[:1] == b"{"
    except OSError:
        return False


def read_manifest(path: Path) -> Manifest:
    """Raises Refused for any other form."""
    with path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    require(len(data) <= MOST_BYTES, "the manifest is too large")
    try:
        found = json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the manifest is no JSON: {error}") from error
    return parsed(found)


def parsed(found: Any) -> Manifest:
    """The same of what JSON holds."""
    root = _fields(found, "the manifest", "format", "version", "model", "data", "question",
                   "images", "says")  # fmt: skip
    known = root["format"] == FORMAT and root["version"] == VERSION
    require(known, f"not a manifest of a known version; {FORMAT!r}, {VERSION} is what is read")
    model = _fields(root["model"], "the model", "file", "sha256")
    data_set = _fields(root["data"], "the data set", "source", "count")
    count = _whole(data_set["count"], "the data set's count")
    images = tuple(_image(item) for item in _list(root["images"], "the images"))
    numbers = [image.index for image in images]
    require(len(set(numbers)) == len(numbers), "an image stands in the manifest twice")
    require(all(index < count for index in numbers), "an index beyond the data set")
    says = tuple(_text(item, "a sentence") for item in _list(root["says"], "the sentences"))
    question = _question(root["question"], _hash(model["sha256"]))
    source = _text(data_set["source"], "the data set's source")
    return Manifest(_text(model["file"], "the model's file"), question, source, count, images, says)


def _question(item: Any, model: str) -> Question:
    fields = _fields(item, "the question", "norm", "eps", "margin", "domain")
    norm = _text(fields["norm"], "the norm")
    require(norm in NORMS, "a norm that is not linf, l1 or l2")
    eps = tuple(number(one, "a radius") for one in _list(fields["eps"], "the radii"))
    rising = all(a < b for a, b in zip(eps, eps[1:], strict=False))
    good = 0 < len(eps) <= MOST_RADII and eps[0] >= 0.0 and rising
    require(good, "the radii are numbers of increasing size")
    ends = _list(fields["domain"], "the domain")
    require(len(ends) == 2, "the domain is a pair: lower ends, upper ends")
    for end in ends:
        require(isinstance(end, str), "an end of the domain is a number or a SHA-256")
        if not HASH.fullmatch(end):
            number(end, "an end of the domain")
    return Question(norm, eps, number(fields["margin"], "the margin"), (ends[0], ends[1]), model)


def _image(item: Any) -> Image:
    fields = _fields(item, "an image", "index", "label", "image", "files")
    files = tuple(_file(one) for one in _list(fields["files"], "the files of an image"))
    index, label = (_whole(fields[name], f"an image's {name}") for name in ("index", "label"))
    return Image(index, label, _hash(fields["image"]), files)


def _file(item: Any) -> File:
    fields = _fields(item, "a file", "file", "sha256", "kind", "eps")
    name = _text(fields["file"], "a file's name")
    pure = PurePosixPath(name)
    plain = name and "\\" not in name and "\0" not in name and not pure.is_absolute()
    require(plain and ".." not in pure.parts, "a file outside of the manifest's folder")
    require(fields["kind"] in KINDS, "a file of an unknown kind")
    eps = number(fields["eps"], "a file's radius")
    require(eps >= 0.0, "a file's radius is negative")
    return File(name, _hash(fields["sha256"]), fields["kind"], eps)


def _fields(item: Any, what: str, *names: str) -> dict[str, Any]:
    """An object that has these names and no other."""
    require(isinstance(item, dict) and set(item) == set(names), f"the form of {what}")
    return dict(item)


def _typed(kind: type) -> Callable[[Any, str], Any]:
    def read(item: Any, what: str) -> Any:
        require(type(item) is kind, f"the form of {what}")
        return item

    return read


_text, _list = _typed(str), _typed(list)


def _whole(item: Any, what: str) -> int:
    require(type(item) is int and item >= 0, f"the form of {what}")
    return int(item)


def _hash(item: Any) -> str:
    require(isinstance(item, str) and HASH.fullmatch(item), "a SHA-256")
    return str(item)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return dict(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
