//! What goes to which input: openings to the sealed inputs of their names, tensors to the others.

use ndarray::ArrayD;
use thiserror::Error;
use zkinfer_models::integer::tensors::Clamped;
use zkinfer_prover::Opening;
use zkinfer_verifier::Visibility;

use crate::circuit::Circuit;
use crate::foreign;
use crate::session::Source;

/// The inputs of one inference, in the circuit's order.
pub struct Inputs {
    inputs: Vec<Input>,
}

enum Input {
    Tensor(ArrayD<f32>),
    Opening(Opening),
}

/// Why inputs do not go together with a circuit.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputsError {
    /// A sealed input without an opening.
    #[error(
        "input {} is sealed: give its .opening (`zkinfer seal NAME.zkc --tensor FILE` makes one)",
        foreign::name(name)
    )]
    Sealed {
        /// The input.
        name: String,
    },
    /// An opening for no input that is sealed.
    #[error("it opens {opens}, which is no sealed input of this circuit")]
    Opening {
        /// Its place among the openings given.
        index: usize,
        /// What it opens, quoted.
        opens: String,
    },
    /// Another number of tensors than of inputs that are not sealed.
    #[error("{got} tensors given, the circuit has {expected} inputs that are not sealed")]
    Tensors {
        /// Inputs that are not sealed.
        expected: usize,
        /// Tensors given.
        got: usize,
    },
}

impl Inputs {
    /// Names of the inputs that tensors are given for, in order.
    pub fn plain(circuit: &Circuit) -> Vec<&str> {
        let inputs = circuit.key().description().inputs.iter();
        let plain = inputs.filter(|input| input.visibility != Visibility::Sealed);
        plain.map(|input| input.name.as_str()).collect()
    }

    /// Whether what is opened is of the name of a sealed input.
    pub fn opens(circuit: &Circuit, opening: &Opening) -> bool {
        let mut inputs = circuit.key().description().inputs.iter();
        inputs.any(|input| input.visibility == Visibility::Sealed && of(opening, &input.name))
    }

    /// Assigns tensors to the [plain](Self::plain) inputs in their order, openings to sealed ones
    /// by the name of what they open. Nothing is missing then, and nothing left over.
    pub fn new(
        circuit: &Circuit,
        tensors: Vec<ArrayD<f32>>,
        openings: Vec<Opening>,
    ) -> Result<Self, InputsError> {
        let (expected, got) = (Self::plain(circuit).len(), tensors.len());
        if expected != got {
            return Err(InputsError::Tensors { expected, got });
        }
        let mut tensors = tensors.into_iter();
        let mut openings: Vec<(usize, Opening)> = openings.into_iter().enumerate().collect();
        let mut inputs = Vec::new();
        for input in &circuit.key().description().inputs {
            if input.visibility != Visibility::Sealed {
                inputs.extend(tensors.next().map(Input::Tensor));
                continue;
            }
            let Some(at) = openings.iter().position(|(_, opening)| of(opening, &input.name)) else {
                return Err(InputsError::Sealed { name: input.name.clone() });
            };
            inputs.push(Input::Opening(openings.swap_remove(at).1));
        }
        let Some((index, opening)) = openings.first() else { return Ok(Self { inputs }) };
        let opens = opening.record().tensors.first();
        let opens = opens.map_or("nothing".into(), |tensor| foreign::name(&tensor.name));
        Err(InputsError::Opening { index: *index, opens })
    }

    /// What tensors hold beyond the ranges that the network is quantised for.
    pub fn clamped(&self, circuit: &Circuit) -> Vec<Clamped> {
        let tensors = self.inputs.iter().enumerate().filter_map(|(index, input)| match input {
            Input::Tensor(tensor) => Some((index, tensor)),
            Input::Opening(_) => None,
        });
        circuit.clamped(tensors)
    }

    /// As [`ProvingSession::infer`](crate::ProvingSession::infer) takes them.
    pub fn sources(&self) -> Vec<Source<'_>> {
        fn source(input: &Input) -> Source<'_> {
            match input {
                Input::Tensor(tensor) => Source::Tensor(tensor),
                Input::Opening(opening) => Source::Opening(opening),
            }
        }
        self.inputs.iter().map(source).collect()
    }
}

/// Whether an opening is of a tensor of this name.
fn of(opening: &Opening, name: &str) -> bool {
    opening.record().tensors.first().is_some_and(|tensor| tensor.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::read_circuit;
    use zkinfer_verifier::Parameters;

    #[test]
    fn openings_go_to_the_inputs_of_their_names_and_none_is_left_over() {
        let known = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/tests/known");
        let path = std::path::Path::new(known).join("chain-2.zkc");
        let circuit = read_circuit(&path).expect("a segment with a sealed input");
        let parameters = Parameters::derive(circuit.key().description().k).expect("a small one");
        let input = &circuit.graph().inputs[0];
        let tensor = ArrayD::zeros(input.shape.clone());
        let seal = || circuit.seal_input(&parameters, &input.name, &tensor).expect("a seal").1;
        let (_, model) = circuit.seal(&parameters).expect("a seal");

        assert!(Inputs::plain(&circuit).is_empty());
        let inputs = Inputs::new(&circuit, vec![], vec![seal()]).expect("all that it needs");
        assert!(matches!(inputs.sources().as_slice(), [Source::Opening(_)]));
        let refused = |tensors: Vec<ArrayD<f32>>, openings: Vec<Opening>| {
            Inputs::new(&circuit, tensors, openings).err().expect("a refusal")
        };
        let refusal = refused(vec![], vec![model.clone()]);
        assert!(matches!(&refusal, InputsError::Sealed { name } if *name == input.name));
        let refusal = refused(vec![], vec![seal(), model]);
        assert!(matches!(refusal, InputsError::Opening { index: 1, .. }), "{refusal}");
        let refusal = refused(vec![], vec![seal(), seal()]);
        assert!(matches!(refusal, InputsError::Opening { index: 1, .. }), "{refusal}");
        let refusal = refused(vec![tensor.clone()], vec![seal()]);
        assert!(matches!(refusal, InputsError::Tensors { expected: 0, got: 1 }), "{refusal}");
    }
}
