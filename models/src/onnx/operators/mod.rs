//! The operators: one line of registration for each, one file for each family.
//!
//! | file | operators |
//! |---|---|
//! | `convolution` | Conv, ConvTranspose |
//! | `correlation` | Conv by weights that are computed too |
//! | `linear` | Gemm, MatMul |
//! | `matmul` | their products of two computed matrices |
//! | `activation` | functions of one number |
//! | `elementwise` | arithmetic, comparisons and logic on two tensors, Where, PRelu |
//! | `several` | Max, Min, Sum, Mean of any number of tensors |
//! | `pooling` | MaxPool, AveragePool and their global forms |
//! | `reduce` | ReduceMean, ReduceSum, ReduceMax and their relatives |
//! | `normalisation` | BatchNormalization, InstanceNormalization, LRN |
//! | `resize` | Resize, Upsample |
//! | `rearrange` | Concat, Split, Compress, Expand, Tile, DepthToSpace, SpaceToDepth, Shape, Size |
//! | `indexed` | Gather, GatherElements, GatherND, ScatterElements, ScatterND |
//! | `places` | which elements their indices mean |
//! | `moved` | what they make of constants |
//! | `pick` | what these make of computed data at computed indices |
//! | `lookup` | tables read by a computed index; OneHot |
//! | `view` | Flatten, Reshape, Squeeze, Unsqueeze, Transpose |
//! | `section` | Slice, Pad |
//! | `order` | ArgMax, ArgMin, TopK |
//! | `classification` | Softmax, LogSoftmax: dropped where they end the network |
//! | `softmax` | a Softmax between two grids of the file |
//! | `quantised` | QuantizeLinear, DequantizeLinear |
//! | `dynamic` | DynamicQuantizeLinear, and onnxruntime's product with it |
//! | `qlinear` | operators on integers: QLinearConv and so on |
//! | `conversion` | Cast |
//! | `control` | If |
//! | `repeated` | Loop, Scan |
//! | `unrolling` | the iterations of these |
//! | `passthrough` | Identity, Dropout, Constant |
//! | `einsum` | Einsum |
//! | `cumulative` | CumSum, CumProd |
//! | `spectrum` | DFT, STFT |
//! | `sample` | GridSample |
//! | `undefined` | IsInf, IsNaN |
//! | `volume` | convolutions over three dimensions |
//! | `matrix` | constant matrices along one dimension |
//! | `fold` | those on constants that are computed exactly |
//! | `spatial` | attributes that convolutions and pools share |

mod activation;
mod classification;
mod control;
mod conversion;
mod convolution;
mod correlation;
mod cumulative;
mod dynamic;
mod einsum;
mod elementwise;
mod fold;
mod indexed;
mod linear;
mod lookup;
mod matmul;
mod matrix;
mod moved;
mod normalisation;
mod order;
mod passthrough;
mod pick;
mod places;
mod pooling;
mod qlinear;
mod quantised;
mod rearrange;
mod reduce;
mod repeated;
mod resize;
mod sample;
mod section;
mod several;
mod softmax;
mod spatial;
mod spectrum;
mod undefined;
mod unrolling;
mod view;
mod volume;

pub use classification::SOFTMAX_DROPPED;

use crate::onnx::build::importer::Registration;
use crate::onnx::functions::{FUNCTIONS, MICROSOFT_FUNCTIONS};
use crate::onnx::messages::NodeProto;

const FAMILIES: &[&[Registration]] = &[
    activation::OPERATORS,
    classification::OPERATORS,
    control::OPERATORS,
    conversion::OPERATORS,
    convolution::OPERATORS,
    dynamic::OPERATORS,
    einsum::OPERATORS,
    elementwise::OPERATORS,
    indexed::OPERATORS,
    linear::OPERATORS,
    lookup::OPERATORS,
    normalisation::OPERATORS,
    order::OPERATORS,
    passthrough::OPERATORS,
    pooling::OPERATORS,
    qlinear::OPERATORS,
    quantised::OPERATORS,
    rearrange::OPERATORS,
    reduce::OPERATORS,
    repeated::OPERATORS,
    resize::OPERATORS,
    section::OPERATORS,
    several::OPERATORS,
    cumulative::OPERATORS,
    sample::OPERATORS,
    spectrum::OPERATORS,
    undefined::OPERATORS,
    view::OPERATORS,
];

/// onnxruntime's own operators, and ONNX's that it has for more element types.
const MICROSOFT: &[&[Registration]] =
    &[classification::MICROSOFT, dynamic::MICROSOFT, qlinear::MICROSOFT, quantised::OPERATORS];

/// The operators that can be imported, in alphabetical order; onnxruntime's own begin with
/// `com.microsoft.`.
pub fn supported_operators() -> Vec<String> {
    let own = FAMILIES
        .iter()
        .chain(FUNCTIONS)
        .flat_map(|family| family.iter())
        .map(|registration| registration.name.to_owned());
    let functions = MICROSOFT_FUNCTIONS.iter().flat_map(|family| family.iter());
    let others = [classification::MICROSOFT, dynamic::MICROSOFT, qlinear::MICROSOFT]
        .into_iter()
        .flatten()
        .chain(functions)
        .map(|registration| format!("com.microsoft.{}", registration.name));
    let mut names: Vec<String> = own.chain(others).collect();
    names.sort_unstable();
    names
}

/// What is known about a node's operator.
pub(in crate::onnx) fn registration(node: &NodeProto) -> Option<&'static Registration> {
    let (families, functions) = match node.domain.as_str() {
        "" | "ai.onnx" => (FAMILIES, FUNCTIONS),
        "com.microsoft" => (MICROSOFT, MICROSOFT_FUNCTIONS),
        _ => return None,
    };
    families
        .iter()
        .chain(functions)
        .flat_map(|family| family.iter())
        .find(|registration| registration.name == node.op_type)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_has_no_duplicates() {
        let names = supported_operators();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
        assert!(names.len() > 100, "{}", names.len());
    }
}
