//! BatchNormalization in inference.

use super::Registration;
use super::call::Call;
use super::importer::{Importer, Stop};
use crate::graph::Operator;

pub(super) const OPERATORS: &[Registration] = &[Registration {
    name: "BatchNormalization",
    attributes: &["epsilon", "momentum", "training_mode"],
    import: batch_normalization,
}];

/// `scale·(x − mean) / √(variance + epsilon) + bias` per channel, folded into one factor and one offset.
fn batch_normalization<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if call.flag("training_mode", false)? {
        return Err(Stop::because("it is in training mode; export the model in inference mode"));
    }
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let channels = match shape[..] {
        [1, channels] | [1, channels, _] | [1, channels, _, _] => channels,
        _ => {
            return Err(Stop::Because(format!(
                "its input has shape {shape:?}, expected [1, C], [1, C, L] or [1, C, H, W]"
            )));
        }
    };
    let mut parameters = Vec::new();
    for (index, name) in ["scale", "bias", "mean", "variance"].into_iter().enumerate() {
        let constant = importer.constant(call, index + 1)?;
        let tensor = constant.finite().map_err(|problem| format!("{name}: {problem}"))?;
        if tensor.shape() != [channels] {
            let found = tensor.shape();
            return Err(Stop::Because(format!("{name} of shape {found:?}, expected [{channels}]")));
        }
        parameters.push(tensor.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    }
    let epsilon = f64::from(call.float("epsilon", 1e-5)?);
    let deviations = parameters[3].iter().map(|variance| (variance + epsilon).sqrt());
    let factors = parameters[0].iter().zip(deviations);
    let scale: Vec<f64> = factors.map(|(scale, deviation)| scale / deviation).collect();
    let shifted = parameters[2].iter().zip(&scale).map(|(mean, scale)| mean * scale);
    let offset = parameters[1].iter().zip(shifted).map(|(bias, shift)| bias - shift);
    let offset: Vec<f32> = offset.map(|x| x as f32).collect();
    let scale: Vec<f32> = scale.into_iter().map(|x| x as f32).collect();
    if scale.iter().chain(&offset).any(|x| !x.is_finite()) {
        return Err(Stop::because("a variance plus epsilon is not positive, or too small"));
    }
    let operator = Operator::BatchNormalization { scale, offset };
    let value = importer.push(call, operator, vec![input], shape)?;
    importer.define(call, value)
}
