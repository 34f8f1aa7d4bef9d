"""A convolution of one channel whose gradient by the images is found faster than by PyTorch.

PyTorch has no good way for it, and an attack on grey images needs it in every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from .torch_library import library


@contextmanager
def gradients_by_images(module: Any) -> Iterator[None]:
    """In here, gradients through a module are those by its images: its convolutions of one channel
    have none by their weights.
    """
    changed = [part for part in module.modules() if _fits(part)]
    for part in changed:
        part.forward = partial(_forward, part)
    try:
        yield
    finally:
        for part in changed:
            del part.forward


def _fits(part: Any) -> bool:
    return (
        type(part).__name__ == "Conv2d"
        and part.in_channels == 1
        and part.padding_mode == "zeros"
        and not isinstance(part.padding, str)
        and "forward" not in vars(part)
    )


def _forward(part: Any, images: Any) -> Any:
    if images.dim() != 4:
        return type(part).forward(part, images)
    return _operation().apply(
        images, part.weight, part.bias, part.stride, part.padding, part.dilation
    )


@cache
def _operation() -> Any:
    torch = library()
    functional = torch.nn.functional

    class OneChannel(torch.autograd.Function):  # type: ignore[name-defined, misc, unused-ignore]
        @staticmethod
        def forward(ctx: Any, images: Any, weight: Any, bias: Any, *sizes: Any) -> Any:
            stride, padding, dilation = sizes
            ctx.save_for_backward(weight)
            ctx.sizes = (images.shape[2:], weight.shape[2:], dilation, padding, stride)
            return functional.conv2d(images, weight, bias, stride, padding, dilation)

        @staticmethod
        @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
        def backward(ctx: Any, by_output: Any) -> tuple[Any, ...]:
            (weight,) = ctx.saved_tensors
            columns = weight.flatten(1).T @ by_output.flatten(2)
            return functional.fold(columns, *ctx.sizes), None, None, None, None, None

    return OneChannel
