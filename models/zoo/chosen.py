"""What the scripts that train networks are told: which, and where they write."""

import argparse
from pathlib import Path


def chosen(description, known):
    """Those of the known networks that the command line names, or all, and the folder."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--network",
        action="append",
        choices=[network.name for network in known],
        help="train only this network (may be repeated; default: all)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).resolve().parent,
        help="folder to write to (default: the folder of this script)",
    )
    arguments = parser.parse_args()
    names = arguments.network or [network.name for network in known]
    return [network for network in known if network.name in names], arguments.output
