"""Builds a feed-forward ONNX network node by node, with random weights.

Weights are drawn as He et al. (2015, "Delving deep into rectifiers") propose: normal
with variance 2 / fan-in, so that the size of activations stays about the same from
layer to layer behind ReLU and no int8 scale degenerates.
"""

import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET_VERSION = 17
IR_VERSION = 8


class Builder:
    """A network under construction; values are passed around by name.

    Shapes are those of one sample: (channels, height, width) or (features,).
    """

    def __init__(self, name, shape):
        self.name = name
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.input_shape = shape
        self.nodes = []
        self.initializers = []
        self.shapes = {"input": shape}
        self.parameters = 0  # that training would change: no running statistics
        self.multiply_accumulates = 0

    def conv(
        self, source, channels, kernel, stride=1, padding=0, bias=True, groups=1
    ):
        """A square convolution; `bias` is False where BatchNormalization follows."""
        inputs, height, width = self.shapes[source]
        inputs //= groups
        fan_in = inputs * kernel * kernel
        size = [(side + 2 * padding - kernel) // stride + 1 for side in (height, width)]
        tensors = {"weight": self.he((channels, inputs, kernel, kernel), fan_in)}
        if bias:
            tensors["bias"] = self.small(channels)
        self.multiply_accumulates += channels * fan_in * size[0] * size[1]
        return self.node(
            "Conv",
            [source],
            (channels, *size),
            tensors,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[padding] * 4,
            group=groups,
        )

    def norm(self, source, scale=1.0):
        """BatchNormalization with the statistics of a network that was trained."""
        shape = self.shapes[source]
        channels = shape[0]
        tensors = {
            "scale": self.rng.uniform(0.8 * scale, 1.2 * scale, channels),
            "shift": self.small(channels),
        }
        statistics = {
            "mean": self.small(channels),
            "variance": self.rng.uniform(0.8, 1.2, channels),
        }
        return self.node("BatchNormalization", [source], shape, tensors, statistics)

    def relu(self, source):
        return self.node("Relu", [source], self.shapes[source])

    def relu6(self, source):
        """Clip to 0 … 6."""
        ends = []
        for end in (0, 6):
            ends.append(f"clip{len(self.nodes)}.{end}")
            array = np.asarray(end, np.float32)
            self.initializers.append(numpy_helper.from_array(array, ends[-1]))
        return self.node("Clip", [source, *ends], self.shapes[source])

    def silu(self, source):
        """x·sigmoid(x), in two nodes as exporters write it."""
        shape = self.shapes[source]
        return self.node("Mul", [source, self.node("Sigmoid", [source], shape)], shape)

    def add(self, left, right):
        return self.node("Add", [left, right], self.shapes[left])

    def max_pool(self, source, kernel=2, stride=2, padding=0):
        """The greatest of each square window."""
        channels, *sides = self.shapes[source]
        shape = [(side + 2 * padding - kernel) // stride + 1 for side in sides]
        return self.node(
            "MaxPool",
            [source],
            (channels, *shape),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[padding] * 4,
        )

    def concat(self, sources, axis=0):
        """One after another along an axis of the sample."""
        shape = list(self.shapes[sources[0]])
        shape[axis] = sum(self.shapes[source][axis] for source in sources)
        return self.node("Concat", sources, tuple(shape), axis=axis + 1)

    def halves(self, source):
        """Both halves of the channels."""
        channels, *sides = self.shapes[source]
        half, parts = channels // 2, []
        for start in (0, half):
            name = f"slice{len(self.nodes)}"
            ends = {"start": [start], "end": [start + half], "axis": [1]}
            for key, value in ends.items():
                array = np.asarray(value, np.int64)
                self.initializers.append(
                    numpy_helper.from_array(array, f"{name}.{key}")
                )
            operands = [source, *(f"{name}.{key}" for key in ends)]
            parts.append(self.node("Slice", operands, (half, *sides)))
        return parts

    def upsample(self, source):
        """Twice as high and wide, each element four times."""
        channels, height, width = self.shapes[source]
        scales = f"resize{len(self.nodes)}.scales"
        array = np.asarray([1, 1, 2, 2], np.float32)
        self.initializers.append(numpy_helper.from_array(array, scales))
        return self.node(
            "Resize",
            [source, "", scales],
            (channels, 2 * height, 2 * width),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def reshape(self, source, shape):
        name = f"reshape{len(self.nodes)}.shape"
        array = np.asarray([1, *shape], np.int64)
        self.initializers.append(numpy_helper.from_array(array, name))
        return self.node("Reshape", [source, name], shape)

    def mean_pool(self, source):
        """The mean of each channel, flattened."""
        channels = self.shapes[source][0]
        return self.flatten(self.node("GlobalAveragePool", [source], (channels, 1, 1)))

    def flatten(self, source):
        size = int(np.prod(self.shapes[source]))
        return self.node("Flatten", [source], (size,), axis=1)

    def dense(self, source, features):
        (fan_in,) = self.shapes[source]
        tensors = {
            "weight": self.he((features, fan_in), fan_in),
            "bias": self.small(features),
        }
        self.multiply_accumulates += features * fan_in
        return self.node("Gemm", [source], (features,), tensors, transB=1)

    def he(self, shape, fan_in):
        return self.rng.standard_normal(shape, np.float32) * np.sqrt(2 / fan_in)

    def small(self, count):
        return self.rng.standard_normal(count) * 0.05

    def node(
        self, operator, sources, shape, tensors=None, statistics=None, **attributes
    ):
        """Append a node; return the name of its value."""
        name = f"{operator.lower()}{len(self.nodes)}"
        tensors, statistics = tensors or {}, statistics or {}
        operands = list(sources)
        for key, tensor in {**tensors, **statistics}.items():
            operands.append(f"{name}.{key}")
            array = np.asarray(tensor, np.float32)
            self.initializers.append(numpy_helper.from_array(array, operands[-1]))
        self.nodes.append(
            helper.make_node(operator, operands, [name], name=name, **attributes)
        )
        self.parameters += sum(tensor.size for tensor in tensors.values())
        self.shapes[name] = shape
        return name

    def samples(self, count):
        """Uniform noise from 0 to 1, as the pixels of images."""
        return self.rng.random((count, *self.input_shape), np.float32)

    def model(self, output):
        """The checked model, its batch dimension symbolic."""
        ends = [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, ["batch", *self.shapes[name]]
            )
            for name in ("input", output)
        ]
        model = helper.make_model(
            helper.make_graph(
                self.nodes, self.name, ends[:1], ends[1:], self.initializers
            ),
            opset_imports=[helper.make_opsetid("", OPSET_VERSION)],
            ir_version=IR_VERSION,
            producer_name="zkinfer-benches",
        )
        onnx.checker.check_model(model, full_check=True)
        return model
