//! Tensors as people and programs read them.

use serde::Serialize;
use serde_json::{Value, json};
use zkinfer::Visibility;
use zkinfer::foreign;
use zkinfer::models::integer::tensors::Clamped;
use zkinfer::verifier::Reading;
use zkinfer::verifier::circuit::description::{Quantisation, Scheme};

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
