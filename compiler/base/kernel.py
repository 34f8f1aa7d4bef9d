"""Loops over arrays: interpreted while little is asked of them, compiled from then on.

numba takes half a second to load, and seconds for kernels that it has not compiled before. A small
question takes Python itself less than that, by the very same loops: a kernel is a function of
Python, and rounds alike whoever runs it. So kernels of one process are interpreted until the arrays
given to them have `ALLOWANCE` elements in sum; the call that would go beyond it is compiled, and so
are all after it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

ALLOWANCE = 600_000
"""Elements: a fifth of a second, less than numba takes to load (`bench/startup.py`)."""


class Listener(Protocol):
    """Whoever has to know when numba is loaded."""

    def begin(self) -> None:
        """Loading begins."""

    def end(self) -> None:
        """Loading is done, and numba can be asked to tell more."""


class Use:
    """How much was interpreted in this process, and whether kernels are compiled by now."""

    def __init__(self, allowance: int = ALLOWANCE) -> None:
        self.left = allowance
        self.compiles = False
        self._listeners: list[Listener] = []
        self.lock = RLock()

    def listen(self, listener: Listener) -> None:
        """Tells a listener once; at once where numba is there already."""
        with self.lock:
            if "numba" in sys.modules:
                listener.begin()
                listener.end()
            else:
                self._listeners.append(listener)

    def small(self, size: int) -> bool:
        """Whether a call with so many elements is to be interpreted; threads may come at once."""
        if not self.compiles:
            self.left -= size  # what two threads lose here of each other's makes no difference
            self.compiles = self.left < 0
        return not self.compiles

    def numba(self) -> Any:
        """The module, loaded with all listeners told."""
        with self.lock:
            listeners, self._listeners = self._listeners, []
            for listener in listeners:
                listener.begin()
            try:
                import numba
            finally:
                for listener in listeners:
                    listener.end()
            self.compiles = True
            return numba


use = Use()
"""The one of this process."""


class Kernel(Generic[P, R]):
    """A function that numba can compile.

    interpretable: it meets each element of its arrays a fixed number of times, so that their sizes
    tell how long it takes without being compiled. options: those of numba.njit.
    """

    def __init__(
        self, function: Callable[P, R], interpretable: bool, options: dict[str, Any]
    ) -> None:
        self.function, self.interpretable, self.options = function, interpretable, options
        self.__doc__, self.__name__ = function.__doc__, function.__name__
        self._compiled: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._compiled is not None:
            return self._compiled(*args, **kwargs)
        if self.interpretable:
            arrays = [value.size for value in args if isinstance(value, np.ndarray)]
            if use.small(sum(arrays)):
                return self.interpreted(*args, **kwargs)
        return self.compiled()(*args, **kwargs)

    def interpreted(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same by Python; what is no number is told as little as in compiled loops."""
        with np.errstate(all="ignore"):
            return self.function(*args, **kwargs)

    def compiled(self) -> Callable[P, R]:
        """What numba makes of it, in its own time: at the first call with types of arguments."""
        if self._compiled is None:
            self._compile_file()
        return cast("Callable[P, R]", self._compiled)

    def _compile_file(self) -> None:
        numba = use.numba()
        names = self.function.__globals__
        with use.lock:
            found = {name: value for name, value in names.items() if isinstance(value, Kernel)}
            for one in found.values():
                if one._compiled is None:
                    one._compiled = numba.njit(cache=True, **one.options)(one.function)
            # a loop calls others of its file by their names, where numba has to find its own
            used = {name for one in found.values() for name in one.function.__code__.co_names}
            names |= {name: found[name]._compiled for name in used & found.keys()}


@overload
def kernel(function: Callable[P, R], /) -> Kernel[P, R]: ...


@overload
def kernel(
    *, interpretable: bool = ..., **options: Any
) -> Callable[[Callable[P, R]], Kernel[P, R]]: ...


def kernel(
    function: Callable[..., Any] | None = None, /, *, interpretable: bool = True, **options: Any
) -> Any:
    """Makes a kernel of a loop; it releases the interpreter's lock when it is compiled."""
    options = {"nogil": True, **options}
    if function is not None:
        return Kernel(function, interpretable, options)
    return lambda made: Kernel(made, interpretable, options)
