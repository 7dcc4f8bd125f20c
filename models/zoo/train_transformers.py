#!/usr/bin/env python3
"""Train the transformers of the zkinfer model zoo, with PyTorch.

`attention/networks.py` has the modules.  For each network the script writes into the
folder NAME/ beside it:

    NAME.onnx          float32, as torch.onnx.export writes it (TorchDynamo)
    NAME.script.onnx   the same by the older exporter (TorchScript), if it is kept
    calibration.npz    training samples by input name, for choosing scales
    test.npz           samples never trained on by input name, and array "label"
    sample.npy         one test sample answered well, batch dimension 1
    tokenizer.json     of nanogpt-64: which character each id is

Usage, with the packages of requirements-torch.txt:
    python train_transformers.py                          train all
    python train_transformers.py --network nanogpt-64     train one (may be repeated)
    python train_transformers.py --output some/folder     write somewhere else
"""

import torch

from attention.export import write_files
from attention.fit import train
from attention.networks import transformers
from chosen import chosen


def main():
    wanted, output = chosen("Train the transformers of the zoo.", transformers())
    # The order of sums must not depend on the number of cores.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    summary = [write_files(network, train(network), output) for network in wanted]
    print("\n".join(["", *summary]))


if __name__ == "__main__":
    main()
