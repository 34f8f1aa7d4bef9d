"""Adversarial training: alpha * natural + (1 - alpha) * adversarial loss."""

from __future__ import annotations

import math
from typing import Any

from .batch import Batch


def fgsm(batch: Batch) -> tuple[Any, Any]:
    """One signed step of eps from the image (Goodfellow et al. 2015)."""
    images = batch.images
    with batch.frozen():
        step = _gradient(batch, images).sign()
    return _weighed(batch, batch.inside(images + batch.eps * step))


def pgd_linf(batch: Batch) -> tuple[Any, Any]:
    """Projected gradient descent in the l-infinity ball of eps (Madry et al. 2018)."""
    return _weighed(batch, linf_examples(batch, batch.eps, int(batch.options["steps"])))


def pgd_l2(batch: Batch) -> tuple[Any, Any]:
    """The same in the l2 ball of eps."""
    return _weighed(batch, _l2_examples(batch, batch.eps))


def mixed(batch: Batch) -> tuple[Any, Any]:
    """Natural images and both kinds of examples, a third each."""
    size = batch.images[0].numel()
    # 2 eps per side has the volume of an l2 ball of radius eps * sqrt(2 D / (pi e)), about
    l2 = batch.options["eps_l2"] or batch.eps * math.sqrt(2.0 * size / (math.pi * math.e))
    several = (
        batch.images,
        linf_examples(batch, batch.eps, int(batch.options["steps"])),
        _l2_examples(batch, l2),
    )
    logits = [batch.logits(images) for images in several]
    return sum(batch.cross_entropy(found) for found in logits) / 3.0, logits[0]


def linf_examples(batch: Batch, eps: float, steps: int) -> Any:
    """Images of larger loss within eps in every coordinate, and in the domain."""
    images = batch.images
    with batch.frozen():
        near = batch.inside(images + eps * batch.uniform())
        for _ in range(steps):
            moved = near + 2.5 * eps / steps * _gradient(batch, near).sign()
            near = batch.inside(moved.clamp(images - eps, images + eps))
    return near


def _l2_examples(batch: Batch, eps: float) -> Any:
    """Images of larger loss within eps in l2, and in the domain."""
    images, steps = batch.images, int(batch.options["steps"])
    with batch.frozen():
        near = batch.inside(_shortened(images + eps * batch.uniform(), images, eps))
        for _ in range(steps):
            gradient = _gradient(batch, near)
            near = near + 2.5 * eps / steps * gradient / (_length(gradient) + 1e-12)
            near = batch.inside(_shortened(near, images, eps))
    return near


def _length(images: Any) -> Any:
    return images.flatten(1).norm(dim=1).reshape(-1, *[1] * (images.dim() - 1))


def _shortened(near: Any, images: Any, eps: float) -> Any:
    step = near - images
    return images + step * (eps / (_length(step) + 1e-12)).clamp(max=1.0)


def _gradient(batch: Batch, images: Any) -> Any:
    """Of the loss by the images."""
    given = images.detach().requires_grad_(True)
    with batch.torch.enable_grad():
        loss = batch.cross_entropy(batch.logits(given))
    return batch.torch.autograd.grad(loss, given)[0].detach()


def _weighed(batch: Batch, examples: Any) -> tuple[Any, Any]:
    alpha = batch.options["alpha"]
    found = batch.logits(examples)
    adversarial = batch.cross_entropy(found)
    if alpha == 0.0:
        return adversarial, found
    logits = batch.logits(batch.images)
    return alpha * batch.cross_entropy(logits) + (1.0 - alpha) * adversarial, logits
