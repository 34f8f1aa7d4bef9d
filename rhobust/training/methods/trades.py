"""TRADES: natural loss, and how far predictions move within the ball (Zhang et al. 2019)."""

from __future__ import annotations

from typing import Any

from .batch import Batch


def trades(batch: Batch) -> tuple[Any, Any]:
    """Cross-entropy + beta * KL(p(x) || p(x')), x' of the largest divergence within eps (eq. 5)."""
    torch, functional = batch.torch, batch.torch.nn.functional
    images, eps, steps = batch.images, batch.eps, int(batch.options["steps"])

    def divergence(near: Any, known: Any) -> Any:
        log = functional.log_softmax(batch.logits(near), dim=1)
        return functional.kl_div(log, known, reduction="batchmean")

    with batch.frozen():
        with torch.no_grad():
            known = functional.softmax(batch.logits(images), dim=1)
        # the divergence has no gradient at the image itself
        near = batch.inside(images + 0.001 * batch.normal().clamp(-eps, eps))
        for _ in range(steps):
            given = near.detach().requires_grad_(True)
            gradient = torch.autograd.grad(divergence(given, known), given)[0]
            near = (near + 2.5 * eps / steps * gradient.sign()).clamp(images - eps, images + eps)
            near = batch.inside(near).detach()
    logits = batch.logits(images)
    spread = divergence(near, functional.softmax(logits, dim=1))
    return batch.cross_entropy(logits) + batch.options["beta"] * spread, logits
