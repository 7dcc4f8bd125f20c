#!/usr/bin/env python3
"""Writes docs/fidelity.md: how closely transformers on integers follow their float models, by the
width of activations.

    cargo build --release
    python benches/fidelity.py [NETWORK…] [--bits 8 auto 12 16] [--zkinfer target/release/zkinfer]

With networks named, prints their rows and writes nothing. The zoo's networks are compared on its
test sets, the sentence encoder (models/packages/minilm.py, which downloads it) on 100 sentences.
Needs numpy, onnx and onnxruntime.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
# Network, file, samples; minilm-* are encoders, nanogpt-* predict, the others classify.
NETWORKS = [
    ("transformer-16", "transformer-16", 360),
    ("transformer-16", "transformer-16.script", 360),
    ("transformer-16", "transformer-16.qdq", 360),
    ("vit-8x8", "vit-8x8", 360),
    ("vit-8x8", "vit-8x8.script", 360),
    ("vit-8x8", "vit-8x8.qdq", 360),
    ("nanogpt-64", "nanogpt-64", 16),
    ("nanogpt-64", "nanogpt-64.qdq", 16),
    ("minilm-16", "minilm-16", 100),
    ("minilm-16-full", "minilm-16-full", 100),
]
HEAD = """# Fidelity

Made by `benches/fidelity.py`: transformers on integers against their float models in onnxruntime,
by the width of activations (`--bits`; `auto`: as many as the error with 8 asks for). The
classifiers on 360 digits: accuracy. The language model on 1,024 characters: the same most likely
next character, and perplexity. The sentence encoder on 100 sentences: cosine of the embeddings.
None of them was calibrated with.
[The networks](../models/zoo/README.md), [the encoder](../models/packages/README.md).

`.script`: by torch's older exporter; `.qdq`: as onnxruntime quantised it to 8 bits, compared with
that file in onnxruntime.

| network | bits | cells | cosine, mean | least | same top | accuracy, float / integers | perplexity, float / integers, ratio |
|---|---|---|---|---|---|---|---|
"""


def folder(network):
    """Where a network's files are; written first if it comes from a package."""
    zoo = ROOT / "models/zoo" / network
    if zoo.is_dir():
        return zoo
    made = ROOT / "target/networks" / network
    if not (made / f"{network}.onnx").exists():
        script = ROOT / "models/packages/minilm.py"
        command = [sys.executable, script, made.parent, "--name", network]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return made


def floats(path, inputs):
    """What onnxruntime computes; int8 as int8 where the file is quantised."""
    settings = onnxruntime.SessionOptions()
    settings.add_session_config_entry("session.qdqisint8allowed", "1")
    session = onnxruntime.InferenceSession(
        str(path), settings, providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)[0].astype(np.float64)


def compiled(zkinfer, path, bits, work):
    """The circuit, or the reason why there is none; and the number of its cells."""
    target = work / "m.zkc"
    command = [zkinfer, "--json", "compile", path, "--calibration", path.parent / "calibration.npz"]
    command += ["-o", target, "--force", "--no-seal", "--accept-loss"]
    command += ["--bits", str(bits)] if bits else []
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(" ".join(done.stderr.split()).removeprefix("error: "))
    return target, json.loads(done.stdout)["layout"]["cells"]


def integers(zkinfer, circuit, inputs, work):
    """What the integer network says of every sample."""
    np.savez(work / "x.npz", **inputs)
    command = [zkinfer, "--json", "run", circuit, work / "x.npz", "--all"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    outputs = [sample["outputs"][0] for sample in json.loads(done.stdout)["samples"]]
    return np.array([np.reshape(o["values"], o["shape"][1:]) for o in outputs])


def perplexity(logits, labels):
    highest = logits.max(-1, keepdims=True)
    sums = np.log(np.exp(logits - highest).sum(-1)) + highest[..., 0]
    return np.exp((sums - np.take_along_axis(logits, labels[..., None], -1)[..., 0]).mean())


def compare(float_, integer, labels):
    """The columns behind cells."""
    flat = [x.reshape(len(x), -1) for x in (float_, integer)]
    lengths = [np.linalg.norm(x, axis=1) for x in flat]
    cosines = (flat[0] * flat[1]).sum(1) / (lengths[0] * lengths[1])
    columns = [f"{cosines.mean():.4f}", f"{cosines.min():.4f}"]
    if labels is None:
        return [*columns, "", "", ""]
    top = [x.argmax(-1) for x in (float_, integer)]
    columns.append(f"{100 * (top[0] == top[1]).mean():.2f} %")
    columns.append(" / ".join(f"{100 * (x == labels).mean():.2f}" for x in top) + " %")
    if labels.ndim == 1:
        return [*columns, ""]
    one, other = perplexity(float_, labels), perplexity(integer, labels)
    return [*columns, f"{one:.3f} / {other:.3f}, {other / one:.4f}"]


def row(zkinfer, network, file, samples, bits):
    path = folder(network) / f"{file}.onnx"
    with np.load(path.parent / "test.npz") as archive:
        inputs = {name: array[:samples] for name, array in archive.items()}
    labels = inputs.pop("label", None)
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as work:
        try:
            circuit, cells = compiled(zkinfer, path, bits, Path(work))
        except RuntimeError as reason:
            said = str(reason).replace(str(path), path.name).replace("|", "\\|")
            return f"| {file} | {bits or 'own'} | refused: {said[:160]} | | | | | |"
        found = integers(zkinfer, circuit, inputs, Path(work))
    columns = compare(floats(path, inputs), found, labels)
    return " | ".join([f"| {file}", str(bits or "own"), f"{cells:,}", *columns]) + " |"


def main():
    parser = argparse.ArgumentParser(description="Fidelity of transformers on integers.")
    parser.add_argument("network", nargs="*", help="network, or file of one (default: all)")
    parser.add_argument("--bits", nargs="*", default=["8", "auto", "12", "16"])
    built = os.environ.get("ZKINFER", ROOT / "target/release/zkinfer")
    parser.add_argument("--zkinfer", default=built)
    arguments = parser.parse_args()
    (ROOT / "target").mkdir(exist_ok=True)
    rows = []
    for network, file, samples in NETWORKS:
        if arguments.network and not {network, file} & set(arguments.network):
            continue
        # A quantised file says its widths itself.
        for bits in [None] if file.endswith(".qdq") or not arguments.bits else arguments.bits:
            rows.append(row(arguments.zkinfer, network, file, samples, bits))
            print(rows[-1], flush=True)
    if not arguments.network:
        (ROOT / "docs/fidelity.md").write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
