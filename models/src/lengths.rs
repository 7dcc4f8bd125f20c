//! Lengths that a file leaves open, as the samples have them that it is to be calibrated with.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data;
use crate::onnx::SaidShape;

/// For inputs with open lengths beside the first, the shapes of one sample; none where samples do
/// not fit what the file says.
pub(crate) fn sampled(inputs: &[SaidShape], samples: &Path) -> BTreeMap<String, Vec<usize>> {
    if inputs.iter().all(|(_, said)| said.iter().skip(1).all(Option::is_some)) {
        return BTreeMap::new();
    }
    let names: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
    let shapes = data::shapes(samples, &names);
    let fitting = inputs.iter().filter_map(|(name, said)| {
        let shape = sample(said, shapes.get(name.as_str())?)?;
        let more = said.iter().zip(&shape).any(|(said, &length)| said.is_none() && length != 1);
        more.then(|| (name.clone(), shape))
    });
    fitting.collect()
}

/// The shape of one sample of an array, if the file does not say otherwise.
fn sample(said: &[Option<usize>], array: &[usize]) -> Option<Vec<usize>> {
    let batched = matches!(said.first(), Some(None | Some(1)));
    let shape = match array.len() as isize - said.len() as isize {
        1 => array[1..].to_vec(),
        0 if batched => [&[1], &array[1..]].concat(),
        0 => array.to_vec(),
        -1 if batched => [&[1], array].concat(),
        _ => return None,
    };
    let fits =
        said.iter().zip(&shape).all(|(said, length)| said.is_none_or(|said| said == *length));
    (fits && !shape.contains(&0)).then_some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_of_many() {
        let open = [None, None];
        assert_eq!(sample(&open, &[8, 5]), Some(vec![1, 5]));
        assert_eq!(sample(&open, &[8, 1, 5]), Some(vec![1, 5]));
        assert_eq!(sample(&open, &[5]), Some(vec![1, 5]));
        assert_eq!(sample(&open, &[5, 1, 1, 2]), None);
        assert_eq!(sample(&[Some(1), None, Some(3)], &[8, 5, 3]), Some(vec![1, 5, 3]));
        assert_eq!(sample(&[Some(1), None, Some(4)], &[8, 5, 3]), None);
        assert_eq!(sample(&[Some(2), None], &[8, 2, 5]), Some(vec![2, 5]));
        assert_eq!(sample(&[Some(2), None], &[2, 5]), Some(vec![2, 5]));
        assert_eq!(sample(&open, &[8, 0]), None);
    }
}
