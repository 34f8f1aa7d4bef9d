"""Requests to end, at moments at which a process would not survive them."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from rhobust.cli import process


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(process, "_last", int(signal.SIGINT))
    numbers = [getattr(signal, name) for name in (*process.ENDING, "SIGPIPE")]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers[:3]:
        signal.signal(number, signal.SIG_DFL)
    process.heed_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def compiler(name: str) -> dict[str, object]:
    """A module of the compiler's, which is asked to end while it is at work."""
    names: dict[str, object] = {"__name__": name, "signal": signal, "done": []}
    exec("def work(number):\n signal.raise_signal(number)\n done.append(number)", names)
    return names


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("name", ["numba.core.codegen", "llvmlite.binding.executionengine"])
def test_a_request_within_the_compiler_waits_for_its_end(number: signal.Signals, name: str) -> None:
    names, began = compiler(name), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        names["work"](number)  # type: ignore[operator]
        assert names["done"] == [number]
        time.sleep(60.0)
    assert names["done"] == [number] and process.status() == 128 + number
    assert time.monotonic() < began + 50.0  # it woke, and does not go on when it has waited


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_request_elsewhere_is_heard_at_once() -> None:
    names = compiler("numbers")
    with pytest.raises(KeyboardInterrupt):
        names["work"](signal.SIGTERM)  # type: ignore[operator]
    assert names["done"] == []
