"""The command recipes: trainings whose figures are known."""

from __future__ import annotations

from ...training import recipes
from ..output import tell


def show(name: str) -> None:
    """All recipes with what they reach, or one as a configuration to copy."""
    if name:
        tell(recipes.text(name), end="")
        return
    for known in recipes.names():
        about = recipes.about(known)
        tell(f"{known}\n    {about.purpose}\n    reaches: {about.reaches}\n    costs: {about.cost}")
    tell("train one with rhobust train --recipe NAME; rhobust recipes NAME prints it, to copy it")
