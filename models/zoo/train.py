#!/usr/bin/env python3
"""Train the networks of the zkinfer model zoo and export them to ONNX.

Every network is described once, as a list of layers (see NETWORKS).  That one
description drives the JAX training code and the ONNX export.  For each network
the script writes into the folder NAME/ beside it:

    NAME.onnx         float32 network, opset 17, symbolic batch dimension
    calibration.npz   array "image": training images, for choosing scales
    test.npz          arrays "image" and "label": images never trained on
    sample.npy        one correctly classified test image, batch dimension 1

Data: the 8x8 handwritten digits that come with scikit-learn (load_digits), the
test part of "Optical Recognition of Handwritten Digits" of the UCI repository.
All pixels are multiples of 1/255, in training and in the stored files alike.

Usage:
    python train.py                        train all networks
    python train.py --network lenet5       train one (may be repeated)
    python train.py --output some/folder   write somewhere else
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import optax
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

OPSET_VERSION = 17
IR_VERSION = 8
CLASS_COUNT = 10
TEST_COUNT = 360
CALIBRATION_COUNT = 128
SPLIT_SEED = 20240
TRAIN_SEED = 7

BATCH_SIZE = 64
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
BATCH_NORM_MOMENTUM = 0.9  # share of the old running statistics kept per step
BATCH_NORM_EPSILON = 1e-5

MINIMUM_TEST_ACCURACY = 0.95


# --------------------------------------------------------------------------
# Layers
#
# Each layer offers:
#   output_shape(shape)              shape of one sample after the layer
#   init(rng, shape)                 (trained parameters, running statistics)
#   apply(params, stats, x, train)   (output, updated running statistics)
#   node(name, sources, target)      its ONNX node
#   tensor_order                     its parameters and statistics in the order
#                                    of the ONNX node's inputs
#
# Parameters have the memory layout that ONNX asks for.
# --------------------------------------------------------------------------


def he_normal(rng, shape, fan_in):
    """Gaussian weights with variance 2 / fan_in, suited to ReLU networks."""
    return (rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)).astype(np.float32)


class Layer:
    """A layer without parameters; the layers below override what they need."""

    tensor_order = ("weight", "bias")

    def output_shape(self, shape):
        return shape

    def init(self, rng, shape):
        return {}, {}


@dataclass(frozen=True)
class Gemm(Layer):
    """Fully connected layer; the weight is [outputs, inputs] (transB = 1)."""

    outputs: int

    def output_shape(self, shape):
        return (self.outputs,)

    def init(self, rng, shape):
        (inputs,) = shape
        weight = he_normal(rng, (self.outputs, inputs), inputs)
        return {"weight": weight, "bias": np.zeros(self.outputs, np.float32)}, {}

    def apply(self, params, stats, x, train):
        return x @ params["weight"].T + params["bias"], stats

    def node(self, name, sources, target):
        return helper.make_node(
            "Gemm", sources, [target], name, alpha=1.0, beta=1.0, transA=0, transB=1
        )


@dataclass(frozen=True)
class Conv(Layer):
    """Square convolution with stride 1; the weight is [out, in, height, width]."""

    channels: int
    kernel: int
    pad: int = 0
    bias: bool = True

    def output_shape(self, shape):
        _, height, width = shape
        shrink = self.kernel - 1 - 2 * self.pad
        return (self.channels, height - shrink, width - shrink)

    def init(self, rng, shape):
        inputs = shape[0]
        weight_shape = (self.channels, inputs, self.kernel, self.kernel)
        params = {"weight": he_normal(rng, weight_shape, inputs * self.kernel**2)}
        if self.bias:
            params["bias"] = np.zeros(self.channels, np.float32)
        return params, {}

    def apply(self, params, stats, x, train):
        y = jax.lax.conv_general_dilated(
            x,
            params["weight"],
            window_strides=(1, 1),
            padding=[(self.pad, self.pad)] * 2,
            dimension_numbers=("NCHW", "OIHW", "NCHW"),
        )
        if self.bias:
            y = y + params["bias"][:, None, None]
        return y, stats

    def node(self, name, sources, target):
        return helper.make_node(
            "Conv",
            sources,
            [target],
            name,
            kernel_shape=[self.kernel, self.kernel],
            pads=[self.pad] * 4,
            strides=[1, 1],
            dilations=[1, 1],
            group=1,
        )


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation per channel; exported with its running statistics."""

    tensor_order = ("scale", "bias", "mean", "var")

    def init(self, rng, shape):
        channels = shape[0]
        ones = np.ones(channels, np.float32)
        zeros = np.zeros(channels, np.float32)
        return {"scale": ones, "bias": zeros}, {"mean": zeros, "var": ones}

    def apply(self, params, stats, x, train):
        if train:
            mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
            keep = BATCH_NORM_MOMENTUM
            stats = {
                "mean": keep * stats["mean"] + (1 - keep) * mean,
                "var": keep * stats["var"] + (1 - keep) * var,
            }
        else:
            mean, var = stats["mean"], stats["var"]
        factor = params["scale"] / jnp.sqrt(var + BATCH_NORM_EPSILON)
        offset = params["bias"] - mean * factor
        return x * factor[:, None, None] + offset[:, None, None], stats

    def node(self, name, sources, target):
        return helper.make_node(
            "BatchNormalization",
            sources,
            [target],
            name,
            epsilon=BATCH_NORM_EPSILON,
            momentum=BATCH_NORM_MOMENTUM,
        )


@dataclass(frozen=True)
class Relu(Layer):
    def apply(self, params, stats, x, train):
        return jax.nn.relu(x), stats

    def node(self, name, sources, target):
        return helper.make_node("Relu", sources, [target], name)


@dataclass(frozen=True)
class MaxPool(Layer):
    """Maximum over disjoint 2x2 windows."""

    def output_shape(self, shape):
        channels, height, width = shape
        return (channels, height // 2, width // 2)

    def apply(self, params, stats, x, train):
        window = (1, 1, 2, 2)
        y = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        return y, stats

    def node(self, name, sources, target):
        return helper.make_node(
            "MaxPool", sources, [target], name, kernel_shape=[2, 2], strides=[2, 2]
        )


@dataclass(frozen=True)
class Flatten(Layer):
    def output_shape(self, shape):
        return (int(np.prod(shape)),)

    def apply(self, params, stats, x, train):
        return x.reshape(x.shape[0], -1), stats

    def node(self, name, sources, target):
        return helper.make_node("Flatten", sources, [target], name, axis=1)


# --------------------------------------------------------------------------
# Networks
# --------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """One network of the zoo and how it is trained."""

    name: str
    input_shape: tuple  # of one sample, without the batch dimension
    side: int  # the digits are squares of side x side pixels
    layers: dict  # node name -> layer, in order
    epochs: int
    max_shift: int  # augmentation: random shifts by up to so many pixels


NETWORKS = [
    Network(
        name="mlp-64-32-16-10",
        input_shape=(64,),
        side=8,
        layers={
            "gemm1": Gemm(32),
            "relu1": Relu(),
            "gemm2": Gemm(16),
            "relu2": Relu(),
            "gemm3": Gemm(CLASS_COUNT),
        },
        epochs=200,
        max_shift=0,
    ),
    Network(
        name="cnn-8x8",
        input_shape=(1, 8, 8),
        side=8,
        layers={
            "conv1": Conv(8, kernel=3, pad=1, bias=False),
            "batchnorm1": BatchNorm(),
            "relu1": Relu(),
            "maxpool1": MaxPool(),
            "conv2": Conv(16, kernel=3, pad=1),
            "relu2": Relu(),
            "maxpool2": MaxPool(),
            "flatten1": Flatten(),
            "gemm1": Gemm(CLASS_COUNT),
        },
        epochs=120,
        max_shift=1,
    ),
    Network(
        name="lenet5",
        input_shape=(1, 28, 28),
        side=28,
        layers={
            "conv1": Conv(6, kernel=5),
            "relu1": Relu(),
            "maxpool1": MaxPool(),
            "conv2": Conv(16, kernel=5),
            "relu2": Relu(),
            "maxpool2": MaxPool(),
            "flatten1": Flatten(),
            "gemm1": Gemm(120),
            "relu3": Relu(),
            "gemm2": Gemm(84),
            "relu4": Relu(),
            "gemm3": Gemm(CLASS_COUNT),
        },
        epochs=60,
        max_shift=2,
    ),
    Network(
        name="mlp-784-512-256-10",
        input_shape=(784,),
        side=28,
        layers={
            "gemm1": Gemm(512),
            "relu1": Relu(),
            "gemm2": Gemm(256),
            "relu2": Relu(),
            "gemm3": Gemm(CLASS_COUNT),
        },
        epochs=60,
        max_shift=2,
    ),
]


def init_network(network, rng):
    """Fresh parameters and running statistics, as dictionaries by node name."""
    params, stats = {}, {}
    shape = network.input_shape
    for name, layer in network.layers.items():
        params[name], stats[name] = layer.init(rng, shape)
        shape = layer.output_shape(shape)
    assert shape == (CLASS_COUNT,)
    return params, stats


def apply_network(network, params, stats, x, train):
    """Logits of a batch, and the running statistics after it."""
    new_stats = {}
    for name, layer in network.layers.items():
        x, new_stats[name] = layer.apply(params[name], stats[name], x, train)
    return x, new_stats


# --------------------------------------------------------------------------
# Data
# --------------------------------------------------------------------------


def bilinear_matrix(source, target):
    """Matrix [target, source] of 1-D linear interpolation (half-pixel centres)."""
    position = (np.arange(target) + 0.5) * source / target - 0.5
    position = np.clip(position, 0, source - 1)
    low = np.minimum(np.floor(position).astype(int), source - 2)
    fraction = position - low
    matrix = np.zeros((target, source))
    matrix[np.arange(target), low] = 1 - fraction
    matrix[np.arange(target), low + 1] = fraction
    return matrix


def load_images(side):
    """All digits as float32 [N, side, side] in [0, 1], with their labels.

    The split depends only on the labels, so it is the same for every side.
    Returns (training images, training labels, test images, test labels).
    """
    digits = load_digits()
    images = digits.images / 16.0
    if side != 8:
        matrix = bilinear_matrix(8, side)
        images = matrix @ images @ matrix.T
    images = np.round(images * 255).astype(np.float32) / np.float32(255)
    labels = digits.target.astype(np.int64)
    train_index, test_index = train_test_split(
        np.arange(len(labels)),
        test_size=TEST_COUNT,
        stratify=labels,
        random_state=SPLIT_SEED,
    )
    return (
        images[train_index],
        labels[train_index],
        images[test_index],
        labels[test_index],
    )


def calibration_subset(images, labels):
    """A stratified choice of CALIBRATION_COUNT images."""
    chosen, _ = train_test_split(
        images, train_size=CALIBRATION_COUNT, stratify=labels, random_state=SPLIT_SEED
    )
    return chosen


def shift_randomly(rng, images, max_shift):
    """Move each image by up to max_shift pixels each way, filling with zeros."""
    if max_shift == 0:
        return images
    count, height, width = images.shape
    padded = np.pad(images, ((0, 0), (max_shift, max_shift), (max_shift, max_shift)))
    top, left = rng.integers(0, 2 * max_shift + 1, size=(2, count, 1))
    rows = (top + np.arange(height))[:, :, None]
    columns = (left + np.arange(width))[:, None, :]
    return padded[np.arange(count)[:, None, None], rows, columns]


# --------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------


def train(network, images, labels):
    """Train with AdamW for a fixed number of epochs; the test set plays no part."""
    rng = np.random.default_rng(TRAIN_SEED)
    params, stats = init_network(network, rng)
    steps_per_epoch = len(images) // BATCH_SIZE
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
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return loss, stats

    @jax.jit
    def step(params, stats, state, x, y):
        gradient_function = jax.value_and_grad(loss_function, has_aux=True)
        (loss, stats), gradients = gradient_function(params, stats, x, y)
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), stats, state, loss

    for epoch in range(1, network.epochs + 1):
        order = rng.permutation(len(images))
        losses = []
        for batch in order[: steps_per_epoch * BATCH_SIZE].reshape(-1, BATCH_SIZE):
            x = shift_randomly(rng, images[batch], network.max_shift)
            x = x.reshape(-1, *network.input_shape)
            params, stats, state, loss = step(params, stats, state, x, labels[batch])
            losses.append(loss)
        if epoch % 20 == 0:
            mean_loss = float(jnp.stack(losses).mean())
            print(f"{network.name}: epoch {epoch}, loss {mean_loss:.4f}")
    return jax.tree.map(np.asarray, (params, stats))


def parameter_count(params):
    """Number of trained values (running statistics not counted)."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


# --------------------------------------------------------------------------
# Export
# --------------------------------------------------------------------------


def export_onnx(network, params, stats):
    """The ONNX model of a trained network."""
    nodes, initializers = [], []
    source = "image"
    last = list(network.layers)[-1]
    for name, layer in network.layers.items():
        sources = [source]
        tensors = params[name] | stats[name]
        for key in layer.tensor_order:
            if key in tensors:
                array = np.ascontiguousarray(tensors[key], dtype=np.float32)
                initializers.append(numpy_helper.from_array(array, f"{name}.{key}"))
                sources.append(f"{name}.{key}")
        target = "logits" if name == last else f"{name}.output"
        nodes.append(layer.node(name, sources, target))
        source = target
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, ["batch", *network.input_shape]
    )
    logits = helper.make_tensor_value_info(
        "logits", TensorProto.FLOAT, ["batch", CLASS_COUNT]
    )
    graph = helper.make_graph(nodes, network.name, [image], [logits], initializers)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET_VERSION)],
        ir_version=IR_VERSION,
        producer_name="zkinfer-zoo",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def build(network, output):
    """Train one network, write its files, and return a line for the summary."""
    train_images, train_labels, test_images, test_labels = load_images(network.side)
    params, stats = train(network, train_images, train_labels)

    calibration = calibration_subset(train_images, train_labels)
    calibration = calibration.reshape(-1, *network.input_shape)
    test = test_images.reshape(-1, *network.input_shape)

    model = export_onnx(network, params, stats)
    model_bytes = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(
        model_bytes, providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(["logits"], {"image": test})
    expected, _ = apply_network(network, params, stats, test, train=False)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    correct = logits.argmax(axis=1) == test_labels
    accuracy = correct.mean()
    if accuracy < MINIMUM_TEST_ACCURACY:
        raise SystemExit(f"{network.name}: test accuracy {accuracy:.4f} is too low")
    sample = int(np.flatnonzero(correct)[0])

    folder = output / network.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{network.name}.onnx").write_bytes(model_bytes)
    np.savez_compressed(folder / "calibration.npz", image=calibration)
    np.savez_compressed(folder / "test.npz", image=test, label=test_labels)
    np.save(folder / "sample.npy", test[sample : sample + 1])
    return (
        f"{network.name}: {parameter_count(params)} parameters, "
        f"test accuracy {100 * accuracy:.2f} % ({correct.sum()} of {correct.size}), "
        f"sample is test image {sample}, a {test_labels[sample]}"
    )


def main():
    parser = argparse.ArgumentParser(description="Train and export the model zoo.")
    parser.add_argument(
        "--network",
        action="append",
        choices=[network.name for network in NETWORKS],
        help="train only this network (may be repeated; default: all)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).resolve().parent,
        help="folder to write to (default: the folder of this script)",
    )
    arguments = parser.parse_args()
    # One thread for XLA: the order of its sums must not depend on the core count.
    os.environ["PJRT_NPROC"] = "1"
    jax.config.update("jax_platforms", "cpu")
    names = arguments.network or [network.name for network in NETWORKS]
    chosen = [network for network in NETWORKS if network.name in names]
    summary = [build(network, arguments.output) for network in chosen]
    print("\n".join(["", *summary]))


if __name__ == "__main__":
    main()
