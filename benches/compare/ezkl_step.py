#!/usr/bin/env python3
"""One step of EZKL in a process of its own: python ezkl_step.py STEP [ARGUMENT...]

Everything happens in the current folder, in files with fixed names.  The statement is
that of zkinfer with public weights: input and output public, weights fixed in the key.
"""

import sys

import ezkl


def settings(model, batch_dimension):
    """EZKL's own defaults."""
    arguments = ezkl.PyRunArgs()
    arguments.variables = [(batch_dimension, 1)]
    arguments.input_visibility = "public"
    arguments.output_visibility = "public"
    arguments.param_visibility = "fixed"
    return ezkl.gen_settings(model, "settings.json", arguments)


def calibrated_settings(model, batch_dimension):
    """The settings that EZKL finds best for calibration data."""
    return settings(model, batch_dimension) and ezkl.calibrate_settings(
        "calibration.json", model, "settings.json", "resources"
    )


def circuit(model):
    return ezkl.compile_circuit(model, "model.compiled", "settings.json")


def parameters(rows, path):
    """A throwaway KZG string; in earnest one downloads that of a ceremony."""
    ezkl.gen_srs(path, int(rows))
    return True


def setup(srs):
    return ezkl.setup("model.compiled", "vk.key", "pk.key", srs)


def witness():
    return ezkl.gen_witness("input.json", "model.compiled", "witness.json")


def prove(srs):
    return ezkl.prove("witness.json", "model.compiled", "pk.key", "proof.json", srs)


def verify(srs):
    return ezkl.verify("proof.json", "settings.json", "vk.key", srs)


STEPS = [settings, calibrated_settings, circuit, parameters, setup, witness, prove]
STEPS = {step.__name__: step for step in [*STEPS, verify]}

if __name__ == "__main__":
    if not STEPS[sys.argv[1]](*sys.argv[2:]):
        sys.exit(f"{sys.argv[1]} says no")
