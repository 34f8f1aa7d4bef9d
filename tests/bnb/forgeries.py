"""Forged certificates, made from real ones, and whether the sentences printed about them are true.

A forgery is the bytes of a file. What is judged is the printed text alone: its numbers are read
back, its hashes looked up, and the claim is tried at many points of its region.
"""

from __future__ import annotations

import copy
import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np

from rhobust.bnb.checker.arithmetic import Array

from ..compiler.vnnlib_grammar import names as names_of
from ..compiler.vnnlib_grammar import read, truth
from .certificates import Files, Network

Rng = np.random.Generator
ODD = (
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 5e-324, -5e-324, 1e-300, 1e-150, 1e9, 1e99, 1e100, 1.1e100,
    -1e100, 1e300, 1.7976931348623157e308, np.inf, -np.inf, np.nan,
)  # fmt: skip
WHOLE = (0, 1, -1, 2, -2, -3, 5, 2**31, 2**62, -(2**63))
TEXTS = (
    "0x1p9999", "-0x1p0", "nan", "inf", "0x0p0", "0x1.8p-3", "0x1p-1074", "1.0", "", "0x", "0x1p400"
)  # fmt: skip
SCALARS: tuple[Any, ...] = (
    *TEXTS,
    -1,
    0,
    1,
    2,
    10**30,
    1.0,
    True,
    False,
    None,
    [],
    {},
    [[], []],
    "linf",
    "l1",
    "l2",
)

TREE = ("p0/split", "p0/first", "p0/row", "p0/also", "p0/tighten")
TOGETHER = (
    " ".join((*TREE, "p0/origin")), "p0/gamma", "p0/beta", "p0/alpha", "p0/tight p0/held",
    "p0/low p0/high", "p0/atom p0/offset", "p0/",
)  # fmt: skip


WEIGHTS = ("1", "1", "1/3", "7/2", "1000", "-1", "0", "1/0", "0x1", "1e400", "nan", "")


def packed(header: bytes, arrays: Mapping[str, Array], more: Iterable[tuple[str, Array]]) -> bytes:
    """A file; `more` are further members, whose names may be there already."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        members = {"header": np.frombuffer(header, dtype=np.uint8), **arrays}
        for name, array in (*members.items(), *more):
            inner = io.BytesIO()
            np.lib.format.write_array(inner, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", inner.getvalue())
    return stream.getvalue()


class Forger:
    """Makes forgeries of some certificates (header and arrays)."""

    def __init__(self, rng: Rng, bases: list[Files]) -> None:
        self.rng, self.bases = rng, bases

    def forged(self) -> bytes:
        """One with one to four changes."""
        rng = self.rng
        base = self.bases[int(rng.integers(len(self.bases)))]
        self.header, self.arrays = copy.deepcopy(base[0]), dict(base[1])
        self.more: list[tuple[str, Array]] = []
        changes = (
            self._number, self._number, self._whole, self._spliced, self._spliced, self._claim,
            self._other_claim, self._region, self._region, self._tree, self._tree, self._form,
            self._shape, self._twice, self._gone, self._header, self._part, self._rational,
        )  # fmt: skip
        for _ in range(int(rng.integers(1, 5))):
            # what an earlier change has left may be in no form for the next one
            with suppress(
                ValueError, OverflowError, TypeError, KeyError, IndexError, AttributeError
            ):
                changes[int(rng.integers(len(changes)))]()
        data = packed(self._text(), self.arrays, self.more)
        kind = rng.random()
        if kind < 0.02:
            return data[: int(rng.integers(len(data)))]
        if kind < 0.06:
            raw = bytearray(data)
            for _ in range(int(rng.integers(1, 4))):
                raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
            return bytes(raw)
        return data

    def _text(self) -> bytes:
        """The header; at times with a name that stands twice."""
        text = json.dumps(self.header)
        if self.rng.random() < 0.03:
            name, value = str(self.rng.choice(["eps", "label", "norm"])), self._scalar()
            text = text.replace(f'"{name}":', f'"{name}": {json.dumps(value)}, "{name}":', 1)
        return text.encode()

    def _scalar(self) -> Any:
        return SCALARS[int(self.rng.integers(len(SCALARS)))]

    def _name(self, kinds: str = "iuf") -> str | None:
        names = [k for k, a in sorted(self.arrays.items()) if a.size and a.dtype.kind in kinds]
        return str(self.rng.choice(names)) if names else None

    def _number(self) -> None:
        """A float that overflows, vanishes, is none, or is another one of its array."""
        name = self._name("f")
        if name is None:
            return
        array, rng = self.arrays[name].copy(), self.rng
        flat = array.reshape(-1)
        place = int(rng.integers(len(flat)))
        kind = rng.random()
        with np.errstate(over="ignore"):
            if kind < 0.5:
                flat[place] = ODD[int(rng.integers(len(ODD)))]
            elif kind < 0.7:
                flat[place] *= rng.choice([-1.0, 1.0 + 1e-15, 0.99, 1.5, 1e30, 1e-30])
            elif kind < 0.85:
                flat[place] = flat[int(rng.integers(len(flat)))]
            else:
                flat[:] = ODD[int(rng.integers(len(ODD)))]
        self.arrays[name] = array

    def _rational(self) -> None:
        """A leaf that multipliers out of the air are said to close, or other ones of one that is so
        closed.
        """
        rng, kept, atoms = self.rng, len(self.arrays["p0/kept"]), len(self.arrays["p0/offset"])

        def some(end: int) -> list[list[Any]]:
            count = int(rng.integers(0, 3)) if end else 0
            return [[int(rng.integers(end)), str(rng.choice(WEIGHTS))] for _ in range(count)]

        leaves = self.header["parts"][0].setdefault("rational", [])
        if leaves and rng.random() < 0.6:
            case = leaves[int(rng.integers(len(leaves)))][1][0]
            case[int(rng.integers(1, 3))] = some(int(rng.choice([kept, atoms])))
            return
        leaf = int(rng.choice(np.flatnonzero(self.arrays["p0/split"] == -1)))
        free = [[int(rng.integers(kept)), int(rng.choice([1, -1]))]] if rng.random() < 0.2 else []
        leaves.append([leaf, [[free, some(kept), some(atoms)]]])
        row = self.arrays["p0/row"].copy()
        row[leaf] = -1
        self.arrays["p0/row"] = row

    def _whole(self) -> None:
        name = self._name("iu")
        if name is None or name == "text":
            return
        array = self.arrays[name].astype(np.int64)
        flat = array.reshape(-1)
        place = int(self.rng.integers(len(flat)))
        flat[place] = (
            WHOLE[int(self.rng.integers(len(WHOLE)))]
            if self.rng.random() < 0.5
            else flat[int(self.rng.integers(len(flat)))]
        )
        self.arrays[name] = array

    def _other(self) -> Files:
        return self.bases[int(self.rng.integers(len(self.bases)))]

    def _spliced(self) -> None:
        """Arrays of another certificate: one, or all that belong together."""
        other = self._other()[1]
        groups = TOGETHER
        chosen = groups[int(self.rng.integers(len(groups)))].split()
        if self.rng.random() < 0.4:
            chosen = [str(self.rng.choice(sorted(other)))]
        for name in other:
            if any(name.startswith(start) for start in chosen):
                self.arrays[name] = other[name]

    def _claim(self) -> None:
        """Another number in the claim."""
        claim, rng = self.header["claim"], self.rng
        name = str(rng.choice(["eps", "eps", "margin", "label", "targets", "norm", "kind"]))
        if name in ("eps", "margin") and rng.random() < 0.7:
            number = float.fromhex(claim.get(name, "0x1p0"))
            number = number * float(rng.choice([0.5, 0.99, 1.0 + 2**-52, 1.01, 1.5, 2.0, 10.0]))
            claim[name] = (number + float(rng.choice([0.0, 0.0, 1e-3, -1e-3, 0.1, -0.1]))).hex()
        elif name == "label" and rng.random() < 0.7:
            claim[name] = int(rng.integers(-1, 4))
        elif name == "targets" and rng.random() < 0.7:
            claim[name] = [int(k) for k in rng.integers(0, 4, int(rng.integers(0, 4)))]
        elif name == "norm" and rng.random() < 0.8:
            claim[name] = str(rng.choice(["linf", "l1", "l2"]))
        else:
            claim[name] = self._scalar()

    def _other_claim(self) -> None:
        """The claim of another certificate, with its arrays or without."""
        header, arrays = self._other()
        if self.rng.random() < 0.7:
            self.header["claim"] = copy.deepcopy(header["claim"])
        for name in ("image", "domain_low", "domain_high", "text"):
            if name in arrays and self.rng.random() < 0.7:
                self.arrays[name] = arrays[name]
        if self.rng.random() < 0.3:
            self.header["model"] = copy.deepcopy(header["model"])

    def _region(self) -> None:
        """A larger claim, with a box that covers it: or a smaller box; or another domain."""
        rng, claim = self.rng, self.header["claim"]
        kind = rng.random()
        if kind < 0.4 and isinstance(claim.get("eps"), str) and "image" in self.arrays:
            factor = float(rng.choice([1.01, 1.1, 2.0]))
            try:
                eps = float.fromhex(claim["eps"]) * factor
            except (ValueError, OverflowError):
                return
            claim["eps"] = eps.hex()
            image = self.arrays["image"]
            if image.dtype.kind == "f" and image.shape == self.arrays["p0/low"].shape:
                self.arrays["p0/low"] = np.nextafter(image - eps, -np.inf)
                self.arrays["p0/high"] = np.nextafter(image + eps, np.inf)
        elif kind < 0.7:
            for name in ("p0/low", "p0/high"):
                array = self.arrays[name]
                if array.dtype.kind == "f":
                    self.arrays[name] = array + rng.choice([0.0, 0.0, 1e-9, -1e-9, 0.1, -0.1])
        else:
            for name in ("domain_low", "domain_high"):
                if name in self.arrays and self.arrays[name].dtype.kind == "f":
                    step = rng.choice([0.0, 0.1, -0.1, 1.0, -1.0, 1e-16], self.arrays[name].shape)
                    self.arrays[name] = self.arrays[name] + step

    def _tree(self) -> None:
        """A leaf with another's row, a child in two places, a node that is no longer split."""
        rng = self.rng
        name = str(rng.choice(TREE))
        array = self.arrays[name].copy()
        if array.ndim != 1 or not len(array) or array.dtype.kind not in "iu":
            return
        place, other = (int(k) for k in rng.integers(len(array), size=2))
        kind = rng.random()
        if kind < 0.4:
            array[place] = array[other]
        elif kind < 0.6:
            array[place] = rng.integers(0, 2) if array.dtype.kind == "u" else rng.integers(-3, 8)
        elif kind < 0.8:
            array[[place, other]] = array[[other, place]]
        else:
            array[:] = array[place]
        self.arrays[name] = array

    def _form(self) -> None:
        """Another type of numbers."""
        name = self._name()
        kinds = ["<f4", "<f8", "<f2", ">f8", "<i8", "<i4", "|i1", "|u1", "<u8", "|b1", "<c16", "|O"]
        if name is not None:
            with np.errstate(all="ignore"):
                array = self.arrays[name]
                self.arrays[name] = array.astype(str(self.rng.choice(kinds)))

    def _shape(self) -> None:
        """Longer, shorter, folded, or in another order."""
        name = self._name()
        if name is None:
            return
        array, kind = self.arrays[name], int(self.rng.integers(6))
        changed = (
            array[:-1], np.concatenate([array, array[-1:]]), array.reshape(1, *array.shape),
            array.reshape(-1), np.asfortranarray(array.T), array[::-1],
        )  # fmt: skip
        self.arrays[name] = changed[kind]

    def _twice(self) -> None:
        """A member whose name is there already, with other numbers."""
        name = str(self.rng.choice(sorted(self.arrays)))
        other = self._other()[1]
        self.more.append((name, other.get(name, self.arrays[name])))

    def _gone(self) -> None:
        if self.rng.random() < 0.3:
            names = sorted(self.arrays.keys() - {*TREE, "p0/low", "p0/high"})
            del self.arrays[str(self.rng.choice(names))]

    def _header(self) -> None:
        """Any value of the header."""
        item: Any = self.header
        while True:
            keys = list(item) if isinstance(item, dict) else list(range(len(item)))
            if not keys:
                return
            key = keys[int(self.rng.integers(len(keys)))]
            inner = item[key]
            if not isinstance(inner, dict | list) or self.rng.random() < 0.1:
                item[key] = self._scalar()
                return
            item = inner

    def _part(self) -> None:
        """Parts of another certificate, choices that are gone, flags."""
        parts, rng = self.header["parts"], self.rng
        if not isinstance(parts, list) or not parts or not isinstance(parts[0], dict):
            return
        kind = rng.random()
        if kind < 0.3:
            self.header["parts"] = copy.deepcopy(self._other()[0]["parts"])
        elif kind < 0.6:
            name = str(rng.choice(["boxes", "propagate", "refine"]))
            parts[0][name] = not parts[0].get(name)
        elif kind < 0.8 and parts[0].get("choices"):
            choices = parts[0]["choices"]
            if isinstance(choices, list) and choices and isinstance(choices[0], list):
                choices[0][:] = choices[0][:-1]
        else:
            parts[0]["root"] = [[], []]


# ---- what was printed ---------------------------------------------------------------------------

NUMBER = r"\(([-+]?0x[0-9a-f.]+p[-+][0-9]+)\)"
HASH = "sha256 ([0-9a-f]{64})"


@dataclass
class Judge:
    """Knows models, images, bounds and properties by their hashes."""

    models: dict[str, Network]
    arrays: dict[str, Array] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def know(self, data: bytes) -> None:
        """Remembers what a file holds, by whatever name: nothing of it is believed but its hash."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                raw = archive.read(entry)
                if entry.filename == "text.npy":
                    inner = np.lib.format.read_array(io.BytesIO(raw)).tobytes()
                    self.texts[sha256(inner).hexdigest()] = inner.decode()
                elif entry.filename in ("image.npy", "domain_low.npy", "domain_high.npy"):
                    array = np.lib.format.read_array(io.BytesIO(raw)).astype("<f8")
                    self.arrays[sha256(array.tobytes()).hexdigest()] = array

    def false(self, told: str) -> str:
        """Why a printed text is not true, as far as points tell, or ""."""
        lines = told.split("\n")
        model = self.models[_found(HASH, lines[-1])]
        if "contradicts itself, whatever" in told or "region is empty" in told:
            return "" if not self._anything(lines, model) else "it is said to be empty"
        if lines[0].startswith("No real input"):
            text = self.texts[_found(HASH, lines[0])]
            return self._satisfied(text, model)
        label, targets, margin = self._said(lines)
        points = self._points(lines, model)
        values = model.outputs(points)
        for target in targets:
            lead = values[:, label] + margin - values[:, target]
            scale = np.abs(values).max(initial=1.0)
            if np.any(lead <= -1e-9 * scale):
                return f"output {target} reaches the label at {points[np.argmin(lead)]}"
        return ""

    def _anything(self, lines: list[str], model: Network) -> bool:
        if lines[0].startswith("No real input"):
            return False
        return len(self._points(lines, model)) > 0

    def _said(self, lines: list[str]) -> tuple[int, list[int], float]:
        more = r"(?:, with \S+ (\S+) added to it,)?"
        found = re.search(rf": output (\d+){more} is greater than outputs? ([\d, ]+)", lines[0])
        assert found is not None, lines[0]
        margin = 0.0 if found[2] is None else float.fromhex(found[2].strip("()"))
        return int(found[1]), [int(k) for k in found[3].split(",")], margin

    def _points(self, lines: list[str], model: Network) -> Array:
        """Many points of the region that the text names."""
        eps = float.fromhex(_found(f"within [^ ]+ {NUMBER}", lines[0]))
        norm = next(n for n, w in NORMS.items() if w in lines[0])
        image = self.arrays[_found(HASH, lines[1])]
        if "every input" in lines[2]:
            ends = [float.fromhex(text) for text in re.findall(NUMBER, lines[2])]
            low, high = (np.full(len(image), end) for end in ends)
        else:
            low, high = (self.arrays[name] for name in re.findall(HASH, lines[2]))
        box = np.maximum(low, image - eps), np.minimum(high, image + eps)
        if not np.all(box[0] <= box[1]):
            return np.zeros((0, len(image)))
        sides = [np.unique(np.linspace(a, b, 25)) for a, b in zip(*box, strict=True)]
        points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, len(image))
        points = np.clip(np.concatenate([points, image[None]]), *box)
        away = np.abs(points - image)
        far = {
            "linf": away.max(axis=1), "l1": away.sum(axis=1), "l2": np.sqrt((away**2).sum(axis=1))
        }  # fmt: skip
        return np.asarray(points[far[norm] <= eps * (1.0 - 1e-12)])

    def _satisfied(self, text: str, model: Network) -> str:
        inputs = model.weights[0].shape[1]
        names, asserted = names_of(text), [item[1] for item in read(text) if item[0] == "assert"]
        sides = [np.linspace(-0.25, 1.25, 13)] * inputs
        points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, inputs)
        for x, y in zip(points.tolist(), model.outputs(points).tolist(), strict=True):
            values = {f"X_{k}": Fraction(v) for k, v in enumerate(x)}
            values |= {f"Y_{k}": Fraction(v) for k, v in enumerate(y)}
            if all(truth(formula, {name: values[name] for name in names}) for formula in asserted):
                return f"{x} satisfies the property"
        return ""


NORMS = {"linf": "in each coordinate", "l1": "in the l1 norm", "l2": "in the l2 norm"}


def _found(pattern: str, line: str) -> str:
    match = re.search(pattern, line)
    assert match is not None, (pattern, line)
    return match[1]
