#!/usr/bin/env python3
"""Record what ONNX Runtime computes inside the quantised networks of the zoo.

An implementation of its own can be held against these records layer by layer and
bit by bit.  For each network and variant (see quantise.py) the script runs the test
samples with ONNX Runtime on the CPU, with its usual optimisations, and writes
FOLDER/NAME.VARIANT.npz with

    input/NAME     float32, what went in
    tensor/VALUE   int8 or uint8, the integer tensor of that name in the .onnx file
    output/NAME    float32, what came out

all with the samples along the first axis.  The tensors are the outputs of
QuantizeLinear, of the integer operators (QLinearConv, QGemm ...), and of operators
that pass integers on (MaxPool, Flatten ...).

Files in the QOperator format run as they are written, without optimisations: their
integer operators need none, and what they leave in floating point (ConvTranspose,
Sub) is then computed in single precision.  With the usual settings it need not be:
on a CPU with matrix instructions for bfloat16 the ConvTranspose of unet-32 was seen
to be off by one part in 140.

For the QDQ format one setting is not the usual one: "session.qdqisint8allowed", so that ONNX Runtime
fuses int8 models of the QDQ format into integer operators on x86 too.  To be read
out, the tensors are made outputs of the model.  The script checks that ONNX Runtime
then runs the same operators (up to Transpose) and answers exactly as without.  It
says where a session with the usual settings runs others, and how many values that
changes in the output, by at most how many quantisation steps.

Usage:
    python quantise.py --variant all --output quantised
    python record.py --models quantised --output records            whole test sets
    python record.py --models quantised --output records --samples 2
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from quantise import VARIANTS
from training.files import network_names, open_session, read_test

# With these the integers end; every other operator passes on what it is given.
LEAVES_INTEGERS = {"DequantizeLinear"}


def is_integer_operator(node):
    return node.op_type.startswith(("QuantizeLinear", "QLinear", "QGemm"))


def integer_tensors(model):
    """The names of the integer tensors that depend on the input, in order."""
    names = []
    for node in model.graph.node:
        passes_on = node.op_type not in LEAVES_INTEGERS and node.input[0] in names
        if is_integer_operator(node) or passes_on:
            names.append(node.output[0])
    return names


def with_outputs(model, names):
    """The model with these values as further outputs."""
    wider = onnx.ModelProto()
    wider.CopyFrom(model)
    values = (helper.make_empty_tensor_value_info(name) for name in names)
    wider.graph.output.extend(values)
    return wider


def run(model, inputs, int8, as_written):
    """Outputs of a model by name, and how often each operator was really run."""
    with tempfile.TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        session = open_session(model.SerializeToString(), optimised, int8, as_written)
        operators = Counter(node.op_type for node in onnx.load(optimised).graph.node)
    # Only moves data, and stands before each tensor read out from channels-last.
    del operators["Transpose"]
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs))), operators


def in_words(operators):
    return ", ".join(f"{count} {name}" for name, count in sorted(operators.items()))


def output_step(model, name):
    """The scale of the DequantizeLinear that makes this output."""
    (node,) = (node for node in model.graph.node if name in node.output)
    constants = {constant.name: constant for constant in model.graph.initializer}
    return float(numpy_helper.to_array(constants[node.input[1]]))


def record(path, inputs, as_written):
    """Arrays to store for one quantised model, and a few lines about it."""
    model = onnx.load(path)
    tensors = integer_tensors(model)
    plain, operators = run(model, inputs, True, as_written)
    found, read_operators = run(with_outputs(model, tensors), inputs, True, as_written)
    if read_operators != operators:
        raise SystemExit(f"{path}: reading out runs {in_words(read_operators)}")
    for name, array in plain.items():
        if not np.array_equal(array, found[name]):
            raise SystemExit(f"{path}: reading the tensors out changes {name}")
    for name in tensors:
        assert found[name].dtype in (np.int8, np.uint8), f"{path}: {name}"
    lines = [f"{path.name}: {len(tensors)} tensors; {in_words(operators)}"]

    usual, usual_operators = run(model, inputs, False, False)
    if usual_operators != operators:
        lines.append(f"  usual settings: {in_words(usual_operators)}")
    for name, array in plain.items():
        steps = np.round(np.abs(usual[name] - array) / output_step(model, name))
        if steps.any():
            lines.append(
                f"  usual settings: {np.count_nonzero(steps)} of {steps.size} values "
                f"of {name} differ, by at most {steps.max():.0f} steps"
            )

    arrays = {f"input/{name}": array for name, array in inputs.items()}
    arrays |= {f"tensor/{name}": found[name] for name in tensors}
    arrays |= {f"output/{name}": found[name] for name in plain}
    return arrays, lines


def main():
    parser = argparse.ArgumentParser(description="Record the quantised zoo.")
    parser.add_argument(
        "--models",
        type=Path,
        required=True,
        help="folder with the files NAME/NAME.VARIANT.onnx of quantise.py",
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write to"
    )
    parser.add_argument(
        "--network",
        action="append",
        choices=network_names(),
        help="record only this network (may be repeated; default: all)",
    )
    parser.add_argument(
        "--variant",
        action="append",
        choices=list(VARIANTS),
        help="record only this variant (may be repeated; default: all there are)",
    )
    parser.add_argument(
        "--samples", type=int, help="only the first so many test samples"
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.network or network_names():
        inputs, _ = read_test(name)
        inputs = {key: array[: arguments.samples] for key, array in inputs.items()}
        for variant in arguments.variant or VARIANTS:
            path = arguments.models / name / f"{name}.{variant}.onnx"
            if not path.exists():
                continue
            arrays, lines = record(path, inputs, variant.startswith("qop"))
            target = arguments.output / f"{name}.{variant}.npz"
            np.savez_compressed(target, **arrays)
            print("\n".join([*lines, f"  {target.stat().st_size} bytes"]), flush=True)


if __name__ == "__main__":
    main()
