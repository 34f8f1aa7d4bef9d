"""How the tests draw their examples: always the same ones, unless new ones are asked for.

`pytest` runs every property on examples that follow from its code alone, so what fails fails for
everybody. `python -m tests.explore` runs the same properties on fresh ones.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from rhobust.bnb.tracking.tracker import SAMPLES

# the scripts of bench/ are not installed; what is stands before them
sys.path.append(str(Path(__file__).resolve().parent.parent))

# how long an example takes says nothing on a busy machine
quiet = [HealthCheck.too_slow]
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=quiet,
    max_examples=25,
)  # fmt: skip
settings.register_profile(
    "explore", derandomize=False, database=None, deadline=None, suppress_health_check=quiet,
    print_blob=True,
)  # fmt: skip


def draw_no_constants() -> None:
    """Hypothesis also draws the constants of all modules that happen to be loaded.

    Which these are hangs on the tests that ran before in the same process.
    """
    try:
        providers: Any = import_module("hypothesis.internal.conjecture.providers")
        empty = providers.Constants()
    except (ImportError, AttributeError):
        return  # older versions draw none
    providers._get_local_constants = lambda: empty


draw_no_constants()
settings.load_profile("explore" if os.environ.get("RHOBUST_EXPLORE") else "repeatable")

# every search of every test checks that it loses none of some points of its region
SAMPLES.set(4)
