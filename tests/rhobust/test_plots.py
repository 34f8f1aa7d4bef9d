"""The plots: what they are drawn from, by hand, and files that open in every format."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from PIL import Image
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.shown.colours import DARK, GAIN, LIGHT, LOSS, THEMES
from rhobust.networks.running_example import running_example
from rhobust.queries.trace import Event, lines, read
from rhobust.report.example import draw_example
from rhobust.report.intervals import NAMED, Known, draw_intervals, known_of_lines, known_of_records
from rhobust.report.line import along, draw_line
from rhobust.report.picture import NARROW, Panel, draw
from rhobust.report.search import draw_search, steps
from rhobust.report.style import CHANGE, COLUMN, DPI, PAGE, canvas
from rhobust.results import RhoResult

from .records import record

runner = CliRunner()
SQUARE = np.array([0.0, 0.25, 0.5, 1.0])


def panel(distance: float, title: str = "#1\n1 2\nrho") -> Panel:
    return Panel(SQUARE, np.clip(SQUARE + distance, 0.0, 1.0), title, distance)


def size(path: Path) -> tuple[float, float]:
    """Inches of a PNG file."""
    with Image.open(path) as image:
        image.load()
        return image.width / DPI, image.height / DPI


@pytest.mark.parametrize(("count", "width"), [(NARROW, COLUMN), (12, PAGE)])
def test_examples_fit_the_columns_of_a_paper(count: int, width: float, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    draw(path, [panel(0.1 * k) for k in range(count)], (2, 2), (0.0, 1.0))
    wide, high = size(path)
    assert wide == pytest.approx(width, abs=0.01) and high < 9.0


def test_nearest_examples_come_first_on_one_scale(tmp_path: Path) -> None:
    """Titles in the order of distances, and the largest change at the ends of the scale."""
    path = tmp_path / "a.svg"
    pictures = []
    for order in ((0.5, 0.1, 0.3), (0.1, 0.3, 0.5)):
        draw(path, [panel(distance, f"at {distance}") for distance in order], (2, 2), (0.0, 1.0))
        text = path.read_text(encoding="utf-8")
        pictures.append([text.index(f"<!-- at {one} -->") for one in (0.1, 0.3, 0.5)])
        assert "<!-- +0.5 -->" in text and "<!-- \N{MINUS SIGN}0.5 -->" in text
    assert pictures[0] == pictures[1] == sorted(pictures[0])


def test_the_same_change_has_the_same_colour_in_every_picture(tmp_path: Path) -> None:
    ends = [tuple(round(255 * level) for level in CHANGE(one)[:3]) for one in (0.0, 1.0)]
    assert ends == [LOSS, GAIN]
    path = tmp_path / "a.png"
    draw_example(path, Panel(SQUARE, 1.0 - SQUARE, "e", 1.0), ("a", "b"), (2, 2), (0.0, 1.0))
    seen = (255 * imread(path)[..., :3]).round().astype(int).reshape(-1, 3)
    assert all((seen == np.array(end)).all(axis=1).any() for end in (LOSS, GAIN))


def test_themes_are_legible() -> None:
    """Text on its ground has the contrast of 4.5 that WCAG 2 asks for, and curves 2."""

    def light(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot((0.2126, 0.7152, 0.0722), linear))

    def contrast(one: str, other: str) -> float:
        low, high = sorted((light(one), light(other)))
        return (high + 0.05) / (low + 0.05)

    for theme in THEMES.values():
        assert contrast(theme.ink, theme.paper) >= 4.5 <= contrast(theme.soft, theme.paper)
        assert min(contrast(one, theme.paper) for one in theme.curves) >= 2.0
        assert len(set(theme.curves)) == len(theme.curves) >= 8


def test_pages_have_the_colours_of_pictures() -> None:
    import rhobust.report.page

    style = (Path(rhobust.report.page.__file__).parent / "style.css").read_text()
    first, second = style.split("@media (prefers-color-scheme: dark)", 1)
    for text, theme in ((first, LIGHT), (second, DARK)):
        for name in ("proven", "open", "broken", "wrong", "ink", "soft"):
            assert f"--{name}: {getattr(theme, name)}" in text


def test_a_theme_is_the_ground_of_a_picture(tmp_path: Path) -> None:
    for name, theme in THEMES.items():
        path = tmp_path / f"{name}.png"
        draw_search(path, [Event(0.0, 1, 1, 0.0, 1.0), Event(1.0, 2, 0, 0.5, 0.5)], "rho", name)
        corner = (255 * imread(path)[0, 0, :3]).round().astype(int).tolist()
        assert corner == [int(theme.paper[k : k + 2], 16) for k in (1, 3, 5)]
    with pytest.raises(InputError, match="is not one of light, dark"):
        draw_search(path, [Event(0.0, 1, 1, 0.0, 1.0)], "rho", "pink")


def test_a_failed_drawing_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(ZeroDivisionError), canvas(path, 1.0, 1.0):
        raise ZeroDivisionError
    assert not path.exists()


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_every_format_opens(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    draw_intervals(path, [Known("#1 $x_1$ \N{HIRAGANA LETTER A}", 0.1, math.inf, 0.3, 0.2)])
    data = path.read_bytes()
    if suffix == "png":
        assert size(path)[0] == pytest.approx(COLUMN, abs=0.01)
    elif suffix == "svg":
        assert data.startswith(b"<?xml") and data.rstrip().endswith(b"</svg>")
    else:
        assert data.startswith(b"%PDF") and b"/Type /Page" in data
        assert zlib and b"/FontFile2" in data, "letters as TrueType, which publishers ask for"


def test_intervals_of_a_file_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "rho.jsonl"
    results = [
        RhoResult(0.1, 0.2, None, "timeout", 0.3, 0.25, 3, 3, 1.0, 10, 2),
        RhoResult(0.1, math.inf, None, "timeout", math.inf, math.inf, 3, 3, 1.0, 10, 2),
        RhoResult(0.0, 0.0, None, "", 0.0, 0.0, 3, 5, 1.0, 1, 0),
    ]
    rows = [one.to_dict() | {"index": 7 + k} for k, one in enumerate(results)]
    rows[0]["name"] = "a picture with a long name.png"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    found = known_of_lines(path)
    assert found[0] == Known("#7 \N{HORIZONTAL ELLIPSIS}ng name.png", 0.1, 0.2, 0.3, 0.25)
    assert found[1] == Known("#8", 0.1, math.inf, None, None)
    assert found[2] == Known("#9", 0.0, 0.0, 0.0, 0.0)
    kept = known_of_records([record(3, 0.1, 0.2)])
    assert len(kept) == 1 and kept[0].name.startswith("#3")


@pytest.mark.parametrize("count", [1, NAMED, NAMED + 1, 300])
def test_intervals_of_any_number_are_drawn(count: int, tmp_path: Path) -> None:
    images = [
        Known(f"#{k}", 0.01 * (k % 7), 0.01 * (k % 7) + (0.02 if k % 5 else math.inf), 0.05)
        for k in range(count)
    ]
    path = tmp_path / "a.png"
    draw_intervals(path, images)
    wide, high = size(path)
    assert wide == pytest.approx(COLUMN, abs=0.01) and high <= 4.2


def test_the_margin_along_a_line_by_hand() -> None:
    """On the line the margin is that of the network at each point, and rivals are the best."""
    network = running_example()
    image, example = np.array([0.36, 0.53]), np.array([0.46, 0.43])
    found = along(network, image, example, 1, (0.0, 1.0))
    assert found.share[0] == pytest.approx(-0.25) and found.share[-1] == pytest.approx(1.5)
    for share, margin in zip(found.share[::100], found.margin[::100], strict=True):
        logits = network.forward((image + share * (example - image))[None])[0]
        assert margin == pytest.approx(logits[1] - logits[0], abs=1e-12)
    assert (found.rival == 0).all()


def test_a_line_ends_where_the_domain_does() -> None:
    network = running_example()
    edge = along(network, np.array([0.0, 0.5]), np.array([0.5, 0.5]), 1, (0.0, 1.0))
    assert edge.share[0] == 0.0 and edge.share[-1] == 1.5
    corner = along(network, np.array([0.5, 0.5]), np.array([1.0, 0.5]), 1, (0.0, 1.0))
    assert corner.share[0] == -0.25 and corner.share[-1] == 1.0
    still = along(network, np.array([0.5, 0.5]), np.array([0.5, 0.5]), 1, (0.0, 1.0))
    assert np.ptp(still.margin) == 0.0


def test_a_trace_keeps_both_ends_of_rho(tmp_path: Path) -> None:
    images = rb.data.digits()
    trace = rb.Trace()
    found = rb.rho("digits", images.vector(9), label=int(images.labels[9]), progress=trace)
    assert isinstance(found, RhoResult) and found.exact and len(trace.events) > 2
    lower, upper = ([getattr(one, side) for one in trace.events] for side in ("lower", "upper"))
    assert lower == sorted(lower) and upper == sorted(upper, reverse=True)
    assert all(low <= high for low, high in zip(lower, upper, strict=True))
    assert (lower[-1], upper[-1]) == (found.lower, found.upper)
    assert "events" in repr(trace)
    path = tmp_path / "log.jsonl"
    path.write_text(lines(trace.events, "rho", 9))
    assert read(path) == ("rho", trace.events), "a log gives the same events back"
    draw_search(tmp_path / "a.png", trace.events)


def test_a_trace_of_an_objective_and_of_a_margin() -> None:
    x = rb.Variable(2, 0, 1, "x")
    trace = rb.Trace()
    solution = rb.Problem(rb.maximize(rb.relu(x[0] - x[1]) + x[1])).solve(progress=trace)
    assert trace.events and trace.events[-1].upper >= solution.value - 1e-9
    margins = rb.Trace()
    margins(3, 2, -0.5)
    margins(5, 1, -0.25)
    assert [(one.nodes, one.lower, one.upper) for one in margins.events] == [
        (3, -0.5, math.inf), (5, -0.25, math.inf)
    ]  # fmt: skip


def test_a_trace_of_a_long_search_stays_small() -> None:
    trace = rb.Trace()
    for k in range(20_000):
        trace(k, 1, -1.0 / (k + 1))
    assert len(trace.events) < 5_000 and trace.events[-1].nodes == 19_999
    still = rb.Trace()
    for k in range(1000):
        still(k, 1, -1.0)
    assert len(still.events) <= 3


def test_steps_of_a_search_by_hand() -> None:
    events = [Event(0.0, 0, 1, -math.inf, math.inf), Event(1.0, 5, 2, 0.1, 0.4)]
    seconds, lower, upper = steps(events)
    assert seconds.tolist() == [0.0, 1.0] and lower[1] == 0.1 and upper[1] == 0.4
    assert np.isnan([lower[0], upper[0]]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no events"),
        ("{}\n", "line 1: is no event"),
        ("[1]\n", "line 1: is no event"),
        ('{"index": 0, "of": "luck", "seconds": 0, "nodes": 0, "open": 0, "lower": 0, "upper": 1}',
         "holds no events"),
    ],
)  # fmt: skip
def test_what_is_no_log_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read(path)
    with pytest.raises(InputError, match="nothing was proven"):
        draw_search(tmp_path / "a.png", [Event(0.0, 0, 0, -math.inf, math.inf)])


@pytest.mark.parametrize("about", ["rho", "margin", "objective"])
def test_long_searches_are_drawn(about: str, tmp_path: Path) -> None:
    events = [Event(t, int(t), 1, -1.0 + t / 200.0, math.inf if t < 9 else 1.0) for t in range(90)]
    draw_search(tmp_path / "a.png", events, about)
    assert size(tmp_path / "a.png")[0] == pytest.approx(COLUMN, abs=0.01)


def test_commands_draw(tmp_path: Path) -> None:
    def call(*arguments: str | Path) -> list[str]:
        found = runner.invoke(app, ["figure", *map(str, arguments)])
        assert found.exit_code == 0, found.output
        return found.stdout.splitlines()

    log, out = tmp_path / "log.jsonl", tmp_path / "a.png"
    told = call("search", "digits", "--index", "9", "--log", log, "--out", out, "--theme", "dark")
    assert told[0].startswith("image 9: rho = ") and out.exists()
    assert call("search", log, "--out", out) == [f"picture: {out}"]
    told = call("line", "digits", "--index", "9", "--out", out)
    assert told[0].startswith("image 9: label 1, example ") and "rho = " in told[0]
    assert call("search", "digits", "--eps", "0.01", "--out", out)[0] == "image 0: ROBUST at 0.01"
    path = tmp_path / "rho.jsonl"
    path.write_text(RhoResult(0.1, 0.2, None, "t", 0.3, 0.3, 3, 3, 1.0, 10, 2).to_json() + "\n")
    assert call("intervals", path, "--out", out) == [f"1 image, picture: {out}"]
    for arguments in (["intervals", path, "--theme", "pink"], ["line", "digits", "--index", "0:2"]):
        refused = runner.invoke(app, ["figure", *map(str, arguments), "--out", str(out)])
        assert refused.exit_code == 2 and len(refused.stderr.splitlines()) == 1


def test_a_margin_is_drawn_with_its_proof(tmp_path: Path) -> None:
    network = running_example()
    line = along(network, np.array([0.36, 0.53]), np.array([0.46, 0.43]), 1, (0.0, 1.0))
    for suffix in ("png", "svg"):
        path = tmp_path / f"a.{suffix}"
        draw_line(path, line, (1, 0), 0.1, "linf", 0.06)
        assert path.stat().st_size > 1000
