#!/usr/bin/env python3
"""Draw language.svg from language.csv, which language.sh measures.

Usage:
    python language.py                          the files beside this script
    python language.py some/folder/language.csv    others; draws beside the file
"""

from plot import draw, pyplot

PANELS = {
    "prove, CPU-s": ("predicted_cpu_s", "prove_cpu_s"),
    "verify, CPU-s": ("predicted_verify_cpu_s", "verify_cpu_s"),
    "proving, peak GB": ("predicted_peak_mb", "peak_mb"),
}


def series(data, along, name):
    """What is known of the largest networks but for one dimension, along that one."""
    other = "layers" if along == "tokens" else "tokens"
    fixed = max(data[other]) if other == "layers" else min(data[other])
    points = zip(data[along], data[other], data[name])
    return sorted((at, value) for at, rest, value in points if rest == fixed)


def figure(data):
    drawing, rows = pyplot.subplots(2, 3, figsize=(7.2, 4.6), layout="constrained")
    for axes, along in zip(rows, ("tokens", "layers")):
        for axis, (title, names) in zip(axes, PANELS.items()):
            scale = 1e-3 if "GB" in title else 1
            for name, style, label in zip(names, ("-", "o"), ("predicted", "measured")):
                at, values = zip(*series(data, along, name))
                drawn = [value * scale for value in values]
                axis.plot(at, drawn, style, markersize=4, label=label)
            axis.set_title(title, fontsize="medium")
            axis.set_xlabel(along)
            axis.set_xticks(at)
            axis.set_ylim(bottom=0)
            axis.grid(alpha=0.3)
            axis.legend(fontsize="small")
    return drawing


def main():
    draw("language", "Draw what tokens and layers cost.", figure)


if __name__ == "__main__":
    main()
