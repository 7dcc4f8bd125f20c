"""BERT's encoder with a mean over its tokens, as an ONNX graph and in numpy.

The graph has the nodes that torch's exporter writes for `BertModel` with opset 17: dense layers as
MatMul and Add, heads by Reshape and Transpose, GELU by Erf, the mask added to the scores.
"""

import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from scipy.special import erf

OPSET, IR_VERSION = 17, 8
EMBEDDINGS = "embeddings"
MASKED = np.float32(np.finfo(np.float32).min)
SHORTEST = np.float32(1e-12)  # no embedding is divided by less


class Encoder:
    """Writes the graph; every method adds nodes and returns the name of what they compute."""

    def __init__(self, weights, configuration, tokens, masked):
        self.weights, self.configuration = weights, configuration
        self.tokens, self.masked = tokens, masked
        self.width = configuration["hidden_size"]
        self.heads = configuration["num_attention_heads"]
        self.nodes, self.constants = [], {}

    def node(self, operator, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, name, array):
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def shape(self, *lengths):
        name = "shape." + ".".join(map(str, lengths))
        return self.constant(name, np.array(lengths, np.int64))

    def dense(self, name, x):
        matrix = self.constant(f"{name}.weight.T", self.weights[f"{name}.weight"].T)
        product = self.node("MatMul", f"{name}.MatMul", x, matrix)
        return self.node("Add", f"{name}.Add", self.weight(f"{name}.bias"), product)

    def norm(self, name, x):
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        epsilon = self.configuration["layer_norm_eps"]
        return self.node("LayerNormalization", name, x, scale, shift, axis=-1, epsilon=epsilon)

    def embedded(self):
        room = EMBEDDINGS
        table = self.weight(f"{room}.word_embeddings.weight")
        words = self.node("Gather", f"{room}.words", table, "input_ids")
        kinds = self.weights[f"{room}.token_type_embeddings.weight"][0]
        kinds = self.constant(f"{room}.kind", kinds)
        typed = self.node("Add", f"{room}.Add", words, kinds)
        places = self.weights[f"{room}.position_embeddings.weight"][None, : self.tokens]
        places = self.constant(f"{room}.positions", places)
        placed = self.node("Add", f"{room}.Add_1", typed, places)
        return self.norm(f"{room}.LayerNorm", placed)

    def added_mask(self):
        """[batch, 1, 1, tokens]: 0 for what counts, the least number for what does not."""
        axes = self.constant("mask.axes", np.array([1, 2], np.int64))
        wide = self.node("Unsqueeze", "mask.Unsqueeze", "attention_mask", axes)
        counts = self.node("Cast", "mask.Cast", wide, to=TensorProto.FLOAT)
        one = self.constant("mask.one", np.float32(1))
        rest = self.node("Sub", "mask.Sub", one, counts)
        return self.node("Mul", "mask.Mul", rest, self.constant("mask.least", MASKED))

    def split(self, name, x, order):
        size = self.width // self.heads
        shape = self.shape(0, 0, self.heads, size)
        return self.node(
            "Transpose", f"{name}.Transpose", self.node("Reshape", f"{name}.Reshape", x, shape),
            perm=order,
        )

    def attention(self, room, x, mask):
        names = {part: f"{room}.self.{part}" for part in ("query", "key", "value")}
        orders = {"query": [0, 2, 1, 3], "key": [0, 2, 3, 1], "value": [0, 2, 1, 3]}
        q, k, v = (self.split(n, self.dense(n, x), orders[p]) for p, n in names.items())
        scores = self.node("MatMul", f"{room}.scores", q, k)
        root = np.float32(math.sqrt(self.width // self.heads))
        scores = self.node("Div", f"{room}.Div", scores, self.constant("root", root))
        if mask:
            scores = self.node("Add", f"{room}.masked", scores, mask)
        shares = self.node("Softmax", f"{room}.Softmax", scores, axis=-1)
        mixed = self.node("MatMul", f"{room}.mixed", shares, v)
        turned = self.node("Transpose", f"{room}.Transpose", mixed, perm=[0, 2, 1, 3])
        joined = self.node("Reshape", f"{room}.Reshape", turned, self.shape(0, 0, self.width))
        return self.joined(f"{room}.output", joined, x)

    def joined(self, room, x, stream):
        dense = self.dense(f"{room}.dense", x)
        return self.norm(f"{room}.LayerNorm", self.node("Add", f"{room}.Add", dense, stream))

    def gelu(self, room, x):
        root = self.constant("root_of_two", np.float32(math.sqrt(2)))
        one, half = (self.constant(str(n), np.float32(n)) for n in (1, 0.5))
        bent = self.node("Erf", f"{room}.Erf", self.node("Div", f"{room}.Div", x, root))
        product = self.node("Mul", f"{room}.Mul", x, self.node("Add", f"{room}.Add", bent, one))
        return self.node("Mul", f"{room}.Mul_1", product, half)

    def layer(self, room, x, mask):
        x = self.attention(f"{room}.attention", x, mask)
        wide = self.gelu(f"{room}.intermediate", self.dense(f"{room}.intermediate.dense", x))
        return self.joined(f"{room}.output", wide, x)

    def mean(self, x):
        """The mean over the tokens that count."""
        if not self.masked:
            return self.node("ReduceMean", "pooling.ReduceMean", x, axes=[1], keepdims=0)
        middle = self.constant("pooling.axes", np.array([1], np.int64))
        last = self.constant("pooling.last", np.array([-1], np.int64))
        column = self.node("Unsqueeze", "pooling.Unsqueeze", "attention_mask", last)
        # As sentence-transformers writes it: the mask as wide as what it masks.
        like = self.node("Shape", "pooling.Shape", x)
        wide = self.node("Expand", "pooling.Expand", column, like)
        counts = self.node("Cast", "pooling.Cast", wide, to=TensorProto.FLOAT)
        kept = self.node("Mul", "pooling.Mul", x, counts)
        total = self.node("ReduceSum", "pooling.ReduceSum", kept, middle, keepdims=0)
        number = self.node("ReduceSum", "pooling.ReduceSum_1", counts, middle, keepdims=0)
        least = self.constant("pooling.least", np.float32(1e-9))
        number = self.node("Clip", "pooling.Clip", number, least)
        return self.node("Div", "pooling.Div", total, number)

    def normalised(self, x):
        length = self.node("ReduceL2", "length.ReduceL2", x, axes=[1], keepdims=1)
        length = self.node("Clip", "length.Clip", length, self.constant("shortest", SHORTEST))
        wide = self.node("Expand", "length.Expand", length, self.node("Shape", "length.Shape", x))
        return self.node("Div", "sentence_embedding", x, wide)

    def model(self, name):
        x = self.embedded()
        mask = self.added_mask() if self.masked else None
        for layer in range(self.configuration["num_hidden_layers"]):
            x = self.layer(f"encoder.layer.{layer}", x, mask)
        output = self.normalised(self.mean(x))
        names = ["input_ids", "attention_mask"] if self.masked else ["input_ids"]
        inputs = [
            helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", self.tokens])
            for n in names
        ]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", self.width])]
        graph = helper.make_graph(self.nodes, name, inputs, outputs, list(self.constants.values()))
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def embed(weights, configuration, ids, mask=None):
    """The embeddings of sentences in float64, by numpy alone."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    mask = np.ones_like(ids) if mask is None else mask
    heads, epsilon = configuration["num_attention_heads"], configuration["layer_norm_eps"]

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        root = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        return centred / root * w[f"{name}.weight"] + w[f"{name}.bias"]

    def split(x):
        return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    x = w[f"{EMBEDDINGS}.word_embeddings.weight"][ids]
    x = x + w[f"{EMBEDDINGS}.position_embeddings.weight"][: ids.shape[1]]
    x = norm(x + w[f"{EMBEDDINGS}.token_type_embeddings.weight"][0], f"{EMBEDDINGS}.LayerNorm")
    for layer in range(configuration["num_hidden_layers"]):
        room = f"encoder.layer.{layer}"
        parts = ("query", "key", "value")
        q, k, v = (split(dense(x, f"{room}.attention.self.{part}")) for part in parts)
        scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
        scores = np.where(mask[:, None, None, :] > 0, scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ v
        mixed = mixed.transpose(0, 2, 1, 3).reshape(x.shape)
        x = x + dense(mixed, f"{room}.attention.output.dense")
        x = norm(x, f"{room}.attention.output.LayerNorm")
        wide = dense(x, f"{room}.intermediate.dense")
        wide = wide * (1 + erf(wide / math.sqrt(2))) / 2
        x = norm(x + dense(wide, f"{room}.output.dense"), f"{room}.output.LayerNorm")
    mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)
