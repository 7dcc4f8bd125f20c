//! What the checks of a node have in common.

use crate::integer::graph::{Graph, Node, Quantisation, Window};
use crate::integer::rounding::{ACTIVATION_MAX, ACTIVATION_MIN};
use crate::limits::MAX_ELEMENTS;
use crate::tensor::window::plane;

/// Accumulators stay strictly below this magnitude, so that rounding and zero points still fit 64
/// bits.
pub(super) const ACCUMULATOR_LIMIT: i128 = 1 << 62;

/// The integers a value can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) minimum: i64,
    pub(crate) maximum: i64,
    /// Whether it is a raw accumulator or an index.
    pub(crate) last: Last,
}

/// Whether computation may go on from a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// An activation: any operator may read it.
    No,
    /// A raw accumulator: views, ArgMax, Sum, Softmax and Normalise may read it.
    Accumulator,
    /// An ArgMax result: nothing may read it.
    Index,
}

/// A node where it stands: what the checks of it see.
pub(crate) struct Site<'a> {
    pub(super) graph: &'a Graph,
    pub(super) node: &'a Node,
    pub(super) bounds: &'a [Bounds],
}

impl Site<'_> {
    pub(super) fn shape(&self, input: usize) -> &[usize] {
        self.graph.shape(self.node.inputs[input])
    }

    pub(super) fn quantisation(&self, input: usize) -> Quantisation {
        self.graph.quantisation(self.node.inputs[input])
    }

    pub(super) fn bounds(&self, input: usize) -> Bounds {
        self.bounds[self.node.inputs[input]]
    }

    /// The largest `|x − zp|` of an input.
    pub(super) fn deviation(&self, input: usize) -> i128 {
        let bounds = self.bounds(input);
        let zero_point = i128::from(self.quantisation(input).zero_point);
        let low = (i128::from(bounds.minimum) - zero_point).abs();
        low.max((i128::from(bounds.maximum) - zero_point).abs())
    }

    /// What an accumulator of at most this size ranges over if it is not requantised.
    pub(super) fn raw(&self, limit: i64) -> Result<Bounds, String> {
        if self.node.quantisation.zero_point != 0 {
            return Err("an accumulator that is not requantised needs zero point 0".into());
        }
        Ok(Bounds { minimum: -limit, maximum: limit, last: Last::Accumulator })
    }

    pub(super) fn expect_shape(&self, shape: &[usize]) -> Result<(), String> {
        let declared = &self.node.shape;
        if declared == shape {
            Ok(())
        } else {
            Err(format!("its operator gives shape {shape:?}, but shape {declared:?} is declared"))
        }
    }

    /// Height and width of the input and of the result of a window over it.
    pub(super) fn planes(&self, window: &Window) -> Result<([usize; 2], [usize; 2]), String> {
        let shape = self.shape(0);
        let Some(input) = plane(shape) else {
            return Err(format!("reads shape {shape:?}, not [1, C, H, W] or [1, C, L]"));
        };
        // A line has height 1, so without padding no larger kernel fits.
        let flat = window.pads[0] == 0 && window.pads[2] == 0;
        match window.output(input) {
            Some(output) if shape.len() == 4 || flat => Ok((input, output)),
            _ => Err(format!("window {window:?} does not fit shape {shape:?}")),
        }
    }

    /// Views, MaxPool and the like put out integers on the scale of what they read.
    pub(super) fn expect_same_quantisation(
        &self,
        inputs: std::ops::Range<usize>,
    ) -> Result<(), String> {
        for input in inputs {
            if self.quantisation(input) != self.node.quantisation {
                return Err("scale and zero point differ from its input's".into());
            }
        }
        Ok(())
    }
}

/// `Ok` if the two numbers agree, otherwise an explanation.
pub(super) fn expect_count(
    what: &str,
    found: usize,
    expected: Option<usize>,
) -> Result<(), String> {
    match expected {
        Some(expected) if expected == found => Ok(()),
        Some(expected) => Err(format!("{found} {what}, expected {expected}")),
        None => Err(format!("more than {MAX_ELEMENTS} {what} needed")),
    }
}

/// Whether an integer has 16 bits, signed or not.
pub(super) fn is_activation(integer: i64) -> bool {
    (ACTIVATION_MIN..=ACTIVATION_MAX).contains(&integer)
}
