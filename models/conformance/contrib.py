"""Cases for what ONNX has no node tests of: onnxruntime's own operators, 16-bit activations, 4-bit weights.

Each network quantises its inputs, applies one operator, and dequantises the result; those of operators on real numbers do not quantise.
What it should come to is what onnxruntime says.
"""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cases import Case

SEED = 1
TYPES = {"uint8": (TensorProto.UINT8, np.uint8), "int8": (TensorProto.INT8, np.int8), "uint16": (TensorProto.UINT16, np.uint16)}


class Contrib(Case):
    """A case about one operator, whatever else its network has."""

    subject = ""

    @property
    def operators(self) -> list[str]:
        return [self.subject]


class Network:
    """A network under construction; every tensor of integers has a random scale and zero point."""

    def __init__(self, random: np.random.Generator, element: str):
        self.random = random
        self.element, self.type = TYPES[element]
        self.nodes, self.constants, self.inputs, self.feeds = [], [], [], {}

    def constant(self, name: str, value) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def grid(self, name: str, low=-1.5, high=1.5) -> list[str]:
        """Scale and zero point for numbers between `low` and `high`."""
        span = np.iinfo(self.type)
        scale = np.float32((high - low) / (float(span.max) - span.min) * self.random.uniform(1.0, 1.3))
        zero = self.type(np.clip(np.rint(span.min - low / scale), span.min, span.max))
        return [self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", zero)]

    def input(self, name: str, shape) -> list[str]:
        """A float input, quantised: its integers, scale and zero point."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.feeds[name] = self.random.uniform(-1.5, 1.5, shape).astype(np.float32)
        grid = self.grid(name)
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *grid], [f"{name}_q"]))
        return [f"{name}_q", *grid]

    def weights(self, name: str, shape) -> list[str]:
        """Constant integers of the same type, scale and zero point."""
        span = np.iinfo(self.type)
        integers = self.random.integers(span.min, int(span.max) + 1, shape).astype(self.type)
        middle = self.type((int(span.min) + int(span.max) + 1) // 2 + 3)
        return [self.constant(name, integers), self.constant(f"{name}_scale", np.float32(0.011)), self.constant(f"{name}_zero", middle)]

    def node(self, operator: str, inputs: list[str], **attributes) -> None:
        self.nodes.append(helper.make_node(operator, inputs, ["y_q"], domain="com.microsoft", **attributes))

    def finish(self, subject: str, name: str, grid: list[str] | None) -> Contrib:
        if grid:
            self.nodes.append(helper.make_node("DequantizeLinear", ["y_q", *grid], ["y"]))
        output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, name, self.inputs, [output], self.constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        settings = onnxruntime.SessionOptions()
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        expected = session.run(None, self.feeds)
        case = Contrib(name, model, [self.feeds[info.name] for info in self.inputs], expected)
        case.subject = subject
        return case


def elementwise(network: Network, operator: str) -> list[str]:
    left, right = network.input("a", [1, 3, 4]), network.input("b", [1, 1, 4])
    grid = network.grid("y", -3, 3)
    network.node(operator, [*left, *right, *grid])
    return grid


def with_constant(network: Network, operator: str) -> list[str]:
    left, grid = network.input("a", [2, 5]), network.grid("y", -3, 3)
    network.node(operator, [*left, *network.weights("c", [5]), *grid])
    return grid


def concat(network: Network) -> list[str]:
    grid = network.grid("y")
    network.node("QLinearConcat", [*grid, *network.input("a", [1, 2, 3]), *network.input("b", [1, 4, 3])], axis=1)
    return grid


def pool(network: Network, padded: bool) -> list[str]:
    x, grid = network.input("x", [1, 2, 5, 5]), network.grid("y", -1, 1)
    pads = [1, 1, 0, 0] if padded else [0, 0, 0, 0]
    network.node("QLinearAveragePool", [*x, *grid], kernel_shape=[2, 3], strides=[2, 1], pads=pads, count_include_pad=int(padded))
    return grid


def whole(network: Network) -> list[str]:
    x, grid = network.input("x", [1, 3, 4, 6]), network.grid("y", -0.5, 0.5)
    network.node("QLinearGlobalAveragePool", [*x, *grid], channels_last=0)
    return grid


def function(network: Network, operator: str, low: float, high: float, **attributes) -> list[str]:
    x, grid = network.input("x", [2, 9]), network.grid("y", low, high)
    network.node(operator, [*x, *grid], **attributes)
    return grid


def gemm(network: Network, transposed: int) -> list[str]:
    x = network.input("x", [2, 6])
    w = network.weights("w", [4, 6] if transposed else [6, 4])
    bias = network.constant("bias", network.random.integers(-2000, 2000, 4).astype(np.int32))
    grid = network.grid("y", -6, 6)
    network.node("QGemm", [*x, *w, bias, *grid], transB=transposed, alpha=1.0)
    return grid


def wide_conv(network: Network) -> list[str]:
    """A convolution in QDQ form: activations of the network's type, int8 weights per channel."""
    x, grid = network.input("x", [1, 2, 5, 5]), network.grid("y", -9, 9)
    weights = network.random.integers(-127, 128, (3, 2, 3, 3)).astype(np.int8)
    scales = network.random.uniform(0.004, 0.02, 3).astype(np.float32)
    network.constant("w", weights), network.constant("w_scale", scales), network.constant("w_zero", np.zeros(3, np.int8))
    network.nodes += [
        helper.make_node("DequantizeLinear", x, ["x_r"]),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_r"], axis=0),
        helper.make_node("Conv", ["x_r", "w_r"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["c", *grid], ["y_q"]),
    ]
    return grid


def narrow_weights(network: Network, element: int, name: str) -> list[str]:
    """A matrix product with 4-bit weights."""
    x, grid = network.input("x", [2, 6]), network.grid("y", -6, 6)
    low, high = (-8, 8) if element == TensorProto.INT4 else (0, 16)
    integers = network.random.integers(low, high, 24)
    network.constants.append(helper.make_tensor("w", element, [6, 4], integers.tolist()))
    network.constants.append(helper.make_tensor("w_zero", element, [4], [1, 0, 2, 3]))
    network.constant("w_scale", network.random.uniform(0.05, 0.2, 4).astype(np.float32))
    network.nodes += [
        helper.make_node("DequantizeLinear", x, ["x_r"]),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_r"], axis=1),
        helper.make_node("MatMul", ["x_r", "w_r"], ["m"], name=name),
        helper.make_node("QuantizeLinear", ["m", *grid], ["y_q"]),
    ]
    return grid


# Operators on real numbers: domain, shapes of computed inputs, of constants behind them, attributes. Instead of a shape there may be an array, which is
# taken as it is, in brackets if it is computed, or None, which is left out.
FUSED = {
    "BiasGelu": ("com.microsoft", [[2, 6]], [[6]], {}),
    "FastGelu": ("com.microsoft", [[2, 6]], [[6]], {}),
    "FusedConv": ("com.microsoft", [[1, 2, 5, 5]], [[3, 2, 3, 3], [3]], {"activation": "LeakyRelu", "activation_params": [0.1]}),
    "FusedGemm": ("com.microsoft", [[2, 6]], [[6, 4], [4]], {"activation": "Relu"}),
    "FusedMatMul": ("com.microsoft", [[2, 3, 4], [2, 5, 4]], [], {"alpha": 0.5, "transB": 1}),
    "Gelu": ("com.microsoft", [[2, 6]], [], {}),
    "GlobalLpPool": ("", [[1, 3, 4, 4]], [], {}),
    "QuickGelu": ("com.microsoft", [[2, 6]], [], {"alpha": 1.5}),
    "SimplifiedLayerNormalization": ("", [[2, 8]], [[8]], {}),
    "SkipLayerNormalization": ("com.microsoft", [[1, 2, 8], [1, 2, 8]], [[8], [8]], {}),
    "SkipSimplifiedLayerNormalization": ("com.microsoft", [[1, 2, 8], [1, 2, 8]], [[8]], {}),
}  # fmt: skip

MASK = np.array([[1, 1, 0, 1]], np.int32)
ROWS = [1, 4, 8]
EMPTY = np.zeros((1, 2, 0, 4), np.float32)
# Of each operator several, by what they try.
ATTENTION = {
    "Attention": {
        "plain": ([ROWS], [[8, 24], [24]], {"num_heads": 2}),
        "causal": ([ROWS], [[8, 24], [24]], {"num_heads": 2, "unidirectional": 1}),
        "masked": ([ROWS], [[8, 24], [24], (MASK,)], {"num_heads": 2, "unidirectional": 1}),
        "rows": ([ROWS], [[8, 24], [24], np.tril(np.ones((1, 4, 4), np.int32), 1)], {"num_heads": 2}),
        "end": ([ROWS], [[8, 24], [24], np.array([3], np.int32)], {"num_heads": 2}),
        "ends": ([ROWS], [[8, 24], [24], np.array([4, 1], np.int32)], {"num_heads": 2}),
        "bias": ([ROWS], [[8, 24], [24], None, None, [1, 2, 4, 4]], {"num_heads": 2}),
        "sizes": ([ROWS], [[8, 28], [28]], {"num_heads": 2, "qkv_hidden_sizes": [8, 8, 12], "scale": 0.5}),
        "past": ([ROWS], [[8, 24], None, None, [2, 1, 2, 3, 4]], {"num_heads": 2, "unidirectional": 1}),
    },
    "MultiHeadAttention": {
        "plain": ([ROWS, ROWS, ROWS], [], {"num_heads": 2}),
        "bias": ([ROWS, [1, 3, 8], [1, 3, 12]], [[28]], {"num_heads": 2}),
        "causal": ([ROWS, ROWS, ROWS], [None, None, [1, 1, 4, 4], EMPTY, EMPTY], {"num_heads": 2, "unidirectional": 1}),
        "masked": ([ROWS, ROWS, ROWS], [None, (MASK,)], {"num_heads": 2}),
        "crossed": ([ROWS, [1, 2, 3, 4], [1, 2, 3, 4]], [[24]], {"num_heads": 2}),
        "past": ([ROWS, ROWS, ROWS], [None, None, None, [1, 2, 3, 4], [1, 2, 3, 4]], {"num_heads": 2, "unidirectional": 1}),
    },
}
LAST, TOTAL = np.array([3], np.int32), np.array([4], np.int32)
TURNS = [np.cos(np.outer(np.arange(9), [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01])), np.sin(np.outer(np.arange(9), [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01]))]
TURNS = [turn.astype(np.float32) for turn in TURNS]
GROUPED = {"num_heads": 4, "kv_num_heads": 2}
KEYS = [[1, 4, 32], [1, 4, 16], [1, 4, 16]]
ATTENTION["GroupQueryAttention"] = {
    "plain": (KEYS, [None, None, LAST, TOTAL], GROUPED),
    "packed": ([[1, 4, 64]], [None, None, None, None, LAST, TOTAL], GROUPED),
    "turned": ([[1, 4, 64], [1, 4, 32], [1, 4, 32]], [None, None, LAST, TOTAL, *TURNS], GROUPED | {"do_rotary": 1}),
    "turned_pairs": (
        [[1, 4, 64], [1, 4, 32], [1, 4, 32]],
        [None, None, LAST, TOTAL, *TURNS, np.array([[2, 0, 0, 0]])],
        GROUPED | {"do_rotary": 1, "rotary_interleaved": 1},
    ),
    "window": (KEYS, [None, None, LAST, TOTAL], GROUPED | {"local_window_size": 2}),
    "smooth": (KEYS, [None, None, LAST, TOTAL], GROUPED | {"smooth_softmax": 1, "softcap": 2.0}),
    "sink": (KEYS, [None, None, LAST, TOTAL, None, None, None, [1, 1, 4, 4], [4]], GROUPED),
    "open": (KEYS, [None, None, LAST, TOTAL], GROUPED | {"causal": 0}),
}
IDS = np.array([[4, 0, 6]], np.int32)
ATTENTION["EmbedLayerNormalization"] = {
    "whole": ([IDS], [np.array([[0, 1, 1]], np.int32), [7, 8], [5, 8], [2, 8], [8], [8]], {}),
    "words": ([IDS], [None, [7, 8], [5, 8], None, [8], [8], None, np.array([[3, 1, 2]], np.int32)], {"epsilon": 0.1}),
}
ATTENTION["RotaryEmbedding"] = {
    "halves": ([[1, 3, 32]], [np.array([[2, 0, 1]]), *TURNS], {}),
    "pairs": ([[1, 2, 3, 16]], [np.array([2]), *TURNS], {"interleaved": 1}),
    "part": ([[1, 3, 40]], [np.array([[2, 0, 1]]), *TURNS], {"num_heads": 2, "rotary_embedding_dim": 16}),
}


def operator(network: Network, name: str, domain: str, inputs, constants, attributes) -> None:
    """One operator on real numbers."""
    names = []
    computed = [(shape,) for shape in inputs]
    for index, shape in enumerate(computed + constants):
        given = isinstance(shape, tuple)
        shape = shape[0] if given else shape
        if shape is None:
            names.append("")
            continue
        reach = 1.5 if given else 1
        numbers = shape if isinstance(shape, np.ndarray) else network.random.uniform(-reach, reach, shape).astype(np.float32)
        names.append(f"x{index}")
        if given:
            element = helper.np_dtype_to_tensor_dtype(numbers.dtype)
            network.inputs.append(helper.make_tensor_value_info(names[-1], element, numbers.shape))
            network.feeds[names[-1]] = numbers
        else:
            network.constant(names[-1], numbers)
    # Where there is a past, onnxruntime wants what comes of it to have names.
    others = {"Attention": ["present"], "EmbedLayerNormalization": ["mask_index"], "GroupQueryAttention": ["keys", "values"], "MultiHeadAttention": ["keys", "values"]}
    network.nodes.append(helper.make_node(name, names, ["y", *others.get(name, [])], domain=domain, **attributes))


def collect() -> list[Case]:
    found = []
    own = "com.microsoft."

    def case(subject: str, name: str, element: str, build) -> None:
        network = Network(np.random.default_rng([SEED, len(found)]), element)
        grid = build(network)
        found.append(network.finish(subject, f"contrib_{name}_{element}", grid))

    for element in ("uint8", "int8"):
        for name in ("QLinearAdd", "QLinearMul"):
            case(own + name, name.lower(), element, lambda network: elementwise(network, name))
            case(own + name, f"{name.lower()}_constant", element, lambda network: with_constant(network, name))
        case(own + "QLinearConcat", "qlinearconcat", element, concat)
        for padded in (False, True):
            name = "qlinearaveragepool" + "_padded" * padded
            case(own + "QLinearAveragePool", name, element, lambda network: pool(network, padded))
        case(own + "QLinearGlobalAveragePool", "qlinearglobalaveragepool", element, whole)
        case(own + "QLinearSigmoid", "qlinearsigmoid", element, lambda network: function(network, "QLinearSigmoid", 0, 1))
        case(
            own + "QLinearLeakyRelu",
            "qlinearleakyrelu",
            element,
            lambda network: function(network, "QLinearLeakyRelu", -0.3, 1.5, alpha=0.17),
        )
        for transposed in (0, 1):
            case(own + "QGemm", f"qgemm_{transposed}", element, lambda network: gemm(network, transposed))
    for name, (domain, *rest) in FUSED.items():
        subject = own + name if domain else name
        case(subject, name.lower(), "int8", lambda network: operator(network, name, domain, *rest))
    case("QuantizeLinear", "wide_conv", "uint16", wide_conv)
    for element, name in ((TensorProto.INT4, "int4"), (TensorProto.UINT4, "uint4")):
        case("DequantizeLinear", f"{name}_weights", "uint8", lambda network: narrow_weights(network, element, name))
    for name, cases in ATTENTION.items():
        for tried, rest in cases.items():
            title = f"{name.lower()}_{tried}"
            case(own + name, title, "int8", lambda network: operator(network, name, "com.microsoft", *rest))
    return found
