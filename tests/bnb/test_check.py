"""Certificates made by hand are accepted, spoiled ones refused with the reason."""

from __future__ import annotations

import ast
import copy
import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rhobust.bnb.check import Checker, Report
from rhobust.bnb.checker.arithmetic import Array

from .certificates import (
    Files,
    Network,
    halving,
    least_margin,
    network,
    new_tree,
    robust,
    save,
    splitting,
)

ROOT = Path(__file__).resolve().parents[2]


def within(steps: Array, eps: float, norm: str) -> Array:
    """(P,): which steps (P, D) have at most a length, in rounded arithmetic."""
    order = {"linf": np.inf, "l1": 1, "l2": 2}[norm]
    return np.asarray(np.linalg.norm(steps, order, axis=1) <= eps)


class Case:
    """A network with a claim that holds, narrowly."""

    def __init__(self, folder: Path, seed: int, sizes: list[int], share: float = 0.9) -> None:
        self.random = random = np.random.default_rng(seed)
        self.folder, self.path = folder, folder / "tiny.onnx"
        while True:
            self.net = network(random, sizes)
            self.image = random.integers(2, 7, sizes[0]) / 8.0
            self.label = int(self.net.outputs(self.image[None])[0].argmax())
            self.targets = [k for k in range(sizes[-1]) if k != self.label]
            low, high = 0.0, 0.5
            for _ in range(12):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if self.sampled(middle) > 0.0 else (low, middle)
            self.rho, self.eps = 0.999 * low, share * 0.999 * low
            if not 0.02 < self.rho < 0.4:
                continue
            self.digest = self.net.save(self.path)
            self.checker = Checker(self.path)
            if self.hard() and self.margin(self.rho) > 0.0:
                return

    def hard(self) -> bool:
        """Whether the plain bounds leave each target open."""
        for target in self.targets:
            claim = robust(self.net, self.digest, self.image, self.label, [target], self.eps)
            tree = new_tree(sum(self.net.hidden))
            for node in tree.children(0, -2, 1):
                tree.row[node] = -2
            if self.verdict((claim[0], {**claim[1], **tree.arrays()})) == "":
                return False
        return True

    def sampled(self, eps: float, norm: str = "linf") -> float:
        """A margin that is met in the region."""
        low, high = np.maximum(self.image - eps, 0.0), np.minimum(self.image + eps, 1.0)
        sides = [np.linspace(a, b, 41) for a, b in zip(low, high, strict=True)]
        points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, len(low))
        values = self.net.outputs(points[within(points - self.image, eps, norm)])
        others = values[:, self.targets].max(axis=1)
        return float((values[:, self.label] - others).min())

    def margin(self, eps: float) -> float:
        return min(least_margin(self.net, self.image, self.label, t, eps) for t in self.targets)

    def widest(self, norm: str) -> float:
        """About the largest radius of a ball without a counterexample."""
        low, high = 0.0, 1.0
        for _ in range(20):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.sampled(middle, norm) > 0.0 else (low, middle)
        return low

    def claim(self, eps: float | None = None, norm: str = "linf") -> Files:
        size = self.eps if eps is None else eps
        return robust(self.net, self.digest, self.image, self.label, self.targets, size, norm)

    def verdict(self, files: Files) -> str:
        """ "", or why it was refused."""
        report = self.checker.check(save(self.folder / "c.npz", files))
        assert report.accepted == (report.reason == "") and report.accepted == bool(
            report.statement
        )
        return report.reason


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("case"), 13, [2, 3, 3, 3])


def test_every_unit_split(case: Case) -> None:
    assert case.verdict(splitting(case.claim(), case.net)) == ""
    assert case.verdict(splitting(case.claim(), case.net, refine=True)) == ""


@pytest.mark.parametrize("propagate", [False, True])
def test_inputs_halved(case: Case, propagate: bool) -> None:
    files = halving(case.claim(0.5 * case.rho), 8, case.random, propagate)
    assert case.verdict(files) == ""


def test_more_nodes_than_a_batch_holds(case: Case) -> None:
    assert case.verdict(halving(case.claim(0.5 * case.rho), 11, case.random)) == ""


@pytest.mark.parametrize("offset, reason", [(-1.0, ""), (0.0, ""), (1e-9, "leaves out target")])
def test_an_atom_without_variables(case: Case, offset: float, reason: str) -> None:
    """It is true or false of every input."""
    header, arrays = splitting(case.claim(), case.net)
    header["parts"][0]["root"][0] = [len(arrays["p0/offset"])]
    arrays["p0/offset"] = np.append(arrays["p0/offset"], offset)
    arrays["p0/atom_start"] = np.append(arrays["p0/atom_start"], arrays["p0/atom_start"][-1])
    found = case.verdict((header, arrays))
    assert found == reason or reason and reason in found


def test_dead_atoms_alone(case: Case) -> None:
    header, arrays = case.claim(1e-3)
    tree = new_tree(len(arrays["p0/units"]))
    for node in tree.children(0, -2, len(case.targets)):
        tree.row[node] = -2
    assert case.verdict((header, {**arrays, **tree.arrays()})) == ""


@pytest.mark.parametrize("refine", [False, True])
def test_exact_arithmetic(case: Case, refine: bool) -> None:
    """Accepts what holds, and refuses what does not, in integers."""
    for eps, good in ((case.eps, True), (case.rho * 1.05, False)):
        for files in (
            splitting(case.claim(eps), case.net, refine),
            halving(case.claim(0.5 * eps if good else eps), 7, case.random),
        ):
            path = save(case.folder / "exact.npz", files)
            assert case.checker.check(path, exact=True).accepted == good


def test_a_claim_that_fails_is_refused(case: Case) -> None:
    claim = case.claim(case.rho * 1.05)
    assert "is not closed" in case.verdict(splitting(claim, case.net))
    assert "is not closed" in case.verdict(halving(claim, 8, case.random))


def test_the_statement_names_everything(case: Case) -> None:
    report = case.checker.check(save(case.folder / "s.npz", splitting(case.claim(), case.net)))
    for word in (case.digest, case.eps.hex(), f"output {case.label}", "0.0 (0x0.0p+0) to 1.0 (0x1"):
        assert word in report.statement
    assert 10 < report.nodes <= 1 + len(case.targets) * (2**7 - 1)


Spot = dict[str, int]
Damage = Callable[[dict, dict, Spot], None]  # type: ignore[type-arg]


def _spot(case: Case, files: Files) -> Spot:
    """A leaf that the proof needs, its row, and its parent."""
    header, arrays = files
    for leaf in np.flatnonzero(arrays["p0/split"] == -1)[::-1]:
        rows = arrays["p0/row"].copy()
        rows[leaf] = -1
        if case.verdict((header, {**arrays, "p0/row": rows})):
            first, inner = arrays["p0/first"], arrays["p0/split"] != -1
            parent = np.flatnonzero(inner & (first <= leaf) & (leaf <= first + 1))[-1]
            row = int(arrays["p0/row"][leaf])
            return {"leaf": int(leaf), "row": row, "parent": int(parent), "half": row // 2}
    raise AssertionError("no leaf is needed")


def _at(name: str, place: int | str, value: float) -> Damage:
    def change(header: dict, arrays: dict, spot: Spot) -> None:  # type: ignore[type-arg]
        arrays["p0/" + name] = arrays["p0/" + name].copy()
        arrays["p0/" + name][spot[place] if isinstance(place, str) else place] = value

    return change


def _header(key: str, value: object) -> Damage:
    def change(header: dict, arrays: dict, spot: Spot) -> None:  # type: ignore[type-arg]
        header[key] = value

    return change


def _part(key: str, value: object) -> Damage:
    def change(header: dict, arrays: dict, spot: Spot) -> None:  # type: ignore[type-arg]
        header["parts"][0][key] = value

    return change


def _claim(key: str, value: object) -> Damage:
    def change(header: dict, arrays: dict, spot: Spot) -> None:  # type: ignore[type-arg]
        header["claim"][key] = value

    return change


DAMAGE: dict[str, tuple[Damage, str]] = {
    "open leaf": (_at("row", "leaf", -1), "is not closed"),
    "dead atom": (_at("row", "leaf", -2), "is not closed"),
    "negative beta": (_at("beta_value", 0, -1.0), "out of range"),
    "beta of nan": (_at("beta_value", 0, np.nan), "finite"),
    "large beta": (_at("beta_value", 0, np.inf), "finite"),
    "alpha over 1": (_at("alpha64", 0, 1.5), "out of range"),
    "alpha of nan": (_at("alpha32", 0, np.nan), "finite"),
    "negative gamma": (_at("gamma_value", 0, -1.0), "out of range"),
    "no gamma": (_at("gamma_value", "row", 0.0), "is not closed"),
    "another atom": (_at("gamma_index", "row", 0), "that the node does not have"),
    "an atom too many": (_at("gamma_index", 0, 2), "out of range"),
    "row too large": (_at("row", "leaf", 10**6), "out of range"),
    "children before": (_at("first", "parent", 1), "do not stand after"),
    "shared children": (_at("first", 2, 3), "two parents"),
    "children outside": (_at("first", "parent", 10**6), "out of range"),
    "the same choice again": (_at("split", "parent", -2), "is not closed"),
    "no choices": (_part("root", [[], []]), "a choice that it lacks"),
    "no choice": (_at("split", 0, -3), "out of range"),
    "no input": (_at("split", 0, 99), "out of range"),
    "a smaller box": (_at("low", 0, 0.7), "box is"),
    "a crossed box": (_at("low", 0, 1.0), "box is empty"),
    "other atoms": (_at("atom_value", 0, -1.0), "leaves out"),
    "a smaller offset": (_at("offset", 0, 0.5), "leaves out"),
    "a unit of no layer": (_at("units", 0, 77), "out of range"),
    "another model": (_header("model", {"name": "tiny", "sha256": "0" * 64}), "another model"),
    "another version": (_header("version", 2), "version"),
    "no parts": (_header("parts", []), "one part"),
    "a larger radius": (_claim("eps", (0.45).hex()), "box is too small"),
    "a negative radius": (_claim("eps", (-0.3).hex()), "negative radius"),
    "a radius of nan": (_claim("eps", "nan"), "eps"),
    "a margin": (_claim("margin", (-0.5).hex()), "leaves out"),
    "another norm": (_claim("norm", "l3"), "norm"),
    "a target that is the label": (_claim("targets", [0, 1, 2]), "target"),
    "no targets": (_claim("targets", []), "targets"),
    "another kind": (_claim("kind", "true"), "unknown kind"),
    "a circle": (_part("choices", [[[[0], [0]], [[1], []]]]), "circle"),
    "a branch less": (_part("choices", [[[[0], []]]]), "leaves out"),
    "a branch without its atom": (_part("choices", [[[[0], []], [[], []]]]), "does not have"),
    "a layer less": (_part("layers", [{"name": "relu0", "units": 6}]), "out of range"),
    "a layer twice": (_part("layers", [{"name": "relu0", "units": 3}] * 2), "layer"),
    "a strange layer": (_part("layers", [{"name": "relu7", "units": 6}]), "layer"),
}


@pytest.fixture(scope="module")
def proof(case: Case) -> tuple[Files, Spot]:
    files = splitting(case.claim(), case.net)
    return files, _spot(case, files)


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused(case: Case, proof: tuple[Files, Spot], name: str) -> None:
    change, reason = DAMAGE[name]
    (header, arrays), spot = proof
    header, arrays = copy.deepcopy(header), dict(arrays)
    change(header, arrays, spot)
    assert reason in case.verdict((header, arrays))


@pytest.mark.parametrize("name", ["p0/split", "p0/alpha32", "image", "p0/units"])
def test_arrays_of_other_types_and_shapes(case: Case, name: str) -> None:
    header, arrays = splitting(case.claim(), case.net)
    for other in (
        arrays[name].astype(complex),
        arrays[name].astype(object),
        arrays[name][:-1],
        arrays[name][None],
        np.asfortranarray(np.ones((3, 3))),
    ):
        assert case.verdict((header, {**arrays, name: other})) != ""
    assert "no array" in case.verdict((header, {k: v for k, v in arrays.items() if k != name}))


def test_files_that_are_no_certificates(case: Case) -> None:
    path = save(case.folder / "whole.npz", splitting(case.claim(), case.net))
    data = path.read_bytes()
    bad = case.folder / "bad.npz"
    for broken in (b"", b"PK", data[:100], data[: len(data) // 2], data[:-1], data[1:]):
        bad.write_bytes(broken)
        assert not case.checker.check(bad).accepted
    assert not case.checker.check(case.folder / "missing.npz").accepted


def _with_entry(data: bytes, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.npy", data)
    return path


def test_claimed_sizes_are_not_believed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that promises 2**60 bytes, and a small file that unpacks to more than is allowed."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|u1", "fortran_order": False, "shape": (2**60,)}
    )
    path = _with_entry(stream.getvalue(), case.folder / "large.npz")
    assert "length" in case.checker.check(path).reason
    monkeypatch.setattr("rhobust.bnb.checker.archive.MOST_BYTES", 2**20)
    path = _with_entry(bytes(2**20 + 1), case.folder / "bomb.npz")
    assert path.stat().st_size < 5000 and "too large" in case.checker.check(path).reason


def test_another_property_is_refused(tmp_path: Path) -> None:
    net = Network([np.array([[1.0]]), np.array([[1.0]])], [np.zeros(1), np.zeros(1)])
    digest = net.save(tmp_path / "m.onnx")
    checker = Checker(tmp_path / "m.onnx")
    text = (
        "(declare-const X_0 Real)(declare-const Y_0 Real)"
        "(assert (>= X_0 0.1))(assert (<= X_0 0.3))(assert (or (>= Y_0 0.5) (<= Y_0 0)))"
    )
    claim = {"kind": "property", "sha256": hashlib.sha256(text.encode()).hexdigest()}
    part = {
        "root": [[], [0]],
        "choices": [[[[0], []], [[1], []]]],
        "layers": [],
        "boxes": False,
        "propagate": False,
        "refine": False,
    }
    header = {
        "format": "rhobust-certificate",
        "version": 1,
        "model": {"name": "m", "sha256": digest},
        "claim": claim,
        "parts": [part],
    }
    tree = new_tree(0)
    for node in tree.children(0, -2, 2):
        tree.row[node] = -2
    arrays = {
        "text": np.frombuffer(text.encode(), dtype=np.uint8),
        "p0/low": np.array([0.09999]),
        "p0/high": np.array([0.30001]),
        "p0/atom_start": np.array([0, 1, 2]),
        "p0/atom_index": np.array([1, 1]),
        "p0/atom_value": np.array([-2.0, 1.0]),
        "p0/offset": np.array([1.0, 0.0]),
        "p0/units": np.zeros(0, dtype=np.int64),
        "p0/kept": np.zeros(0, dtype=np.int64),
        "p0/groups": np.zeros((0, 0, 0), dtype=np.int64),
        "p0/share": np.zeros((0, 0)),
        **tree.arrays(),
    }
    path = save(tmp_path / "c.npz", (header, arrays))
    (tmp_path / "p.vnnlib").write_text(text)
    report = checker.check(path, tmp_path / "p.vnnlib")
    assert report.accepted and str(claim["sha256"]) in report.statement, report.reason
    (tmp_path / "p.vnnlib").write_text(text.replace("0.3", "0.31"))
    assert "another" in checker.check(path, tmp_path / "p.vnnlib").reason
    header["parts"] = [{**part, "choices": [[[[0], []]]]}]
    assert "no part covers case 2 of 2" in checker.check(save(path, (header, arrays))).reason
    header["parts"] = [part]
    narrow = {**arrays, "p0/high": np.array([0.2999])}
    assert "no part covers" in checker.check(save(path, (header, narrow))).reason


def test_it_runs_as_a_script(case: Case) -> None:
    path = save(case.folder / "script.npz", splitting(case.claim(), case.net))
    command = [sys.executable, str(ROOT / "bnb" / "check.py"), str(path), str(case.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("accepted\n"), done.stderr
    path = save(case.folder / "script.npz", splitting(case.claim(case.rho * 1.05), case.net))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stdout.startswith("refused: leaf")


def test_it_imports_nothing_of_the_engine() -> None:
    """All that the checker names: itself, numpy, onnx and the standard library."""
    files = [ROOT / "bnb" / "check.py", *(ROOT / "bnb" / "checker").rglob("*.py")]
    checker = ROOT / "bnb" / "checker"
    for path in files:
        for statement in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom) and statement.level:
                place = path.parents[statement.level - 1]
                for part in (statement.module or "").split("."):
                    place = place / part
                inside = place == checker or checker in place.parents
                found = place.is_dir() or place.with_suffix(".py").is_file()
                assert inside and found, f"{path}: {statement.module}"
            elif isinstance(statement, ast.ImportFrom):
                names = [statement.module or ""]
            for name in names:
                top = name.split(".")[0]
                known = top in sys.stdlib_module_names or top in ("numpy", "onnx", "checker")
                assert known, f"{path} imports {name}"


def test_a_unit_that_is_zero_costs_nothing(tmp_path: Path) -> None:
    """However large its pre-activation is, whose rounding errors exceed all that is claimed."""
    weights = [np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1000.0, 1.0], [0.0, 0.0]])]
    net = Network(weights, [np.array([-1e16, 0.0]), np.array([1.0, 0.0])])
    image = np.array([0.5, 0.5])
    header, arrays = robust(net, net.save(tmp_path / "m.onnx"), image, 0, [1], 0.1)
    tree = new_tree(len(arrays["p0/units"]))
    tree.row[tree.children(0, -2, 1)[0]] = -2
    path = save(tmp_path / "c.npz", (header, {**arrays, **tree.arrays()}))
    report = Checker(tmp_path / "m.onnx").check(path)
    assert report.accepted, report.reason


def test_a_certificate_that_asks_for_exact_arithmetic(tmp_path: Path) -> None:
    """The label leads by 2**-52 at the only point of the region."""
    half = float(np.float32(0.3))
    net = Network([np.array([[1.0, 1.0], [0.0, 0.0]])], [np.array([-half, 0.0])])
    image = np.array([half - 2.0**-30, 2.0**-30 + 2.0**-52])
    header, arrays = robust(net, net.save(tmp_path / "m.onnx"), image, 0, [1], 0.0)
    arrays |= {"p0/low": image, "p0/high": image}
    tree = new_tree(0)
    tree.row[tree.children(0, -2, 1)[0]] = -2
    path, checker = tmp_path / "c.npz", Checker(tmp_path / "m.onnx")

    def said(**more: object) -> Report:
        return checker.check(save(path, ({**header, **more}, {**arrays, **tree.arrays()})))

    report = said()
    assert report.reason == "leaf 1 is not closed; --exact may close it" and not report.exact
    assert checker.check(path, exact=True).accepted
    report = said(exact=True)
    assert report.accepted and report.exact and "in exact arithmetic" in report.text()
    assert not said(exact=False).accepted
    assert said(exact=1).reason == "the header's form"
    image[1] = 2.0**-30
    assert said(exact=True).reason == "leaf 1 is not closed"


def test_refusals_tell_what_to_do(case: Case, tmp_path: Path) -> None:
    header, arrays = splitting(case.claim(), case.net)
    path = save(tmp_path / "c.npz", (header, arrays))
    report = case.checker.check(path, path)
    assert "to see what is proven, leave out --property" in report.reason
    report = case.checker.check(path, expected={"eps": 2.0})
    assert "another eps is expected; to see what is proven, leave out --expect" in report.reason
    report = case.checker.check(save(path, ({**header, "version": 2}, arrays)))
    assert "'rhobust-certificate', '2'; 'rhobust-certificate', 1 is what this" in report.reason
    model = {"name": "m", "sha256": "0" * 64}
    report = case.checker.check(save(path, ({**header, "model": model}, arrays)))
    assert "0" * 64 in report.reason and f"this file has {case.digest}; give" in report.reason
    command = [sys.executable, str(ROOT / "bnb" / "check.py"), str(case.path), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "; the certificate comes first" in done.stderr
