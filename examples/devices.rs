//! One network on every device: the CPU, what `auto` takes, and the first GPU if this build drives
//! one.

use std::time::Instant;

use zkinfer::devices::{DeviceError, Preference, choose, list};
use zkinfer::models::Dataset;
use zkinfer::{Cache, Compile, Exposure, Model, Objective, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for found in list() {
        println!("{}", found.about);
    }
    let network = std::env::args().nth(1).unwrap_or_else(|| "resnet8-32".into());
    let zoo = format!("{}/models/zoo/{network}", env!("CARGO_MANIFEST_DIR"));
    let model = Model::load(format!("{zoo}/{network}.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let circuit =
        model.quantise(&calibration)?.compile_with(&Exposure::public(), Objective::Prover)?;
    let (cache, k) = (Cache::user()?, circuit.key().description().k);
    let (parameters, _) =
        cache.load(k, || println!("deriving the parameters for 2^{k} rows, once"))?;
    let inputs = circuit.read_inputs(format!("{zoo}/sample.npy"))?;

    for preference in [Preference::Cpu, Preference::Auto, Preference::Gpu] {
        let measuring = || println!("measuring, once");
        let warn = |error: &DeviceError| println!("{error}; the CPU goes on");
        let device = match choose(preference, &circuit, &parameters, &cache, measuring, warn) {
            Ok(device) => device,
            Err(error) => {
                println!("{preference:?}: {error}");
                continue;
            }
        };
        let session = circuit.session(&parameters, None)?.on(device.clone());
        // The first proof of a session loads kernels and bases.
        session.prove(&inputs)?;
        let start = Instant::now();
        let proof = session.prove(&inputs)?;
        let used = device.backend().map_or_else(|| "the CPU".into(), |about| about.name);
        println!("{preference:?}: {network} on {used} in {:.0?}", start.elapsed());
        verify(circuit.key(), &parameters, None, &proof)?;
    }
    Ok(())
}
