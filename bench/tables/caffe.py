"""LeNet trained as Caffe's example trains it, the network of Bastani et al. 2016."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import nn  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional as F  # type: ignore[import-not-found, unused-ignore]

from rhobust.data import Images

from .models import fresh, write

RATE, MOMENTUM, DECAY, GAMMA, POWER = 0.01, 0.9, 5e-4, 1e-4, 0.75
"""Of lenet_solver.prototxt: the rate falls as RATE * (1 + GAMMA * iteration) ** -POWER."""


def solved(train: Images, path: Path, batch: int, iterations: int, seed: int = 0) -> None:
    """Its file; 10,000 iterations of 64 images there.

    Weights uniform in ± sqrt(3 / inputs), biases zero and learned at twice the rate.
    """
    net = fresh("lenet", seed)
    generator = torch.Generator().manual_seed(seed)
    weights, biases = list[nn.Parameter](), list[nn.Parameter]()
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            reach = float(np.sqrt(3.0 / layer.weight[0].numel()))
            nn.init.uniform_(layer.weight, -reach, reach, generator=generator)
            nn.init.zeros_(layer.bias)
            weights.append(layer.weight)
            biases.append(layer.bias)
    groups = [{"params": weights, "lr": RATE}, {"params": biases, "lr": 2.0 * RATE}]
    optimizer = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda number: (1.0 + GAMMA * number) ** -POWER
    )
    x = torch.from_numpy(train.values.astype(np.float32) / np.float32(255.0))
    y = torch.from_numpy(np.asarray(train.labels))
    order = torch.zeros(0, dtype=torch.long)
    for _ in range(iterations):
        if len(order) < batch:
            order = torch.cat([order, torch.randperm(len(x), generator=generator)])
        some, order = order[:batch], order[batch:]
        loss = F.cross_entropy(net(x[some]), y[some])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    write(net, path, train.shape)
