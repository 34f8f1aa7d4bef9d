"""The three questions about one image take the same arguments, in the same order, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import rhobust as rb

OWN = {
    "verify": {"eps", "checkpoint", "float32"},
    "rho": set[str](),
    "attack": {"eps", "method", "steps", "restarts", "minimal"},
    "explain": {"eps"},
    "rho_estimate": {"max_eps", "lazy", "oracle", "integer", "iterate"},
}
"""What only one of them has."""


def asked(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(call).parameters)


def test_names_order_and_defaults_are_the_same() -> None:
    calls = {
        "verify": asked(rb.verify),
        "rho": asked(rb.rho),
        "attack": asked(rb.attack),
        "explain": asked(rb.explain),
        "rho_estimate": asked(rb.rho_estimate),
    }
    order = [name for name in calls["verify"] if name not in OWN["verify"]]
    for call, given in calls.items():
        shared = [name for name in given if name not in OWN[call]]
        assert shared == [name for name in order if name in shared], call
        for name in shared[2:]:
            assert given[name].kind is inspect.Parameter.KEYWORD_ONLY, (call, name)
            same = given[name].default == calls["verify"][name].default
            # the paper's choice of target, which the docstring explains
            assert same or (call, name) == ("rho_estimate", "target"), (call, name)
    assert set(calls["rho"]) < set(calls["verify"])
