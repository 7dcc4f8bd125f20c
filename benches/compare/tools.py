"""From an ONNX file to a verified proof, with each of the two tools."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from measured import Cost, Failed, Limits, measure

# EZKL tries dozens of scales on every sample: more would only make its set-up longer.
CALIBRATION_SAMPLES = 16
BATCH_DIMENSION = "batch"


@dataclass
class Run:
    """What one tool made of one network."""

    network: str
    tool: str
    folder: Path
    limits: Limits
    rows: int = 0  # k: the circuit has 2^k rows
    costs: dict[str, Cost] = field(default_factory=dict)  # by stage
    bytes: dict[str, int] = field(default_factory=dict)  # by kind of file
    failure: str = ""  # why it did not get to its end

    def stage(self, name, *command, once=False):
        """Measure one step of a stage."""
        try:
            cost = measure(command, self.folder, self.limits, once)
        except Failed as failure:
            self.failure = str(failure)
            self.costs.pop(name, None)  # of the stage's earlier steps
            raise
        known = self.costs.get(name)
        self.costs[name] = cost if known is None else known + cost


def size(path):
    return path.stat().st_size


class Zkinfer:
    """zkinfer with public weights."""

    def __init__(self, binary, cache):
        self.binary = binary
        self.environment = ["env", f"ZKINFER_CACHE={cache}", binary]

    def inspect(self, path):
        output = subprocess.check_output([self.binary, "inspect", path, "--json"])
        return json.loads(output)

    def run(self, run, parameters):
        """Fill in what it takes; PARAMETERS remembers the cost of each k."""
        name, folder = run.network, run.folder
        compile_ = ["compile", f"{name}.onnx", "--calibration", "calibration.npz"]
        compile_ += ["--weights", "public", "--force"]
        run.stage("setup", *self.environment, *compile_)
        run.rows = self.inspect(folder / f"{name}.vk")["layout"]["k"]
        run.bytes["proving key"] = size(folder / f"{name}.zkc")
        run.bytes["verifying key"] = size(folder / f"{name}.vk")
        if run.rows not in parameters:
            run.stage("parameters", *self.environment, "urs", run.rows, once=True)
            parameters[run.rows] = run.costs["parameters"]
        run.costs["parameters"] = parameters[run.rows]
        prove = ["prove", f"{name}.zkc", "sample.npy", "--force"]
        run.stage("prove", *self.environment, *prove)
        run.bytes["proof"] = argument_bytes(self.inspect(folder / "sample.proof"))
        run.stage("verify", *self.environment, "verify", f"{name}.vk", "sample.proof")


def argument_bytes(inspected):
    """The length of a proof without the statement that it proves."""
    if isinstance(inspected, dict):
        if "argument_bytes" in inspected:
            return inspected["argument_bytes"]
        inspected = list(inspected.values())
    if isinstance(inspected, list):
        return next(filter(None, map(argument_bytes, inspected)), None)
    return None


class Ezkl:
    """EZKL, as its defaults are or as it calibrates itself."""

    def __init__(self, configuration, cache):
        self.configuration = configuration
        self.cache = cache

    def run(self, run, parameters):
        """Fill in what it takes; PARAMETERS remembers the cost of each k."""
        folder, model = run.folder, f"{run.network}.onnx"
        write_inputs(folder)
        calibrated = self.configuration == "calibrated"
        settings = "calibrated_settings" if calibrated else "settings"
        run.stage("settings", *step(settings, model, BATCH_DIMENSION))
        arguments = json.loads((folder / "settings.json").read_text())["run_args"]
        run.rows = arguments["logrows"]
        srs = self.cache / f"{run.rows}.srs"
        if run.rows not in parameters:
            run.stage("parameters", *step("parameters", run.rows, srs), once=True)
            parameters[run.rows] = run.costs["parameters"]
        run.costs["parameters"] = parameters[run.rows]
        run.stage("setup", *step("circuit", model))
        run.stage("setup", *step("setup", srs))
        run.costs["setup"] += run.costs.pop("settings")
        run.bytes["proving key"] = size(folder / "pk.key")
        run.bytes["verifying key"] = size(folder / "vk.key")
        run.stage("prove", *step("witness"))
        run.stage("prove", *step("prove", srs))
        proof = json.loads((folder / "proof.json").read_text())
        run.bytes["proof"] = len(proof["proof"])
        run.stage("verify", *step("verify", srs))


def step(*arguments):
    script = Path(__file__).with_name("ezkl_step.py")
    return [sys.executable, script, *arguments]


def write_inputs(folder):
    """The sample and calibration data in EZKL's own format."""
    with np.load(folder / "calibration.npz") as archive:
        (calibration,) = archive.values()
    sample = np.load(folder / "sample.npy")
    data = {"input": sample, "calibration": calibration[:CALIBRATION_SAMPLES]}
    for name, array in data.items():
        document = {"input_data": [array.ravel().tolist()]}
        (folder / f"{name}.json").write_text(json.dumps(document))
