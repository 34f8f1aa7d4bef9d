"""Draws the figures of the pages about theory: python docs/site/figures.py writes docs/figures/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import rhobust as rb

FOLDER = Path(__file__).resolve().parent.parent / "figures"
BLUE, RED, GREY = "#2b5fa4", "#b3382c", "#8a8a8a"


def relaxation() -> None:
    """The ReLU of one unit over its bounds: its triangle, and the two phases of a split."""
    low, high = -1.0, 1.5
    figure, panels = plt.subplots(1, 3, figsize=(9, 2.9), sharey=True, layout="constrained")
    z = np.array([low, 0.0, high])
    titles = ("relaxed: a triangle", "split, inactive: r = 0", "split, active: r = z")
    for panel, title in zip(panels, titles, strict=True):
        panel.axhline(0, color=GREY, lw=0.6)
        panel.axvline(0, color=GREY, lw=0.6)
        panel.plot(z, np.maximum(z, 0), color=GREY, lw=1, ls="--")
        panel.set_title(title, fontsize=10)
        panel.set_xticks([low, 0, high], ["l", "0", "u"])
        panel.set_yticks([0, high], ["0", "u"])
        panel.set_xlabel("z, what enters the ReLU")
    panels[0].fill([low, high, 0], [0, high, 0], color=BLUE, alpha=0.25)
    panels[0].plot([low, high, 0, low], [0, high, 0, 0], color=BLUE, lw=1.8)
    panels[1].plot([low, 0], [0, 0], color=BLUE, lw=3)
    panels[2].plot([0, high], [0, high], color=BLUE, lw=3)
    panels[0].set_ylabel("r = max(z, 0)")
    save(figure, "relaxation.png")


def radii() -> None:
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
    figure, panel = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    panel.axhline(0, color=GREY, lw=0.8)
    panel.plot(radii, attacked, color=RED, ls="--", label="a point that an attack found")
    panel.plot(radii, exact, color="black", label="exact least lead, by branch and bound")
    panel.plot(radii, relaxed, color=BLUE, label="proven by the relaxation alone")
    panel.set_xlabel("radius ε in l∞")
    panel.set_ylabel(f"lead of {label} over {rival}, in logits")
    panel.legend(frameon=False, fontsize=9)
    save(figure, "radii.png")


def save(figure: Any, name: str) -> None:
    figure.savefig(FOLDER / name, dpi=140, metadata={"Software": "rhobust"})
    plt.close(figure)


if __name__ == "__main__":
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 10})
    relaxation()
    radii()
