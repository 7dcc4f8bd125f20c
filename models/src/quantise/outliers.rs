//! Ranges that few numbers stretch, or that leave something out: one line of the report each.

use crate::float::histogram::{Histogram, without};
use crate::float::range::Range;

/// Of ten thousand numbers one is an outlier.
const FEW: u64 = 10_000;
/// A range is stretched if it is this many times as long as that of all numbers but the few.
const STRETCHED: f32 = 2.0;
/// Fewer numbers say nothing about what is usual.
const LEAST: u64 = 1000;

/// What people should know of a node whose numbers are in `all`, matter in `matters` and are
/// quantised over `chosen`.
pub(super) fn line(
    node: &str,
    all: Range,
    matters: Range,
    chosen: Range,
    histogram: &Histogram,
) -> Option<String> {
    let span = |range: Range| format!("{:.4} to {:.4}", range.minimum, range.maximum);
    if chosen != matters {
        let (chosen, matters) = (span(chosen), span(matters));
        return Some(format!("{node:?} is quantised over {chosen} of {matters}, by its histogram"));
    }
    let length = |range: Range| range.maximum - range.minimum;
    if length(all) > STRETCHED * length(matters) {
        let (all, matters) = (span(all), span(matters));
        return Some(format!(
            "{node:?} is quantised over {matters} of {all}: its readers tell no more apart"
        ));
    }
    let count = histogram.count();
    if count < LEAST {
        return None;
    }
    let few = (count / FEW).max(1);
    let usual = without(&histogram.within(matters), few);
    if length(matters) <= STRETCHED * length(usual) || length(usual) <= 0.0 {
        return None;
    }
    let low = usual.minimum - matters.minimum > matters.maximum - usual.maximum;
    let (far, near) = match low {
        true => (matters.minimum, usual.minimum),
        false => (matters.maximum, usual.maximum),
    };
    Some(format!(
        "{node:?} is quantised up to {far:.4}, though all but {few} of {count} numbers are within \
        {near:.4}: calibrate by percentile, mse or entropy if such outliers may saturate"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f32]) -> (Histogram, Range) {
        let mut histogram = Histogram::default();
        histogram.add(numbers.iter().copied());
        (histogram, Range::ZERO.including(numbers.iter().copied()))
    }

    #[test]
    fn an_outlier_is_named_with_how_far_it_is() {
        let mut numbers: Vec<f32> = (0..2000).map(|x| x as f32 / 2000.0).collect();
        let (histogram, all) = of(&numbers);
        assert_eq!(line("n", all, all, all, &histogram), None);
        numbers.push(-40.0);
        let (histogram, all) = of(&numbers);
        let said = line("n", all, all, all, &histogram).unwrap();
        assert!(
            said.starts_with(
                "\"n\" is quantised up to -40.0000, though all but 1 of 2001 numbers are within \
                0.0000"
            ),
            "{said}"
        );
    }

    #[test]
    fn what_is_left_out_is_said() {
        let (histogram, all) = of(&[-1e9, 3.0]);
        let less = Range { minimum: -8.0, maximum: 3.0 };
        let said = line("n", all, less, less, &histogram).unwrap();
        assert!(said.contains("over -8.0000 to 3.0000 of -1000000000.0000 to 3.0000"), "{said}");
        let said = line("n", less, less, Range { minimum: -2.0, ..less }, &histogram).unwrap();
        assert!(said.contains("over -2.0000 to 3.0000 of -8.0000 to 3.0000, by"), "{said}");
    }
}
