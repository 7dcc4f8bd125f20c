//! Losses whose targets are constants: which of the scores count is known then.

use super::expansion::{expand, function};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

pub(super) const FUNCTIONS: &[Registration] = &[
    function("NegativeLogLikelihoodLoss", &["ignore_index", "reduction"], |i, call| {
        expand(i, call, likelihood)
    }),
    function("SoftmaxCrossEntropyLoss", &["ignore_index", "reduction"], |i, call| {
        expand(i, call, cross_entropy)
    }),
];

/// Each place's number among its classes', negated, times the weight of its class.
fn likelihood(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let shape = importer.shape_of(&importer.operand(call, 0)?);
    let [batch, classes, ref rest @ ..] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected [N, C, …]")));
    };
    importer.constant(call, 1).map_err(|stop| match stop {
        Stop::Because(reason) => Stop::Because(format!("its targets: {reason}")),
        other => other,
    })?;
    let places = batch * rest.iter().product::<usize>();
    let target = [&[batch], rest].concat();
    let classes_last: Vec<usize> = [0].into_iter().chain(2..shape.len()).chain([1]).collect();
    let mut text = format!(
        "(input, target, weight) => (loss)
        rows = Reshape (Transpose <perm = {classes_last:?}> (input), [-1])
        all = Reshape (target, [-1])\n"
    );
    let ignored = call.has("ignore_index");
    match ignored {
        true => {
            text += &format!(
                "ignored = Equal (all, {})
            class = Where (ignored, 0, all)\n",
                call.int("ignore_index", 0)?
            )
        }
        false => text += "class = Identity (all)\n",
    }
    text += &format!(
        "from = Mul (Range (0, {places}, 1), {classes})
        known = Neg (Gather (rows, Add (from, class)))\n"
    );
    text += match (call.input(2).is_some(), ignored) {
        (true, true) => "w = Where (ignored, 0.0, Gather (weight, class))\n",
        (true, false) => "w = Gather (weight, class)\n",
        (false, true) => "w = Cast <to = 1> (Not (ignored))\n",
        (false, false) => "",
    };
    let weighted = call.input(2).is_some() || ignored;
    text += if weighted { "each = Mul (known, w)\n" } else { "each = Identity (known)\n" };
    text += &match (call.string("reduction", "mean")?.as_str(), weighted) {
        ("none", _) => format!("loss = Reshape (each, {target:?})"),
        ("sum", _) => "loss = ReduceSum <keepdims = 0> (each)".to_owned(),
        ("mean", false) => "loss = ReduceMean <keepdims = 0> (each)".to_owned(),
        ("mean", true) => "loss = Div (ReduceSum <keepdims = 0> (each), \
            ReduceSum <keepdims = 0> (w))"
            .to_owned(),
        (other, _) => return Err(Stop::Because(format!("attribute `reduction` is {other:?}"))),
    };
    Ok(text)
}

fn cross_entropy(_: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let reduction = call.string("reduction", "mean")?;
    let ignored = match call.has("ignore_index") {
        true => format!(", ignore_index = {}", call.int("ignore_index", 0)?),
        false => String::new(),
    };
    let weight = if call.input(2).is_some() { ", weight" } else { "" };
    Ok(format!(
        "(scores, labels, weight) => (loss, log_prob)
        log_prob = LogSoftmax <axis = 1> (scores)
        loss = NegativeLogLikelihoodLoss <reduction = \"{reduction}\"{ignored}> \
            (log_prob, labels{weight})"
    ))
}
