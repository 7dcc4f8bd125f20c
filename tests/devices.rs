//! Proofs of whole networks on devices: the bytes are the CPU's, and what a device computes wrongly
//! is computed again.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayD;
use pasta_curves::group::Group;
use pasta_curves::{Eq, EqAffine, Fp};
use zkinfer::devices::{About, Backend, Cpu, Device, DeviceError, Uses};
use zkinfer::models::Dataset;
use zkinfer::prover::msm::Resident;
use zkinfer::{Circuit, Compile, Exposure, Model, Objective, Parameters, verify};

/// A network of the zoo with public weights, and an input.
fn network(name: &str) -> (Circuit, Parameters, Vec<ArrayD<f32>>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/zoo").join(name);
    let model = Model::load(folder.join(format!("{name}.onnx"))).expect("a supported model");
    let data =
        Dataset::read(folder.join("calibration.npz"), model.inputs()).expect("calibration data");
    let quantised = model.quantise(&model.calibrate(&data).expect("ranges")).expect("int8");
    let circuit =
        quantised.compile_with(&Exposure::public(), Objective::Prover).expect("a circuit");
    let parameters = Parameters::derive(circuit.key().description().k).expect("a supported size");
    let inputs = circuit.read_inputs(folder.join("sample.npy")).expect("the sample");
    (circuit, parameters, inputs)
}

/// A device that adds a generator to every sum.
#[derive(Debug)]
struct Liar;

struct Lies<'a>(Box<dyn Resident + 'a>);

fn lie(sums: Result<Vec<Eq>, DeviceError>) -> Result<Vec<Eq>, DeviceError> {
    Ok(sums?.into_iter().map(|sum| sum + Eq::generator()).collect())
}

impl Backend for Liar {
    fn about(&self) -> About {
        About { name: "liar".into(), driver: "none".into(), kind: "test".into() }
    }

    fn load<'a>(&self, bases: Cow<'a, [EqAffine]>) -> Result<Box<dyn Resident + 'a>, DeviceError> {
        Ok(Box::new(Lies(Cpu.load(bases)?)))
    }
}

impl Resident for Lies<'_> {
    fn small(&self, columns: &[&[i64]]) -> Result<Vec<Eq>, DeviceError> {
        lie(self.0.small(columns))
    }

    fn full(&self, columns: &[&[Fp]]) -> Result<Vec<Eq>, DeviceError> {
        lie(self.0.full(columns))
    }

    fn fold(&self, factors: &[Fp], fixed: usize) -> Result<Box<dyn Resident>, DeviceError> {
        self.0.fold(factors, fixed)
    }

    fn points(&self) -> Result<Vec<EqAffine>, DeviceError> {
        self.0.points()
    }
}

#[test]
fn what_a_device_computes_wrongly_is_computed_again() {
    let (circuit, parameters, inputs) = network("mlp-64-32-16-10");
    let warnings = Arc::new(AtomicUsize::new(0));
    let counter = warnings.clone();
    let on_failure = move |error: &DeviceError| {
        assert!(error.to_string().contains("wrong"), "{error}");
        counter.fetch_add(1, Ordering::Relaxed);
    };
    let device = Device::new(Arc::new(Liar), Uses::ALL, on_failure);
    let session = circuit.session(&parameters, None).expect("public weights").on(device.clone());
    for _ in 0..2 {
        let proof = session.prove(&inputs).expect("the CPU computes it");
        let outputs = verify(circuit.key(), &parameters, None, &proof).expect("a valid proof");
        assert_eq!(outputs, circuit.run(&inputs).expect("the integer network"));
        assert_eq!((warnings.load(Ordering::Relaxed), device.backend()), (1, None));
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use zkinfer::devices::{Preference, choose};
    use zkinfer::prover::msm::gpu::{Limbs, adapters};
    use zkinfer::prover::{Assignment, Prover};
    use zkinfer::{Cache, Proof};

    use super::*;

    #[test]
    fn lenet_on_a_gpu_is_the_cpus_proof_to_the_byte() {
        let (circuit, parameters, inputs) = network("lenet5");
        let witness = circuit.witness(&inputs).expect("an input in range");
        let prove = |device: Arc<Device>| -> Proof {
            let prover = Prover::new(circuit.key(), &parameters).on(device.clone());
            let assignment = Assignment::new(
                circuit.key(),
                [&witness.inputs, &witness.outputs],
                &witness.columns,
                witness.operands.clone(),
                Vec::new(),
            );
            let proof = prover
                .prove_assignment(assignment, StdRng::seed_from_u64(1))
                .expect("an honest witness");
            assert_eq!(device.failure(), None);
            proof
        };
        let expected = prove(Device::cpu());
        let adapters = adapters();
        let adapter =
            adapters.first().expect("a GPU, or one in software: Debian's mesa-vulkan-drivers");
        for limbs in [adapter.limbs(), Limbs::Narrow] {
            let gpu = adapter.open_with(limbs).expect("what kernels need");
            let proof = prove(Device::new(Arc::new(gpu), Uses::ALL, |_| {}));
            assert_eq!(proof.to_bytes(), expected.to_bytes());
        }
        assert!(verify(circuit.key(), &parameters, None, &expected).is_ok());
    }

    #[test]
    fn what_was_measured_decides_for_the_gpu_that_it_was_measured_on() {
        let (circuit, parameters, _) = network("mlp-64-32-16-10");
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path());
        let choose = || {
            let mut measured = false;
            let measuring = || measured = true;
            let device =
                choose(Preference::Auto, &circuit, &parameters, &cache, measuring, |error| {
                    panic!("{error}")
                });
            (device.expect("a device").backend(), measured)
        };
        assert!(choose().1);
        // As if the CPU were so slow that any GPU pays.
        let edit = |change: &dyn Fn(&mut serde_json::Value)| {
            let bytes = cache.read("devices.json").expect("what was measured");
            let mut records: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            change(&mut records["records"][0]["gpu"]);
            cache.write("devices.json", records.to_string().as_bytes()).expect("a file");
        };
        edit(&|gpu| gpu["cpu"] = serde_json::json!({ "small": 1e3, "full": 1e3, "opening": 1e3 }));
        let (backend, measured) = choose();
        assert!(backend.is_some() && !measured);
        edit(&|gpu| gpu["about"]["name"] = "a GPU that was taken out".into());
        assert!(choose().1);
    }

    #[test]
    fn a_choice_is_measured_once() {
        let (circuit, parameters, inputs) = network("mlp-64-32-16-10");
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path());
        let mut measured = 0;
        for _ in 0..3 {
            let measuring = || measured += 1;
            let device =
                choose(Preference::Auto, &circuit, &parameters, &cache, measuring, |error| {
                    panic!("{error}")
                });
            let session = circuit
                .session(&parameters, None)
                .expect("public weights")
                .on(device.expect("a device"));
            session.prove(&inputs).expect("a proof");
        }
        assert_eq!(measured, 1);
        zkinfer::devices::forget(&cache);
        let device = choose(
            Preference::Auto,
            &circuit,
            &parameters,
            &cache,
            || measured += 1,
            |error| panic!("{error}"),
        );
        assert_eq!((device.is_ok(), measured), (true, 2));
        let gpu = choose(
            Preference::Gpu,
            &circuit,
            &parameters,
            &cache,
            || panic!("nothing to measure"),
            |error| panic!("{error}"),
        );
        assert!(gpu.expect("a device").backend().is_some());
    }
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_build_without_gpus_says_so() {
    use zkinfer::Cache;
    use zkinfer::devices::{Preference, choose, list};
    let (circuit, parameters, _) = network("mlp-64-32-16-10");
    let choose = |preference| {
        choose(preference, &circuit, &parameters, &Cache::at("/nowhere"), || (), |_| ())
    };
    let error = choose(Preference::Gpu).expect_err("no GPU").to_string();
    assert!(error.contains("--features gpu"), "{error}");
    for preference in [Preference::Auto, Preference::Cpu] {
        assert_eq!(choose(preference).expect("the CPU").backend(), None);
    }
    let devices = list();
    assert_eq!(devices.len(), 1);
    assert!(devices[0].speed.is_some_and(|speed| speed.terms > 0.0));
}
