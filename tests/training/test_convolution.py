"""The gradient of a convolution by its images is that of PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

from rhobust.training.convolution import gradients_by_images  # noqa: E402


@pytest.mark.parametrize("order", ["contiguous_format", "channels_last"])
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (3, {}),
        (4, {"stride": 2, "padding": 1}),
        ((3, 2), {"stride": (2, 3), "padding": (1, 0), "dilation": (1, 2), "bias": False}),
        (3, {"padding": "same"}),
        (3, {"padding": 1, "padding_mode": "circular"}),
    ],
)
def test_gradients_by_images_are_the_same(kernel: Any, options: Any, order: str) -> None:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(1, 5, kernel, **options), nn.ReLU(), nn.Conv2d(5, 2, 2))
    made.to(memory_format=getattr(torch, order))
    images = torch.randn(3, 1, 9, 10).requires_grad_(True)

    def gradient() -> tuple[Any, Any]:
        found = made(images)
        return found, torch.autograd.grad((found * found).sum(), images)[0]

    wanted = gradient()
    with gradients_by_images(made):
        found = gradient()
    assert torch.equal(found[0], wanted[0]) and torch.allclose(found[1], wanted[1], atol=1e-4)
    assert torch.equal(gradient()[1], wanted[1]), "afterwards it is as it was"


def test_a_module_is_restored_after_an_error_and_within_itself() -> None:
    made = nn.Conv2d(1, 2, 3)
    with pytest.raises(ZeroDivisionError), gradients_by_images(made):
        with gradients_by_images(made):
            pass
        assert "forward" in vars(made)
        raise ZeroDivisionError
    assert "forward" not in vars(made)
    made(torch.zeros(1, 1, 4, 4)).sum().backward()
    assert made.weight.grad is not None
    with gradients_by_images(made):
        assert made(torch.zeros(1, 4, 4)).shape == (2, 2, 2)
