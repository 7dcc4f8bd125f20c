"""Runs commands under GNU time, within limits: what they cost, or why they failed."""

import os
import resource
import signal
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

ENOUGH_RUNS = 5
ENOUGH_SECONDS = 30  # after so much wall time a command is not repeated
SHORT_SECONDS = 0.2  # GNU time counts hundredths: what is shorter runs BATCH times
BATCH = 5


@dataclass(frozen=True)
class Cost:
    """What one process took; sums and maxima of several make the cost of a stage."""

    seconds: float  # of the processor, user and system
    megabytes: float  # 10^6 bytes of peak resident memory
    wall: float

    def __add__(self, other):
        return Cost(
            self.seconds + other.seconds,
            max(self.megabytes, other.megabytes),
            self.wall + other.wall,
        )


class Failed(Exception):
    """Why a command came to nothing, in words for a cell of the table."""


@dataclass(frozen=True)
class Limits:
    """What one process may take."""

    seconds: float  # wall
    gigabytes: float  # of memory that is its own: heap and stacks, not mapped files

    def apply(self):
        size = int(self.gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def measure(command, folder, limits, once=False):
    """Medians over several runs of a command in a folder; over one run if ONCE."""
    costs = [run(command, folder, limits)]
    batch = BATCH if costs[0].seconds < SHORT_SECONDS and not once else 1
    if batch > 1:
        costs = []
    spent = 0
    while not once and len(costs) < ENOUGH_RUNS and spent < ENOUGH_SECONDS:
        costs.append(run(command, folder, limits, batch))
        spent = sum(cost.wall for cost in costs) * batch
    fields = zip(*((cost.seconds, cost.megabytes, cost.wall) for cost in costs))
    return Cost(*map(statistics.median, fields))


def run(command, folder, limits, times=1):
    """The cost of a command that runs TIMES in a row, for one of them."""
    report = Path(folder) / "time"
    loop = 'for ((i = 0; i < $0; i++)); do "$@" || exit; done'
    process = subprocess.Popen(
        ["/usr/bin/time", "-q", "-o", report, "-f", "%U %S %M %e"]
        + ["bash", "-c", loop, str(times), *map(str, command)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=limits.apply,
        text=True,
        errors="replace",
    )
    try:
        _, errors = process.communicate(timeout=limits.seconds * times)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Failed(f"over {limits.seconds:g} s") from None
    if process.returncode != 0:
        raise Failed(reason(process.returncode, errors, limits))
    user, system, kilobytes, wall = map(float, report.read_text().split())
    return Cost((user + system) / times, kilobytes * 1024 / 1e6, wall / times)


def reason(status, errors, limits):
    """In a few words; what the process said is for the person who watches."""
    print(errors[-1000:], flush=True)
    words = ("memory allocation of", "MemoryError", "Cannot allocate memory")
    if status in (137, -signal.SIGKILL) or any(word in errors for word in words):
        return f"out of memory ({limits.gigabytes:.3g} GB)"
    return f"failed (exit status {status})"
