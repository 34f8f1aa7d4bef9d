"""Networks of the tables: their layers, how they are kept, and the images they are trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch  # type: ignore[import-not-found, unused-ignore]
from onnx import numpy_helper
from torch import nn  # type: ignore[import-not-found, unused-ignore]

from rhobust.data import Images
from rhobust.files.atomic import write_bytes

from ..lenet import lenet
from ..onnx_writer import to_onnx
from ..train_digits import conv, load
from ..workloads import DATA


def caffe_lenet() -> nn.Sequential:
    """LeNet as Caffe has it: the only ReLU follows the dense layer of 500."""
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
    )


def small_nin() -> nn.Sequential:
    """Network in network of an eighth of the width: nine convolutions, three of them 1x1 pairs."""
    layers: list[nn.Module] = []
    channels = 3
    for number, (sizes, kernel) in enumerate(
        (((24, 20, 12), 5), ((24, 24, 24), 5), ((24, 24, 10), 3))
    ):
        for place, size in enumerate(sizes):
            side = 1 if place else kernel
            layers += [nn.Conv2d(channels, size, side, padding=side // 2), nn.ReLU()]
            channels = size
        if number < 2:
            layers += [nn.MaxPool2d(3, stride=2, padding=1)]
    layers.pop()  # the last layer's own values are averaged, not their positive parts
    return nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten())


def small_conv(channels: int, side: int) -> Callable[[], nn.Sequential]:
    """Two convolutions of stride 2 and two dense layers."""
    first = 16
    flat = 2 * first * (side // 4) ** 2
    return lambda: nn.Sequential(
        *(nn.Conv2d(channels, first, 4, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(first, 2 * first, 4, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(flat, 100), nn.ReLU(), nn.Linear(100, 10)),
    )


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {
    "lenet": caffe_lenet, "lenet-caffe": caffe_lenet, "lenet-relu": lenet, "digits": conv,
    "nin": small_nin, "conv-digits": conv, "conv-mnist": small_conv(1, 28),
    "conv-cifar10": small_conv(3, 32),
}  # fmt: skip


def fresh(name: str, seed: int = 0) -> nn.Sequential:
    """A network with weights that follow from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name]()


def write(net: nn.Sequential, path: Path, shape: tuple[int, ...]) -> None:
    """Keeps a network as ONNX, whole or not at all."""
    write_bytes(path, to_onnx(net, path.stem, list(shape)).SerializeToString())


def read(name: str, path: Path) -> nn.Sequential:
    """The network of a name with the weights that `write` kept."""
    net = fresh(name)
    arrays = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    with torch.no_grad():
        for place, layer in enumerate(net):
            for part, parameter in layer.named_parameters():
                parameter.copy_(torch.from_numpy(arrays[f"{part}{place}"].copy()))
    return net.eval()


def images(name: str) -> tuple[Images, Images]:
    """Images for training and for testing, planes first: mnist, digits or cifar10."""
    if name == "digits":
        values, labels = load()
        values = values[:, None]
        return _images(name, values[360:], labels[360:]), _images(name, values[:360], labels[:360])
    if name == "mnist":
        train, test = (_stored(DATA / "mnist" / f"mnist_{part}.npz") for part in ("train", "test"))
        return _images(name, *train), _images(name, *test)
    folder = DATA / "cifar10"
    train = _stored(folder / "cifar10_jpeg_subset.npz", "train_")
    exact = [_stored(folder / f"cifar10_{part}.npz") for part in ("test_first100", "sdp200")]
    values, labels = (np.concatenate(parts) for parts in zip(*exact, strict=True))
    return _images(name, *train), _images(name, values, labels)


def _stored(path: Path, part: str = "") -> tuple[Any, Any]:
    """Planes (N, C, H, W), uint8, and labels."""
    with np.load(path) as arrays:
        values, labels = arrays[f"{part}images"], arrays[f"{part}labels"]
    planes = values[:, None] if values.ndim == 3 else np.moveaxis(values, 3, 1)
    return np.ascontiguousarray(planes), labels


def _images(source: str, values: Any, labels: Any) -> Images:
    return Images(source, values, labels.astype(np.int64), 255.0)
