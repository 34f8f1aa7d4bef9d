"""Manifests: one number with all its proofs, and every lie in it is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust
from rhobust.bnb.check import Checker, Refused, main, read_manifest
from rhobust.bnb.checker.manifest.contents import parsed
from rhobust.bnb.checker.manifest.summary import Data, Summary, check_manifest, sentences
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.network.graph import Network
from rhobust.data import Images, digits
from rhobust.embedded import embedded_file
from rhobust.files.manifest import Manifest
from rhobust.results import Verdict

from ..bnb import certificates as hand_made

EPS = 0.1
SOME = (0, 1, 7, 10, 2, 200 - 1)
LOST = (7, 10)


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


@pytest.fixture(scope="module")
def network() -> Network:
    return rhobust.load("digits")


def made(folder: Path, network: Network, images: Images, **more: Any) -> Manifest:
    asked: dict[str, Any] = {"eps": [EPS], "count": len(images), "source": "digits"}
    return Manifest(folder, network, **{**asked, **more})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, network: Network, images: Images) -> Path:
    """A manifest of six images, two of which can lose their label."""
    folder = tmp_path_factory.mktemp("proofs")
    manifest = made(folder, network, images)
    for index in SOME:
        label, path = int(images.labels[index]), folder / f"{index}.npz"
        found = rhobust.verify(network, images.vector(index), EPS, label=label, certificate=path)
        assert (found.verdict is Verdict.NOT_ROBUST) == (index in LOST)
        point = None if found.witness is None else found.witness.point
        proof = path if found.verdict is Verdict.ROBUST else None
        assert not manifest.add(index, label, images.vector(index), proof, point)
    return manifest.finish()


def checked(path: Path, data: Data | None = None, model: Path | None = None) -> Summary:
    checker = Checker(embedded_file("digits") if model is None else model)
    return check_manifest(path, read_manifest(path), checker, data)


def test_a_number_is_proven_with_all_its_files(whole: Path, images: Images) -> None:
    summary = checked(whole, images)
    assert summary.accepted and not summary.reasons and summary.compared
    assert (summary.proofs, summary.witnesses) == (4, 2)
    assert summary.says[0] == (
        "2 of 6 images (of the data set's 200) can lose their label at 0.1 (linf): "
        "4 proofs, 2 witnesses; all accepted."
    )


def test_a_number_is_checked_by_one_command(whole: Path, tmp_path: Path, images: Images) -> None:
    np.savez(tmp_path / "data.npz", images=images.values, labels=images.labels)
    runner = CliRunner()
    done = runner.invoke(app, ["check", str(whole), "--data", str(tmp_path / "data.npz")])
    assert done.exit_code == 0 and done.output.startswith("accepted\n2 of 6 images")
    assert "all those of the data set" in done.output
    done = runner.invoke(app, ["check", str(whole), "digits", "--json", "--workers", "2"])
    told = json.loads(done.output)
    assert told["accepted"] and told["proofs"] == 4 and not told["compared"]
    done = runner.invoke(app, ["check", str(whole), "digits_conv"])
    assert done.exit_code == 3 and "is of another model" in done.output
    np.savez(tmp_path / "data.npz", images=images.values, labels=images.labels + 1)
    done = runner.invoke(app, ["check", str(whole), "--data", str(tmp_path / "data.npz")])
    assert done.exit_code == 3 and "image 0: has the label" in done.output
    assert main([str(whole)]) == 0


def test_options_of_the_other_kind_are_refused(whole: Path) -> None:
    runner, proof = CliRunner(), str(whole.parent / "0.npz")
    for arguments in (
        [str(whole), "--exact"], [proof, "digits", "--workers", "2"], [proof],
        [proof, "digits", "--data", proof],
    ):  # fmt: skip
        assert runner.invoke(app, ["check", *arguments]).exit_code == 2


Change = Callable[[Path, dict[str, Any]], object]


def _image(found: dict[str, Any], index: int) -> dict[str, Any]:
    return next(image for image in found["images"] if image["index"] == index)


def _says(found: dict[str, Any], old: str, new: str) -> None:
    assert old in found["says"][0]
    found["says"][0] = found["says"][0].replace(old, new)


def _file(found: dict[str, Any], index: int) -> dict[str, Any]:
    (file,) = _image(found, index)["files"]
    return dict(file)


def _put(found: dict[str, Any], index: int, **fields: Any) -> None:
    _image(found, index)["files"][0].update(fields)


def other_eps(folder: Path, found: dict[str, Any]) -> None:
    found["question"]["eps"] = [(0.2).hex()]
    _says(found, "0.1", "0.2")


def other_eps_of_files(folder: Path, found: dict[str, Any]) -> None:
    other_eps(folder, found)
    for image in found["images"]:
        for file in image["files"]:
            if file["kind"] == "robust":
                file["eps"] = (0.2).hex()


def nearer_witness(folder: Path, found: dict[str, Any]) -> None:
    _put(found, 7, eps=(0.01).hex())


def other_label(folder: Path, found: dict[str, Any]) -> None:
    _image(found, 0)["label"] = 3


def missing_image(folder: Path, found: dict[str, Any]) -> None:
    found["images"].remove(_image(found, 0))


def missing_undecided(folder: Path, found: dict[str, Any]) -> None:
    """The number of images is right, and one of them has no proof."""
    _image(found, 0)["files"] = []


def doubled_image(folder: Path, found: dict[str, Any]) -> None:
    found["images"].remove(_image(found, 1))
    found["images"].append(_image(found, 0))


def doubled_as_another(folder: Path, found: dict[str, Any]) -> None:
    _image(found, 1).update({**_image(found, 0), "index": 1, "image": _image(found, 1)["image"]})


def swapped_files(folder: Path, found: dict[str, Any]) -> None:
    first, second = _file(found, 0), _file(found, 1)
    _put(found, 0, **second)
    _put(found, 1, **first)


def swapped_bytes(folder: Path, found: dict[str, Any]) -> None:
    shutil.copy(folder / "0.npz", folder / "1.npz")


def outside(folder: Path, found: dict[str, Any]) -> None:
    shutil.move(folder / "0.npz", folder.parent / "0.npz")
    _put(found, 0, file="../0.npz")


def absolute(folder: Path, found: dict[str, Any]) -> None:
    _put(found, 0, file=str((folder / "0.npz").resolve()))


def linked(folder: Path, found: dict[str, Any]) -> None:
    shutil.move(folder / "0.npz", folder.parent / "0.npz")
    (folder / "0.npz").symlink_to(folder.parent / "0.npz")


def not_there(folder: Path, found: dict[str, Any]) -> None:
    (folder / "0.npz").unlink()


def wrong_count(folder: Path, found: dict[str, Any]) -> None:
    _says(found, "2 of 6", "1 of 6")


def wrong_total(folder: Path, found: dict[str, Any]) -> None:
    _says(found, "2 of 6", "2 of 7")


def no_sentence(folder: Path, found: dict[str, Any]) -> None:
    found["says"] = []


def witness_as_proof(folder: Path, found: dict[str, Any]) -> None:
    _put(found, 7, kind="robust")
    _says(found, "2 of 6", "1 of 6")
    _says(found, "4 proofs, 2", "5 proofs, 1")


def proof_as_witness(folder: Path, found: dict[str, Any]) -> None:
    _put(found, 0, kind="witness")
    _says(found, "2 of 6", "3 of 6")
    _says(found, "4 proofs, 2", "3 proofs, 3")


def other_norm(folder: Path, found: dict[str, Any]) -> None:
    found["question"]["norm"] = "l2"
    _says(found, "linf", "l2")


def other_margin(folder: Path, found: dict[str, Any]) -> None:
    found["question"]["margin"] = (-1.0).hex()
    _says(found, "(linf)", "(linf), with a margin of -1.0")


def other_domain(folder: Path, found: dict[str, Any]) -> None:
    found["question"]["domain"] = [(-1.0).hex(), (1.0).hex()]


def other_model(folder: Path, found: dict[str, Any]) -> None:
    found["model"]["sha256"] = "0" * 64


def other_image(folder: Path, found: dict[str, Any]) -> None:
    _image(found, 0)["image"] = "0" * 64


def spoiled(folder: Path, found: dict[str, Any]) -> None:
    """A proof with a part cut off, and the SHA-256 of what is left."""
    data = (folder / "0.npz").read_bytes()[:-40]
    (folder / "0.npz").write_bytes(data)
    _put(found, 0, sha256=hashlib.sha256(data).hexdigest())


FORGERIES: tuple[Change, ...] = (
    other_eps, other_eps_of_files, nearer_witness, other_label, missing_image, missing_undecided,
    doubled_image, doubled_as_another, swapped_files, swapped_bytes, outside, absolute, linked,
    not_there, wrong_count, wrong_total, no_sentence, witness_as_proof, proof_as_witness,
    other_norm, other_margin, other_domain, other_model, other_image, spoiled,
)  # fmt: skip


def refusal(path: Path, data: Data | None = None) -> str:
    """Why a manifest is refused."""
    try:
        summary = checked(path, data)
    except Refused as refused:
        return str(refused)
    assert summary.text().startswith("accepted" if summary.accepted else "refused: ")
    return "; ".join(summary.reasons)


def forged(whole: Path, folder: Path, change: Change) -> Path:
    copy = folder / "proofs"
    shutil.copytree(whole.parent, copy)
    found = json.loads(whole.read_text())
    change(copy, found)
    (copy / "manifest.json").write_text(json.dumps(found))
    return copy / "manifest.json"


@pytest.mark.parametrize("change", FORGERIES, ids=lambda change: change.__name__)
def test_every_lie_is_refused(whole: Path, tmp_path: Path, change: Change) -> None:
    assert not refusal(forged(whole, tmp_path, lambda folder, found: None))
    shutil.rmtree(tmp_path / "proofs")
    assert refusal(forged(whole, tmp_path, change))


def fewer(folder: Path, found: dict[str, Any]) -> None:
    """A data set that is smaller than it is, so that six images are all of it."""
    found["data"]["count"] = 200
    found["images"] = [image for image in found["images"] if image["index"] < 100]
    found["data"]["count"] = 100
    _says(found, "2 of 6 images (of the data set's 200)", "2 of 5 images (of the data set's 100)")
    _says(found, "4 proofs", "3 proofs")


def relabelled(folder: Path, found: dict[str, Any]) -> None:
    """True of labels that are not those of the data set."""
    label = _image(found, 0)["label"]
    _image(found, 0)["index"], _image(found, 1)["index"] = 3, 0
    assert label == _image(found, 3)["label"]


@pytest.mark.parametrize("change", [fewer, relabelled])
def test_the_data_set_tells_what_the_files_cannot(
    whole: Path, tmp_path: Path, images: Images, change: Change
) -> None:
    path = forged(whole, tmp_path, change)
    assert not refusal(path), "true of the images that it names"
    assert "not compared" in checked(path).text()
    assert refusal(path, images)


FORMS: dict[str, Callable[[str], str]] = {
    "no json": lambda text: text[:-3],
    "another version": lambda text: text.replace('"version": 1', '"version": 2'),
    "a name twice": lambda text: text.replace('"version": 1', '"version": 1, "version": 1'),
    "a field too many": lambda text: text.replace('"version": 1', '"version": 1, "more": 1'),
    "NaN": lambda text: text.replace('"index": 0,', '"index": NaN,'),
    "an index that is no number": lambda text: text.replace('"index": 0,', '"index": "0",'),
    "a truth for a number": lambda text: text.replace('"index": 0,', '"index": false,'),
    "an index beyond the data set": lambda text: text.replace('"count": 200', '"count": 199'),
    "no hash": lambda text: text.replace('"sha256": "', '"sha256": "x'),
    "a kind": lambda text: text.replace('"kind": "robust"', '"kind": "sure"'),
    "a radius that is no number": lambda text: text.replace((0.1).hex(), "nan"),
    "a negative radius": lambda text: text.replace((0.1).hex(), (-0.1).hex()),
}


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_are_refused(whole: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / "manifest.json"
    text = FORMS[form](whole.read_text())
    assert text != whole.read_text()
    path.write_text(text)
    with pytest.raises(Refused):
        read_manifest(path)
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 3 or form == "no json"


def test_a_proof_about_nothing_is_none(tmp_path: Path) -> None:
    """An image outside of the domain has an empty region, in which every label is kept."""
    net = hand_made.Network([np.eye(2)], [np.array([2.0, 0.0])])
    digest = net.save(tmp_path / "m.onnx")
    for place, accepted in ((0.5, True), (2.0, False)):
        image = np.array([place, place])
        header, arrays = hand_made.robust(net, digest, image, 0, [1], 0.1)
        header["parts"][0]["layers"] = []
        none = np.zeros(0, dtype=np.int64)
        arrays |= {"p0/units": none, "p0/kept": none}
        arrays |= {"p0/low": np.zeros(2), "p0/high": np.ones(2)}
        tree = hand_made.new_tree(0)
        tree.row[tree.children(0, -2, 1)[0]] = -2
        proof = hand_made.save(tmp_path / "0.npz", (header, {**arrays, **tree.arrays()}))
        network = rhobust.load(tmp_path / "m.onnx")
        manifest = Manifest(tmp_path, network, eps=[0.1], count=1)
        assert not manifest.add(0, 0, image, proof)
        summary = checked(manifest.finish(), model=tmp_path / "m.onnx")
        assert summary.accepted == accepted
    assert "empty region" in summary.reasons[0]


def test_a_resumed_run_goes_on_with_a_manifest(
    whole: Path, tmp_path: Path, network: Network, images: Images
) -> None:
    shutil.copytree(whole.parent, tmp_path / "proofs")
    path = tmp_path / "proofs" / "manifest.json"
    manifest = made(path.parent, network, images)
    assert not manifest.add(3, int(images.labels[3]), images.vector(3))
    assert manifest.finish() == path and checked(path).accepted
    assert "2 to 3 of 7 images" in checked(path).says[0] and "1 undecided" in checked(path).says[0]
    before = (path.parent / "7.witness.npz").stat().st_mtime_ns
    again = made(path.parent, network, images)
    witness = np.load(path.parent / "7.witness.npz")["point"]
    assert not again.add(7, int(images.labels[7]), images.vector(7), None, witness)
    again.finish()
    assert (path.parent / "7.witness.npz").stat().st_mtime_ns == before  # and none is made twice
    with pytest.raises(InputError, match="another question"):
        made(path.parent, network, images, eps=[0.2])
    assert made(path.parent, network, images, eps=[0.2], overwrite=True).finish() == path
    assert "0 of 0 images" in checked(path).says[0]


def test_larger_proofs_and_nearer_witnesses_count(
    whole: Path, tmp_path: Path, network: Network, images: Images
) -> None:
    shutil.copytree(whole.parent, tmp_path / "proofs")
    folder = tmp_path / "proofs"
    (folder / "manifest.json").unlink()
    manifest = made(folder, network, images, eps=[0.5, 0.05])
    label = int(images.labels[0])
    assert not manifest.add(0, label, images.vector(0), folder / "0.npz")
    witness = np.load(folder / "7.witness.npz")["point"]
    assert not manifest.add(7, int(images.labels[7]), images.vector(7), None, witness)
    says = checked(manifest.finish()).says
    assert says[0].startswith("0 to 1 of 2") and says[1].startswith("1 to 2 of 2")


def test_what_cannot_be_taken_in_is_told(
    whole: Path, tmp_path: Path, network: Network, images: Images
) -> None:
    manifest = made(tmp_path, network, images)
    image, label = images.vector(0), int(images.labels[0])
    assert "not in the folder" in manifest.add(0, label, image, whole.parent / "0.npz")
    (tmp_path / "0.npz").write_bytes(b"nothing")
    assert "cannot be read" in manifest.add(0, label, image, tmp_path / "0.npz")
    assert "the checker refuses it" in manifest.add(0, label, image, None, image)
    shutil.copy(whole.parent / "0.npz", tmp_path / "0.npz")
    assert "no proof about the label" in manifest.add(0, label + 1, image, tmp_path / "0.npz")
    assert checked(manifest.finish()).says[0].startswith("0 to 1 of 1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text("mine")
    with pytest.raises(InputError, match="no manifest that rhobust wrote"):
        made(tmp_path / "other", network, images)
    with pytest.raises(InputError, match="all targets"):
        made(tmp_path, network, images, target="second")
    with pytest.raises(InputError, match="ONNX"):
        made(tmp_path, replace(network, path="", onnx=False), images)


def mutated(found: dict[str, Any], random: np.random.Generator) -> None:
    """One change of a number, a hash, a name, or the order and number of entries."""
    images = found["images"]
    first, second = (images[int(k)] for k in random.integers(0, len(images), 2))
    files = [file for image in (first, second) for file in image["files"]]
    match int(random.integers(0, 9)):
        case 0:
            first["index"] = int(random.integers(0, 200))
        case 1:
            first["label"] = int(random.integers(0, 10))
        case 2:
            first["image"], second["image"] = second["image"], first["image"]
        case 3:
            first["files"], second["files"] = second["files"], first["files"]
        case 4:
            first["files"] = files
        case 5:
            images.remove(first)
        case 6 if files:
            files[0]["eps"] = float(random.choice([0.0, 0.05, 0.1, 0.11, 1.0])).hex()
        case 7 if files:
            files[0]["kind"] = str(random.choice(["robust", "witness"]))
        case _:
            found["question"]["eps"] = [float(random.choice([0.05, 0.1, 0.11])).hex()]


@pytest.mark.slow
def test_no_mutant_says_more_than_is_true(whole: Path, tmp_path: Path, images: Images) -> None:
    """Its sentence is made to fit what it lists, as a forger would."""
    random, accepted = np.random.default_rng(3), 0
    shutil.copytree(whole.parent, tmp_path / "proofs")
    path = tmp_path / "proofs" / "manifest.json"
    checker = Checker(embedded_file("digits"))
    for _ in range(120):
        found = json.loads(whole.read_text())
        for _ in range(int(random.integers(1, 3))):
            mutated(found, random)
        try:
            found["says"] = list(sentences(parsed(found)))
        except Refused:
            pass
        path.write_text(json.dumps(found))
        try:
            manifest = read_manifest(path)
        except Refused:
            continue
        if not check_manifest(path, manifest, checker, images).accepted:
            continue
        accepted += 1
        (eps,) = manifest.question.eps
        for image in manifest.images:
            assert image.label == images.labels[image.index]
            kinds = {file.kind for file in image.files}
            assert kinds <= ({"witness"} if image.index in LOST else {"robust"})
        claimed = manifest.says[0].split(": ")[1]
        proofs, lost = (int(part.split()[0]) for part in claimed.split(", ")[:2])
        assert proofs <= (4 if eps <= EPS else 0) and lost <= 2
    assert accepted > 5
