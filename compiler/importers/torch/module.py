"""Networks from PyTorch modules, whose graphs torch.fx tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...base.arrays import Matrix
from ...base.errors import FidelityError, ModelError
from ...network.graph import Network
from ..assembly import Assembly
from ..onnx.model import Shape
from .bare import bare, unwrapped
from .graph import SUPPORTED, Reader, last_softmax, without
from .layers import LAYERS


@dataclass(frozen=True, eq=False)
class TorchRuntime:
    """A module's own evaluation by one thread; (B, input_size) to (B, output_size) as float64.

    Each row is a batch of one, since a module may mix the rows of a larger one.
    """

    source: str
    module: Any
    shape: Shape
    dtype: np.dtype[Any]

    def __call__(self, inputs: Matrix) -> Matrix:
        torch = torch_library(self.source)
        rows = inputs.astype(self.dtype).reshape(-1, *self.shape)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the order of sums, and with it the result, depends on it
        try:
            with torch.no_grad():
                found = [self.module(torch.from_numpy(row)).numpy() for row in rows]
            return np.array(found, dtype=np.float64).reshape(len(rows), -1)
        except Exception as error:  # the module's own code may raise anything
            raise ModelError(self.source, f"PyTorch does not evaluate it: {error}") from error
        finally:
            torch.set_num_threads(threads)


def torch_library(source: str) -> Any:
    """The module `torch`, which is no requirement of ours."""
    try:
        import torch
        import torch.fx
    except ImportError as error:
        raise ModelError(
            source, "needs PyTorch, which is not installed: pip install torch"
        ) from error
    return torch


def from_torch(module: Any, input_shape: Sequence[int]) -> Network:
    """The network of a `torch.nn.Module` in evaluation mode; the module itself stays as it is.

    input_shape: of one input, without the batch.  DataParallel and torch.compile are taken off, and
    parametrisations as weight norm are taken at the weights that they make.
    Promise: float32 and float64 weights are taken at their exact values, what is not understood is
    refused, and our forward pass agrees with the module on a few inputs.
    """
    source = type(module).__name__
    torch = torch_library(source)
    if not isinstance(module, torch.nn.Module):
        raise ModelError(source, "is no torch.nn.Module; for saved weights see from_state_dict")
    module = unwrapped(torch, module)
    source = type(module).__name__
    try:
        frozen = bare(torch, module, tuple(input_shape))
        # a layer alone is traced as a chain of one, so that fx does not look inside it
        traced = torch.fx.symbolic_trace(
            torch.nn.Sequential(frozen) if source in LAYERS else frozen
        )
    except ModelError:
        raise
    except Exception as error:  # tracing runs the module's own code, which may raise anything
        raise ModelError(
            source,
            f"cannot be traced by torch.fx ({error}). Write its forward without decisions on data, "
            "or export it to ONNX",
        ) from error
    for name, part in frozen.named_modules():
        if part._forward_hooks or part._forward_pre_hooks:
            raise ModelError(source, f"module {name!r} has hooks; remove them first")
    dtype = _dtype(source, frozen)
    assembly = Assembly(source, input_shape, SUPPORTED, dtype)
    softmax = last_softmax(traced)
    output = Reader(torch, assembly, traced, softmax).read()
    runtime = TorchRuntime(source, frozen, assembly.input.shape, dtype)
    if softmax is None:
        return assembly.finish(output, source, runtime)
    _check_trace(traced, runtime)
    before = TorchRuntime(source, without(torch, traced, softmax), runtime.shape, dtype)
    note = (
        f"{softmax.target if softmax.op == 'call_module' else softmax.name!r} at the end, a "
        "softmax, is left out: the outputs are its inputs, in the same order of size"
    )
    return assembly.finish(output, source, before, [note], ordered=True)


def _dtype(source: str, module: Any) -> np.dtype[Any]:
    """The one precision of all the module's numbers."""
    tensors = [*module.parameters(), *module.buffers()]
    found = {str(tensor.dtype) for tensor in tensors if tensor.is_floating_point()}
    found |= {str(tensor.dtype) for tensor in tensors if tensor.is_complex()}
    known = {"torch.float32": np.float32, "torch.float64": np.float64}
    if len(found) > 1 or not found <= set(known):
        raise ModelError(
            source,
            f"has weights of {', '.join(sorted(found))}; float32 or float64 alone is read. Convert "
            "it with module.float()",
        )
    return np.dtype(known[found.pop()] if found else np.float32)


def _check_trace(traced: Any, runtime: TorchRuntime) -> None:
    """Raises unless the trace does what the module does: its copy without softmax stands for it."""
    rows = np.random.default_rng(1).normal(size=(4, int(np.prod(runtime.shape))))
    copied = TorchRuntime(runtime.source, traced, runtime.shape, runtime.dtype)
    if not np.allclose(copied(rows), runtime(rows), rtol=1e-5, atol=1e-6, equal_nan=True):
        raise FidelityError(
            runtime.source, "its trace by torch.fx computes something else; export it to ONNX"
        )
