"""The public names, and how quickly they are there."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import pytest

import rhobust
import rhobust.queries.verify  # noqa: F401  loaded on purpose
from rhobust.embedded import NAMES, embedded_images, embedded_network


def test_every_public_name_is_there() -> None:
    for name in rhobust.__all__:
        assert getattr(rhobust, name) is not None
        assert name in dir(rhobust)


def test_functions_stay_functions_when_their_modules_are_imported() -> None:
    for name in ("load", "rho", "rho_estimate", "verify"):
        assert isinstance(getattr(rhobust, name), FunctionType)


def test_no_module_bears_the_name_of_something_else() -> None:
    folder = Path(rhobust.__file__).parent
    both = {path.stem for path in folder.iterdir()} & set(rhobust.__all__)
    assert both == {"data", "evaluation", "metrics", "smoothing", "store", "training"}
    assert all(isinstance(getattr(rhobust, name), ModuleType) for name in both)


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'robust'"):
        getattr(rhobust, "robust")  # noqa: B009  a type checker would refuse the plain form


@pytest.mark.parametrize("name", NAMES)
def test_embedded_networks_know_the_embedded_images(name: str) -> None:
    network = rhobust.load(name)
    assert network.digest == embedded_network(name).digest
    images, labels = embedded_images()
    assert images.shape == (200, 8, 8) and labels.shape == (200,)
    logits = network.forward(images.reshape(200, -1) / 255.0)
    assert np.mean(np.argmax(logits, axis=1) == labels) > 0.9
