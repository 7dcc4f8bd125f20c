"""Turn the results of a run into a summary for people and docs/operators.md."""

import re
from collections import Counter, defaultdict

import onnx

NAME = r'"(?:[^"\\]|\\.)*"'
REFUSAL = re.compile(rf'node {NAME} \((?P<operator>[\w.]+)\): (?P<reason>.*?)(?=; node "|$)')
UNSUPPORTED = "this operator is not supported"


def grouped(results: list[dict], supported: list[str]) -> tuple[dict, dict, dict]:
    """Results by operator: of supported operators, of functions spelled out in simpler operators, of unsupported ones."""
    own, expanded, unsupported = defaultdict(list), defaultdict(list), defaultdict(list)
    for result in results:
        operator = result["operators"][0]
        if result.get("expands"):
            expanded[result["expands"]].append(result)
        elif operator in supported:
            own[operator].append(result)
        else:
            unsupported[operator].append(result)
    return own, expanded, unsupported


def count(results: list[dict], status: str) -> int:
    return sum(result["status"] == status for result in results)


def unknown(result: dict) -> set[str]:
    """The unsupported operators that a refusal names."""
    return {operator for operator, why in REFUSAL.findall(result["message"]) if why == UNSUPPORTED}


def reason(result: dict) -> str:
    """Why a case was refused, without what is particular to the case."""
    message = result["message"]
    found = REFUSAL.findall(message)
    message = found[0][1] if found else message
    message = re.sub(rf"^(input|output) {NAME}: ", "", message)
    message = re.sub(rf"^{NAME} (holds|has no)", r"a tensor \1", message)
    message = re.sub(rf"(input \d+|its output) \(?{NAME}\)?", r"\1", message)
    message = re.sub(r"\[[^\]]*\]", "[…]", message)
    return message.split(";")[0].strip()


def reasons(results: list[dict]) -> str:
    """Why how many cases were refused; those that lack operators count as one reason."""
    refused = [result for result in results if result["status"] == "refused"]
    lacking = [unknown(result) for result in refused]
    found = Counter(reason(result) for result, lacks in zip(refused, lacking) if not lacks)
    parts = [f"{times} × {why}" for why, times in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]
    dropped = sum(result["status"] == "passed" and result["dropped"] for result in results)
    if dropped:
        parts.insert(0, f"{dropped} × passed with its last operator dropped: the proof is about the logits")
    if any(lacking):
        parts.insert(0, f"{sum(map(bool, lacking))} × lacks {', '.join(sorted(set().union(*lacking)))}")
    return "; ".join(parts)


def span(values: list[float]) -> str:
    """Smallest and largest of some numbers."""
    if not values:
        return "–"
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} – {high}"


def row(name: str, results: list[dict]) -> list[str]:
    passed = [result for result in results if result["status"] == "passed"]
    measured = [result for result in results if "error_steps" in result and not result["dropped"]]
    forms = [form for form in ("computed", "indices", "weights") if any(r.get("form") == form for r in passed)]
    return [
        name,
        f"{len(passed)} of {len(results)}",
        ", ".join(forms) or "–",
        span([result["bound"] for result in passed or results]),
        f"{max(result['error_steps'] for result in measured):.2f}" if measured else "–",
        span([result["cells"] / result["elements"] for result in passed]),
        str(count(results, "failed") or ""),
        reasons(results),
    ]


HEADER = ["operator", "passed", "inputs", "bound", "largest error", "cells per element", "failed", "refused"]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, without the column `failed` if nothing did."""
    rows = [header, *rows]
    if "failed" in header and not any(cells[header.index("failed")] for cells in rows[1:]):
        drop = header.index("failed")
        rows = [cells[:drop] + cells[drop + 1 :] for cells in rows]
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in rows)


def summary(results: list[dict], supported: list[str]) -> str:
    """A table for the terminal, and every failure in full."""
    names = ("supported operators", "expanded functions", "unsupported operators")
    lines = []
    for name, group in zip(names, grouped(results, supported)):
        members = [result for found in group.values() for result in found]
        statuses = ", ".join(f"{count(members, status)} {status}" for status in ("passed", "refused", "failed"))
        lines.append(f"\n{name}: {len(group)} with {len(members)} cases: {statuses}")
        if name != "unsupported operators":
            for operator, found in sorted(group.items()):
                cells = row(operator, found)
                text = f"  {cells[0]:<28}{cells[1]:>9}  bound {cells[3]:<8} error {cells[4]:<6} cells {cells[5]:<12}"
                lines.append(f"{text} {cells[6] and cells[6] + ' failed'} {cells[7]}".rstrip())
    failures = [result for result in results if result["status"] == "failed"]
    if failures:
        lines.append(f"\n{len(failures)} failures:")
        lines += [f"  {r['case']} ({r.get('form')}), {r['stage']}: {r['message']}" for r in failures]
    missing = sorted(set(supported) - {operator for result in results for operator in result["operators"]})
    lines.append(f"\nsupported operators in no case: {', '.join(missing) or 'none'}")
    return "\n".join(lines)


PAGE = """# Operators

<!-- Generated by models/conformance/run.py. Do not edit. -->

What happens to the node tests of the `onnx` package, version {version}: {cases} cases of {operators} operators and the functions made
of them, other domains (`ai.onnx.ml`, training, preview) included. A case that **passed** was imported, quantised
with its own input as calibration, compiled, compared with the expected outputs, proven, and verified from the bytes of key and proof.
How to run it: `models/conformance/README.md`. For onnxruntime's own operators, 16-bit activations and 4-bit weights, of which ONNX has no
node tests, {contrib} cases of our own are held against onnxruntime.

* *inputs*: node tests have no constants, so each case is tried with all inputs *computed*; with *indices* (integers and booleans)
  constant; as with *weights*, all but the first input constant. It counts in the first of these that is not refused.
* *bound* and *largest error*: distance from the expected output in steps, 255ths of its range with zero included. The bounds stand in
  `models/conformance/bounds.py`; 0 means that the numbers must be the same.
* *cells per element*: committed cells per element of the outputs, least and most over the cases.
* *refused*: how many cases the import refuses, and why. A softmax that ends a network is dropped (it keeps the order of the logits, and the
  proof is about those), so its own cases are not compared with the probabilities.

## Supported operators

{own}

## What transformers are made of

Node tests are small, so what a row costs weighs much in them. Here are the cells of an element by formula, and as measured on 16 tokens of 64
features (heads: 4 of 16 features). `l` is the number of limbs of a remainder, `⌈shift / limb bits⌉`; a requantisation `q` takes `l + 2`
cells, or `l + 4` where its table would be long, a plain one `p`, which cannot saturate, `l + 1`. Projections, transposes, heads, residual sums that stay a linear form, scaling and known masks take none.

| operator | cells of an element | besides | measured |
| --- | --- | --- | --- |
| a layer's result (MatMul, Gemm and what follows: Gelu, Swish, Mish, Softplus, Erf, HardSwish, Sigmoid, Tanh) | `q` | with sealed weights `2T` for `T` inputs | 2 – 5 |
| one of these functions by itself | 2 (4) | | 2 |
| Add that joins two scales | `q` | | 4 |
| Mul of two activations, also of rows with one value each; gates | `2 + q` | | 6 |
| SwiGLU behind its two layers | `2 + q` | `q` for each layer | 13 |
| square | 2 (4) | | 2 |
| MatMul of two activations, `M × T` by `T × N` | `q`; none read by a Softmax, or put out | `2T` for each pair of matrices | 0.12 |
| Softmax, for each score that is seen | `q + p` | some 24 a row | 8.4; causal 5.1 |
| Attention from queries, keys and values, causal | `q`, and `q + p` a score that is seen | `2T` a block of rows that see the same, and head | 9.4 |
| LayerNormalization, RMSNormalization, LpNormalization | `2 + p` | some 25 a row; scale and bias with it, or `q` | 12.5; 12.5; 14.9 |
| GroupNormalization, InstanceNormalization | `2 + p` | some 25 a group | 9.4; 8.4 |
| RotaryEmbedding of an activation | `q` | nothing where its tables turn pairs; else `q` for each product with a table, and `2T` where weights are sealed | 3 |
| Gather of rows, ids shown, public table | 0 | | 0 |
| the same, sealed table | 2 (4) | | 4 |
| the same, private ids, `N` rows | 2 (4) | `2N` (`4N`) an id, and `2N` for sealed ones | 4.7 |

## Functions expanded into simpler operators

ONNX defines some operators as functions of simpler ones, and has each of their tests a second time in that form. The bound of such a
case is the sum of its nodes' bounds, 16 at most.

{expanded}

## Operators refused by name

{unsupported}
"""


def page(results: list[dict], supported: list[str]) -> str:
    """docs/operators.md."""
    own, expanded, unsupported = grouped(results, supported)
    names = (name for name in unsupported if count(unsupported[name], "refused"))
    refused = [[name, str(count(unsupported[name], "refused"))] for name in sorted(names)]
    return PAGE.format(
        version=onnx.__version__,
        cases=sum(not result["case"].startswith("contrib_") for result in results),
        operators=len(own) + len(unsupported),
        contrib=sum(result["case"].startswith("contrib_") for result in results),
        own=table(HEADER, [row(name, own[name]) for name in sorted(own)]),
        expanded=table(["function", *HEADER[1:]], [row(name, expanded[name]) for name in sorted(expanded)]),
        unsupported=table(["operator", "cases"], refused),
    )
