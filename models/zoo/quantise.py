#!/usr/bin/env python3
"""Quantise the networks of the model zoo with ONNX Runtime's own quantiser.

The results are what users of ONNX Runtime bring along: models that are quantised
already, in the two formats and with the choices that are usual there.

    qdq      QuantizeLinear and DequantizeLinear around float operators;
             int8 weights with a scale per channel, int8 activations
    qdq-u8   the same with uint8 activations
    qop      integer operators (QLinearConv, QGemm ...); int8 weights with one scale
             per tensor, int8 activations
    qop-u8   the same with uint8 weights and uint8 activations

Scales come from the smallest and largest values seen on NAME/calibration.npz.
Batch normalisation is folded into the convolution before it, and the batch
dimension stays symbolic.

Usage:
    python quantise.py                                 all NAME/NAME.qdq.onnx
    python quantise.py --variant qop --output folder   all folder/NAME/NAME.qop.onnx
    python quantise.py --variant all --network lenet5  (both may be repeated)
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.files import ZOO, network_names, open_session, read_arrays, read_test
from training.score import class_axis, mean_union_share, right


@dataclass(frozen=True)
class Variant:
    """One way of quantising."""

    format: QuantFormat
    per_channel: bool
    weights: QuantType
    activations: QuantType


VARIANTS = {
    "qdq": Variant(QuantFormat.QDQ, True, QuantType.QInt8, QuantType.QInt8),
    "qdq-u8": Variant(QuantFormat.QDQ, True, QuantType.QInt8, QuantType.QUInt8),
    "qop": Variant(QuantFormat.QOperator, False, QuantType.QInt8, QuantType.QInt8),
    "qop-u8": Variant(QuantFormat.QOperator, False, QuantType.QUInt8, QuantType.QUInt8),
}


class Samples(CalibrationDataReader):
    """Hands the calibration samples to ONNX Runtime, all in one batch."""

    def __init__(self, arrays):
        self.batches = iter([arrays])

    def get_next(self):
        return next(self.batches, None)


def masking(model):
    """Nodes that make masks, add them to scores, or read the sums.

    The least number of float32 is in what they pass on: no 8 bits hold that and scores.
    """
    sums = {node.output[0] for node in model.graph.node if node.op_type == "Add"}
    softmaxes = [
        node
        for node in model.graph.node
        if node.op_type == "Softmax" and node.input[0] in sums
    ]
    masked = {node.input[0] for node in softmaxes}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in ("Where", "Expand", "Trilu")
        or node in softmaxes
        or node.output[0] in masked
    ]


def quantise(name, variant, target):
    """Write the quantised model of a network to the path TARGET."""
    choice = VARIANTS[variant]
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        # Folds batch normalisation and infers shapes.  The symbolic inference is
        # left out: it needs one more package and finds nothing more here.
        quant_pre_process(
            ZOO / name / f"{name}.onnx", folded, skip_symbolic_shape=True
        )
        quantize_static(
            folded,
            target,
            Samples(read_arrays(ZOO / name / "calibration.npz")),
            quant_format=choice.format,
            per_channel=choice.per_channel,
            weight_type=choice.weights,
            activation_type=choice.activations,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=masking(onnx.load(folded)),
        )
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param, f"{target}: fixed batch"


def answers(path, inputs):
    """The first output of a model for a whole test set.

    With int8 as int8: without that, x86 processors that have no VNNI saturate.
    """
    (logits,) = open_session(path, int8=True).run(None, inputs)
    return logits


def score(logits, labels):
    """Accuracy in words, with the mean IoU where labels are pictures."""
    text = f"{100 * right(logits, labels).mean():.2f} %"
    if labels.ndim > 2:
        text += f" (IoU {100 * mean_union_share(logits, labels):.2f} %)"
    return text


def main():
    parser = argparse.ArgumentParser(description="Quantise the model zoo.")
    parser.add_argument(
        "--network",
        action="append",
        choices=network_names(),
        help="quantise only this network (may be repeated; default: all)",
    )
    parser.add_argument(
        "--variant",
        action="append",
        choices=[*VARIANTS, "all"],
        help="how to quantise (may be repeated; default: qdq)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ZOO,
        help="folder to write NAME/NAME.VARIANT.onnx to (default: the zoo itself)",
    )
    arguments = parser.parse_args()
    variants = arguments.variant or ["qdq"]
    if "all" in variants:
        variants = list(VARIANTS)
    print("| Network | Variant | Bytes | Float | Quantised | Same answers |")
    print("|---|---|---:|---:|---:|---:|")
    for name in arguments.network or network_names():
        inputs, labels = read_test(name)
        exact = answers(ZOO / name / f"{name}.onnx", inputs)
        for variant in variants:
            folder = arguments.output / name
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{name}.{variant}.onnx"
            quantise(name, variant, target)
            found = answers(target, inputs)
            axis = class_axis(exact, labels)
            same = np.mean(found.argmax(axis) == exact.argmax(axis))
            print(
                f"| `{name}` | `{variant}` | {target.stat().st_size} "
                f"| {score(exact, labels)} | {score(found, labels)} "
                f"| {100 * same:.2f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
