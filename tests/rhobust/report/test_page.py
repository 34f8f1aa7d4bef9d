"""The page: one file that asks for nothing, in which nothing from outside is more than text."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rhobust import metrics
from rhobust.compiler.shown.colours import GAIN, LOSS, NONE
from rhobust.compiler.shown.pixels import grey, signed
from rhobust.report.findings.gathered import Findings
from rhobust.report.findings.status import WORDS, Status, statuses
from rhobust.report.page.chart import STEPS, Axis, accuracy_chart, columns
from rhobust.report.page.document import document, link, page
from rhobust.report.page.markup import VOID, Html, data, element, text
from rhobust.report.page.pictures import drawn, pixels_shape
from rhobust.store.record import Record

from ..records import made, record, run

EVIL = [
    "</script><script>alert(1)</script>", "<!--<script>", "]]>", "\u2028\u2029", "\x00\x1b[31m",
    "a\ud800b", '" onload="alert(1)', "' onclick='x", "&lt;b&gt;", "<img src=x onerror=alert(1)>",
    "javascript:alert(1)", "x" * 300, "{{7*7}}", "${7*7}",
]  # fmt: skip


class Reader(HTMLParser):
    """Elements with their attributes, texts of scripts, and whether all elements end in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


def paged(records: Sequence[Record], out: Path | None = None) -> str:
    findings = Findings.gather(run(count=len(records), shape=(4, 5)), lambda: records)
    return page(findings, out)


def rows(html: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(read(html).scripts[0])
    return held


def pictured(count: int, seed: int = 0) -> list[Record]:
    images = np.random.default_rng(seed).integers(0, 256, (count, 20)) / 255.0
    return made(count, seed, images=images)


# ---- what comes from outside -------------------------------------------------------------------


def evil() -> list[Record]:
    return [
        replace(one, name=name, certificate=f"proofs/{name}.npz", uncertified=name,
                attack_method=name, decisions=tuple(replace(d, reason=name) for d in one.decisions))
        for one, name in zip(pictured(len(EVIL)), EVIL, strict=True)
    ]  # fmt: skip


def test_names_are_text(tmp_path: Path) -> None:
    for name in (EVIL[0], " ".join(EVIL)):
        card = {
            "name": name, "path": name, "digest": name, "notes": [name],
            "layers": [{"name": name, "kind": name, "size": name}],
        }  # fmt: skip
        whole = replace(
            run(name, len(EVIL), (4, 5), **card), command=name, environment={name: name},
            started=name,
        )  # fmt: skip
        findings = Findings.gather(whole, evil, folder=tmp_path)
        html = page(findings, tmp_path / "report.html")
        html.encode("utf-8")
        found, plain = read(html), read(paged(pictured(len(EVIL)), tmp_path / "report.html"))
        assert len(found.scripts) == 2
        for _, attributes in found.elements:
            assert not [key for key in attributes if key.startswith("on")]
        known = {kind for kind, _ in plain.elements} | {"pre", "h3", "small", "b"}
        assert {kind for kind, _ in found.elements} <= known
        held = json.loads(found.scripts[0])
        whole_names = [one.replace("\ud800", "\ufffd") for one in EVIL]
        assert held["columns"]["name"] == whole_names
        assert held["reasons"] and set(held["reasons"]) <= set(whole_names)


def test_nothing_is_asked_of_a_network() -> None:
    html = paged(pictured(30), Path("report.html"))
    for kind, attributes in read(html).elements:
        assert kind not in ("link", "iframe", "object", "embed", "base", "form")
        for key in ("src", "href", "srcset", "action", "poster", "background"):
            assert (attributes.get(key) or "data:").startswith("data:"), (kind, attributes)
    assert "url(" not in html and "@import" not in html
    assert "fetch(" not in html and "XMLHttp" not in html


def test_the_policy_allows_the_one_script() -> None:
    found = read(paged(pictured(5)))
    (policy,) = [
        str(one["content"])
        for kind, one in found.elements
        if one.get("http-equiv") and kind == "meta"
    ]
    digest = base64.b64encode(hashlib.sha256(found.scripts[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


@given(st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=9,
))  # fmt: skip
def test_data_in_a_script_stay_what_they_are(value: Any) -> None:
    made = data(value)
    assert json.loads(made) == value
    assert not set(made) & set("<>&\u2028\u2029")


@given(st.text())
def test_texts_and_attributes_come_back(value: str) -> None:
    found = read(str(element("p", value, title=value)))
    seen = "".join(found.texts)
    assert seen == str(found.elements[0][1]["title"])
    if value.isprintable():
        assert seen == value
    assert text(Html("<b>")) == "<b>" and element("br") == "<br>"
    assert (
        element("i", a=None, b=False, c=True, class_="x", d_e=1) == '<i c="" class="x" d-e="1"></i>'
    )


@pytest.mark.parametrize("name", ["a b.npz", "100%.npz", "javascript:alert(1)", '"><b>.npz', "#1?"])
def test_links_lead_to_the_file(name: str, tmp_path: Path) -> None:
    from urllib.parse import unquote, urljoin, urlparse

    here = (tmp_path / "out" / "report.html").as_uri()
    found = link(str(tmp_path / "proofs" / name), tmp_path / "out" / "report.html")
    whole = urlparse(urljoin(here, found))
    assert whole.scheme == "file" and not whole.query and not whole.fragment
    assert unquote(whole.path) == str(tmp_path / "proofs" / name)
    assert link(name, None) == ""


# ---- the table ---------------------------------------------------------------------------------


def test_the_table_has_every_image_and_rounds_outward() -> None:
    records = [*pictured(60, 4), record(60, 0.0, math.inf), record(61, math.inf, math.inf)]
    held, known = rows(paged(records)), metrics.intervals.distances(records)
    assert held["columns"]["image"] == list(range(62))
    for k in range(62):
        low, high = (held["columns"][side][k] for side in ("lower", "upper"))
        assert float(low) <= known.lower[k] and known.upper[k] <= float(high)
    for at, eps in enumerate(held["radii"]):
        assert held["status"][at] == statuses(known, float(eps)).tolist()
    assert held["words"] == [WORDS[one] for one in Status]
    assert held["columns"]["upper"][61] == "inf" and held["columns"]["attack"][60] is None


def test_certificates_are_linked(tmp_path: Path) -> None:
    one = replace(pictured(1)[0], certificate=str(tmp_path / "a b.npz"))
    html = paged([one], tmp_path / "report.html")
    assert rows(html)["certificates"] == {"0": [str(tmp_path / "a b.npz"), "./a%20b.npz"]}
    assert "rhobust check CERTIFICATE digits.onnx" in html and "All at once" not in html
    (tmp_path / "manifest.json").write_text("{}")
    assert f"rhobust check {tmp_path}/manifest.json" in paged([one], tmp_path / "report.html")


def test_names_that_are_indices_take_no_column() -> None:
    records = [replace(one, name=str(one.index)) for one in pictured(5)]
    assert "name" not in rows(paged(records))["columns"]


# ---- pictures ----------------------------------------------------------------------------------


def pixels(address: str) -> np.ndarray:
    head, _, body = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def test_pictures_show_the_pixels() -> None:
    records = pictured(12)
    findings = Findings.gather(run(count=12, shape=(4, 5)), lambda: records)
    found = drawn(findings, range(12))
    assert (found.height, found.width) == (4, 5)
    changes = [
        one.witness - one.image
        for one in records
        if one.witness is not None and one.image is not None
    ]
    assert found.largest == max(float(np.abs(one).max()) for one in changes)
    for one in records:
        image, example, change = found.images[one.index]
        assert one.image is not None
        assert (pixels(image) == (one.image * 255).round().reshape(4, 5)).all()
        assert (example == "") == (change == "") == (one.witness is None)
        if one.witness is not None:
            assert (pixels(example) == (one.witness * 255).round().reshape(4, 5)).all()
            assert pixels(change).shape == (4, 5, 3)


def test_pictures_have_a_limit_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    records = pictured(12)
    findings = Findings.gather(run(count=12, shape=(4, 5)), lambda: records)
    whole = drawn(findings, [5, 3, 1, 0]).images
    monkeypatch.setattr("rhobust.report.page.pictures.ROOM", len("".join(whole[5])) + 1)
    assert list(drawn(findings, [5, 3, 1, 0]).images) == [5, 3]


def test_differences_have_one_scale() -> None:
    painted = signed(np.array([[0.0, 0.4, -0.4, 0.1]]), 0.4)[0]
    assert painted[0].tolist() == list(NONE)
    assert painted[1].tolist() == list(GAIN) and painted[2].tolist() == list(LOSS)
    half = (np.array(NONE) + np.array(GAIN)) / 2.0  # the root of a quarter
    assert np.abs(painted[3] - half).max() <= 0.5
    assert (signed(np.zeros((2, 2)), 0.0) == np.array(NONE)).all()


@pytest.mark.parametrize(
    ("shape", "kept"),
    [
        ((28, 28), (28, 28)), ((1, 28, 28), (28, 28)), ((28, 28, 1), (28, 28)),
        ((3, 32, 32), (3, 32, 32)), ((32, 32, 3), (32, 32, 3)), ((5,), None), ((1, 7), None),
        ((4, 5, 6), None), ((2000, 2000), None), (None, None), (("a", 1), None), ((0, 3), None),
    ],
)  # fmt: skip
def test_shapes_of_images(shape: object, kept: tuple[int, ...] | None) -> None:
    assert pixels_shape(shape) == kept


def test_colours_stand_last() -> None:
    values = np.arange(24) / 23.0
    first, last = grey(values, (3, 2, 4), 0.0, 1.0), grey(values, (2, 4, 3), 0.0, 1.0)
    assert first.shape == last.shape == (2, 4, 3)
    assert first[0, 0].tolist() == [0, 89, 177] and last[0, 0].tolist() == [0, 11, 22]


def test_what_is_long_is_cut_or_folded() -> None:
    records = [replace(one, label=k, predicted=k) for k, one in enumerate(made(60, wrong=0.0))]
    layers = [{"name": str(k), "kind": "Dense", "size": 1} for k in range(30)]
    found = Findings.gather(run(count=60, layers=layers), lambda: records)
    html = page(found)
    assert html.count("The 40 least robust of 60 labels.") == 2
    assert "<summary>30 layers</summary>" in html
    read(html)


def test_runs_without_images_have_reports() -> None:
    html = paged(made(20))
    assert rows(html)["pictures"] == {} and "The run kept no images" in html
    alone = [record(0, 0.0, 0.0, predicted=3)]
    assert "Distribution" not in paged(alone)
    read(paged(alone))
    read(paged([record(0, math.inf, math.inf)]))
    read(paged([record(0, 0.0, math.inf)]))
    read(document("empty", []))


# ---- curves ------------------------------------------------------------------------------------


@given(st.integers(1, 50), st.integers(0, 10**6), st.floats(0.01, 1.0), st.booleans())
def test_curves_enclose_what_is_proven(count: int, seed: int, far: float, log: bool) -> None:
    found = metrics.curve(made(count, seed, doubtful=0.5))
    axis = Axis(0.01 * far if log else 0.0, far, log)
    low, high = columns(axis, 1.0 - found.upper, 1.0 - found.lower, found.eps, 1.0)
    edges = axis.edges()
    for k in range(0, STEPS, 29):
        for eps in (edges[k], 0.5 * (edges[k] + edges[k + 1])):
            here = found(float(eps))
            assert low[k] <= 1.0 - here.upper and 1.0 - here.lower <= high[k]


def test_axes_have_few_round_numbers() -> None:
    for end in (1e-6, 0.031, 0.3, 1.0, 7.3, 255.0):
        ticks = Axis(0.0, end).ticks()
        assert 3 <= len(ticks) <= 6 and ticks[0] == 0.0 and ticks[-1] <= end * (1 + 1e-9)
        ticks = Axis(end / 40, end, log=True).ticks()
        assert 3 <= len(ticks) <= 7 and end / 40 <= ticks[0] and ticks[-1] <= end


def test_a_curve_without_steps_is_drawn() -> None:
    nothing = metrics.curve(np.array([[math.inf, math.inf]]))
    read(str(accuracy_chart(nothing, nothing.sampling(), [], (0.1,))))
