//! Loop and Scan whose number of iterations is known at import: their body once for each, in place
//! of the node.

use super::unrolling::{ADVICE, Unrolling};
use crate::onnx::build::importer::{Binding, Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Loop", &["body"], repeat).all_outputs().takes_constants(),
    Registration::new(
        "Scan",
        &[
            "body",
            "num_scan_inputs",
            "scan_input_axes",
            "scan_input_directions",
            "scan_output_axes",
            "scan_output_directions",
        ],
        scan,
    )
    .all_outputs()
    .takes_constants(),
];

fn repeat<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let constant = |index: usize| match importer.optional(call, index)? {
        None => Ok(None),
        Some(Operand::Constant(constant)) => Ok(constant.integers()?.first().copied()),
        Some(Operand::Computed(_)) => Err(Stop::Because(format!(
            "how often it is repeated depends on the data, and a circuit computes the same for all \
            data; {ADVICE}"
        ))),
    };
    let (trips, condition) = (constant(0)?, constant(1)?);
    let unknown = || {
        Stop::Because(format!(
            "its condition alone says when it ends, expected a constant number of iterations; \
            {ADVICE}"
        ))
    };
    let ends = || {
        Stop::Because(format!(
            "it may end before its {} iterations, by a condition that its body computes, and a \
            circuit computes the same for all data; {ADVICE}",
            trips.unwrap_or(0)
        ))
    };
    let trips = trips.filter(|&trips| trips < i64::from(i32::MAX)).ok_or_else(unknown)?;
    let trips = if condition == Some(0) { 0 } else { usize::try_from(trips).unwrap_or(0) };
    let mut unrolling = Unrolling::new(call, trips)?;
    let body = unrolling.body;
    let states = call.node.input.len().saturating_sub(2);
    if body.input.len() != states + 2 || body.output.len() < states + 1 {
        return Err(Stop::Because(format!(
            "its body has {} inputs and {} outputs, expected {} inputs and an output for the \
            condition and each of {states} states",
            body.input.len(),
            body.output.len(),
            states + 2
        )));
    }
    let mut state: Vec<String> = call.node.input[2..].to_vec();
    let going = match call.input(1) {
        Some(given) => given.to_owned(),
        None => unrolling.truth(),
    };
    let mut conditions = vec![going];
    let mut collected = vec![Vec::new(); body.output.len() - states - 1];
    for iteration in 0..trips {
        let number = unrolling.integers(&format!("{iteration}"), &[], &[iteration as i64]);
        let operands = [&[number, conditions[iteration].clone()], &state[..]].concat();
        let results = unrolling.iterate(iteration, &operands, &call.name);
        let [going, rest @ ..] = &results[..] else { return Err(Stop::Blocked) };
        conditions.push(going.clone());
        state = rest[..states].to_vec();
        collected.iter_mut().zip(&rest[states..]).for_each(|(all, one)| all.push(one.clone()));
    }
    let stacked =
        collected.iter().enumerate().map(|(number, all)| unrolling.stacked(all, number, 0));
    let results = state.into_iter().map(Some).collect::<Vec<_>>();
    let results = [results, stacked.collect()].concat();
    unrolling.import(importer, call, results)?;
    // The last one's result is not asked.
    for condition in conditions.iter().take(trips).skip(1) {
        match importer.binding(condition) {
            Some(Binding::Constant(known)) if known.numbers().iter().all(|&x| x != 0.0) => {}
            Some(Binding::Refused) => return Err(Stop::Blocked),
            _ => return Err(ends()),
        }
    }
    Ok(())
}

/// A list of so many numbers, all of them zero if it is not given.
fn numbers(call: &Call<'_>, name: &str, count: usize) -> Result<Vec<i64>, Stop> {
    match call.ints(name)? {
        None => Ok(vec![0; count]),
        Some(numbers) if numbers.len() == count => Ok(numbers.to_vec()),
        Some(numbers) => Err(Stop::Because(format!(
            "attribute `{name}` is {numbers:?}, expected {count} numbers"
        ))),
    }
}

fn scan<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if call.opset < 9 {
        return Err(Stop::because(
            "before opset 9 it had batches; convert the file (`onnx.version_converter`)",
        ));
    }
    let sequences = usize::try_from(call.int("num_scan_inputs", 0)?).unwrap_or(0);
    let states = call.node.input.len().checked_sub(sequences).filter(|_| sequences > 0);
    let states = states.ok_or_else(|| {
        Stop::Because(format!("{} inputs, {sequences} of them scanned", call.node.input.len()))
    })?;
    let body = call.graph("body")?.ok_or_else(|| Stop::because("attribute `body` is missing"))?;
    let outputs = body.output.len().checked_sub(states);
    let outputs = outputs.filter(|_| body.input.len() == states + sequences).ok_or_else(|| {
        Stop::Because(format!(
            "its body has {} inputs and {} outputs, expected {} inputs and {states} states among \
            the outputs",
            body.input.len(),
            body.output.len(),
            states + sequences
        ))
    })?;
    let axes = numbers(call, "scan_input_axes", sequences)?;
    let backward = numbers(call, "scan_input_directions", sequences)?;
    let mut lengths = Vec::new();
    for (index, &along) in axes.iter().enumerate() {
        let operand = importer.operand(call, states + index)?;
        let shape = importer.shape_of(&operand);
        lengths.push(shape[axis(along, shape.len())?]);
    }
    let trips = lengths[0];
    if lengths.iter().any(|&length| length != trips) {
        return Err(Stop::Because(format!("it scans tensors of {lengths:?} elements together")));
    }
    let mut unrolling = Unrolling::new(call, trips)?;
    let places: Vec<String> = (0..trips)
        .map(|place| unrolling.integers(&format!("{place}"), &[], &[place as i64]))
        .collect();
    let mut state: Vec<String> = call.node.input[..states].to_vec();
    let mut collected = vec![Vec::new(); outputs];
    for iteration in 0..trips {
        let mut operands = state;
        for (index, (&along, &backward)) in axes.iter().zip(&backward).enumerate() {
            let place = if backward == 0 { iteration } else { trips - 1 - iteration };
            let part = format!("{}/{iteration}/of/{index}", unrolling.label);
            let sequence = call.node.input[states + index].as_str();
            unrolling.push("Gather", &[sequence, &places[place]], part.clone(), Some(along));
            operands.push(part);
        }
        let results = unrolling.iterate(iteration, &operands, &call.name);
        state = results[..states].to_vec();
        collected.iter_mut().zip(&results[states..]).for_each(|(all, one)| all.push(one.clone()));
    }
    let axes = numbers(call, "scan_output_axes", outputs)?;
    let backward = numbers(call, "scan_output_directions", outputs)?;
    let mut results: Vec<Option<String>> = state.into_iter().map(Some).collect();
    for (number, mut all) in collected.into_iter().enumerate() {
        if backward[number] != 0 {
            all.reverse();
        }
        results.push(unrolling.stacked(&all, number, axes[number]));
    }
    unrolling.import(importer, call, results)
}
