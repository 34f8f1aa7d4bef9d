"""The program with all its commands, in the order in which its help lists them."""

from __future__ import annotations

from .command import Command, app

from .declared import images, test_sets, data, figure, properties, models  # isort: skip

__all__ = ["Command", "app", "data", "figure", "images", "models", "properties", "test_sets"]
