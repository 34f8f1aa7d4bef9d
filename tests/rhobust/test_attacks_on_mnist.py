"""Published figures of attacks on MNIST; the data is named by RHOBUST_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import rhobust as rb
from rhobust.queries.attack import attack_batch

DATA = Path(os.environ.get("RHOBUST_DATA", "no-data"))
MODEL = DATA / "mipverify" / "wk17a_linf0.1.onnx"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data"
)


@pytest.mark.long
@pytest.mark.data
@needs_data
def test_the_error_of_wk17a_is_the_published_one() -> None:
    """Tjeng et al. 2019, Table 2: 1.89 % of the test images misclassified, 4.11 % by PGD."""
    with np.load(DATA / "mnist" / "mnist_test.npz") as file:
        images, labels = file["images"], file["labels"]
    found = attack_batch(rb.load(MODEL), images, labels, 0.1, method="pgd", steps=20)
    assert sum(one.distance == 0.0 for one in found) == 189
    assert abs(100.0 * np.mean([one.success for one in found]) - 4.11) <= 0.3
    session = onnxruntime.InferenceSession(str(MODEL))
    for one, image in zip(found, images, strict=True):
        if one.witness is not None and one.distance > 0.0:
            x = one.witness.point
            assert np.abs(x - image.reshape(-1) / 255.0).max() <= 0.1
            row = x.astype(np.float32).reshape(1, 1, 28, 28)
            logits = session.run(None, {"input": row})[0][0]
            assert max(np.delete(logits, one.label)) >= logits[one.label]


@pytest.mark.slow
@pytest.mark.data
@needs_data
def test_a_single_image_and_a_batch_agree_on_convolutions() -> None:
    with np.load(DATA / "mnist" / "mnist_test.npz") as file:
        images, labels = file["images"][:100], file["labels"][:100]
    network = rb.load(MODEL)
    together = attack_batch(network, images, labels, 0.1, method="pgd", steps=20)
    for k in (18, 33, 65, 78, 92, 95):  # the nearest to boundaries among them
        (alone,) = attack_batch(
            network, images[k : k + 1], labels[k : k + 1], 0.1, method="pgd", steps=20
        )
        assert alone.success == together[k].success
        assert alone.lead == pytest.approx(together[k].lead, abs=1e-4)
