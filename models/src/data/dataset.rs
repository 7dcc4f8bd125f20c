//! Samples with their labels.

use ndarray::ArrayD;

use crate::integer::signature::Input;

/// Names that labels may have.
pub const LABEL_NAMES: [&str; 3] = ["label", "labels", "y"];

/// One tensor per graph input, in the graph's order.
pub type Sample = Vec<ArrayD<f32>>;

/// Samples, perhaps with labels. There is at least one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub(super) samples: Vec<Sample>,
    pub(super) labels: Option<Vec<Vec<usize>>>,
}

impl Dataset {
    /// A dataset from samples in memory; `None` if there are none, or not one label each.
    pub fn new(samples: Vec<Sample>, labels: Option<Vec<usize>>) -> Option<Self> {
        let labelled = labels.as_ref().is_none_or(|labels| labels.len() == samples.len());
        let labels = labels.map(|labels| labels.into_iter().map(|label| vec![label]).collect());
        (labelled && !samples.is_empty()).then_some(Self { samples, labels })
    }

    /// Some of the samples, without labels.
    pub(crate) fn some(&self, indices: impl Iterator<Item = usize>) -> Self {
        let samples = indices.map(|index| self.samples[index].clone()).collect();
        Self { samples, labels: None }
    }

    /// The first samples, `count` of them or all there are.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.samples.truncate(count.max(1));
        self.labels.iter_mut().for_each(|labels| labels.truncate(count.max(1)));
        self
    }

    /// The samples; at least one.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The classes of each sample, if the data is labelled: one, or one per position.
    pub fn labels(&self) -> Option<&[Vec<usize>]> {
        self.labels.as_deref()
    }
}

/// Whether an array or column holds labels by its name.
pub(super) fn is_label(name: &str, inputs: &[Input]) -> bool {
    LABEL_NAMES.contains(&name) && inputs.iter().all(|input| input.name != name)
}

/// The classes of `count` samples.
pub(super) fn read_labels(tensor: &ArrayD<f64>, count: usize) -> Result<Vec<Vec<usize>>, String> {
    let shape = tensor.shape();
    let one_each =
        tensor.len() == count && shape.iter().filter(|&&length| length != 1).count() <= 1;
    let positions = shape.first() == Some(&count) && shape.len() > 1 && tensor.len() > count;
    if !one_each && !positions {
        return Err(format!(
            "labels of shape {shape:?} for {count} samples, expected [{count}], the number of the \
            class of each, or [{count}, …], those of its positions"
        ));
    }
    let class = |&x: &f64| match x.fract() == 0.0 && (0.0..9e15).contains(&x) {
        true => Ok(x as usize),
        false => Err(format!("label {x}, expected whole numbers from 0")),
    };
    let classes: Vec<usize> = tensor.iter().map(class).collect::<Result<_, _>>()?;
    Ok(classes.chunks(tensor.len() / count).map(<[usize]>::to_vec).collect())
}
