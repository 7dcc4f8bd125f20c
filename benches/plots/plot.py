"""What the scripts that draw measurements share: how they draw, how they read, what they are told."""

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# Text stays text and the identifiers are fixed: a small file, the same every time.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "zkinfer"})

from matplotlib import pyplot  # noqa: E402 (after the choice of how to draw)

__all__ = ["pyplot", "draw"]


def read(path):
    """The columns of the file by name; what was not measured is NaN."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: [float(row[name]) if row[name] else float("nan") for row in rows]
        for name in rows[0]
    }


def draw(name, description, figure):
    """Draws what is named on the command line, or NAME.csv beside the scripts, with a function
    from its columns to a figure; gives the drawing's path and the columns."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path(__file__).with_name(f"{name}.csv"),
        help=f"what was measured (default: {name}.csv beside this script)",
    )
    path = parser.parse_args().file
    data, drawing = read(path), path.with_suffix(".svg")
    figure(data).savefig(drawing, metadata={"Date": None})
    return drawing, data
