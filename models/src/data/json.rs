//! JSON: nested lists of numbers.

use std::path::Path;

use ndarray::ArrayD;
use serde_json::Value;

use super::{DataError, NamedArray};

/// What an array that is the whole file is called in messages.
const WHOLE_FILE: &str = "(the list)";

pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, DataError> {
    let fault = |problem: String| DataError::File { path: path.to_owned(), problem };
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| fault(format!("not JSON ({error}); write it with `json.dump`")))?;
    let members = match value {
        Value::Object(members) => members.into_iter().collect(),
        list @ Value::Array(_) => vec![(WHOLE_FILE.to_owned(), list)],
        _ => {
            return Err(fault("expected an object of nested lists by input name, or one nested list".into()));
        }
    };
    let arrays = members.into_iter().map(|(name, value)| NamedArray { name, array: tensor(&value) });
    Ok(arrays.collect())
}

fn tensor(value: &Value) -> Result<ArrayD<f64>, String> {
    let mut shape = Vec::new();
    let mut level = value;
    while let Value::Array(elements) = level {
        shape.push(elements.len());
        match elements.first() {
            Some(first) => level = first,
            None => break,
        }
    }
    let mut elements = Vec::new();
    flatten(value, &shape, &mut elements)?;
    ArrayD::from_shape_vec(shape, elements).map_err(|error| error.to_string())
}

fn flatten(value: &Value, shape: &[usize], elements: &mut Vec<f64>) -> Result<(), String> {
    match (value, shape) {
        (Value::Array(list), [length, inner @ ..]) if list.len() == *length => {
            list.iter().try_for_each(|value| flatten(value, inner, elements))
        }
        (Value::Number(number), []) => {
            let number = number.as_f64().ok_or_else(|| format!("{number} is out of range"))?;
            elements.push(number);
            Ok(())
        }
        (Value::Array(_), _) => Err("its lists differ in length or depth; make it rectangular".into()),
        (other, _) => Err(format!("it holds {}, expected numbers in nested lists of equal length", shown(other))),
    }
}

/// A value in a message: not all of it, which may be the whole file.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        short => short.to_string(),
    }
}
