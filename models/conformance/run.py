#!/usr/bin/env python3
"""Run ONNX's node tests through import, circuit, proof and verification, and write docs/operators.md from the result.

Every case of a supported operator must match ONNX within its bound (bounds.py), prove and verify; every other case must be
refused with the operator's name. The exit status is 0 only if that holds.

Usage, from anywhere (the script builds examples/conformance.rs itself):
    python run.py                     everything: prove and verify, write docs/operators.md
    python run.py --skip-proof        stop after the comparison of outputs
    python run.py --only Conv,Gemm    cases that contain one of these operators; docs/operators.md is left alone
    python run.py --json FILE         keep the results, one JSON object per line
"""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Timer

import cases
import contrib
import report
from bounds import bound

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BUILD = ["cargo", "build", "--release", "--quiet", "--example", "conformance"]
TIMEOUT_SECONDS = 300


class Runner:
    """A process of examples/conformance.rs that takes one case after another, and is started again if it dies."""

    def __init__(self, command: list[str]):
        self.command = command
        self.process = None

    def run(self, directory: Path) -> dict:
        if self.process is None:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        timer = Timer(TIMEOUT_SECONDS, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(f"{directory}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        timer.cancel()
        if line:
            return json.loads(line)
        message = f"the runner ended with status {self.process.wait()} (killed after {TIMEOUT_SECONDS} s if -9)"
        self.process = None
        about = json.loads((directory / "case.json").read_text())
        return about | {"status": "failed", "stage": "crash", "message": message}

    def close(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def run_case(case: cases.Case, runner: Runner, folder: Path) -> dict:
    """The result in the first form that is not refused; if all are, in the last one, which fixes most.

    Where an operator is unknown no form can help.
    """
    for form in cases.forms(case):
        try:
            result = runner.run(cases.write(case, form, folder))
        except (TypeError, ValueError, NotImplementedError) as error:
            result = {"case": case.name, "operators": case.operators, "form": form}
            result |= {"status": "failed", "stage": "prepare", "message": str(error)}
        if result["status"] != "refused" or report.unknown(result):
            break
    return judge(result)


def judge(result: dict) -> dict:
    """Adds the bound, and turns into failures what passed beyond it and what was refused without a name."""
    result["bound"] = bound(result["case"], result["operators"])
    result["dropped"] = any("is dropped" in note for note in result.get("notes", []))
    if result["status"] == "passed" and not result["dropped"]:
        exact = all(output["exact"] for output in result["outputs"])
        if not exact and result["error_steps"] > result["bound"]:
            message = f"{result['error_steps']:.2f} steps from the reference, the bound is {result['bound']:g}"
            result |= {"status": "failed", "stage": "bound", "message": message}
    elif result["status"] == "refused" and result["stage"] == "import":
        words = set(re.findall(r"\w+", result["message"]) + re.findall(r"[\w.]+", result["message"]))
        if words.isdisjoint(result["operators"]):
            message = f"refused without the operator's name: {result['message']}"
            result |= {"status": "failed", "stage": "name", "message": message}
    return result


def run_all(selected: list[cases.Case], command: list[str], folder: Path, jobs: int) -> list[dict]:
    idle: SimpleQueue = SimpleQueue()
    runners = [Runner(command) for _ in range(jobs)]
    for runner in runners:
        idle.put(runner)
    done = 0

    def work(case: cases.Case) -> dict:
        nonlocal done
        runner = idle.get()
        try:
            result = run_case(case, runner, folder)
        finally:
            idle.put(runner)
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} of {len(selected)}", end="", file=sys.stderr)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(work, selected))
    for runner in runners:
        runner.close()
    return results


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = TARGET / "conformance"
    parser.add_argument("--cases", type=Path, default=folder, help="folder to write the cases to (target/conformance)")
    parser.add_argument("--only", default="", metavar="OPERATORS", help="only cases with one of these operators")
    parser.add_argument("--skip-proof", action="store_true", help="do not prove and verify")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here, one per line")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--runner", type=Path, help="a built examples/conformance, instead of building it")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    runner = options.runner
    if runner is None:
        subprocess.run(BUILD, cwd=ROOT, check=True)
        runner = TARGET / "release" / "examples" / "conformance"
    supported = json.loads(subprocess.run([runner, "--operators"], check=True, capture_output=True).stdout)

    node_tests = cases.collect()
    every = node_tests + contrib.collect()
    wanted = set(filter(None, options.only.split(",")))
    selected = [case for case in every if not wanted or wanted & set(case.operators)]
    print(f"{len(node_tests)} node tests, {len(selected)} run")

    command = [str(runner)] + ["--skip-proof"] * options.skip_proof
    results = run_all(selected, command, options.cases, options.jobs)
    owners = {case.name: case.operators[0] for case in every if case.base is None}
    for case, result in zip(selected, results):
        result["expands"] = owners.get(case.base)
    if options.json:
        options.json.write_text("".join(json.dumps(result) + "\n" for result in results))

    print(report.summary(results, supported))
    if not wanted and not options.skip_proof:
        (ROOT / "docs" / "operators.md").write_text(report.page(results, supported))
    return 1 if any(result["status"] == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
