"""The attacks, one file each.

To add one: a file, its line in `METHODS`; tests/rhobust/test_attack_methods.py asks all of them.
"""

from __future__ import annotations

from .fgsm import Fgsm
from .fmn import Fmn
from .lbfgs import Lbfgs
from .method import Attack
from .noise import Noise
from .pgd import Pgd, PgdL2
from .restriction import Restriction, RestrictionDescent
from .square import Square

METHODS: dict[str, type[Attack]] = {
    "noise": Noise,
    "fgsm": Fgsm,
    "pgd": Pgd,
    "pgd-l2": PgdL2,
    "square": Square,
    "lbfgs": Lbfgs,
    "fmn": Fmn,
    "restriction": Restriction,
    "descent": RestrictionDescent,
}
"""By the names of --method."""

__all__ = ["METHODS", "Attack"]
