"""Robustness of piecewise-linear neural networks: exact by branch and bound, estimated by LPs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import metrics
    from .compiler.activations import (
        absolute,
        clip,
        leaky_relu,
        max_pool,
        maximum,
        minimum,
        relu,
        sign_of,
        step,
    )
    from .compiler.graph import Network
    from .compiler.importers.keras_files import from_keras
    from .compiler.importers.mipverify_mat import from_mat
    from .compiler.importers.nnet import from_nnet
    from .compiler.importers.sklearn_models import from_sklearn
    from .compiler.importers.torch_module import from_torch
    from .compiler.importers.torch_state import from_state_dict
    from .compiler.language import Variable, argmax_is, implies, norm1, norm2, norm_inf
    from .compiler.language import all_of as And
    from .compiler.language import any_of as Or
    from .compiler.verdict import Estimate, RhoResult, Verdict, VerifyResult
    from .compiling import on_compiling
    from .decide import verify
    from .estimate import rho_estimate
    from .formulation import Problem, Solution, maximize, minimize
    from .loading import load
    from .radius import rho
    from .solving import SolveResult, solve

__all__ = [
    "And",
    "Estimate",
    "Network",
    "Or",
    "Problem",
    "RhoResult",
    "Solution",
    "SolveResult",
    "Variable",
    "Verdict",
    "VerifyResult",
    "absolute",
    "argmax_is",
    "clip",
    "from_keras",
    "from_mat",
    "from_nnet",
    "from_sklearn",
    "from_state_dict",
    "from_torch",
    "implies",
    "leaky_relu",
    "load",
    "max_pool",
    "maximize",
    "maximum",
    "metrics",
    "minimize",
    "minimum",
    "norm1",
    "norm2",
    "norm_inf",
    "on_compiling",
    "relu",
    "rho",
    "rho_estimate",
    "sign_of",
    "solve",
    "step",
    "verify",
]
__version__ = "0.1.0"

# No other submodule may bear a public name: importing it would replace the name by the module.
_MODULES = ("metrics",)
_HOMES = {
    "And": ".compiler.language:all_of",
    "Or": ".compiler.language:any_of",
    "Problem": ".formulation",
    "Solution": ".formulation",
    "Variable": ".compiler.language",
    "absolute": ".compiler.activations",
    "argmax_is": ".compiler.language",
    "clip": ".compiler.activations",
    "implies": ".compiler.language",
    "leaky_relu": ".compiler.activations",
    "max_pool": ".compiler.activations",
    "maximize": ".formulation",
    "maximum": ".compiler.activations",
    "minimize": ".formulation",
    "minimum": ".compiler.activations",
    "norm1": ".compiler.language",
    "norm2": ".compiler.language",
    "norm_inf": ".compiler.language",
    "relu": ".compiler.activations",
    "sign_of": ".compiler.activations",
    "step": ".compiler.activations",
    "Estimate": ".compiler.verdict",
    "Network": ".compiler.graph",
    "RhoResult": ".compiler.verdict",
    "SolveResult": ".solving",
    "Verdict": ".compiler.verdict",
    "VerifyResult": ".compiler.verdict",
    "from_keras": ".compiler.importers.keras_files",
    "from_mat": ".compiler.importers.mipverify_mat",
    "from_nnet": ".compiler.importers.nnet",
    "from_sklearn": ".compiler.importers.sklearn_models",
    "from_state_dict": ".compiler.importers.torch_state",
    "from_torch": ".compiler.importers.torch_module",
    "load": ".loading",
    "on_compiling": ".compiling",
    "rho": ".radius",
    "rho_estimate": ".estimate",
    "solve": ".solving",
    "verify": ".decide",
}

if not TYPE_CHECKING:  # a type checker sees the imports above, and wrong names as errors

    def __getattr__(name: str) -> object:
        """The public names, each imported when it is first used: numba and onnx load slowly."""
        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home, _, other = _HOMES[name].partition(":")
        value = getattr(import_module(home, __name__), other or name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
