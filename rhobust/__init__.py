"""Robustness of piecewise-linear neural networks: exact by branch and bound, estimated by LPs."""

from .compiler.graph import Network
try:
    from .compiler.importers import load
except ImportError: pass
from .compiler.verdict import Estimate, RhoResult, Verdict, VerifyResult
from .estimate import rho_estimate
from .radius import rho
from .verify import verify

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
