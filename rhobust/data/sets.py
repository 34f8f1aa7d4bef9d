"""The two sets of images that papers compare on, from their own files."""

from __future__ import annotations

from pathlib import Path

from .finishing import finished
from .formats import cifar, npz
from .formats import mnist as files
from .images import Images


def mnist(
    folder: str | Path, *, train: bool = False, domain: tuple[float, float] = (0.0, 1.0)
) -> Images:
    """MNIST's test set of 10,000 grey images (28, 28), or its training set of 60,000.

    folder: of the original files, packed or not, as `rhobust data fetch mnist` leaves them, or an
    archive `mnist.npz` of Keras. domain: as in `load`. Raises InputError where they are not there.
    Source: Y. LeCun, C. Cortes, C. Burges, the MNIST database of handwritten digits, 1998.
    """
    path = Path(folder)
    packed = path.suffix.lower() == ".npz"
    return finished(npz.part(path, train) if packed else files.part(path, train), path, domain)


def cifar10(
    folder: str | Path, *, train: bool = False, domain: tuple[float, float] = (0.0, 1.0)
) -> Images:
    """CIFAR-10's test set of 10,000 RGB images (3, 32, 32), or its training set of 50,000.

    folder: of the files of the binary version, as `rhobust data fetch cifar10` leaves them. domain:
    as in `load`. Raises InputError where they are not there.
    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    path = Path(folder)
    return finished(cifar.part(path, train), path, domain)
