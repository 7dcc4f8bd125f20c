//! Many inputs in one session: the weights are opened once.

use std::time::Instant;

use zkinfer::models::Dataset;
use zkinfer::{Cache, Compile, Model, Objective};

const SESSIONS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = std::env::args().nth(1).unwrap_or_else(|| "mlp-64-32-16-10".into());
    let zoo = format!("{}/models/zoo/{network}", env!("CARGO_MANIFEST_DIR"));
    let model = Model::load(format!("{zoo}/{network}.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let circuit = model.quantise(&calibration)?.compile(Objective::Prover)?;
    let k = circuit.key().description().k;
    let (parameters, _) =
        Cache::user()?.load(k, || println!("deriving the parameters for 2^{k} rows, once"))?;
    let (_, opening) = circuit.seal(&parameters)?;
    let digits = Dataset::read(format!("{zoo}/test.npz"), model.inputs())?;

    let (mut first, mut second) = (Vec::new(), Vec::new());
    for digits in digits.samples().chunks(2).take(SESSIONS) {
        let start = Instant::now();
        let session = circuit.session(&parameters, Some(&opening))?.self_check(false);
        session.prove(&digits[0])?;
        first.push(start.elapsed());
        let start = Instant::now();
        session.prove(&digits[1])?;
        second.push(start.elapsed());
    }
    first.sort();
    second.sort();
    println!("{network}, medians of {SESSIONS} sessions: first proof {:.1?}", first[SESSIONS / 2]);
    println!("second proof {:.1?}, without self-check", second[SESSIONS / 2]);
    Ok(())
}
