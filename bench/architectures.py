"""Small networks in the style of torchvision's families, by PyTorch's default exporter, read here.

    pip install torch onnxscript
    python -m bench.architectures [NAME...]

Each is exported by `torch.onnx.export(..., dynamo=True)`, loaded and compared with onnxruntime on
50 inputs; a row says read, with the largest difference over the largest output, or refused and why.
`bench.channels_last` has graphs in the style of tf2onnx.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rhobust.compiler.base.errors import RhobustError

from .channels_last import SIDE, compared


def conv(i: int, o: int, side: int = 3, stride: int = 1, groups: int = 1, norm: bool = True) -> Any:
    """A convolution that keeps the side, with batch normalisation and a ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(i, o, side, stride, side // 2, groups=groups)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(o)] if norm else []), nn.ReLU())


class Residual(nn.Module):  # type: ignore[misc]
    """x + f(x), then a ReLU."""

    def __init__(self, inner: nn.Module, skip: nn.Module | None = None, last: bool = True) -> None:
        super().__init__()
        self.inner, self.skip = inner, skip or nn.Identity()
        self.last: nn.Module = nn.ReLU() if last else nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.last(self.inner(x) + self.skip(x))


class Joined(nn.Module):  # type: ignore[misc]
    """Branches after each other along the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Any) -> Any:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Shuffle(nn.Module):  # type: ignore[misc]
    """ShuffleNet's unit: half of the channels pass a branch, then channels are mixed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        depth = nn.Sequential(nn.Conv2d(half, half, 3, 1, 1, groups=half), nn.BatchNorm2d(half))
        self.branch = nn.Sequential(conv(half, half, 1), depth, conv(half, half, 1))

    def forward(self, x: Any) -> Any:
        first, second = x.chunk(2, dim=1)
        x = torch.cat((first, self.branch(second)), 1)
        n, c, h, w = x.size()
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


class UNet(nn.Module):  # type: ignore[misc]
    """Down, up by a transposed convolution, and joined with what was there before."""

    def __init__(self, up: nn.Module) -> None:
        super().__init__()
        self.first, self.down = conv(1, 4), nn.Sequential(nn.MaxPool2d(2), conv(4, 8))
        self.up, self.last = up, nn.Conv2d(8, 2, 3, 1, 1)

    def forward(self, x: Any) -> Any:
        kept = self.first(x)
        return self.last(torch.cat([kept, self.up(self.down(kept))], 1))


class Excited(nn.Module):  # type: ignore[misc]
    """Squeeze and excitation: channels times a factor that depends on them all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.factor = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 2, 1), nn.ReLU(),
            nn.Conv2d(2, channels, 1), nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return x * self.factor(x)


def basic(c: int, o: int, stride: int = 1) -> Residual:
    inner = nn.Sequential(conv(c, o, 3, stride), nn.Conv2d(o, o, 3, 1, 1), nn.BatchNorm2d(o))
    plain = c == o and stride == 1
    return Residual(inner, None if plain else nn.Conv2d(c, o, 1, stride))


def bottleneck(c: int, groups: int = 1) -> Residual:
    inner = nn.Sequential(conv(c, 4, 1), conv(4, 4, 3, groups=groups), nn.Conv2d(4, c, 1))
    return Residual(inner)


def inverted(c: int, act: type[nn.Module] = nn.ReLU6) -> Residual:
    wide = 2 * c
    return Residual(
        nn.Sequential(
            nn.Conv2d(c, wide, 1), nn.BatchNorm2d(wide), act(),
            nn.Conv2d(wide, wide, 3, 1, 1, groups=wide), nn.BatchNorm2d(wide), act(),
            nn.Conv2d(wide, c, 1), nn.BatchNorm2d(c),
        ),
        last=False,
    )  # fmt: skip


def head(channels: int, *before: nn.Module) -> nn.Sequential:
    """What ends most of them: the mean of each channel, and a linear layer."""
    return nn.Sequential(*before, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


def dense_block() -> nn.Module:
    def grown(c: int) -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 2, 3, 1, 1))

    layers = [Joined(nn.Identity(), grown(c)) for c in (4, 6)]
    return nn.Sequential(*layers, nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1), nn.AvgPool2d(2))


def fire(c: int) -> nn.Module:
    return nn.Sequential(
        conv(c, 2, 1, norm=False), Joined(conv(2, 4, 1, norm=False), conv(2, 4, norm=False))
    )


def inception(c: int) -> nn.Module:
    pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(c, 2, 1))
    return Joined(conv(c, 2, 1), nn.Sequential(conv(c, 2, 1), conv(2, 2)), conv(c, 2, 5), pool)


def alexnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 6, 3, 1, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Dropout(), nn.Linear(54, 12), nn.ReLU(),
        nn.Dropout(), nn.Linear(12, 5),
    )  # fmt: skip


def vgg(norm: bool) -> nn.Module:
    blocks = [conv(1, 4, norm=norm), nn.MaxPool2d(2), conv(4, 6, norm=norm), nn.MaxPool2d(2)]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(96, 8), nn.ReLU(), nn.Linear(8, 5))


def up(kind: str) -> nn.Module:
    if kind == "transposed":
        return nn.ConvTranspose2d(8, 4, 2, 2)
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 1))


FAMILIES: dict[str, Callable[[], nn.Module]] = {
    "AlexNet": alexnet,
    "VGG": lambda: vgg(False),
    "VGG with normalisation": lambda: vgg(True),
    "ResNet": lambda: head(8, conv(1, 4), basic(4, 4), basic(4, 8, 2)),
    "ResNet with bottlenecks": lambda: head(8, conv(1, 8), nn.MaxPool2d(3, 2, 1), bottleneck(8)),
    "Wide ResNet": lambda: head(12, conv(1, 12, 3, 2), basic(12, 12)),
    "ResNeXt": lambda: head(8, conv(1, 8, 3, 2), bottleneck(8, groups=2)),
    "DenseNet": lambda: head(4, conv(1, 4), dense_block()),
    "Inception": lambda: head(8, conv(1, 4, 3, 2), inception(4)),
    "GoogLeNet": lambda: head(8, conv(1, 4), nn.MaxPool2d(3, 2, ceil_mode=True), inception(4)),
    "SqueezeNet": lambda: head(8, conv(1, 4, norm=False), nn.MaxPool2d(2), fire(4)),
    "MobileNet v1": lambda: head(6, conv(1, 4, 3, 2), conv(4, 4, groups=4), conv(4, 6, 1)),
    "MobileNet v2": lambda: head(4, conv(1, 4, 3, 2), inverted(4)),
    "MobileNet v3 with hard swish": lambda: head(4, conv(1, 4, 3, 2), inverted(4, nn.Hardswish)),
    "MNASNet": lambda: head(4, conv(1, 4, 3, 2), inverted(4, nn.ReLU), inverted(4, nn.ReLU)),
    "EfficientNet with SiLU": lambda: head(4, conv(1, 4, 3, 2), inverted(4, nn.SiLU)),
    "ShuffleNet": lambda: head(8, conv(1, 8, 3, 2), Shuffle(8)),
    "RegNet": lambda: head(8, conv(1, 8, 3, 2), bottleneck(8, 2), bottleneck(8, 2)),
    "RegNet with excitation": lambda: head(8, conv(1, 8, 3, 2), Excited(8)),
    "U-Net": lambda: UNet(up("transposed")),
    "U-Net with upsampling": lambda: UNet(up("nearest")),
    "LeNet": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(144, 5)
    ),
    "Network in network": lambda: head(6, conv(1, 4, 5), conv(4, 4, 1), conv(4, 6, 1)),
    "All convolutional": lambda: head(6, conv(1, 4, 3, 2), conv(4, 6, 3, 2)),
    "Leaky ResNet": lambda: head(
        4, nn.Conv2d(1, 4, 3, 2, 1), nn.LeakyReLU(0.1), nn.PReLU(4), basic(4, 4)
    ),
}  # fmt: skip
CANNOT = {
    "MobileNet v3 with hard swish": "HardSwish",
    "EfficientNet with SiLU": "Sigmoid",
    "RegNet with excitation": "Mul of two activations",
}
"""What is refused, and the operator that the refusal names."""


def exported(module: nn.Module, path: Path) -> None:
    """A module, its statistics drawn, in a file by the default exporter."""
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.2, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
    module.eval()
    quiet = StringIO()
    with warnings.catch_warnings(), redirect_stdout(quiet), redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.zeros(1, 1, SIDE, SIDE),), path, dynamo=True, verbose=False
        )


def main() -> None:
    wanted = sys.argv[1:]
    read = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FAMILIES.items():
            if wanted and name not in wanted:
                continue
            path = Path(folder) / "model.onnx"
            exported(make(), path)
            try:
                print(f"{name}: read, differs by {compared(path):.1e}", flush=True)
                read += 1
            except RhobustError as error:
                print(f"{name}: refused: {str(error).partition(': ')[2][:160]}", flush=True)
    print(f"{read} of {len(wanted or FAMILIES)} read")


if __name__ == "__main__":
    main()
