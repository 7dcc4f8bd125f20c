"""The layers of a network, each in JAX (to train) and in ONNX (to export).

Each layer offers:
    output_shape(shape)              shape of one sample after the layer
    init(rng, shape)                 (trained parameters, running statistics)
    apply(params, stats, x, train)   (output, updated running statistics)
    constants()                      further inputs of its ONNX node, fixed
    node(name, sources, target)      its ONNX node
    multiply_accumulates(shape)      products it adds up for one sample
    tensor_order                     its parameters and statistics in the order
                                     of the ONNX node's inputs

Parameters have the memory layout that ONNX asks for.  Layers that join several
values (see plain.py) get lists of shapes and of arrays in place of one.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from onnx import helper

BATCH_NORM_MOMENTUM = 0.9  # share of the old running statistics kept per step
BATCH_NORM_EPSILON = 1e-5


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

    def constants(self):
        return {}

    def multiply_accumulates(self, shape):
        return 0


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

    def multiply_accumulates(self, shape):
        return self.outputs * shape[0]


@dataclass(frozen=True)
class Conv(Layer):
    """Square convolution; the weight is [out, in, height, width]."""

    channels: int
    kernel: int
    pad: int = 0
    bias: bool = True
    stride: int = 1

    def output_shape(self, shape):
        _, height, width = shape
        shrink = self.kernel - 1 - 2 * self.pad
        height = (height - shrink - 1) // self.stride + 1
        width = (width - shrink - 1) // self.stride + 1
        return (self.channels, height, width)

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
            window_strides=(self.stride, self.stride),
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
            strides=[self.stride, self.stride],
            dilations=[1, 1],
            group=1,
        )

    def multiply_accumulates(self, shape):
        return int(np.prod(self.output_shape(shape))) * shape[0] * self.kernel**2


@dataclass(frozen=True)
class DepthwiseConv(Layer):
    """3x3 convolution of each channel by itself, without bias; the weight is
    [channels, 1, 3, 3].  It keeps the size, or halves it with stride 2."""

    channels: int
    stride: int = 1

    def output_shape(self, shape):
        _, height, width = shape
        return (self.channels, -(-height // self.stride), -(-width // self.stride))

    def init(self, rng, shape):
        return {"weight": he_normal(rng, (self.channels, 1, 3, 3), 9)}, {}

    def apply(self, params, stats, x, train):
        # Nine shifted products: on a CPU, XLA is slow at grouped convolutions.
        _, height, width = x.shape[1:]
        padded = jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        y = 0.0
        for row in range(3):
            for column in range(3):
                rows = slice(row, row + height, self.stride)
                columns = slice(column, column + width, self.stride)
                factor = params["weight"][:, :, row, column, None]
                y = y + padded[:, :, rows, columns] * factor
        return y, stats

    def node(self, name, sources, target):
        return helper.make_node(
            "Conv",
            sources,
            [target],
            name,
            kernel_shape=[3, 3],
            pads=[1] * 4,
            strides=[self.stride, self.stride],
            dilations=[1, 1],
            group=self.channels,
        )

    def multiply_accumulates(self, shape):
        return int(np.prod(self.output_shape(shape))) * 9


@dataclass(frozen=True)
class ConvTranspose(Layer):
    """Twice the size: each pixel becomes a 2x2 square of its own (stride 2).

    The weight is [in, out, 2, 2]: the output channel is the second axis.
    """

    channels: int

    def output_shape(self, shape):
        _, height, width = shape
        return (self.channels, 2 * height, 2 * width)

    def init(self, rng, shape):
        inputs = shape[0]
        weight = he_normal(rng, (inputs, self.channels, 2, 2), inputs)
        return {"weight": weight, "bias": np.zeros(self.channels, np.float32)}, {}

    def apply(self, params, stats, x, train):
        count, _, height, width = x.shape
        squares = jnp.einsum("nihw,ioab->nohawb", x, params["weight"])
        y = squares.reshape(count, self.channels, 2 * height, 2 * width)
        return y + params["bias"][:, None, None], stats

    def node(self, name, sources, target):
        return helper.make_node(
            "ConvTranspose",
            sources,
            [target],
            name,
            kernel_shape=[2, 2],
            pads=[0] * 4,
            strides=[2, 2],
            dilations=[1, 1],
            group=1,
        )

    def multiply_accumulates(self, shape):
        return int(np.prod(self.output_shape(shape))) * shape[0]


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
