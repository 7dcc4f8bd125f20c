"""Where the files of the zoo are, and how they are read."""

from pathlib import Path

import numpy as np
import onnxruntime

ZOO = Path(__file__).resolve().parent.parent


def network_names() -> list[str]:
    """The networks that have been trained, smallest file first."""
    files = [path for path in ZOO.glob("*/*.onnx") if path.stem == path.parent.name]
    files.sort(key=lambda path: path.stat().st_size)
    return [path.stem for path in files]


def read_arrays(path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name."""
    with np.load(path) as archive:
        return dict(archive)


def read_test(name) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The test samples of a network by input name, and their labels."""
    arrays = read_arrays(ZOO / name / "test.npz")
    labels = arrays.pop("label")
    return arrays, labels


def open_session(model, optimised=None, int8=False, as_written=False):
    """A session of ONNX Runtime on the CPU, from a path or from bytes.

    The model as it is really run can be written to the path OPTIMISED.  With INT8,
    quantised operators with int8 activations run as such: the usual setting on x86
    is to turn them into uint8 first, which does not work for all of them.  AS_WRITTEN
    means without any optimisation.
    """
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    if optimised:
        settings.optimized_model_filepath = str(optimised)
        settings.log_severity_level = 3  # no warning that it suits this machine only
    if as_written:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.graph_optimization_level = level
    if int8:
        settings.add_session_config_entry("session.qdqisint8allowed", "1")
    if isinstance(model, Path):
        model = str(model)
    return onnxruntime.InferenceSession(
        model, settings, providers=["CPUExecutionProvider"]
    )
