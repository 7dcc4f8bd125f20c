#!/usr/bin/env python3
"""Draw scaling.svg from scaling.csv, which scaling.sh measures.

Usage:
    python scaling.py                        the files beside this script
    python scaling.py some/folder/scaling.csv    others; draws beside the file
"""

from plot import draw, pyplot

PER_CELL_SPREAD = 1.5  # asked: the dearest cell costs at most this times the cheapest
COMMIT_RATIO = 10  # asked: a proof takes at most this times committing to its cells


def per_cell(data, name, unit):
    return [value * unit / cells for value, cells in zip(data[name], data["cells"])]


def figure(data):
    cells = data["cells"]
    time = per_cell(data, "prove_cpu_s", 1e6)
    panels = [
        ("prove, CPU-µs per cell", time),
        ("prove, peak bytes per cell", per_cell(data, "peak_mb", 1e6)),
        ("verify, CPU-s", data["verify_cpu_s"]),
        ("proof over committing to its cells", data["commit_ratio"]),
    ]
    known = [(title, values) for title, values in panels if values[0] == values[0]]
    drawing, axes = pyplot.subplots(
        1, len(known), figsize=(3.2 * len(known), 3), layout="constrained"
    )
    for axis, (title, values) in zip(axes, known):
        axis.plot(cells, values, "o-", color="tab:blue", markersize=4)
        axis.set_title(title, fontsize="medium")
        axis.set_xlabel("cells")
        axis.set_xscale("log", base=2)
        axis.grid(alpha=0.3)
    axes[0].axhspan(
        min(time), PER_CELL_SPREAD * min(time), color="tab:green", alpha=0.15
    )
    if len(known) == len(panels):
        axes[-1].axhline(COMMIT_RATIO, color="tab:green", linestyle="--")
    for axis, (title, _) in zip(axes, known):
        if title.startswith("verify"):
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
    return drawing


def main():
    path, data = draw("scaling", "Draw the scaling of proofs.", figure)
    time = per_cell(data, "prove_cpu_s", 1e6)
    print(
        f"{path}: {min(time):.1f} to {max(time):.1f} CPU-µs per "
        f"cell, {max(time) / min(time):.2f}x (asked: at most {PER_CELL_SPREAD}x)"
    )


if __name__ == "__main__":
    main()
