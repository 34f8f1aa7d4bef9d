"""Write a network in network for CIFAR-10 as ONNX: 23 layers, random weights.

    python -m bench.nin [--out bench/models]

Lin, Chen, Yan 2014, as in Bastani et al. 2016: three blocks of a convolution and two 1x1
convolutions (192-160-96 of 5x5, 192-192-192 of 5x5, 192-192-10 of 3x3), ReLU after each, 3x3
maximum pools of stride 2 and dropout after the first two, an 8x8 average pool at the end.  Weights
are He-initialised: what the estimates cost does not depend on training, and what they promise
does not either.

Writes nin.onnx and nin_images.npz, the first 100 CIFAR-10 test images with channels first; their
labels are the network's own, for true ones would be lost already.  Needs torch (the extra
``torch``) and CIFAR-10 under RHOBUST_DATA.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import nn  # type: ignore[import-not-found, unused-ignore]

from .onnx_writer import to_onnx
from .workloads import DATA, MODELS

SEED = 0


def block(channels: int, sizes: tuple[int, int, int], kernel: int) -> list[nn.Module]:
    """A convolution that keeps height and width, and two of 1x1."""
    layers: list[nn.Module] = []
    for number, size in enumerate(sizes):
        side = 1 if number else kernel
        layers += [nn.Conv2d(channels, size, side, padding=side // 2), nn.ReLU()]
        channels = size
    return layers


def nin() -> nn.Sequential:
    pool = [nn.MaxPool2d(3, stride=2, padding=1), nn.Dropout(0.5)]
    net = nn.Sequential(
        *(*block(3, (192, 160, 96), 5), *pool),
        *(*block(96, (192, 192, 192), 5), *pool),
        *(*block(192, (192, 192, 10), 3), nn.AvgPool2d(8), nn.Flatten()),
    )
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a network in network for CIFAR-10.")
    parser.add_argument("--out", type=Path, default=MODELS)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    net = nin()
    onnx.save(to_onnx(net, "nin", [3, 32, 32]), out / "nin.onnx")
    with np.load(DATA / "cifar10" / "cifar10_test_first100.npz") as arrays:
        images = np.ascontiguousarray(np.moveaxis(arrays["images"], 3, 1))
    with torch.no_grad():
        logits = net(torch.from_numpy(images.astype(np.float32) / np.float32(255)))
    labels = logits.argmax(1).numpy().astype(np.uint8)
    np.savez_compressed(out / "nin_images.npz", images=images, labels=labels)
    parameters = sum(part.numel() for part in net.parameters())
    print(f"nin: {parameters} parameters, labels {np.bincount(labels, minlength=10).tolist()}")


if __name__ == "__main__":
    main()
