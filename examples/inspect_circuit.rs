//! What a circuit consists of, and what other objectives would choose.

use zkinfer::models::Dataset;
use zkinfer::{Compile, Model, Objective, Prediction};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/lenet5");
    let model = Model::load(format!("{zoo}/lenet5.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let quantised = model.quantise(&calibration)?;
    for objective in [Objective::Prover, Objective::Verifier, Objective::Size] {
        let circuit = quantised.clone().compile(objective)?;
        let (key, layout) = (circuit.key(), circuit.key().layout());
        let Prediction { prove_seconds, verify_seconds, proof_bytes, .. } = circuit.prediction();
        println!(
            "{objective:?}: 2^{} rows, {} columns, {} lookups, {} table slots; {prove_seconds:.2} \
            s, {verify_seconds:.3} s, {proof_bytes} B",
            key.description().k,
            layout.columns(),
            layout.lookups.len(),
            layout.slots,
        );
    }
    Ok(())
}
