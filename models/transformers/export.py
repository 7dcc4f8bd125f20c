"""Write small transformers as ONNX, by every exporter that is installed.

    python models/transformers/export.py FOLDER [--only llama]

For each model and exporter a file `MODEL.EXPORTER.onnx`, and beside it samples: `MODEL.npz` to calibrate with and `MODEL.test.npz`.
What an exporter does not know is said and left out.
"""

import argparse
import logging
import os
import warnings
from pathlib import Path

import numpy as np

CALIBRATION, TEST = 8, 4


def torch_models(folder: Path, only: str):
    import torch

    import architectures

    for name in architectures.ARCHITECTURES:
        if only not in name:
            continue
        _, names = architectures.make(name, "eager")
        data = architectures.samples(names, CALIBRATION + TEST)
        save(folder, name, {key: value.numpy() for key, value in data.items()})
        one = tuple(value[:1] for value in data.values())
        for attention in ("eager", "sdpa"):
            for exporter, options in (("script", {"dynamo": False, "opset_version": 17}), ("dynamo", {"dynamo": True, "external_data": False})):
                model, names = architectures.make(name, attention)
                path = folder / f"{name}.torch-{exporter}-{attention}.onnx"

                def write():
                    with torch.no_grad():
                        torch.onnx.export(architectures.OneOutput(model, names), one, path, input_names=names, **options)

                attempt(path, write)


def fused_models(folder: Path):
    """What onnxruntime's optimiser for transformers makes of these files."""
    from onnxruntime.transformers import optimizer

    kinds = {"bert": "bert", "distilbert": "bert", "roberta": "bert", "gpt2": "gpt2", "vit": "vit", "clip-vision": "clip", "llama": "gpt2"}
    for name, kind in kinds.items():
        for path in sorted([*folder.glob(f"{name}.torch-*.onnx"), *folder.glob(f"{name}.optimum.onnx")]):
            exporter = path.name.removeprefix(f"{name}.").removeprefix("torch-").removesuffix(".onnx")
            target = folder / f"{name}.fused-{exporter}.onnx"

            def write():
                fused = optimizer.optimize_model(str(path), model_type=kind, num_heads=4, hidden_size=32, opt_level=0)
                fused.save_model_to_file(str(target))

            attempt(target, write)


def optimum_models(folder: Path, only: str):
    """By optimum's exporter, which chooses inputs and outputs by itself."""
    from optimum.exporters.onnx import onnx_export_from_model

    import architectures

    tasks = {"bert": "feature-extraction", "distilbert": "text-classification", "roberta": "feature-extraction", "gpt2": "text-generation",
             "llama": "text-generation", "qwen2": "text-generation", "gemma": "text-generation", "phi": "text-generation",
             "gpt-neox": "text-generation", "vit": "image-classification", "modernbert": "feature-extraction"}  # fmt: skip
    for name, task in tasks.items():
        if only not in name:
            continue
        model, _ = architectures.make(name, "eager")
        path = folder / f"{name}.optimum.onnx"

        def write():
            made = folder / "optimum"
            onnx_export_from_model(model, made, task=task, do_validation=False, no_post_process=True)
            (made / "model.onnx").replace(path)

        attempt(path, write)


def keras_models(folder: Path):
    """Encoders of Keras's own layers, by its exporter and by tf2onnx."""
    for exact in (False, True):
        keras_model(folder, "keras-exact" if exact else "keras", exact)


def keras_model(folder: Path, name: str, exact: bool):
    """With GELU as a polynomial and Tanh, or as Keras has it otherwise."""
    import keras

    length, width = 8, 32
    ids = keras.Input([length], dtype="int32", name="input_ids")
    x = keras.layers.Embedding(97, width)(ids)
    places = keras.ops.cumsum(keras.ops.ones_like(ids), axis=1) - 1
    x = keras.layers.Add()([x, keras.layers.Embedding(length, width)(places)])
    for causal in (False, True):
        heads = keras.layers.MultiHeadAttention(4, 8)
        x = keras.layers.LayerNormalization()(keras.layers.Add()([x, heads(x, x, use_causal_mask=causal)]))
        y = keras.layers.Dense(width)(keras.layers.Dense(64, activation=lambda x: keras.activations.gelu(x, approximate=not exact))(x))
        x = keras.layers.LayerNormalization()(keras.layers.Add()([x, y]))
    model = keras.Model(ids, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling1D()(x)))
    save(folder, name, {"input_ids": np.random.default_rng(1).integers(0, 97, [CALIBRATION + TEST, length]).astype(np.int32)})
    model(np.zeros([1, length], np.int32))  # It exports what it has seen called.
    attempt(folder / f"{name}.keras.onnx", lambda: model.export(folder / f"{name}.keras.onnx", format="onnx", verbose=False))

    def converted():
        import tensorflow as tf
        import tf2onnx

        signature = [tf.TensorSpec([1, length], tf.int32, name="input_ids")]
        function = tf.function(lambda input_ids: model(input_ids), input_signature=signature)
        tf2onnx.convert.from_function(function, input_signature=signature, output_path=str(folder / f"{name}.tf2onnx.onnx"))

    attempt(folder / f"{name}.tf2onnx.onnx", converted)


def save(folder: Path, name: str, data: dict) -> None:
    np.savez(folder / f"{name}.npz", **{key: value[:CALIBRATION] for key, value in data.items()})
    np.savez(folder / f"{name}.test.npz", **{key: value[CALIBRATION:] for key, value in data.items()})


def attempt(path: Path, write) -> None:
    # Exporters talk, some of them below Python.
    kept, nothing = {1: os.dup(1), 2: os.dup(2)}, os.open(os.devnull, os.O_WRONLY)
    for number in kept:
        os.dup2(nothing, number)
    try:
        write()
        said = "written"
    except Exception as error:
        path.unlink(missing_ok=True)
        said = f"{type(error).__name__}: {str(error).splitlines()[0][:150] if str(error) else ''}"
    for number, copy in kept.items():
        os.dup2(copy, number)
        os.close(copy)
    os.close(nothing)
    print(f"{path.name}: {said}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    sources = {
        "torch": lambda: torch_models(arguments.folder, arguments.only),
        "optimum": lambda: optimum_models(arguments.folder, arguments.only),
        "onnxruntime": lambda: fused_models(arguments.folder),
        "keras": lambda: keras_models(arguments.folder),
    }
    for name, write in sources.items():
        try:
            write()
        except ImportError as error:
            print(f"{name}: left out, {error}")


if __name__ == "__main__":
    main()
