"""Training: AdamW with weight decay for a fixed number of epochs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .graph import apply_network, init_network

TRAIN_SEED = 7
BATCH_SIZE = 64
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05


def classify(logits):
    """Logits with the classes moved to the last axis ([N, classes, ...] in ONNX)."""
    return jnp.moveaxis(logits, 1, -1)


def train(network):
    """Trained parameters and running statistics; the test set plays no part."""
    rng = np.random.default_rng(TRAIN_SEED)
    params, stats = init_network(network, rng)
    count = network.data.train_count()
    steps_per_epoch = count // BATCH_SIZE
    step_count = network.epochs * steps_per_epoch
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=PEAK_LEARNING_RATE,
        warmup_steps=step_count // 20,
        decay_steps=step_count,
    )
    optimizer = optax.adamw(
        schedule,
        weight_decay=WEIGHT_DECAY,
        mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree),
    )
    state = optimizer.init(params)

    def loss_function(params, stats, x, y):
        logits, stats = apply_network(network, params, stats, x, train=True)
        logits = classify(logits)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return loss, stats

    @jax.jit
    def step(params, stats, state, x, y):
        gradient_function = jax.value_and_grad(loss_function, has_aux=True)
        (loss, stats), gradients = gradient_function(params, stats, x, y)
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), stats, state, loss

    for epoch in range(1, network.epochs + 1):
        order = rng.permutation(count)
        losses = []
        for chosen in order[: steps_per_epoch * BATCH_SIZE].reshape(-1, BATCH_SIZE):
            x, y = network.data.batch(rng, chosen)
            params, stats, state, loss = step(params, stats, state, x, y)
            losses.append(loss)
        if epoch % 20 == 0:
            mean_loss = float(jnp.stack(losses).mean())
            print(f"{network.name}: epoch {epoch}, loss {mean_loss:.4f}", flush=True)
    return jax.tree.map(np.asarray, (params, stats))
