"""Robustness of piecewise-linear neural networks: exact by branch and bound, estimated by LPs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import data, evaluation, metrics, smoothing, store, training
    from .compiler.importers.keras.files import from_keras
    from .compiler.importers.mipverify.mat import from_mat
    from .compiler.importers.nnet import from_nnet
    from .compiler.importers.sklearn.models import from_sklearn
    from .compiler.importers.torch.module import from_torch
    from .compiler.importers.torch.state import from_state_dict
    from .compiler.language.activations import (
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
    from .compiler.language.expressions import Variable
    from .compiler.language.formulas import all_of as And
    from .compiler.language.formulas import any_of as Or
    from .compiler.language.formulas import argmax_is, implies
    from .compiler.language.norms import norm1, norm2, norm_inf
    from .compiler.network.graph import Network
    from .compiling import on_compiling
    from .evaluation.evaluate import evaluate
    from .evaluation.result import Evaluation
    from .frames import to_dataframe
    from .networks.load import load
    from .queries.attack import attack
    from .queries.estimate import rho_estimate
    from .queries.explain import explain
    from .queries.explanation import Explanation
    from .queries.objective.formulation import maximize, minimize
    from .queries.objective.solution import Solution
    from .queries.problem import Problem
    from .queries.rho import rho
    from .queries.solve import SolveResult, solve
    from .queries.trace import Trace
    from .queries.verify import verify
    from .report.writing import write_comparison, write_report
    from .results import AttackResult, Estimate, RhoResult, Verdict, VerifyResult

__all__ = [
    "And",
    "AttackResult",
    "Estimate",
    "Evaluation",
    "Explanation",
    "Network",
    "Or",
    "Problem",
    "RhoResult",
    "Solution",
    "SolveResult",
    "Trace",
    "Variable",
    "Verdict",
    "VerifyResult",
    "absolute",
    "argmax_is",
    "attack",
    "clip",
    "data",
    "evaluate",
    "evaluation",
    "explain",
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
    "smoothing",
    "solve",
    "step",
    "store",
    "to_dataframe",
    "training",
    "verify",
    "write_comparison",
    "write_report",
]
__version__ = "0.2.0"

# No other submodule may bear a public name: importing it would replace the name by the module.
_MODULES = ("data", "evaluation", "metrics", "smoothing", "store", "training")
_HOMES = {
    "And": ".compiler.language.formulas:all_of",
    "Or": ".compiler.language.formulas:any_of",
    "Problem": ".queries.problem",
    "Solution": ".queries.objective.solution",
    "Variable": ".compiler.language.expressions",
    "absolute": ".compiler.language.activations",
    "argmax_is": ".compiler.language.formulas",
    "clip": ".compiler.language.activations",
    "implies": ".compiler.language.formulas",
    "leaky_relu": ".compiler.language.activations",
    "max_pool": ".compiler.language.activations",
    "maximize": ".queries.objective.formulation",
    "maximum": ".compiler.language.activations",
    "minimize": ".queries.objective.formulation",
    "minimum": ".compiler.language.activations",
    "norm1": ".compiler.language.norms",
    "norm2": ".compiler.language.norms",
    "norm_inf": ".compiler.language.norms",
    "relu": ".compiler.language.activations",
    "sign_of": ".compiler.language.activations",
    "step": ".compiler.language.activations",
    "AttackResult": ".results",
    "Estimate": ".results",
    "Evaluation": ".evaluation.result",
    "Explanation": ".queries.explanation",
    "Network": ".compiler.network.graph",
    "RhoResult": ".results",
    "SolveResult": ".queries.solve",
    "Verdict": ".results",
    "VerifyResult": ".results",
    "evaluate": ".evaluation.evaluate",
    "explain": ".queries.explain",
    "from_keras": ".compiler.importers.keras.files",
    "from_mat": ".compiler.importers.mipverify.mat",
    "from_nnet": ".compiler.importers.nnet",
    "from_sklearn": ".compiler.importers.sklearn.models",
    "from_state_dict": ".compiler.importers.torch.state",
    "from_torch": ".compiler.importers.torch.module",
    "attack": ".queries.attack",
    "load": ".networks.load",
    "on_compiling": ".compiling",
    "rho": ".queries.rho",
    "rho_estimate": ".queries.estimate",
    "solve": ".queries.solve",
    "Trace": ".queries.trace",
    "to_dataframe": ".frames",
    "verify": ".queries.verify",
    "write_comparison": ".report.writing",
    "write_report": ".report.writing",
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
