//! A network in three segments: each could be proven on another machine, and a verifier sees one
//! chain.

use zkinfer::models::Dataset;
use zkinfer::verifier::chain::{Segment, verify_chain};
use zkinfer::{Exposure, Model, Objective, Parameters, Source, compile_segments};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/cnn-8x8");
    let model = Model::load(format!("{zoo}/cnn-8x8.onnx"))?;
    let calibration =
        model.calibrate(&Dataset::read(format!("{zoo}/calibration.npz"), model.inputs())?)?;
    let quantised = model.quantise(&calibration)?;
    let circuits = compile_segments(&quantised, &Exposure::default(), Objective::Prover, 3)?;
    let parameters = Parameters::derive(circuits[0].key().description().k)?;

    let (mut proofs, mut seals) = (Vec::new(), Vec::new());
    let image = circuits[0].read_inputs(format!("{zoo}/sample.npy"))?;
    let mut between = None;
    for circuit in &circuits {
        // A segment may have no weights, and then there is nothing to seal.
        let sealed = circuit.key().has_sealed_weights().then(|| circuit.seal(&parameters));
        let (seal, opening) = sealed.transpose()?.unzip();
        seals.push(seal.map(|seal| seal.check(&parameters)).transpose()?);
        let session = circuit.session(&parameters, opening.as_ref())?;
        // The first segment reads the image, every other what the one before has sealed.
        let source = between.as_ref().map_or(Source::Tensor(&image[0]), Source::Opening);
        let inference = session.infer(&[source])?;
        println!(
            "{}: proof of {} bytes",
            circuit.key().description().name,
            inference.proof.argument.len()
        );
        between = inference.openings.into_iter().next().map(|(_, opening)| opening);
        proofs.push(inference.proof);
    }

    let segments: Vec<Segment<'_>> = circuits
        .iter()
        .zip(&seals)
        .zip(&proofs)
        .map(|((circuit, seal), proof)| Segment { key: circuit.key(), seal: seal.as_ref(), proof })
        .collect();
    verify_chain(&parameters, &segments)?;
    let outputs = proofs[2].statement.read_outputs(circuits[2].key());
    println!("one chain; class {:?}", outputs[0].class);
    let swapped = [segments[1], segments[0], segments[2]];
    println!("swapped: {}", verify_chain(&parameters, &swapped).expect_err("a broken chain"));
    Ok(())
}
