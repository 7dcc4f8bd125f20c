#!/usr/bin/env python3
"""What a language model answers in floating point and on integers, side by side.

    cargo build --release
    python models/language/answers.py target/networks/smollm2 [--bits …]

Ten prompts, none of them in the calibration, each answered greedily with sixteen ids: by onnxruntime
on the file that write.py wrote, and by `zkinfer generate --unproven`, which is what a proof would
say. Prints a table in Markdown, and how many ids are the same up to the first that is not.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from fidelity import JOINED, ROOT, run

PROMPTS = [
    "The capital of France is the city of Paris. The capital of Italy is",
    "Water freezes at zero degrees Celsius and boils at",
    "Once upon a time there was a little girl who",
    "To make a cup of tea, first boil the water. Then",
    "The opposite of hot is cold. The opposite of big is",
    "In 1969 two astronauts walked on the",
    "A prime number is a number that",
    "The three primary colors are red,",
    "def add(a, b):\n    return",
    "Monday, Tuesday, Wednesday,",
]
TOKENS, LENGTH = 16, 32
WIDTHS = ["12", f"12,{JOINED}/8,logits=12,*ffn_down*=12"]


def floats(session, ids):
    ids = list(ids)
    for _ in range(TOKENS):
        (logits,) = session.run(None, {session.get_inputs()[0].name: np.array([ids], np.int64)})
        ids.append(int(logits[0, -1].argmax()))
    return ids[-TOKENS:]


def compiled(zkinfer, folder, widths, work):
    bits, _, weights = widths.partition("/")
    command = [zkinfer, "--json", "compile", folder / f"{folder.name}.onnx"]
    command += ["--dim", f"tokens={LENGTH}", "--generate", TOKENS, "--no-seal", "--accept-loss"]
    command += ["--calibration", folder / "calibration.npz", "--bits", bits]
    run(command + ["--weight-bits", weights or "8", "-o", work / "m.zkc", "--force"])


def integers(zkinfer, ids, work):
    (work / "prompt.json").write_text(json.dumps(ids))
    command = [zkinfer, "--json", "generate", work / "m.zkc", "--prompt", work / "prompt.json"]
    return run(command + ["--tokens", TOKENS, "--unproven"])["answer"]


def quoted(text):
    return "`" + json.dumps(text, ensure_ascii=False)[1:-1].replace("`", "'").replace("|", "¦") + "`"


def main():
    parser = argparse.ArgumentParser(description="Answers of a language model, side by side.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", nargs="*", default=WIDTHS)
    built = os.environ.get("ZKINFER", ROOT / "target/release/zkinfer")
    parser.add_argument("--zkinfer", default=built)
    arguments = parser.parse_args()
    folder = arguments.folder
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prompts = [tokenizer.encode(prompt).ids for prompt in PROMPTS]
    if too_long := [prompt for prompt in prompts if len(prompt) + TOKENS > LENGTH]:
        raise SystemExit(f"{len(too_long)} prompts are too long")
    session = onnxruntime.InferenceSession(str(folder / f"{folder.name}.onnx"))
    answers = {"float32": [floats(session, prompt) for prompt in prompts]}
    with tempfile.TemporaryDirectory() as work:
        for widths in arguments.bits:
            compiled(arguments.zkinfer, folder, widths, Path(work))
            answers[widths] = [integers(arguments.zkinfer, ids, Path(work)) for ids in prompts]
    print("| prompt | " + " | ".join(answers) + " |")
    print("|---|" + "---|" * len(answers))
    for row, prompt in enumerate(PROMPTS):
        texts = (quoted(tokenizer.decode(answers[of][row])) for of in answers)
        print(f"| {quoted(prompt)} | " + " | ".join(texts) + " |")
    for widths in arguments.bits:
        pairs = zip(answers["float32"], answers[widths])
        same = [(np.array(one) == np.array(other)).cumprod().sum() for one, other in pairs]
        print(f"\n{widths}: {same.count(TOKENS)} of {len(same)} answers are the same; "
              f"{sum(same)} of {TOKENS * len(same)} ids, up to the first that is not")


if __name__ == "__main__":
    main()
