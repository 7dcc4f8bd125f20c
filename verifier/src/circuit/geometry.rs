//! Shapes of contractions and products: sizes of results, taps, positions.

use crate::circuit::description::{Contract, Operator};
use crate::circuit::facts::Facts;

/// A contraction with its shapes.
pub struct Geometry<'a> {
    /// The contraction.
    pub contract: &'a Contract,
    /// Its input `[C, H, W]`.
    pub input: &'a Facts,
    /// Its output `[M, H', W']`.
    pub output: &'a Facts,
}

impl Geometry<'_> {
    /// Taps per output channel: channels of a group times kernel size.
    pub fn depth(&self) -> usize {
        self.group_channels().saturating_mul(self.window()).max(1)
    }

    /// Output channels of a group.
    pub fn group_rows(&self) -> usize {
        self.contract.rows.checked_div(self.contract.groups).unwrap_or(0).max(1)
    }

    pub(crate) fn group_channels(&self) -> usize {
        self.input
            .shape
            .first()
            .and_then(|channels| channels.checked_div(self.contract.groups))
            .unwrap_or(0)
    }

    /// Taps of one input channel.
    pub(crate) fn window(&self) -> usize {
        let [height, width] = self.contract.kernel;
        height.saturating_mul(width).max(1)
    }

    /// Elements of one input channel.
    pub(crate) fn plane(&self) -> usize {
        self.input.shape.iter().skip(1).product::<usize>().max(1)
    }

    /// Whether every position reads the element at the same place and nothing else: then the
    /// input's cotangent is `taps ⊗ column`.
    pub(crate) fn is_pointwise(&self) -> bool {
        let Contract { kernel, strides, pads, .. } = self.contract;
        *kernel == [1; 2] && *strides == [1; 2] && *pads == [0; 4]
    }
}

/// Output height and width of a contraction, or none if the kernel does not fit or a stride or
/// dilation is zero.
pub(crate) fn output_size(contract: &Contract, height: usize, width: usize) -> Option<[usize; 2]> {
    let [top, left, bottom, right] = contract.pads;
    let ([kernel_h, kernel_w], [stride_h, stride_w]) = (contract.kernel, contract.strides);
    let [dilation_h, dilation_w] = contract.dilations;
    let size = |input: usize,
                before: usize,
                after: usize,
                kernel: usize,
                stride: usize,
                dilation: usize| {
        let span = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
        (dilation > 0).then_some(())?;
        let padded = input.checked_add(before)?.checked_add(after)?;
        padded.checked_sub(span)?.checked_div(stride)?.checked_add(1)
    };
    Some([
        size(height, top, bottom, kernel_h, stride_h, dilation_h)?,
        size(width, left, right, kernel_w, stride_w, dilation_w)?,
    ])
}

/// Taps per output channel: channels of a group times kernel size.
pub fn depth(contract: &Contract, nodes: &[Facts]) -> Option<usize> {
    let &[channels, ..] = nodes.get(contract.input)?.shape.as_slice() else { return None };
    let [height, width] = contract.kernel;
    channels.checked_div(contract.groups)?.checked_mul(height)?.checked_mul(width)
}

/// Elements of a contraction's result times its depth.
pub(crate) fn multiply_accumulates(contract: &Contract, facts: &Facts, nodes: &[Facts]) -> u64 {
    let product = depth(contract, nodes).and_then(|depth| facts.elements.checked_mul(depth));
    product.and_then(|product| u64::try_from(product).ok()).unwrap_or(u64::MAX)
}

/// Length of the two factors of a bilinear node: the taps of all groups, or batches times inner
/// dimension.
pub fn factor_length(operator: &Operator, nodes: &[Facts]) -> usize {
    let length = match operator {
        Operator::Contract(contract) => {
            depth(contract, nodes).and_then(|depth| depth.checked_mul(contract.groups))
        }
        Operator::Product(product) => nodes.get(product.left).and_then(|left| {
            let &[batches, _, inner] = left.shape.as_slice() else { return None };
            batches.checked_mul(inner)
        }),
        _ => None,
    };
    length.unwrap_or(0)
}
