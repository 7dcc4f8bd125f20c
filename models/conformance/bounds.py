"""How far an operator's result may lie from ONNX's, in steps: 255ths of the range of the expected output, zero included.

An int8 network rounds its inputs, its constants and its result to steps of their ranges, each by half a step at most. What that
comes to in the output depends on the operator's slope, so a bound is not derived from theory alone: it is chosen with room above
what theory and measurement say, and may not be raised without a reason beside it.
"""

DEFAULT = 3.0

# The most for a function spelled out in many operators: a sum of bounds that allows half of the range says nothing any more.
LARGEST = 12.0

# 0 means exact: the same numbers as ONNX's.
BOUNDS = {
    # Indices and truth values have no "almost".
    "And": 0,
    "ArgMax": 0,
    "ArgMin": 0,
    "Equal": 0,
    "Greater": 0,
    "GreaterOrEqual": 0,
    "IsInf": 0,
    "IsNaN": 0,
    "Less": 0,
    "LessOrEqual": 0,
    "Not": 0,
    "Or": 0,
    "Xor": 0,
    # The same elements elsewhere: one rounding, that of the input.
    "Concat": 1,
    "Flatten": 1,
    "Identity": 1,
    "Pad": 1,
    "Reshape": 1,
    "Slice": 1,
    "Squeeze": 1,
    "Transpose": 1,
    "Unsqueeze": 1,
}

# For single cases, by name, each with its reason.
CASES: dict[str, float] = {}


def bound(case: str, operators: list[str]) -> float:
    """The bound of a case: that of its operator, for a function spelled out in several the sum of theirs, up to a limit."""
    total = sum(BOUNDS.get(operator, DEFAULT) for operator in operators)
    return CASES.get(case, total if len(operators) == 1 else min(total, LARGEST))
