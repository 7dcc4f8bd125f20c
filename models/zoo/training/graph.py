"""A network as a graph of layers.

A network is a dictionary from node names to layers, in the order in which they
are computed.  Each layer reads the output of the entry before it (the first one
reads the input) unless it is wrapped in On, which names what it reads: earlier
nodes or inputs.  A list of layers is thus a chain; branches, residual additions
and joins are entries with On.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax

from .data import Dataset
from .layers import Layer


@dataclass(frozen=True)
class On:
    """A layer with its sources, and, to share weights, the node that owns them."""

    layer: Layer
    sources: tuple[str, ...]
    weights: str = ""  # empty: weights of its own


class Node(NamedTuple):
    """An entry of a network with everything that was left out filled in."""

    name: str
    layer: Layer
    sources: tuple[str, ...]
    weights: str


@dataclass(frozen=True)
class Network:
    """One network of the zoo and how it is trained."""

    name: str
    data: Dataset
    inputs: dict[str, tuple]  # input name -> shape of one sample
    output_shape: tuple  # of one sample
    layers: dict[str, Layer | On]  # node name -> layer, in order
    epochs: int
    minimum_accuracy: float = 0.95

    def nodes(self) -> list[Node]:
        nodes = []
        previous = next(iter(self.inputs))
        for name, entry in self.layers.items():
            if isinstance(entry, On):
                nodes.append(
                    Node(name, entry.layer, entry.sources, entry.weights or name)
                )
            else:
                nodes.append(Node(name, entry, (previous,), name))
            previous = name
        return nodes

    def operand_shapes(self):
        """For each node its operand's shape, or the list of its operands' shapes."""
        known = dict(self.inputs)
        operands = {}
        for node in self.nodes():
            operands[node.name] = operand(known, node)
            known[node.name] = node.layer.output_shape(operands[node.name])
        assert known[node.name] == self.output_shape
        return operands

    def multiply_accumulates(self):
        """Products added up for one sample by the convolutions and dense layers."""
        shapes = self.operand_shapes()
        return sum(n.layer.multiply_accumulates(shapes[n.name]) for n in self.nodes())


def operand(values, node):
    """What a node reads from the values known so far: one, or a list for a join."""
    found = [values[source] for source in node.sources]
    return found[0] if len(found) == 1 else found


def init_network(network, rng):
    """Fresh parameters and running statistics, as dictionaries by node name."""
    params, stats = {}, {}
    shapes = network.operand_shapes()
    for node in network.nodes():
        if node.weights == node.name:
            params[node.name], stats[node.name] = node.layer.init(
                rng, shapes[node.name]
            )
    return params, stats


def apply_network(network, params, stats, inputs, train):
    """The output for a batch, and the running statistics after it."""
    values = dict(inputs)
    new_stats = {}
    for node in network.nodes():
        owner = node.weights
        # A node that shares weights goes on from its owner's new statistics.
        old = new_stats.get(owner, stats[owner])
        values[node.name], new_stats[owner] = node.layer.apply(
            params[owner], old, operand(values, node), train
        )
    return values[node.name], new_stats


def parameter_count(params):
    """Number of trained values (running statistics not counted)."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
