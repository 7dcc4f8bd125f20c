"""Training: AdamW with weight decay for a fixed number of steps."""

import math

import numpy as np
import torch
from torch.nn import functional

SEED = 7
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
REPORT_EVERY = 500


def rate(step, steps):
    """The share of the peak learning rate: a short warm-up, then down a cosine."""
    warm = steps // 20
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def batches(data, rng, count, size):
    """COUNT batches: epochs in random order."""
    order = np.array([], int)
    for _ in range(count):
        if len(order) < size:
            order = rng.permutation(data.train_count())
        yield data.batch(rng, order[:size])
        order = order[size:]


def train(network):
    """The trained module; the test set plays no part."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    module = network.build().train()
    wide = [p for p in module.parameters() if p.ndim > 1]
    narrow = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": wide, "weight_decay": WEIGHT_DECAY},
            {"params": narrow, "weight_decay": 0.0},
        ],
        lr=PEAK_LEARNING_RATE,
        betas=(0.9, 0.98),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate(step, network.steps)
    )
    losses = []
    for step, (inputs, labels) in enumerate(
        batches(network.data, rng, network.steps, network.batch), 1
    ):
        logits = module(*(torch.from_numpy(array) for array in inputs.values()))
        loss = functional.cross_entropy(
            logits.flatten(0, -2), torch.from_numpy(labels).flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % REPORT_EVERY == 0:
            mean = np.mean(losses[-REPORT_EVERY:])
            print(f"{network.name}: step {step}, loss {mean:.4f}", flush=True)
    return module.eval()
