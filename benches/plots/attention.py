#!/usr/bin/env python3
"""Draw attention.svg from attention.csv, which attention.sh measures, and print the cells
of a token and head as a line in the number of tokens.

Usage:
    python attention.py                          the files beside this script
    python attention.py some/folder/attention.csv    others; draws beside the file
"""

import numpy as np

from plot import draw, pyplot

HEADS = 4


def per_token(data, name):
    return [value / tokens for value, tokens in zip(data[name], data["tokens"])]


def line(data):
    """Cells for each score that is seen, and for each token and head besides."""
    tokens = np.asarray(data["tokens"])
    cells = np.asarray(per_token(data, "softmax_cells")) / HEADS
    seen = (tokens + 1) / 2
    # Relative errors count: long layers have few points and many cells.
    design = np.stack([seen, np.ones_like(seen)], 1) / cells[:, None]
    return np.linalg.lstsq(design, np.ones_like(cells), rcond=None)[0]


def figure(data):
    tokens = data["tokens"]
    drawing, (left, right) = pyplot.subplots(
        1, 2, figsize=(7.2, 3), layout="constrained"
    )
    left.plot(tokens, per_token(data, "cells"), "o-", markersize=4, label="whole layer")
    scores = per_token(data, "softmax_cells")
    left.plot(tokens, scores, "o-", markersize=4, label="scores and softmax")
    slope, rest = line(data)
    fitted = [HEADS * (slope * (count + 1) / 2 + rest) for count in tokens]
    left.plot(tokens, fitted, "k:", label="line in tokens")
    left.set_title("cells per token", fontsize="medium")
    predicted = per_token(data, "predicted_cpu_s")
    right.plot(tokens, np.asarray(predicted) * 1e3, "-", label="predicted")
    measured = per_token(data, "prove_cpu_s")
    right.plot(tokens, np.asarray(measured) * 1e3, "o", markersize=4, label="measured")
    right.set_title("prove, CPU-ms per token", fontsize="medium")
    for axis in (left, right):
        axis.set_xlabel("tokens")
        axis.set_xscale("log", base=2)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    return drawing


def main():
    _, data = draw("attention", "Draw what tokens cost.", figure)
    slope, rest = line(data)
    print(f"{slope:.2f} cells a score, {rest:.1f} a token and head besides")


if __name__ == "__main__":
    main()
