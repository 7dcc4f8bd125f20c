//! Whether a network has a circuit, before anything is calibrated.
//!
//! What an import counts is the least that a network of these operators takes. Here it is quantised
//! over ranges that nobody has measured, and lowered: shapes, and so sizes, are those of the real
//! circuit.

use zkinfer_circuits::{Error as Refusal, Exposure, lower};
use zkinfer_models::Model;
use zkinfer_models::float::room;
use zkinfer_verifier::DescriptionError;

use crate::error::Error;

/// Networks that surely have fewer elements than this are not looked at: their circuit would be
/// refused in a moment.
const SMALL: usize = 1 << 20;

/// Refuses a model whose circuit would have too many elements.
///
/// # Errors
/// If it would, whatever it is calibrated with. What depends on ranges is not asked here.
pub fn fits(model: &Model) -> Result<(), Error> {
    if room::least_elements(model.graph()).is_some_and(|least| least < SMALL) {
        return Ok(());
    }
    let Ok(quantised) = model.quantise(&model.nominal_calibration()) else {
        return Ok(());
    };
    match lower::lower(&quantised.graph, &Exposure::public()) {
        Err(refusal @ Refusal::Description(DescriptionError::TooLarge { what, .. }))
            if what.starts_with("tensor elements") || what.starts_with("elements read") =>
        {
            Err(refusal.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkinfer_models::testing::onnx::{Builder, Op};

    fn largest(places: i64) -> Model {
        let builder = Builder::new(17)
            .input("x", &[1 << 16, 64])
            .integers("k", &[places])
            .node(Op::new("TopK", &["x", "k"], &["y", "i"]))
            .output("y");
        Model::from_bytes("m.onnx", &builder.bytes()).unwrap()
    }

    /// Sixty-four comparisons for each of many places: far more than the import counts, and known
    /// without a single sample.
    #[test]
    fn a_circuit_that_is_too_large_is_foreseen() {
        let refusal = fits(&largest(32)).unwrap_err().to_string();
        assert!(refusal.contains("tensor elements up to here"), "{refusal}");
        assert!(fits(&largest(1)).is_ok());
    }
}
