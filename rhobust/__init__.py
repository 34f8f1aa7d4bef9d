"""Robustness of piecewise-linear neural networks: exact by branch and bound, estimated by LPs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compiler.graph import Network
    from .compiler.verdict import Estimate, RhoResult, Verdict, VerifyResult
    from .decide import verify
    from .estimate import rho_estimate
    from .loading import load
    from .radius import rho

__all__ = [
    "Estimate",
    "Network",
    "RhoResult",
    "Verdict",
    "VerifyResult",
    "load",
    "rho",
    "rho_estimate",
    "verify",
]
__version__ = "0.1.0"

# No submodule may bear a public name: importing it would replace the name by the module.
_HOMES = {
    "Estimate": ".compiler.verdict",
    "Network": ".compiler.graph",
    "RhoResult": ".compiler.verdict",
    "Verdict": ".compiler.verdict",
    "VerifyResult": ".compiler.verdict",
    "load": ".loading",
    "rho": ".radius",
    "rho_estimate": ".estimate",
    "verify": ".decide",
}

if not TYPE_CHECKING:  # a type checker sees the imports above, and wrong names as errors

    def __getattr__(name: str) -> object:
        """The public names, each imported when it is first used: numba and onnx load slowly."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name], __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
