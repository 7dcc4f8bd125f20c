//! What helps where a node is refused: an option of the exporter, a tool, another form.

use super::messages::NodeProto;

/// The reason for operators that nothing is registered for.
pub(in crate::onnx) const UNSUPPORTED: &str = "this operator is not supported";

/// What to do about a node, if there is anything that its operator or the reason suggests.
pub(in crate::onnx) fn advice(node: &NodeProto, reason: &str) -> Option<&'static str> {
    let operator = node.op_type.as_str();
    if reason == UNSUPPORTED {
        return match node.domain.as_str() {
            "" | "ai.onnx" => unsupported(operator),
            "ai.onnx.ml" => classical(operator),
            "com.microsoft" => Some(onnxruntimes(operator)),
            "com.microsoft.nchwc" => Some(
                "onnxruntime wrote it for the machine it ran on; give the file before that, or \
                save it with `graph_optimization_level = ORT_ENABLE_BASIC`",
            ),
            "org.pytorch.aten" | "aten" => Some(
                "the exporter did not know it; export with `torch.onnx.export(..., dynamo=True)`",
            ),
            _ => Some(
                "if it is a function of the file, `onnx.inliner.inline_local_functions` spells it \
                out",
            ),
        };
    }
    if node.domain == "com.microsoft" && reason.contains("its past") {
        return Some(
            "export the model without a cache: `use_cache=False`, or optimum's task \
            `text-generation` rather than `text-generation-with-past`",
        );
    }
    if reason.contains("has no CPU kernel of") {
        return Some(onnxruntimes(operator));
    }
    let wants_constant = reason.contains("is computed, expected a constant");
    (wants_constant && SHAPED.contains(&operator)).then_some(
        "export with fixed shapes (without `dynamic_axes` or `dynamic_shapes`; tf2onnx: `--inputs \
        x:0[1,3,224,224]`) and fold what is constant with `onnxsim`",
    )
}

/// Operators one of whose operands is a shape, or positions, that exporters compute from shapes.
const SHAPED: &[&str] = &[
    "ConstantOfShape",
    "Expand",
    "Pad",
    "Range",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Unsqueeze",
    "Upsample",
];

fn unsupported(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "LSTM" | "GRU" | "RNN" => {
            "recurrent layers of Keras become matrix products if they are made with `unroll=True`"
        }
        "Erfc" => {
            "it is TensorFlow's, no operator of ONNX: in Keras, \
            `keras.activations.gelu(x, approximate=True)` does without it"
        }
        "SequenceMap" => {
            "unroll it when exporting: `torch.onnx.export(..., dynamo=True)` traces loops over a \
            fixed number of steps away, Keras layers take `unroll=True`"
        }
        "Bernoulli" | "Multinomial" | "RandomNormal" | "RandomNormalLike" | "RandomUniform"
        | "RandomUniformLike" => {
            "its result is random, and what is proven is a function; export the model for \
            inference (`model.eval()`)"
        }
        "ConcatFromSequence" | "SequenceAt" | "SequenceConstruct" | "SequenceEmpty"
        | "SequenceErase" | "SequenceInsert" | "SequenceLength" | "SplitToSequence"
        | "Optional" | "OptionalGetElement" | "OptionalHasElement" => {
            "lists of tensors have no fixed shape; export with tensors alone (`torch.cat`, \
            `torch.split` into a fixed number of parts)"
        }
        "StringConcat" | "StringNormalizer" | "StringSplit" | "RegexFullMatch"
        | "TfIdfVectorizer" => {
            "text becomes numbers before the proof: cut the file behind it \
            (`onnx.utils.extract_model`) and give these numbers as input"
        }
        "DFT" | "STFT" | "MelWeightMatrix" | "HannWindow" | "HammingWindow" | "BlackmanWindow"
        | "ImageDecoder" => {
            "prepare the data before the proof: cut the file behind it \
            (`onnx.utils.extract_model`) and give its result as input"
        }
        "RoiAlign" | "MaxRoiPool" | "DeformConv" | "MaxUnpool" => {
            "where it reads depends on the data; cut the file before it \
            (`onnx.utils.extract_model`)"
        }
        "NegativeLogLikelihoodLoss"
        | "SoftmaxCrossEntropyLoss"
        | "Gradient"
        | "Momentum"
        | "Adam"
        | "Adagrad" => {
            "it belongs to training; export the model for inference (`model.eval()`), without its \
            loss"
        }
        _ => return None,
    })
}

fn classical(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "ZipMap" => {
            "skl2onnx leaves it out with `convert_sklearn(model, ..., options={\"zipmap\": False})`"
        }
        "TreeEnsemble" | "TreeEnsembleClassifier" | "TreeEnsembleRegressor" => {
            "decision trees cannot be proven yet; a linear model or a small neural network can, \
            exported by torch or Keras"
        }
        "LinearClassifier" | "LinearRegressor" => {
            "it is one `torch.nn.Linear` with the model's `coef_` and `intercept_`: export that, \
            with `torch.onnx.export`"
        }
        "SVMClassifier" | "SVMRegressor" => {
            "with a linear kernel it is one `torch.nn.Linear` with the model's `coef_` and \
            `intercept_`: export that, with `torch.onnx.export`"
        }
        "Scaler" | "Normalizer" | "Imputer" | "Binarizer" => {
            "scale the data before the proof, or in torch, as a part of the network that \
            `torch.onnx.export` writes"
        }
        "CategoryMapper" | "DictVectorizer" | "LabelEncoder" | "CastMap" => {
            "text and maps become numbers before the proof: cut the file behind it \
            (`onnx.utils.extract_model`) and give these numbers as input"
        }
        _ => return None,
    })
}

/// onnxruntime's own operators come from its optimiser or from its quantiser.
fn onnxruntimes(operator: &str) -> &'static str {
    match operator {
        _ if operator.starts_with("QLinear") => {
            "`quantize_static(..., quant_format=QuantFormat.QDQ)` writes the float operator \
            between QuantizeLinear and DequantizeLinear instead"
        }
        "DynamicQuantizeLSTM"
        | "MatMulIntegerToFloat"
        | "QAttention"
        | "QEmbedLayerNormalization"
        | "QMoE" => {
            "it is quantised and fused; quantise the file as the exporter wrote it, with \
            `quantize_static(..., quant_format=QuantFormat.QDQ)`"
        }
        "PackedAttention" | "PackedMultiHeadAttention" | "RemovePadding" | "RestorePadding" => {
            "how many tokens it packs depends on the data; optimise the file without its packing \
            mode (`convert_to_packing_mode`)"
        }
        "MatMulNBits" | "MatMulBnb4" | "GatherBlockQuantized" => {
            "its weights are quantised by blocks; give the float file, or quantise it with \
            `quantize_static(..., quant_format=QuantFormat.QDQ)`"
        }
        _ => {
            "onnxruntime's optimiser makes it of several operators; give the file before that, or \
            save it with `graph_optimization_level = ORT_DISABLE_ALL`"
        }
    }
}
