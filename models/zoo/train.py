#!/usr/bin/env python3
"""Train the networks of the zkinfer model zoo and export them to ONNX.

Every network is described once, as a graph of layers (training/networks.py).
That one description drives the JAX training code and the ONNX export.  For each
network the script writes into the folder NAME/ beside it:

    NAME.onnx         float32 network, opset 17, symbolic batch dimension
    calibration.npz   training samples by input name, for choosing scales
    test.npz          samples never trained on by input name, and array "label"
    sample.npy        one test sample answered well, batch dimension 1
                      (sample.npz, by input name, where there are two inputs)

Usage:
    python train.py                        train all networks
    python train.py --network lenet5       train one (may be repeated)
    python train.py --output some/folder   write somewhere else
"""

import os

import jax

from chosen import chosen
from training.export import write_files
from training.fit import train
from training.networks import networks


def main():
    wanted, output = chosen("Train and export the model zoo.", networks())
    # One thread for XLA: the order of its sums must not depend on the core count.
    os.environ["PJRT_NPROC"] = "1"
    jax.config.update("jax_platforms", "cpu")
    summary = []
    for network in wanted:
        params, stats = train(network)
        summary.append(write_files(network, params, stats, output))
    print("\n".join(["", *summary]))


if __name__ == "__main__":
    main()
