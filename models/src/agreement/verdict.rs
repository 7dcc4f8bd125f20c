//! What is doubted, and what nobody would want.

use std::fmt;

use super::deviation::ENOUGH;
use super::measure::Measure;
use super::output::{OutputError, Part};

/// The error, in units of the spread, beyond which a network is refused unless somebody says
/// otherwise: a constant would have been as good.
pub const MAX_ERROR: f64 = 1.0;

/// The same beyond which an output is doubted.
const DOUBTED: f64 = 0.2;
/// The same of what further samples stay within.
const DOUBTED_FURTHER: f64 = 0.4;
/// The same for a channel or column.
const DOUBTED_PART: f64 = 0.5;
/// Cosine below which an output is doubted.
const DOUBTED_COSINE: f64 = 0.98;
/// Share of classes that are the same below which it is, if its numbers are off too: where they are
/// hardly off, the model itself is undecided.
const DOUBTED_CLASSES: f64 = 0.6;
/// What "off too" means.
const DECIDED: f64 = 0.1;

/// Why an output is doubted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Doubt<'a>(&'a OutputError);

/// What of an output differs too much to be of use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss<'a> {
    output: &'a OutputError,
    part: Option<&'a Part>,
    most: f64,
}

impl OutputError {
    /// Whether it is so far off, as a whole or in a part, that people should look before they rely
    /// on it.
    pub fn doubt(&self) -> Option<Doubt<'_>> {
        let undecided = self.all.error <= DECIDED || self.measure.compared() < ENOUGH;
        let whole = self.all.error > DOUBTED
            || self.further_error() > DOUBTED_FURTHER
            || self.all.cosine < DOUBTED_COSINE
            || self.measure.same_class().is_some_and(|same| same < DOUBTED_CLASSES) && !undecided;
        (whole || self.part_beyond(DOUBTED_PART).is_some()).then_some(Doubt(self))
    }

    /// How many times further off it is than it may be without a doubt, and with no more than
    /// `most` of its spread; 1 if it is not.
    pub(crate) fn excess(&self, most: f64) -> f64 {
        if self.doubt().is_none() && self.loss(most).is_none() {
            return 1.0;
        }
        let worst = self.worst().first().map_or(0.0, |part| part.deviation.error);
        let classes = self.measure.same_class().filter(|&same| same < DOUBTED_CLASSES);
        let ways = [
            self.all.error / DOUBTED.min(most),
            self.further_error() / DOUBTED_FURTHER,
            (1.0 - self.all.cosine) / (1.0 - DOUBTED_COSINE),
            worst / DOUBTED_PART.min(most),
            classes.map_or(0.0, |_| self.all.error / DECIDED),
        ];
        /// Beyond, nothing is left that could be lost.
        const ALL: f64 = 1e6;
        ways.into_iter().fold(1.0, f64::max).min(ALL)
    }

    /// What further samples stay within, or what these were off by.
    fn further_error(&self) -> f64 {
        self.further.map_or(self.all.error, |further| further.error)
    }

    /// Whether it, or a part of it, is off by more than `most` of its spread. Columns of classes
    /// are compared with each other, not by themselves: of these half must be.
    pub fn loss(&self, most: f64) -> Option<Loss<'_>> {
        let whole = self.all.error > most;
        let part = self.part_beyond(most).filter(|part| {
            let beyond = |other: &&&Part| other.axis == part.axis && other.deviation.error > most;
            let parts = self.parts.iter().filter(|other| other.axis == part.axis).count();
            let classes =
                matches!(self.measure, Measure::Classes { .. } | Measure::Positions { .. });
            !classes || 2 * self.worst().iter().filter(beyond).count() >= parts
        });
        (whole || part.is_some()).then_some(Loss { output: self, part, most })
    }

    /// The worst part, if it is off by more than that.
    fn part_beyond(&self, most: f64) -> Option<&Part> {
        self.worst().first().copied().filter(|part| part.deviation.error > most)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { axis, index, deviation } = self;
        let percent = 100.0 * deviation.error;
        let spread = deviation.spread;
        write!(f, "number {index} along dimension {axis} by {percent:.0} % of its own {spread:.3e}")
    }
}

impl fmt::Display for Doubt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        whole(f, self.0)?;
        if let Some(part) = self.0.part_beyond(DOUBTED_PART) {
            write!(f, ", {part}")?;
        }
        write!(f, "; what is proven is what the integers say")
    }
}

impl fmt::Display for Loss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        whole(f, self.output)?;
        if let Some(part) = self.part {
            write!(f, ", {part}")?;
        }
        write!(f, ", more than {} %", 100.0 * self.most)
    }
}

fn whole(f: &mut fmt::Formatter<'_>, output: &OutputError) -> fmt::Result {
    let OutputError { name, all, measure, .. } = output;
    let (percent, spread, cosine) = (100.0 * all.error, all.spread, all.cosine);
    let further = output.further.map(|further| 100.0 * further.error);
    let further = further.map(|most| format!(", most others by up to {most:.1} %"));
    let further = further.unwrap_or_default();
    write!(
        f,
        "output {name:?} differs from the float model by {percent:.1} % of its spread \
        ({spread:.4}){further}, cosine {cosine:.3}"
    )?;
    match measure.same_class() {
        Some(same) => write!(f, ", top class the same in {:.0} %", 100.0 * same),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Distance;
    use super::*;
    use crate::integer::graph::{Graph, Input, Output, Quantisation};
    use crate::tensor::moves::from_elements;

    /// What the float model says and what the integers stand for, sample by sample.
    fn measured(shape: &[usize], samples: &[(Vec<f64>, Vec<f64>)]) -> OutputError {
        let input = Input {
            name: "y".into(),
            shape: shape.to_vec(),
            quantisation: Quantisation { scale: 1.0, zero_point: 0 },
            minimum: -128,
            maximum: 127,
        };
        let outputs = vec![Output { name: "y".into(), value: 0 }];
        let parts = BTreeMap::new();
        let graph =
            Graph { name: "g".into(), inputs: vec![input], nodes: Vec::new(), outputs, parts };
        let mut distance = Distance::new(&graph, 0);
        for (float, int8) in samples {
            let [float, int8] = [float, int8].map(|x| from_elements(shape, x.clone()));
            distance.add(&graph, &float, &int8.mapv(|x| x as i64), &int8, &[(-128, 127)]);
        }
        distance.finish()
    }

    fn steps(count: usize) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| i as f64 / count as f64)
    }

    #[test]
    fn a_part_with_nothing_left_is_seen_beside_a_whole_that_agrees() {
        // Boxes up to 640 and a confidence: with one scale the confidence rounds to zero.
        let sample = |t: f64| {
            let boxes = [640.0 * t, 600.0 - 500.0 * t, 100.0 + t, 50.0];
            let float: Vec<f64> =
                boxes.into_iter().chain([t * t]).flat_map(|x| [x, x / 2.0]).collect();
            let mut int8 = float.clone();
            int8[8..].fill(0.0);
            (float, int8)
        };
        let detector = measured(&[1, 5, 2], &steps(8).map(sample).collect::<Vec<_>>());
        assert!(detector.all.error < 0.01 && detector.all.cosine > 0.9999, "{detector:?}");
        let said = detector.loss(MAX_ERROR).unwrap().to_string();
        assert!(said.contains("number 4 along dimension 1 by 1"), "{said}");
        assert!(detector.doubt().unwrap().to_string().contains("number 4 along dimension 1"));
        assert_eq!(detector.loss(2.0), None);
    }

    #[test]
    fn what_agrees_is_not_doubted_and_what_is_seldom_seen_is_not_judged() {
        let sample = |t: f64| (vec![t, -t, 5.0], vec![t + 0.01, 0.01 - t, 5.0]);
        let samples: Vec<_> = steps(8).map(sample).collect();
        assert_eq!(measured(&[1, 3], &samples).doubt(), None);
        // Two samples that happen to be alike in a column.
        let alike = [
            (vec![1.0, -2.0, 5.0], vec![1.1, -2.0, 5.0]),
            (vec![1.05, 2.0, 0.0], vec![0.95, 2.0, 0.0]),
        ];
        let alike = measured(&[1, 3], &alike);
        assert!(alike.parts.iter().any(|part| part.deviation.error > 1.0), "{alike:?}");
        assert!(alike.worst().is_empty(), "what is not judged is not named either");
        assert_eq!(alike.doubt(), None);
    }

    #[test]
    fn a_class_that_never_speaks_is_doubted_and_half_the_classes_are_refused() {
        let network = |dead: usize| {
            let sample = |t: f64| {
                let float: Vec<f64> = (0..6)
                    .map(|c| if c < dead { 1e-3 * t } else { (7.0 * t * c as f64).sin() })
                    .collect();
                let int8 = float.iter().enumerate().map(|(c, &x)| if c < dead { 2e-3 } else { x });
                let int8 = int8.collect();
                (float, int8)
            };
            measured(&[1, 6], &steps(16).map(sample).collect::<Vec<_>>())
        };
        assert!(network(0).doubt().is_none());
        assert!(network(1).doubt().is_some() && network(1).loss(MAX_ERROR).is_none());
        assert!(network(3).loss(MAX_ERROR).is_some());
    }

    #[test]
    fn another_top_class_is_doubted_where_the_model_is_decided() {
        let sample = |off: f64| move |t: f64| (vec![t, t + off], vec![t + off, t]);
        let by = |off: f64| measured(&[1, 2], &steps(8).map(sample(off)).collect::<Vec<_>>());
        let doubt = by(0.05).doubt().map(|doubt| doubt.to_string());
        assert!(doubt.unwrap().contains("top class the same in 0 %"));
        assert_eq!(by(0.01).doubt(), None, "both are as good");
    }

    /// Numbers of one column, as the float model has them and as integers may.
    fn column(pairs: impl IntoIterator<Item = (f64, f64)>) -> OutputError {
        let samples = pairs.into_iter().map(|(float, int8)| (vec![float], vec![int8]));
        measured(&[1, 1], &samples.collect::<Vec<_>>())
    }

    #[test]
    fn samples_that_differ_in_what_they_are_off_by_are_doubted_for_those_to_come() {
        // One of eight is off by as much as the others together, and the whole by 14 %.
        let of = |by: f64| {
            column((0..8).map(|i| {
                let float = 100.0 + if i % 2 == 0 { 1.0 } else { -1.0 };
                (float, float + if i == 5 { by } else { 0.01 })
            }))
        };
        let doubted = of(0.41);
        assert!(doubted.all.error < 0.15 && doubted.all.cosine > 0.999, "{doubted:?}");
        let said = doubted.doubt().unwrap().to_string();
        assert!(said.contains("by 14.5 % of its spread") && said.contains("by up to 41"), "{said}");
        assert_eq!(of(0.3).doubt(), None);
        let excess = doubted.excess(MAX_ERROR);
        assert!((1.02..1.03).contains(&excess), "{excess}");
    }

    /// `±1` turned by an angle whose sine is the error, and made shorter by its cosine.
    fn turned(error: f64) -> OutputError {
        let (along, across) = (1.0 - error * error, error * (1.0 - error * error).sqrt());
        let pair = |(a, b): (f64, f64)| (a, along * a + across * b);
        column([(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)].map(pair))
    }

    #[test]
    fn errors_and_angles_are_doubted_each_by_themselves() {
        // Far from zero no angle shows what is lost.
        let off = |by: f64| column(steps(16).map(|t| (100.0 + t, 100.0 + t + by)));
        let spread = off(0.0).all.spread;
        let doubted = off(0.21 * spread);
        assert!(doubted.all.cosine > 0.9999 && doubted.doubt().is_some(), "{doubted:?}");
        assert_eq!(off(0.19 * spread).doubt(), None);
        // An angle before the error is beyond its own bound.
        let angle = turned(0.1995);
        assert!(angle.all.error < DOUBTED && angle.doubt().is_some(), "{angle:?}");
        assert_eq!(turned(0.19).doubt(), None);
        // An output without parts is refused as a whole.
        assert!(off(1.01 * spread).loss(MAX_ERROR).is_some());
        assert_eq!(off(0.99 * spread).loss(MAX_ERROR), None);
    }

    #[test]
    fn an_excess_is_how_many_times_a_bound_is_passed() {
        let near = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 1e-6, "{found}, {expected}");
        };
        let off = |by: f64| column(steps(16).map(|t| (100.0 + t, 100.0 + t + by)));
        let spread = off(0.0).all.spread;
        near(off(0.15 * spread).excess(MAX_ERROR), 1.0);
        near(off(0.15 * spread).excess(0.05), 3.0);
        near(off(0.5 * spread).excess(MAX_ERROR), 2.5);
        near(turned(0.8).excess(MAX_ERROR), 20.0);
        near(off(1e9).excess(MAX_ERROR), 1e6);
        // Classes that are decided, and others.
        let sample = |t: f64| (vec![t, t + 0.05], vec![t + 0.05, t]);
        let swapped = measured(&[1, 2], &steps(8).map(sample).collect::<Vec<_>>());
        near(swapped.excess(MAX_ERROR), swapped.all.error / DECIDED);
        // One class of six that is further off than asked is neither doubted nor lost.
        let sample = |t: f64| {
            let float: Vec<f64> =
                (0..6).map(|class| (7.0 * t * f64::from(class + 1)).sin()).collect();
            let mut int8 = float.clone();
            int8[0] += 0.3;
            (float, int8)
        };
        let one = measured(&[1, 6], &steps(16).map(sample).collect::<Vec<_>>());
        assert!(one.worst()[0].deviation.error > 0.3 && one.all.error < 0.2, "{one:?}");
        near(one.excess(0.3), 1.0);
    }

    #[test]
    fn few_classes_are_an_accident() {
        let sample = |t: f64| (vec![t, t + 0.05], vec![t + 0.05, t]);
        let of = |count| measured(&[1, 2], &steps(count).map(sample).collect::<Vec<_>>());
        assert!(of(8).all.error > DECIDED && of(8).doubt().is_some());
        assert!(of(7).all.error > DECIDED && of(7).doubt().is_none(), "{:?}", of(7));
    }

    #[test]
    fn measures_fit_what_the_output_is() {
        let ends = |error: OutputError| error.measure;
        // Two positions of four are the same; classes 0 and 1 overlap in one of three.
        let picture = ends(measured(
            &[1, 2, 2, 2],
            &[(
                vec![1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0],
                vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
            )],
        ));
        let mean_iou = 1.0 / 3.0;
        assert_eq!(picture, Measure::Positions { compared: 4, same: 2, mean_iou });
        let columns = |scores: [f64; 5]| {
            let detection = |(row, score)| [10.0 * row as f64, 20.0, 30.0, 40.0, score];
            scores.into_iter().enumerate().flat_map(detection).collect::<Vec<f64>>()
        };
        let sample = (columns([0.9, 0.1, 0.5, 0.0, 0.3]), columns([0.9, 0.1, 0.25, 0.0, 0.3]));
        let found = ends(measured(&[1, 5, 5], &[sample]));
        assert_eq!(found, Measure::Detections { scores: 1, largest: 0.25, ranking: 1.0 });
        let numbers = ends(measured(&[1, 1], &[(vec![1.0], vec![1.5]), (vec![3.0], vec![3.5])]));
        assert_eq!(numbers, Measure::Numbers { explained: 0.75 });
        let classes = ends(measured(&[1, 2], &[(vec![1.0, 0.0], vec![0.0, 1.0])]));
        assert_eq!(classes, Measure::Classes { compared: 1, same: 0 });
    }
}
