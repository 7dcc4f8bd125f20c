//! From an ONNX file to a verified proof by secret weights, in one program.

use zkinfer::models::Dataset;
use zkinfer::{Cache, Compile, Model, Objective, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/cnn-8x8");

    let model = Model::load(format!("{zoo}/cnn-8x8.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let circuit = model.quantise(&calibration)?.compile(Objective::Prover)?;

    let k = circuit.key().description().k;
    let (parameters, _) =
        Cache::user()?.load(k, || println!("deriving the parameters for 2^{k} rows, once"))?;
    // The seal is for everybody; who has the opening can prove with these weights.
    let (seal, opening) = circuit.seal(&parameters)?;
    let session = circuit.session(&parameters, Some(&opening))?;
    let proof = session.prove(&circuit.read_inputs(format!("{zoo}/sample.npy"))?)?;
    println!("proof of {} bytes by model {}", proof.argument.len(), proof.model());

    // A verifier checks the seal's own proof once.
    let seal = seal.check(&parameters)?;
    for output in verify(circuit.key(), &parameters, Some(&seal), &proof)? {
        println!("{}: class {:?}, scores {:.2?}", output.name, output.class, output.values);
    }
    Ok(())
}
