//! Tensors as people and programs read them.

use serde::Serialize;
use serde_json::{Value, json};
use zkinfer::Visibility;
use zkinfer::foreign;
use zkinfer::models::integer::tensors::Clamped;
use zkinfer::verifier::circuit::description::{Quantisation, Scheme};
use zkinfer::verifier::{Reading, Statement, Value as Shown, VerifyingKey};

use crate::screen::{say, table};

/// A tensor for `--json`.
#[derive(Serialize)]
pub struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
    visibility: String,
    integers: &'a [i64],
    values: &'a [f64],
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<usize>,
}

impl<'a> From<&'a Reading> for Tensor<'a> {
    fn from(reading: &'a Reading) -> Self {
        Self {
            name: &reading.name,
            shape: &reading.shape,
            visibility: reading.visibility.to_string(),
            integers: &reading.integers,
            values: &reading.values,
            class: reading.class,
        }
    }
}

pub fn tensors(readings: &[Reading]) -> Vec<Tensor<'_>> {
    readings.iter().map(Tensor::from).collect()
}

/// Prints outputs: the class, then the largest elements.
pub fn print_outputs(outputs: &[Reading]) {
    const SHOWN: usize = 10;
    for output in outputs {
        if output.visibility != Visibility::Public {
            say!("{} {:?}, {}", foreign::name(&output.name), output.shape, output.visibility);
            continue;
        }
        say!("{} {:?}", foreign::name(&output.name), output.shape);
        if let Some(class) = output.class {
            say!("  class {class}");
        }
        let mut rows = table(&["  index", "value", "integer"]);
        for (index, (value, integer)) in
            output.values.iter().zip(&output.integers).enumerate().take(SHOWN)
        {
            let mark = if output.class == Some(index) { "*" } else { " " };
            rows.add_row([format!(" {mark}{index}"), format!("{value:.4}"), integer.to_string()]);
        }
        rows.print();
        if output.values.len() > SHOWN {
            say!("  … {} more (--json prints all)", output.values.len() - SHOWN);
        }
    }
}

/// Integers of a public input at the ends of its declared range. What lay beyond was moved there,
/// and no proof tells the two apart.
#[derive(Serialize)]
pub struct AtEnds<'k> {
    input: &'k str,
    /// Elements at the smallest integer, and at the largest.
    minimum: usize,
    maximum: usize,
    elements: usize,
    /// What these integers stand for, if it is the same for all elements.
    range: Option<[f64; 2]>,
}

impl<'k> AtEnds<'k> {
    /// Those of a statement's public inputs that have any.
    pub fn of(statement: &Statement, key: &'k VerifyingKey) -> Vec<Self> {
        let inputs = key.description().inputs.iter().zip(&statement.inputs);
        let at_ends = inputs.filter_map(|(input, value)| {
            let Shown::Public(integers) = value else { return None };
            let count = |end: i64| integers.iter().filter(|&&integer| integer == end).count();
            let (minimum, maximum) = (count(input.minimum), count(input.maximum));
            let range = match &input.quantisation {
                Scheme::PerTensor(scale) => {
                    Some([input.minimum, input.maximum].map(|end| scale.real(end)))
                }
                Scheme::PerAxis { .. } => None,
            };
            (minimum + maximum > 0).then(|| Self {
                input: &input.name,
                minimum,
                maximum,
                elements: integers.len(),
                range,
            })
        });
        at_ends.collect()
    }

    /// Prints one line.
    pub fn print(&self) {
        let Self { input, minimum, maximum, elements, range } = self;
        let range = range.map(|[low, high]| format!(", {low:.4}..={high:.4}")).unwrap_or_default();
        say!(
            "  input {}: {minimum} of {elements} elements at the lower end of its range{range}, \
            {maximum} at the upper; a proof cannot tell what was beyond",
            foreign::name(input)
        );
    }
}

/// What of inputs counts as an end of its range, for `--json`.
pub fn clamped_json(clamped: &[Clamped]) -> Vec<Value> {
    let entry = |clamped: &Clamped| {
        let Clamped { input, below, above, elements, part, range, given } = clamped;
        json!({
            "input": input, "below": below, "above": above, "elements": elements,
            "part": part.map(|(axis, index)| json!({ "axis": axis, "index": index })),
            "range": range, "given": given,
        })
    };
    clamped.iter().map(entry).collect()
}

/// Scale and zero point of a tensor, for `--json`: lists of them where they go by the index along
/// `axis`.
pub fn scheme_json(scheme: &Scheme) -> [Value; 3] {
    match scheme {
        Scheme::PerTensor(Quantisation { scale, zero_point }) => {
            [Value::Null, json!(scale), json!(zero_point)]
        }
        Scheme::PerAxis { axis, parts } => {
            let scales: Vec<f64> = parts.iter().map(|part| part.scale).collect();
            let zero_points: Vec<i64> = parts.iter().map(|part| part.zero_point).collect();
            [json!(axis), json!(scales), json!(zero_points)]
        }
    }
}
