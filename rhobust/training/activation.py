"""The ReLU of an interval as one differentiable operation.

Written in tensors it takes eight passes over the largest arrays that there are, and twelve back.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import kernels
from .torch_library import library


def interval_relu(middle: Any, half: Any) -> tuple[Any, Any]:
    """Middle and half the width of max(0, x), for x within half of the middle."""
    alike = middle.dtype == half.dtype and middle.shape == half.shape
    if not alike or middle.device.type != "cpu":  # the kernel is compiled, and checks no sizes
        low, high = (middle - half).relu(), (middle + half).relu()
        return 0.5 * (low + high), 0.5 * (high - low)
    found: tuple[Any, Any] = _operation().apply(middle, half)
    return found


@cache
def _operation() -> Any:
    torch = library()

    class IntervalRelu(torch.autograd.Function):  # type: ignore[name-defined, misc, unused-ignore]
        @staticmethod
        def forward(ctx: Any, middle: Any, half: Any) -> tuple[Any, Any]:
            middle = _dense(middle)
            half = _like(torch, middle, half)
            found = torch.empty_like(middle), torch.empty_like(middle)
            kernels.relu(*map(_flat, (middle, half, *found)))
            ctx.save_for_backward(middle, half)
            return found

        @staticmethod
        @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
        def backward(ctx: Any, by_middle: Any, by_half: Any) -> tuple[Any, Any]:
            middle, half = ctx.saved_tensors
            given = (_like(torch, middle, part) for part in (by_middle, by_half))
            found = torch.empty_like(middle), torch.empty_like(middle)
            kernels.relu_gradient(*map(_flat, (middle, half, *given, *found)))
            return found

    return IntervalRelu


def _dense(tensor: Any) -> Any:
    """Without gaps in memory, in whichever order of dimensions."""
    order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    return tensor if tensor.permute(order).is_contiguous() else tensor.contiguous()


def _like(torch: Any, model: Any, tensor: Any) -> Any:
    """In the order of the model."""
    same = tensor.stride() == model.stride()
    return tensor if same else torch.empty_like(model).copy_(tensor)


def _flat(tensor: Any) -> Any:
    """A view (N,) of numpy's, in the order of memory."""
    return tensor.detach().as_strided((tensor.numel(),), (1,)).numpy()
