"""Pictures: the worst images, the most robust ones, and some from all over."""

from __future__ import annotations

from ...store.record import Record
from ..findings.gathered import Findings
from ..findings.numbers import down, near, up
from ..findings.selection import Selection
from .markup import Html, element
from .pictures import Pictures


def gallery(findings: Findings, chosen: Selection, pictures: Pictures) -> Html:
    """Three groups of figures, and the scale of the differences."""
    if not pictures.images:
        why = "The run kept no images, or they have no height and width."
        return element("section", element("h2", "Pictures"), element("p", why), id="pictures")
    groups = (
        ("Least robust", "whose nearest examples are nearest", chosen.worst),
        ("Most robust", "of which the largest radius is proven", chosen.robust),
        ("From all over", "at equal steps of the order of \u03c1", chosen.across),
    )
    by_index = {one.index: place for place, one in enumerate(findings.records)}
    parts: list[object] = [element("h2", "Pictures")]
    if pictures.largest > 0.0:
        parts.append(scale(pictures.largest))
    for name, words, indices in groups:
        figures = [
            _figure(findings, by_index[k], pictures) for k in indices if k in pictures.images
        ]
        if figures:
            parts += [
                element("h3", name, " ", element("small", words)),
                element("div", *figures, class_="figures"),
            ]
    return element("section", *parts, id="pictures")


def scale(largest: float) -> Html:
    """The colours of all differences and what they mean."""
    ticks = (-largest, -largest / 4.0, 0.0, largest / 4.0, largest)
    marks = [element("span", _signed(one)) for one in ticks]
    return element(
        "div",
        element(
            "p",
            "Each figure: the image, the nearest example found, and their signed difference. All "
            "differences have one scale, in the network's input:",
        ),
        element("div", class_="ramp"),
        element("div", *marks, class_="ramp-ticks"),
        class_="scale",
    )


def _signed(value: float) -> str:
    if not value:
        return "0"
    return ("+" if value > 0 else "\N{MINUS SIGN}") + near(abs(value))


def _figure(findings: Findings, place: int, pictures: Pictures) -> Html:
    record = findings.records[place]
    image, example, change = pictures.images[record.index]
    shown = [_picture(image, f"image {record.index}", pictures)]
    if example:
        shown.append(_picture(example, "its nearest example", pictures))
        shown.append(_picture(change, "their difference", pictures))
    else:
        shown.append(element("span", "no example found", class_="none"))
    low, high = float(findings.known.lower[place]), float(findings.known.upper[place])
    return element(
        "figure",
        element("div", *shown, class_="triple"),
        element("figcaption", _names(record), element("br"), interval(low, high)),
        data_image=str(record.index),
    )


def _picture(address: str, words: str, pictures: Pictures) -> Html:
    return element("img", src=address, alt=words, width=pictures.width, height=pictures.height)


def _names(record: Record) -> Html:
    named = record.name if record.name not in ("", str(record.index)) else f"#{record.index}"
    turned = "" if record.witness_label is None else f" \N{RIGHTWARDS ARROW} {record.witness_label}"
    return element("span", element("b", named), f" \N{MIDDLE DOT} label {record.label}{turned}")


def interval(low: float, high: float) -> str:
    """What is known of rho."""
    if low == float("inf"):
        return "no example in the whole domain"
    if high == float("inf"):
        return f"\u03c1 \u2265 {down(low)}, none found"
    if down(low) == down(high) or up(low) == up(high):
        return f"\u03c1 = {near(high)}"
    return f"\u03c1 in [{down(low)}, {up(high)}]"
