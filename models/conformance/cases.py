"""Collect ONNX's node tests and write them in the form that examples/conformance.rs reads.

A node test gives every tensor as an input of the graph, also what models store: weights, shapes, axes. Such a tensor has to be
constant here, because it decides what the circuit is. So each test comes in up to three forms, and counts in the first that is
not refused:

    computed    every input is computed
    indices     integer and boolean inputs are constants, floating-point inputs are computed
    weights     only the first input is computed
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

FORMS = ("computed", "indices", "weights")
SEED = 0
OWN_DOMAINS = ("", "ai.onnx")
FLOATS = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16,
    TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ,
    TensorProto.FLOAT8E8M0, TensorProto.FLOAT4E2M1,
}  # fmt: skip


@dataclass
class Case:
    """A node test: its model and one data set. Tensors are arrays, or whatever else ONNX put there."""

    name: str
    model: onnx.ModelProto
    inputs: list
    outputs: list

    @property
    def operators(self) -> list[str]:
        """The operators of its nodes, with their domain where that is not ONNX's own."""
        nodes = self.model.graph.node
        return [node.op_type if node.domain in OWN_DOMAINS else f"{node.domain}.{node.op_type}" for node in nodes]

    @property
    def base(self) -> str | None:
        """The test whose function this one spells out in simpler operators, if it is such a test."""
        found = re.fullmatch(r"(.*)_expanded(_ver\d+)?", self.name)
        return found and found[1]


def collect() -> list[Case]:
    """All node tests: from the files of the `onnx` package, or, where it has none, from its generator."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
    if folder.is_dir():
        return [read_case(path) for path in sorted(folder.iterdir()) if (path / "model.onnx").exists()]
    # Imported here because most tests draw their data on import.
    np.random.seed(SEED)
    from onnx.backend.test.loader import load_node_model_tests

    cases = []
    for test in load_node_model_tests():
        inputs, outputs = test.data_sets[0]
        cases.append(Case(test.name, test.model, list(inputs), list(outputs)))
    return cases


def read_case(path: Path) -> Case:
    """A test from ONNX's folder of it."""
    data = path / "test_data_set_0"

    def tensors(kind: str, infos) -> list:
        files = [data / f"{kind}_{index}.pb" for index in range(len(infos))]
        pairs = zip(files, infos)
        return [read_tensor(file) if info.type.HasField("tensor_type") else None for file, info in pairs]

    model = onnx.load(path / "model.onnx")
    return Case(path.name, model, tensors("input", model.graph.input), tensors("output", model.graph.output))


def read_tensor(path: Path) -> TensorProto:
    return TensorProto.FromString(path.read_bytes())


def numbers(tensor) -> np.ndarray | None:
    """A tensor as float64, or None if it holds something else than real numbers."""
    if isinstance(tensor, TensorProto):
        if tensor.data_type == TensorProto.STRING:
            return None
        tensor = numpy_helper.to_array(tensor)
    if not isinstance(tensor, (np.ndarray, np.generic)):
        return None
    if tensor.dtype.kind in "OUSc":
        return None
    return np.array(tensor, dtype=np.float64, order="C")


def constants(case: Case, form: str) -> list[int]:
    """Indices of the inputs that a form makes constants."""
    infos = case.model.graph.input
    tensors = [index for index, info in enumerate(infos) if info.type.HasField("tensor_type")]
    if form == "indices":
        return [index for index in tensors if infos[index].type.tensor_type.elem_type not in FLOATS]
    return tensors[1:] if form == "weights" else []


def forms(case: Case) -> list[str]:
    """The forms of a case that differ from each other and leave something to compute."""
    found = {}
    for form in FORMS:
        made = constants(case, form)
        if form == "computed" or len(made) < len(case.model.graph.input):
            found.setdefault(tuple(made), form)
    return list(found.values())


def write(case: Case, form: str, folder: Path) -> Path:
    """Writes a case in one of its forms; gives its directory."""
    path = folder / form / case.name
    path.mkdir(parents=True, exist_ok=True)
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    made = constants(case, form)
    for index in made:
        tensor, name = case.inputs[index], case.model.graph.input[index].name
        if not isinstance(tensor, TensorProto):
            tensor = numpy_helper.from_array(np.asarray(tensor), name)
        model.graph.initializer.add().CopyFrom(tensor)
        model.graph.initializer[-1].name = name
    for index in reversed(made):
        del model.graph.input[index]
    (path / "model.onnx").write_bytes(model.SerializeToString())
    save(path / "inputs.npz", case.model.graph.input, case.inputs)
    save(path / "outputs.npz", case.model.graph.output, case.outputs)
    about = {"case": case.name, "form": form, "operators": case.operators}
    (path / "case.json").write_text(json.dumps(about))
    return path


def save(path: Path, infos, tensors: list) -> None:
    arrays = {info.name: numbers(tensor) for info, tensor in zip(infos, tensors)}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
