//! Devices that fail, at every call there is: the proof is the CPU's to the byte, and there is one
//! warning.

mod support;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use group::Group;
use pasta_curves::{Eq, EqAffine, Fp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use support::{key, parameters, witness};
use zkinfer_prover::msm::{About, Backend, Cpu, Device, DeviceError, Resident, Uses};
use zkinfer_prover::{ProveError, Prover};
use zkinfer_verifier::{Proof, VerifyingKey};

/// Enough rows for folding to stay on the device for a while.
const K: u32 = 12;

/// A device that computes what the CPU does, and fails from one call on, or lies from one on.
#[derive(Clone, Debug, Default)]
struct Faulty {
    calls: Arc<AtomicUsize>,
    fails_at: Option<usize>,
    lies_at: Option<usize>,
    panics: bool,
}

impl Faulty {
    /// Counts a call; whether it is to lie.
    fn call(&self) -> Result<bool, DeviceError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fails_at.is_some_and(|at| call >= at) {
            assert!(!self.panics, "injected");
            let reason = format!("injected at call {call}");
            return Err(DeviceError::Failed { device: "faulty".into(), reason });
        }
        Ok(self.lies_at.is_some_and(|at| call >= at))
    }

    fn sums(&self, sums: Result<Vec<Eq>, DeviceError>) -> Result<Vec<Eq>, DeviceError> {
        let lies = self.call()?;
        let shift = if lies { Eq::generator() } else { Eq::identity() };
        Ok(sums?.into_iter().map(|sum| sum + shift).collect())
    }
}

struct FaultyBases<'a>(Faulty, Box<dyn Resident + 'a>);

impl Backend for Faulty {
    fn about(&self) -> About {
        About { name: "faulty".into(), driver: "none".into(), kind: "test".into() }
    }

    fn load<'a>(&self, bases: Cow<'a, [EqAffine]>) -> Result<Box<dyn Resident + 'a>, DeviceError> {
        self.call()?;
        Ok(Box::new(FaultyBases(self.clone(), Cpu.load(bases)?)))
    }
}

impl Resident for FaultyBases<'_> {
    fn small(&self, columns: &[&[i64]]) -> Result<Vec<Eq>, DeviceError> {
        self.0.sums(self.1.small(columns))
    }

    fn full(&self, columns: &[&[Fp]]) -> Result<Vec<Eq>, DeviceError> {
        self.0.sums(self.1.full(columns))
    }

    fn fold(&self, factors: &[Fp], fixed: usize) -> Result<Box<dyn Resident>, DeviceError> {
        self.0.call()?;
        Ok(Box::new(FaultyBases(self.0.clone(), self.1.fold(factors, fixed)?)))
    }

    fn points(&self) -> Result<Vec<EqAffine>, DeviceError> {
        self.0.call()?;
        self.1.points()
    }
}

fn prove_on(key: &VerifyingKey, device: Arc<Device>) -> Result<Proof, ProveError> {
    let (statement, columns) = witness(key, [1, -2, 3]);
    Prover::new(key, &parameters(K)).on(device).prove(statement, &columns, StdRng::seed_from_u64(1))
}

/// A device with its count of warnings.
fn device(faulty: Faulty, uses: Uses) -> (Arc<Device>, Arc<AtomicUsize>) {
    let warnings = Arc::new(AtomicUsize::new(0));
    let counter = warnings.clone();
    (
        Device::new(Arc::new(faulty), uses, move |_| _ = counter.fetch_add(1, Ordering::Relaxed)),
        warnings,
    )
}

#[test]
fn a_device_that_fails_at_any_call_costs_one_warning() {
    let key = key(K);
    let expected = prove_on(&key, Device::cpu()).unwrap();
    let counting = Faulty::default();
    let (all, warnings) = device(counting.clone(), Uses::ALL);
    assert_eq!(prove_on(&key, all.clone()).unwrap(), expected);
    assert_eq!((warnings.load(Ordering::Relaxed), all.failure()), (0, None));
    let calls = counting.calls.load(Ordering::Relaxed);
    // Two loads, three kinds of columns, the running sum, the quotients, the messages of folded
    // generators, foldings.
    assert!(calls > 12, "{calls}");
    for at in 0..calls {
        let faulty = Faulty { fails_at: Some(at), ..Faulty::default() };
        let (device, warnings) = device(faulty.clone(), Uses::ALL);
        assert_eq!(prove_on(&key, device.clone()).unwrap(), expected, "call {at}");
        assert_eq!(warnings.load(Ordering::Relaxed), 1, "call {at}");
        assert!(
            device
                .failure()
                .is_some_and(|failure| failure.to_string().contains(&format!("call {at}")))
        );
        assert_eq!(device.backend(), None);
        // A device that failed is not asked again.
        assert_eq!(faulty.calls.load(Ordering::Relaxed), at + 1);
        assert_eq!(prove_on(&key, device).unwrap(), expected);
        assert_eq!(faulty.calls.load(Ordering::Relaxed), at + 1);
    }
}

#[test]
fn a_device_whose_library_panics_has_failed() {
    let key = key(K);
    let expected = prove_on(&key, Device::cpu()).unwrap();
    for at in [0, 1, 10] {
        let faulty = Faulty { fails_at: Some(at), panics: true, ..Faulty::default() };
        let (device, warnings) = device(faulty, Uses::ALL);
        assert_eq!(prove_on(&key, device.clone()).unwrap(), expected, "call {at}");
        assert_eq!(warnings.load(Ordering::Relaxed), 1, "call {at}");
        assert!(device.failure().is_some_and(|failure| failure.to_string().contains("panicked")));
    }
}

#[test]
fn a_device_does_only_what_it_is_for() {
    let key = key(K);
    let expected = prove_on(&key, Device::cpu()).unwrap();
    let mut calls = Vec::new();
    for uses in [
        Uses::NONE,
        Uses { small: true, ..Uses::NONE },
        Uses { full: true, ..Uses::NONE },
        Uses { opening: true, ..Uses::NONE },
        Uses::ALL,
    ] {
        let counting = Faulty::default();
        assert_eq!(prove_on(&key, device(counting.clone(), uses).0).unwrap(), expected);
        calls.push(counting.calls.load(Ordering::Relaxed));
    }
    let [none, small, full, opening, all] = calls[..] else { unreachable!() };
    assert_eq!(none, 0);
    // The bases of columns are loaded once for both kinds.
    assert!(small > 1 && full > 1 && opening > 1 && small + full + opening == all + 1, "{calls:?}");
}

#[test]
fn what_a_device_computes_wrongly_does_not_get_out() {
    let key = key(K);
    let counting = Faulty::default();
    prove_on(&key, device(counting.clone(), Uses::ALL).0).unwrap();
    // The first call loads bases.
    for at in [1, 2, 5, 8] {
        let faulty = Faulty { lies_at: Some(at), ..Faulty::default() };
        let proof = prove_on(&key, device(faulty, Uses::ALL).0);
        assert!(matches!(proof, Err(ProveError::SelfCheck(_))), "call {at}");
    }
}

#[cfg(feature = "gpu")]
#[test]
fn a_proof_on_a_gpu_is_the_cpus() {
    use zkinfer_prover::msm::gpu::adapters;
    let key = key(K);
    let expected = prove_on(&key, Device::cpu()).unwrap();
    let gpu = adapters().first().expect("a GPU, or one in software").open().unwrap();
    let device = Device::new(Arc::new(gpu), Uses::ALL, |error| panic!("{error}"));
    assert_eq!(prove_on(&key, device.clone()).unwrap(), expected);
    assert_eq!(device.failure(), None);
}
