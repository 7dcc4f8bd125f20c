"""The layers without trained parameters: activations, pooling, and joins.

What a layer offers is told in layers.py.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from onnx import helper

from .layers import Layer


@dataclass(frozen=True)
class Relu(Layer):
    def apply(self, params, stats, x, train):
        return jax.nn.relu(x), stats

    def node(self, name, sources, target):
        return helper.make_node("Relu", sources, [target], name)


@dataclass(frozen=True)
class Relu6(Layer):
    """Values cut to 0 .. 6; in ONNX a Clip with two constant inputs."""

    def apply(self, params, stats, x, train):
        return jnp.clip(x, 0.0, 6.0), stats

    def constants(self):
        return {"min": np.float32(0), "max": np.float32(6)}

    def node(self, name, sources, target):
        return helper.make_node("Clip", sources, [target], name)


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
class GlobalAveragePool(Layer):
    """The mean of each channel."""

    def output_shape(self, shape):
        return (shape[0], 1, 1)

    def apply(self, params, stats, x, train):
        return x.mean(axis=(2, 3), keepdims=True), stats

    def node(self, name, sources, target):
        return helper.make_node("GlobalAveragePool", sources, [target], name)


@dataclass(frozen=True)
class Upsample(Layer):
    """Twice the size by repeating each pixel; in ONNX a Resize with mode nearest."""

    def output_shape(self, shape):
        channels, height, width = shape
        return (channels, 2 * height, 2 * width)

    def apply(self, params, stats, x, train):
        return x.repeat(2, axis=2).repeat(2, axis=3), stats

    def constants(self):
        # No region of interest: an input left out, hence the empty array.
        return {"roi": None, "scales": np.array([1, 1, 2, 2], np.float32)}

    def node(self, name, sources, target):
        return helper.make_node(
            "Resize",
            sources,
            [target],
            name,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
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
# Joins: layers with several sources, whose shape and x are lists
# --------------------------------------------------------------------------


class Elementwise(Layer):
    """A join of two values of one shape, element by element."""

    def output_shape(self, shape):
        left, right = shape
        assert left == right
        return left

    def node(self, name, sources, target):
        return helper.make_node(type(self).__name__, sources, [target], name)


@dataclass(frozen=True)
class Add(Elementwise):
    def apply(self, params, stats, x, train):
        return x[0] + x[1], stats


@dataclass(frozen=True)
class Sub(Elementwise):
    def apply(self, params, stats, x, train):
        return x[0] - x[1], stats


@dataclass(frozen=True)
class Mul(Elementwise):
    def apply(self, params, stats, x, train):
        return x[0] * x[1], stats


@dataclass(frozen=True)
class Concat(Layer):
    """Values one behind the other along the first axis of a sample."""

    def output_shape(self, shape):
        assert len({each[1:] for each in shape}) == 1
        return (sum(each[0] for each in shape), *shape[0][1:])

    def apply(self, params, stats, x, train):
        return jnp.concatenate(x, axis=1), stats

    def node(self, name, sources, target):
        return helper.make_node("Concat", sources, [target], name, axis=1)
