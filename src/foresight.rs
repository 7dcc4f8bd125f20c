//! Whether a network has a circuit, before anything is calibrated.
//!
//! What an import counts is the least that a network of these operators takes. Here it is quantised
//! over ranges that nobody has measured, and compiled: shapes, and so sizes, are those of the real
//! circuit, and what it will take is known within the share that ranges decide.

use zkinfer_circuits::{Error as Refusal, Exposure, Objective, compile};
use zkinfer_models::Model;
use zkinfer_models::float::room;
use zkinfer_models::quantise::settings::Options;
use zkinfer_verifier::DescriptionError;

use crate::error::Error;
use crate::needs::Needs;

/// Networks that surely have fewer elements than this are not looked at: their circuit would be
/// refused in a moment.
const SMALL: usize = 1 << 20;

/// What a model's circuit is predicted to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foreseen {
    /// A proof.
    pub proving: Needs,
    /// Sealing the weights; none if they are public.
    pub sealing: Option<Needs>,
}

/// How a model is going to be compiled.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    /// How it is quantised.
    pub options: Options,
    /// What proofs are to show.
    pub exposure: Exposure,
    /// What the layout is cheapest for.
    pub objective: Objective,
}

/// Refuses a model whose circuit would have too many elements; says what any other is predicted to
/// take, unless it is small, or what depends on ranges leaves it no circuit.
///
/// # Errors
/// If it would, whatever it is calibrated with. What depends on ranges is not asked here.
pub fn foresee(model: &Model, plans: &Plans) -> Result<Option<Foreseen>, Error> {
    if room::least_elements(model.graph()).is_some_and(|least| least < SMALL) {
        return Ok(None);
    }
    let Ok(quantised) = model.quantise_with(&model.nominal_calibration(), &plans.options) else {
        return Ok(None);
    };
    match compile(&quantised.graph, &plans.exposure, plans.objective) {
        Err(refusal @ Refusal::Description(DescriptionError::TooLarge { what, .. }))
            if what.starts_with("tensor elements") || what.starts_with("elements read") =>
        {
            Err(refusal.into())
        }
        Err(_) => Ok(None),
        Ok(circuit) => {
            let (proving, sealing) =
                (Needs::of_proof(circuit.key()), Needs::of_seal(circuit.key()));
            Ok(Some(Foreseen { proving, sealing }))
        }
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
        let refusal = foresee(&largest(32), &Plans::default()).unwrap_err().to_string();
        assert!(refusal.contains("tensor elements up to here"), "{refusal}");
        assert!(foresee(&largest(1), &Plans::default()).is_ok());
    }
}
