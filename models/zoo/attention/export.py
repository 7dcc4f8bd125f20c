"""From a trained module to the files in its folder.

Both of torch's exporters write it, since users bring files of both: the one by
TorchDynamo, and the older one by TorchScript, which takes the network apart into
many small operators.
"""

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from training.files import open_session
from training.score import right, sample_accuracy

OUTPUT = "logits"
# The encoder layer's own fused kernel has no form in ONNX.
torch.backends.mha.set_fastpath_enabled(False)
SCRIPT_OPSET = 14  # before ONNX has LayerNormalization


def by_dynamo(module, inputs, path):
    """As `torch.onnx.export` writes a module by default."""
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=[OUTPUT],
        dynamic_shapes=tuple({0: batch} for _ in inputs),
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def by_script(module, inputs, path):
    """As the older exporter writes a module."""
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=[OUTPUT],
        dynamic_axes={name: {0: "batch"} for name in [*inputs, OUTPUT]},
        opset_version=SCRIPT_OPSET,
        dynamo=False,
    )


def without_traces(path):
    """Drops what exporters say about the machine: paths of source files."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def exported(module, inputs, writer):
    """The bytes of a module as one exporter writes it."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "exported.onnx"
        with torch.no_grad():
            writer(module, inputs, path)
        return without_traces(path)


def write_files(network, module, output):
    """Check a trained module, write its files, return a line for the summary."""
    test, labels = network.data.test()
    tensors = {name: torch.from_numpy(array) for name, array in test.items()}
    with torch.no_grad():
        expected = module(*tensors.values()).numpy()
    few = {name: tensor[:2] for name, tensor in tensors.items()}
    folder = output / network.name
    folder.mkdir(parents=True, exist_ok=True)
    writers = {"": by_dynamo} | ({".script": by_script} if network.script else {})
    for ending, writer in writers.items():
        model = exported(module, few, writer)
        (logits,) = open_session(model).run([OUTPUT], test)
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
        (folder / f"{network.name}{ending}.onnx").write_bytes(model)

    correct = right(expected, labels)
    accuracy = correct.mean()
    if accuracy < network.minimum_accuracy:
        raise SystemExit(f"{network.name}: test accuracy {accuracy:.4f} is too low")
    good = sample_accuracy(correct) >= network.minimum_accuracy
    sample = int(np.flatnonzero(good)[0])
    np.savez_compressed(folder / "calibration.npz", **network.data.calibration())
    np.savez_compressed(folder / "test.npz", **test, label=labels)
    if hasattr(network.data, "tokenizer"):
        text = json.dumps(network.data.tokenizer(), indent=1) + "\n"
        (folder / "tokenizer.json").write_text(text)
    (first,) = test.values()
    np.save(folder / "sample.npy", first[sample : sample + 1])
    scores = torch.log_softmax(torch.from_numpy(expected), -1).numpy()
    loss = -np.take_along_axis(scores, labels[..., None], -1).mean()
    return (
        f"{network.name}: {sum(p.numel() for p in module.parameters())} parameters, "
        f"test accuracy {100 * accuracy:.2f} % ({correct.sum()} of {correct.size}), "
        f"perplexity {np.exp(loss):.3f}, sample is number {sample}"
    )
