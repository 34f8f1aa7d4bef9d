"""The colours of all pictures and pages: of answers, of changes, of text and curves."""

from __future__ import annotations

from dataclasses import dataclass

LOSS, NONE, GAIN = (33, 82, 156), (250, 249, 246), (178, 60, 42)
"""Of the largest change of a pixel downwards, of none, and of the largest one upwards."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours on one ground.  curves: of several things in one plot, told apart in grey, too."""

    paper: str
    ink: str
    soft: str
    rule: str
    proven: str
    open: str
    broken: str
    wrong: str
    proven_area: str
    open_area: str
    broken_area: str
    curves: tuple[str, ...]


LIGHT = Theme(
    paper="#ffffff", ink="#23211d", soft="#6a665d", rule="#e3dfd6",
    proven="#2f7f73", open="#e0b04a", broken="#c2604a", wrong="#6d4a63",
    proven_area="#bcdcd4", open_area="#e9c46f", broken_area="#f3ddd5",
    curves=("#235f8f", "#c2604a", "#2f7f73", "#b98412", "#6d4a63", "#23211d", "#7fa8c9", "#8a8275"),
)  # fmt: skip
DARK = Theme(
    paper="#191b1d", ink="#e7e4dc", soft="#a19d92", rule="#373b3e",
    proven="#5fb3a3", open="#d9ab4c", broken="#d37f69", wrong="#b08aa5",
    proven_area="#24504a", open_area="#a98336", broken_area="#462e29",
    curves=("#8dbde3", "#d37f69", "#5fb3a3", "#d9ab4c", "#b08aa5", "#e7e4dc", "#4f7fa6", "#a19d92"),
)  # fmt: skip
THEMES = {"light": LIGHT, "dark": DARK}
