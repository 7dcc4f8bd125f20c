#!/usr/bin/env python3
"""The same ONNX files through EZKL and zkinfer; compare.sh prepares it all and runs it.

Prints a Markdown table of ratios and one of every run, and writes them with --output.
"""

import argparse
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from measured import ENOUGH_RUNS, ENOUGH_SECONDS, Failed, Limits
from tools import CALIBRATION_SAMPLES, Ezkl, Run, Zkinfer

CONFIGURATIONS = ("calibrated", "default")


def run_all(arguments):
    """For each network its runs: EZKL's configurations, then zkinfer."""
    limits = Limits(arguments.seconds, arguments.memory)
    cache = arguments.folder / "parameters"
    cache.mkdir(exist_ok=True)
    os.environ["EZKL_REPO_PATH"] = str(cache)  # nothing into the home folder
    tools = {f"EZKL, {name}": Ezkl(name, cache) for name in arguments.configurations}
    tools["zkinfer"] = Zkinfer(arguments.zkinfer, cache)
    parameters = {"EZKL": {}, "zkinfer": {}}
    for network in arguments.networks:
        runs = []
        for label, tool in tools.items():
            print(f"{network}: {label}", flush=True)
            # A copy for each run: gigabytes of keys that go when it ends.
            folder = arguments.folder / "run"
            shutil.copytree(arguments.folder / network, folder)
            run = Run(network, label, folder, limits)
            try:
                tool.run(run, parameters[label.split(",")[0]])
            except Failed as failure:
                print(f"{network}: {label}: {failure}", flush=True)
            shutil.rmtree(folder)
            runs.append(run)
        yield runs


def better(runs):
    """The run of EZKL that proves with less; one that fails only if all do."""
    complete = [run for run in runs if not run.failure]
    if complete:
        return min(complete, key=lambda run: run.costs["prove"].seconds)
    return max(runs, key=lambda run: len(run.costs))


# Title, stage, and what of the stage's cost.
COSTS = [
    ("set-up, s", "setup", "seconds"),
    ("peak MB", "setup", "megabytes"),
    ("prove, s", "prove", "seconds"),
    ("peak MB", "prove", "megabytes"),
    ("verify, s", "verify", "seconds"),
]
# Title, kind of file, and bytes in its unit.
SIZES = [
    ("proof, bytes", "proof", 1),
    ("proving key, MB", "proving key", 1e6),
    ("verifying key, kB", "verifying key", 1e3),
]
TITLES = [title for title, *_ in COSTS + SIZES]


def figures(run):
    """A number for every title; the first that is missing tells why."""
    why = iter([run.failure])
    for _, stage, what in COSTS:
        if stage in run.costs:
            yield getattr(run.costs[stage], what)
        else:
            yield next(why, "–")
    for _, kind, unit in SIZES:
        yield run.bytes[kind] / unit if kind in run.bytes else "–"


def show(value):
    """Three digits, or all of a whole number; words as they are."""
    if isinstance(value, str):
        return value
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.01 else f"{value:.3f}"


def ratio(theirs, ours):
    both = f"{show(theirs)} / {show(ours)}"
    if isinstance(theirs, str) or isinstance(ours, str) or ours == 0:
        return both
    return f"{both} = **{show_ratio(theirs / ours)}**"


def show_ratio(value):
    """Two digits: what is measured is not known better."""
    return f"{float(f'{value:.2g}'):.0f}" if value >= 10 else f"{value:.1f}"


def line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def table(titles, rows):
    return "\n".join([line(titles), "|" + "---|" * len(titles), *map(line, rows)])


def document(arguments, results):
    ratios = []
    for *ezkl, ours in results:
        chosen = better(ezkl)
        pairs = zip(figures(chosen), figures(ours))
        ratios.append([ours.network, *(ratio(*pair) for pair in pairs)])
    runs = []
    for run in (run for network in results for run in network):
        cost = run.costs.get("parameters")
        parameters = show(cost.seconds) if cost else "–"
        measured = map(show, figures(run))
        runs.append([run.network, run.tool, run.rows or "–", parameters, *measured])
    versions = f"EZKL {version('ezkl')} from PyPI and {zkinfer_version(arguments)}"
    return f"""# Compared with EZKL

Made by `benches/compare/compare.sh` on {arguments.machine}:
{versions} on the same ONNX files, one after the other on the
same machine, which others share. [How to read it](../README.md).

EZKL / zkinfer = ratio, with the one of EZKL's configurations that proves faster:

{table(["network", *TITLES], ratios)}

Both prove the same statement: input and output public, weights fixed by the key. Every
step is a process of its own under GNU time: seconds are CPU-seconds, user and system,
and MB are 10^6 bytes of peak resident memory; medians of up to {ENOUGH_RUNS} runs,
fewer where these take longer than {ENOUGH_SECONDS} seconds. Set-up goes from the ONNX
file to the keys: EZKL's settings, calibration on {CALIBRATION_SAMPLES} samples, circuit
and keys; zkinfer's `compile`, with all calibration data. Prove includes the witness,
and for zkinfer that the proof is verified before it is handed out. Proofs are without
the statement. zkinfer has no proving key: that column shows its compiled model.

All runs. A circuit has 2^k rows. Parameters are needed once for each k, and counted in
no other column: EZKL's are a throwaway string (in earnest one downloads that of a
ceremony), zkinfer derives its own from nothing.

{table(["network", "tool", "k", "parameters, s", *TITLES], runs)}

Limits of a step: {arguments.seconds:g} s of wall time, {arguments.memory:.3g} GB.
"""


def zkinfer_version(arguments):
    return subprocess.check_output([arguments.zkinfer, "--version"], text=True).strip()


def available_gigabytes():
    for entry in Path("/proc/meminfo").read_text().splitlines():
        if entry.startswith("MemAvailable"):
            return int(entry.split()[1]) * 1024 / 1e9
    raise SystemExit("/proc/meminfo does not say how much memory is available")


def main():
    parser = argparse.ArgumentParser(description="Compare zkinfer with EZKL.")
    parser.add_argument("networks", nargs="+", help="folders in --folder")
    parser.add_argument("--folder", type=Path, required=True, help="where they are")
    parser.add_argument("--zkinfer", required=True, help="the binary")
    parser.add_argument("--machine", required=True, help="date and machine, in words")
    parser.add_argument("--output", type=Path, help="file to write, too")
    parser.add_argument(
        "--configurations",
        type=lambda names: names.split(","),
        default=CONFIGURATIONS,
        help="of EZKL (default: calibrated,default)",
    )
    parser.add_argument(
        "--seconds", type=float, default=3600, help="limit of a step (default: 3600)"
    )
    parser.add_argument(
        "--memory",
        type=float,
        default=available_gigabytes() - 1,
        help="limit of a step, in GB (default: what is available, less 1)",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.configurations) - set(CONFIGURATIONS)
    if unknown:
        parser.error(f"EZKL has no configuration {', '.join(unknown)}")
    text = document(arguments, list(run_all(arguments)))
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
