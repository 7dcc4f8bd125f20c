#!/usr/bin/env python3
"""How closely a language model on integers follows its float model, by the width of activations.

    cargo build --release
    python models/language/fidelity.py target/networks/smollm2 [--tokens 32] [--bits …]

Compiles the network that write.py wrote for each of `--bits`, and compares it with the float model
on 64 windows that it was not calibrated with, 2,048 tokens of Python's language reference: share of
positions with the same most likely next token, and perplexity, both by `zkinfer evaluate`. Widths
are those of `compile --bits`, and behind a slash those of `--weight-bits`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# What joins the residual stream, and the products of gated layers.
JOINED = "*gated=16,*ffn_down=16,*attn_output=16"
WIDTHS = ["8", "12", f"12,{JOINED}", f"12,{JOINED}/8,logits=12", "auto/auto"]


def run(command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(" ".join(done.stderr.split()).removeprefix("error: "))
    return json.loads(done.stdout)


def row(zkinfer, folder, widths, tokens, work):
    model, test = folder / f"{folder.name}.onnx", folder / "test.npz"
    bits, _, weights = widths.partition("/")
    command = [zkinfer, "--json", "compile", model, "--dim", f"tokens={tokens}"]
    command += ["--calibration", folder / "calibration.npz", "--bits", bits, "--no-seal"]
    command += ["--weight-bits", weights or "8", "--accept-loss", "-o", work / "m.zkc", "--force"]
    try:
        cells = run(command)["layout"]["cells"]
        found = run([zkinfer, "--json", "evaluate", model, test, "--circuit", work / "m.zkc"])
    except RuntimeError as reason:
        return f"| {widths} | | {reason} | | |"
    one, other = found["perplexity"]
    same = f"{100 * found['agreement']:.2f} % of {found['samples'] * tokens:,}"
    return f"| {widths} | {cells:,} | {same} | {one:.2f} / {other:.2f} | {other / one:.4f} |"


def main():
    parser = argparse.ArgumentParser(description="Fidelity of a language model on integers.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--bits", nargs="*", default=WIDTHS)
    built = os.environ.get("ZKINFER", ROOT / "target/release/zkinfer")
    parser.add_argument("--zkinfer", default=built)
    arguments = parser.parse_args()
    print("| bits | cells | same token | perplexity, float / integers | ratio |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        for widths in arguments.bits:
            folder, tokens = arguments.folder, arguments.tokens
            print(row(arguments.zkinfer, folder, widths, tokens, Path(work)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
