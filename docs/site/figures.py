"""Draws the figures of the pages about theory: python docs/site/figures.py writes docs/figures/."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import rhobust as rb
from rhobust.cli.commands.figure import region as draw_region
from rhobust.report.style import COLUMN, PAGE, canvas

FOLDER = Path(__file__).resolve().parent.parent / "figures"


def relaxation(path: Path) -> None:
    """The ReLU of one unit over its bounds: its triangle, and the two phases of a split."""
    low, high = -1.0, 1.5
    z = np.array([low, 0.0, high])
    titles = ("relaxed: a triangle", "split, inactive: r = 0", "split, active: r = z")
    with canvas(path, PAGE, 2.0) as drawn:
        theme, (blue, *_) = drawn.theme, drawn.theme.curves
        panels = drawn.figure.subplots(1, 3, sharey=True)
        for panel, title in zip(panels, titles, strict=True):
            panel.axhline(0, color=theme.rule, lw=0.6)
            panel.axvline(0, color=theme.rule, lw=0.6)
            panel.plot(z, np.maximum(z, 0), color=theme.soft, lw=0.8, ls="--")
            panel.set_title(title)
            panel.set_xticks([low, 0, high], ["l", "0", "u"])
            panel.set_yticks([0, high], ["0", "u"])
            panel.set_xlabel("z, what enters the ReLU")
        panels[0].fill([low, high, 0], [0, high, 0], color=blue, alpha=0.25)
        panels[0].plot([low, high, 0, low], [0, high, 0, 0], color=blue)
        panels[1].plot([low, 0], [0, 0], color=blue, lw=2.2)
        panels[2].plot([0, high], [0, high], color=blue, lw=2.2)
        panels[0].set_ylabel("r = max(z, 0)")


def radii(path: Path) -> None:
    """The least lead over a rival within growing radii: relaxed, exact, and under an attack."""
    images = rb.data.digits()
    image, label = images.vector(3), int(images.labels[3])
    network = rb.load("digits")
    rival = rb.explain(network, image, 0.1, label=label).binding.label
    x = rb.Variable(64, lower=0, upper=1)
    y = network(x)
    radii = np.linspace(0.0, 0.2, 21)[1:]
    relaxed, exact, attacked = [], [], []
    for eps in radii.tolist():
        rivals = rb.explain(network, image, eps, label=label, target=rival, timeout=20).rivals
        relaxed.append(next(one.proven for one in rivals if one.label == rival))
        least = rb.Problem(rb.minimize(y[label] - y[rival]), [rb.norm_inf(x - image) <= eps])
        exact.append(least.solve(timeout=60).bound)
        found = rb.attack(network, image, eps, label=label, target=rival, steps=3)
        assert isinstance(found, rb.AttackResult)  # of one image
        attacked.append(found.lead)
    with canvas(path, 1.4 * COLUMN, 2.6) as drawn:
        theme, (blue, red, *_) = drawn.theme, drawn.theme.curves
        panel = drawn.figure.subplots()
        panel.axhline(0, color=theme.soft, lw=0.6)
        panel.plot(radii, attacked, color=red, ls="--", label="a point that an attack found")
        panel.plot(radii, exact, color=theme.ink, label="exact least lead, by branch and bound")
        panel.plot(radii, relaxed, color=blue, label="proven by the relaxation alone")
        panel.set_xlabel("radius \N{GREEK SMALL LETTER EPSILON} in l\N{INFINITY}")
        panel.set_ylabel(f"lead of {label} over {rival}, in logits")
        panel.legend()


def region(path: Path) -> None:
    """The plane of the running example, as `rhobust figure region` draws it, in fewer bytes."""
    draw_region(path, "0.36,0.53", 60.0, True)
    with Image.open(path) as drawn:
        small = drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True, dpi=(300, 300))


FIGURES: dict[str, Callable[[Path], None]] = {
    "relaxation": relaxation,
    "radii": radii,
    "region": region,
}

if __name__ == "__main__":  # all, or those that are named
    for name in sys.argv[1:] or FIGURES:
        FIGURES[name](FOLDER / f"{name}.png")
