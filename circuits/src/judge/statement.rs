//! The statement of a witness, as far as a judge needs one.

use pasta_curves::Eq;
use pasta_curves::group::{Group, GroupEncoding};
use zkinfer_verifier::circuit::description::Visibility;
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{Statement, Value, VerifyingKey};

use crate::witness::Witness;

/// What the key shows of a witness. The judge sees every cell and asks for no commitments: of
/// sealed tensors there are as many as the key declares, and all are one point.
pub fn shown(key: &VerifyingKey, witness: &Witness) -> Statement {
    let point = Eq::generator().to_bytes();
    let value = |visibility: Visibility, role: Role, integers: &Vec<i64>| {
        let columns = || key.layout().sheet(role).map_or(0, |sheet| sheet.columns.len());
        match visibility {
            Visibility::Public => Value::Public(integers.clone()),
            Visibility::Sealed => Value::Sealed(vec![point; columns()]),
            Visibility::Private => Value::Private,
        }
    };
    let (inputs, outputs) = (&key.description().inputs, &key.description().outputs);
    let inputs = inputs.iter().zip(&witness.inputs).enumerate();
    let outputs = outputs.iter().zip(&witness.outputs).enumerate();
    Statement {
        inputs: inputs
            .map(|(index, (input, tensor))| value(input.visibility, Role::Input(index), tensor))
            .collect(),
        outputs: outputs
            .map(|(index, (output, tensor))| value(output.visibility, Role::Output(index), tensor))
            .collect(),
    }
}
