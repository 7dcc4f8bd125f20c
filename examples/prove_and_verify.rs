//! From an ONNX file to a verified proof, in one program.

use zkinfer::models::Dataset;
use zkinfer::{Cache, Compile, Model, Objective, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/cnn-8x8");

    let model = Model::load(format!("{zoo}/cnn-8x8.onnx"))?;
    let calibration = model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let circuit = model.quantise(&calibration)?.compile(Objective::Prover)?;

    let k = circuit.key().description().k;
    let (parameters, _) = Cache::user()?.load(k, || println!("deriving the parameters for 2^{k} rows, once"))?;
    let inputs = circuit.read_inputs(format!("{zoo}/sample.npy"))?;
    let proof = circuit.prover(&parameters).prove(&inputs)?;
    println!("proof of {} bytes for key {}", proof.argument.len(), proof.key);

    for output in verify(circuit.key(), &parameters, &proof)? {
        println!("{}: class {:?}, scores {:.2?}", output.name, output.class, output.values);
    }
    Ok(())
}
