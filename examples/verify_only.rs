//! What an integrator writes: bytes of a key, a seal and a proof in, a verdict out. Everything
//! after `received` uses `zkinfer_verifier` alone.

use zkinfer::verifier::{Parameters, Proof, Reading, Seal, VerifyingKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [key, seal, proof] = received()?;
    for output in check(&key, &seal, &proof)? {
        println!("accepted: {} says class {:?}", output.name, output.class);
    }
    Ok(())
}

/// Verifies a proof file against key and seal files. An integrator would keep key, checked seal and
/// parameters between calls.
fn check(
    key: &[u8],
    seal: &[u8],
    proof: &[u8],
) -> Result<Vec<Reading>, Box<dyn std::error::Error>> {
    let key = VerifyingKey::from_bytes(key)?;
    let parameters = Parameters::derive(key.description().k)?;
    let seal = Seal::from_bytes(seal)?.check(&parameters)?;
    let proof = Proof::from_bytes(proof)?;
    key.verify_sealed(&parameters, Some(&seal), &proof)?;
    Ok(proof.statement.read_outputs(&key))
}

/// Stands for files from elsewhere.
fn received() -> Result<[Vec<u8>; 3], Box<dyn std::error::Error>> {
    use zkinfer::{Compile, Model, Objective, models::Dataset};
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/mlp-64-32-16-10");
    let model = Model::load(format!("{zoo}/mlp-64-32-16-10.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let circuit = model.quantise(&calibration)?.compile(Objective::Prover)?;
    let parameters = Parameters::derive(circuit.key().description().k)?;
    let (seal, opening) = circuit.seal(&parameters)?;
    let session = circuit.session(&parameters, Some(&opening))?;
    let proof = session.prove(&circuit.read_inputs(format!("{zoo}/sample.npy"))?)?;
    Ok([circuit.key().to_bytes(), seal.to_bytes(), proof.to_bytes()])
}
