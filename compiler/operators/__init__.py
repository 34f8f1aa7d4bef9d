"""Linear operators on flat vectors, one file each; convolutions are never expanded."""

from __future__ import annotations

from .chain import Chain, compose, scaled, times
from .convolution import Convolution
from .dense import Dense
from .linear_operator import LinearOperator, is_exact
from .scale import Scale
from .select import Select, identity, is_identity
from .sparse import Sparse
from .transposed import Transposed

__all__ = [
    "Chain",
    "Convolution",
    "Dense",
    "LinearOperator",
    "Scale",
    "Select",
    "Sparse",
    "Transposed",
    "compose",
    "identity",
    "is_exact",
    "is_identity",
    "scaled",
    "times",
]
