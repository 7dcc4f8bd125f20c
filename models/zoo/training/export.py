"""From a trained network to the files in its folder."""

import jax
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from .graph import apply_network, parameter_count
from .score import mean_union_share, right, sample_accuracy

OPSET_VERSION = 17
IR_VERSION = 8
OUTPUT = "logits"


def export_onnx(network, params, stats):
    """The ONNX model of a trained network."""
    nodes, initializers = [], []
    known = {name: name for name in network.inputs}  # node name -> its ONNX value
    graph = network.nodes()
    for node in graph:
        sources = [known[source] for source in node.sources]
        tensors = params[node.weights] | stats[node.weights]
        used = {key: tensors[key] for key in node.layer.tensor_order if key in tensors}
        used |= node.layer.constants()
        for key, tensor in used.items():
            if tensor is None:  # an optional input left out
                sources.append("")
                continue
            sources.append(f"{node.weights}.{key}")
            if node.weights == node.name:
                array = np.asarray(tensor, dtype=np.float32, order="C")
                initializers.append(numpy_helper.from_array(array, sources[-1]))
        last = node is graph[-1]
        known[node.name] = OUTPUT if last else f"{node.name}.output"
        nodes.append(node.layer.node(node.name, sources, known[node.name]))
    inputs = [batch_of(name, shape) for name, shape in network.inputs.items()]
    outputs = [batch_of(OUTPUT, network.output_shape)]
    model = helper.make_model(
        helper.make_graph(nodes, network.name, inputs, outputs, initializers),
        opset_imports=[helper.make_opsetid("", OPSET_VERSION)],
        ir_version=IR_VERSION,
        producer_name="zkinfer-zoo",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def batch_of(name, shape):
    """A float32 input or output with a symbolic batch dimension."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


def write_files(network, params, stats, output):
    """Check a trained network, write its files, return a line for the summary."""
    test, labels = network.data.test()
    model = export_onnx(network, params, stats)
    model_bytes = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(
        model_bytes, providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run([OUTPUT], test)
    # Compiled as a whole, which is much faster for the larger networks.
    expected = jax.jit(
        lambda inputs: apply_network(network, params, stats, inputs, train=False)[0]
    )(test)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    correct = right(logits, labels)
    accuracy = correct.mean()
    if accuracy < network.minimum_accuracy:
        raise SystemExit(f"{network.name}: test accuracy {accuracy:.4f} is too low")
    good = sample_accuracy(correct) >= network.minimum_accuracy
    sample = int(np.flatnonzero(good)[0])

    folder = output / network.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{network.name}.onnx").write_bytes(model_bytes)
    np.savez_compressed(folder / "calibration.npz", **network.data.calibration())
    np.savez_compressed(folder / "test.npz", **test, label=labels)
    first = {name: array[sample : sample + 1] for name, array in test.items()}
    if len(first) == 1:
        np.save(folder / "sample.npy", *first.values())
    else:
        np.savez_compressed(folder / "sample.npz", **first)
    line = (
        f"{network.name}: {parameter_count(params)} parameters, "
        f"{network.multiply_accumulates()} multiply-accumulates, "
        f"test accuracy {100 * accuracy:.2f} % ({correct.sum()} of {correct.size}), "
        f"sample is number {sample}"
    )
    if labels.ndim == 1:
        return f"{line}, labelled {labels[sample]}"
    return f"{line}, mean IoU {100 * mean_union_share(logits, labels):.2f} %"
