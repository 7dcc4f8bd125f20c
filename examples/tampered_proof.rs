//! Ways to cheat, and what the verifier answers.

use zkinfer::models::Dataset;
use zkinfer::verifier::Value;
use zkinfer::{Compile, Model, Objective, Parameters, Proof, VerifyingKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/mlp-64-32-16-10");
    let model = Model::load(format!("{zoo}/mlp-64-32-16-10.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let circuit = model.quantise(&calibration)?.compile(Objective::Prover)?;
    let parameters = Parameters::derive(circuit.key().description().k)?;
    let (seal, opening) = circuit.seal(&parameters)?;
    let session = circuit.session(&parameters, Some(&opening))?;
    let proof = session.prove(&circuit.read_inputs(format!("{zoo}/sample.npy"))?)?;
    let seal = seal.check(&parameters)?;

    let try_it = |what: &str, key: &VerifyingKey, proof: &Proof| match key.verify_sealed(
        &parameters,
        Some(&seal),
        proof,
    ) {
        Ok(()) => println!("{what}: accepted"),
        Err(rejection) => println!("{what}: {rejection}"),
    };
    let forged = |change: &dyn Fn(&mut Proof)| {
        let mut forged = proof.clone();
        change(&mut forged);
        forged
    };
    try_it("the honest proof", circuit.key(), &proof);
    try_it(
        "another score",
        circuit.key(),
        &forged(&|proof| integers(&mut proof.statement.outputs[0])[3] += 1),
    );
    try_it(
        "another pixel",
        circuit.key(),
        &forged(&|proof| integers(&mut proof.statement.inputs[0])[20] ^= 1),
    );
    try_it(
        "a pixel out of range",
        circuit.key(),
        &forged(&|proof| integers(&mut proof.statement.inputs[0])[20] = 300),
    );
    try_it(
        "a hidden output",
        circuit.key(),
        &forged(&|proof| proof.statement.outputs[0] = Value::Private),
    );
    try_it("no seal", circuit.key(), &forged(&|proof| proof.seal = None));
    let (other_weights, _) = circuit.seal(&parameters)?;
    let other_seal = other_weights.record.digest();
    try_it("another model's seal", circuit.key(), &forged(&|proof| proof.seal = Some(other_seal)));
    let middle = proof.argument.len() / 2;
    try_it("a changed evaluation", circuit.key(), &forged(&|proof| proof.argument[middle] ^= 1));
    try_it("a trailing byte", circuit.key(), &forged(&|proof| proof.argument.push(0)));

    let mut description = circuit.key().description().clone();
    description.name.push_str(" (another)");
    let other = VerifyingKey::new(description)?;
    try_it("another model's key", &other, &proof);
    try_it("the same, relabelled", &other, &forged(&|proof| proof.key = other.digest()));

    let mut file = proof.to_bytes();
    file[100] ^= 1;
    println!(
        "a flipped byte in the file: {}",
        Proof::from_bytes(&file).expect_err("a damaged file")
    );
    Ok(())
}

fn integers(value: &mut Value) -> &mut Vec<i64> {
    value.integers_mut().expect("a public tensor")
}
