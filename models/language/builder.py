"""What the graphs of language models share: nodes, constants, and how they are put together."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 23, 10
IDS, LOGITS = "input_ids", "logits"


class Builder:
    """Adds nodes; every method returns the name of what its last node computes."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def node(self, operator, name, *inputs, outputs=1, **attributes):
        names = [name] if outputs == 1 else [f"{name}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, name, array):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def positions(self):
        """[batch, tokens]: 0, 1, 2 and so on, however many ids there are."""
        zero, one = (self.constant(f"number.{i}", np.int64(i)) for i in (0, 1))
        shape = self.node("Shape", "ids.shape", IDS)
        length = self.node("Gather", "ids.length", shape, one, axis=0)
        row = self.node("Range", "positions.row", zero, length, one)
        return self.node("Expand", "positions", row, shape)

    def model(self, name, vocabulary):
        ids = helper.make_tensor_value_info(IDS, TensorProto.INT64, [1, "tokens"])
        logits = helper.make_tensor_value_info(
            LOGITS, TensorProto.FLOAT, [1, "tokens", vocabulary]
        )
        graph = helper.make_graph(
            self.nodes, name, [ids], [logits], list(self.constants.values())
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def save(model, path):
    onnx.save(model, path)
    onnx.checker.check_model(str(path), full_check=True)
