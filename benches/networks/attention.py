"""A layer of a transformer over so many tokens, as language models have it: a norm in
front of causal attention and of two dense layers with SiLU, both added to the stream.
"""

import numpy as np

from builder import Builder

WIDTH = 64
HEADS = 4


def layer(name, length):
    """The layer on a stream of `length` tokens."""
    net = Builder(name, (length, WIDTH))
    stream = net.add("input", attention(net, layer_norm(net, "input")))
    hidden = net.silu(project(net, layer_norm(net, stream), 4 * WIDTH))
    return net, net.add(stream, project(net, hidden, WIDTH))


def attention(net, source):
    """Heads of causal attention, brought together."""
    length, width = net.shapes[source]
    size = width // HEADS
    queries, keys, values = (
        transpose(
            net,
            net.reshape(project(net, source, width), (length, HEADS, size)),
            order,
        )
        for order in ((1, 0, 2), (1, 2, 0), (1, 0, 2))
    )
    square = (HEADS, length, length)
    net.multiply_accumulates += 2 * length * length * width
    scores = net.node("MatMul", [queries, keys], square)
    scores = net.node("Mul", [scores], square, statistics={"root": size**-0.5})
    hidden = {"mask": np.triu(np.full((length, length), -1e9), 1)}
    scores = net.node("Add", [scores], square, statistics=hidden)
    weights = net.node("Softmax", [scores], square, axis=-1)
    mixed = net.node("MatMul", [weights, values], (HEADS, length, size))
    mixed = net.reshape(transpose(net, mixed, (1, 0, 2)), (length, width))
    return project(net, mixed, width)


def project(net, source, features):
    """A dense layer over the last dimension."""
    length, fan_in = net.shapes[source]
    # Half of He's variance: no ReLU follows.
    weight = net.he((fan_in, features), 2 * fan_in)
    net.multiply_accumulates += length * fan_in * features
    value = net.node("MatMul", [source], (length, features), {"weight": weight})
    return net.node("Add", [value], (length, features), {"bias": net.small(features)})


def layer_norm(net, source):
    shape = net.shapes[source]
    tensors = {
        "scale": net.rng.uniform(0.8, 1.2, shape[-1]),
        "shift": net.small(shape[-1]),
    }
    return net.node("LayerNormalization", [source], shape, tensors, axis=-1)


def transpose(net, source, order):
    """The dimensions of the sample in another order."""
    shape = tuple(net.shapes[source][axis] for axis in order)
    permutation = [0, *(axis + 1 for axis in order)]
    return net.node("Transpose", [source], shape, perm=permutation)
