//! ONNX files of a few nodes.
//!
//! ```
//! use zkinfer_models::testing::onnx::{Builder, Op};
//!
//! let bytes = Builder::new(17)
//!     .input("x", &[1, 2])
//!     .floats("w", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
//!     .node(Op::new("Gemm", &["x", "w"], &["y"]).int("transB", 0))
//!     .node(Op::new("Relu", &["y"], &["z"]))
//!     .output("z")
//!     .bytes();
//! # let _ = bytes;
//! ```

use prost::Message;

/// What a file consists of.
pub mod messages {
    pub use crate::onnx::messages::*;
}

use messages::tensor_shape_proto::{Dimension, Length};
use messages::{
    AttributeProto, AttributeType, DataType, FunctionProto, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// A model under construction.
#[derive(Clone, Debug)]
pub struct Builder {
    model: ModelProto,
    graph: GraphProto,
}

/// A node under construction.
#[derive(Clone, Debug)]
pub struct Op(NodeProto);

impl Builder {
    /// An empty model of an ONNX operator set.
    pub fn new(opset: i64) -> Self {
        Self {
            model: ModelProto {
                ir_version: 8,
                opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset }],
                ..ModelProto::default()
            },
            graph: GraphProto { name: "test".into(), ..GraphProto::default() },
        }
    }

    /// An empty model whose operators are of another domain.
    pub fn of_domain(domain: &str, version: i64) -> Self {
        let mut builder = Self::new(version);
        builder.model.opset_import[0].domain = domain.into();
        builder
    }

    /// A float input of fixed shape.
    #[must_use]
    pub fn input(self, name: &str, shape: &[i64]) -> Self {
        let dimensions = shape.iter().map(|&length| Length::DimValue(length));
        self.typed_input(name, DataType::Float, dimensions.collect())
    }

    /// A float input whose first dimension is named rather than fixed.
    #[must_use]
    pub fn batched_input(self, name: &str, sample: &[i64]) -> Self {
        let mut dimensions = vec![Length::DimParam("batch".into())];
        dimensions.extend(sample.iter().map(|&length| Length::DimValue(length)));
        self.typed_input(name, DataType::Float, dimensions)
    }

    /// An input of any element type.
    #[must_use]
    pub fn typed_input(mut self, name: &str, element: DataType, shape: Vec<Length>) -> Self {
        self.graph.input.push(value_info(name, element, Some(shape)));
        self
    }

    /// A float output of a shape left to inference.
    #[must_use]
    pub fn output(mut self, name: &str) -> Self {
        self.graph.output.push(value_info(name, DataType::Float, None));
        self
    }

    /// An integer output, such as that of an ArgMax.
    #[must_use]
    pub fn integer_output(mut self, name: &str) -> Self {
        self.graph.output.push(value_info(name, DataType::Int64, None));
        self
    }

    /// What the file says of a value in between.
    #[must_use]
    pub fn declared(mut self, name: &str, element: DataType, shape: &[i64]) -> Self {
        let dimensions = shape.iter().map(|&length| Length::DimValue(length));
        self.graph.value_info.push(value_info(name, element, Some(dimensions.collect())));
        self
    }

    /// A float initialiser.
    #[must_use]
    pub fn floats(mut self, name: &str, shape: &[i64], elements: &[f32]) -> Self {
        self.graph.initializer.push(float_tensor(name, shape, elements));
        self
    }

    /// An initialiser that is a list of integers.
    #[must_use]
    pub fn integers(self, name: &str, elements: &[i64]) -> Self {
        let raw: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.tensor(TensorProto {
            name: name.into(),
            dims: vec![elements.len() as i64],
            data_type: DataType::Int64 as i32,
            raw_data: raw.into(),
            ..TensorProto::default()
        })
    }

    /// Any initialiser.
    #[must_use]
    pub fn tensor(mut self, tensor: TensorProto) -> Self {
        self.graph.initializer.push(tensor);
        self
    }

    /// The next node.
    #[must_use]
    pub fn node(mut self, op: Op) -> Self {
        self.graph.node.push(op.0);
        self
    }

    /// An operator of the file's own: the nodes of `body`, between its inputs and outputs.
    #[must_use]
    pub fn function(mut self, domain: &str, name: &str, body: Self) -> Self {
        let names = |values: Vec<ValueInfoProto>| values.into_iter().map(|value| value.name);
        self.model.functions.push(FunctionProto {
            name: name.into(),
            domain: domain.into(),
            input: names(body.graph.input).collect(),
            output: names(body.graph.output).collect(),
            node: body.graph.node,
            opset_import: body.model.opset_import,
            ..FunctionProto::default()
        });
        self
    }

    /// The protobuf model.
    pub fn build(self) -> ModelProto {
        ModelProto { graph: Some(self.graph), ..self.model }
    }

    /// The file's bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.build().encode_to_vec()
    }
}

impl Op {
    /// A node, named after its first output.
    pub fn new(operator: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        Self(NodeProto {
            name: format!("{}_node", outputs.first().unwrap_or(&"")),
            op_type: operator.into(),
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: outputs.iter().map(|&name| name.into()).collect(),
            ..NodeProto::default()
        })
    }

    /// Another name; empty for none.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.0.name = name.into();
        self
    }

    /// A domain other than ONNX's own.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.0.domain = domain.into();
        self
    }

    /// An integer attribute.
    #[must_use]
    pub fn int(self, name: &str, value: i64) -> Self {
        self.attribute(name, AttributeType::Int, |attribute| attribute.i = value)
    }

    /// A list of integers.
    #[must_use]
    pub fn ints(self, name: &str, values: &[i64]) -> Self {
        self.attribute(name, AttributeType::Ints, |attribute| {
            attribute.ints = values.to_vec();
        })
    }

    /// A float attribute.
    #[must_use]
    pub fn float(self, name: &str, value: f32) -> Self {
        self.attribute(name, AttributeType::Float, |attribute| attribute.f = value)
    }

    /// A list of floats.
    #[must_use]
    pub fn floats(self, name: &str, values: &[f32]) -> Self {
        self.attribute(name, AttributeType::Floats, |attribute| {
            attribute.floats = values.to_vec();
        })
    }

    /// A text attribute.
    #[must_use]
    pub fn string(self, name: &str, value: &str) -> Self {
        self.attribute(name, AttributeType::String, |attribute| {
            attribute.s = value.as_bytes().to_vec();
        })
    }

    /// A tensor attribute.
    #[must_use]
    pub fn tensor(self, name: &str, value: TensorProto) -> Self {
        self.attribute(name, AttributeType::Tensor, |attribute| attribute.t = Some(value))
    }

    /// In a function: an attribute that is the function's.
    #[must_use]
    pub fn reference(self, name: &str, kind: AttributeType, of: &str) -> Self {
        self.attribute(name, kind, |attribute| attribute.ref_attr_name = of.into())
    }

    /// A graph attribute: the nodes of `body`, which may read what stands outside.
    #[must_use]
    pub fn graph(self, name: &str, body: Builder) -> Self {
        self.attribute(name, AttributeType::Graph, |attribute| attribute.g = Some(body.graph))
    }

    fn attribute(
        mut self,
        name: &str,
        kind: AttributeType,
        fill: impl FnOnce(&mut AttributeProto),
    ) -> Self {
        let mut attribute =
            AttributeProto { name: name.into(), r#type: kind as i32, ..AttributeProto::default() };
        fill(&mut attribute);
        self.0.attribute.push(attribute);
        self
    }
}

/// A float tensor.
pub fn float_tensor(name: &str, shape: &[i64], elements: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: DataType::Float as i32,
        float_data: elements.to_vec(),
        ..TensorProto::default()
    }
}

fn value_info(name: &str, element: DataType, shape: Option<Vec<Length>>) -> ValueInfoProto {
    let dimension = |value| Dimension { value: Some(value) };
    let shape = shape.map(|dimensions| TensorShapeProto {
        dim: dimensions.into_iter().map(dimension).collect(),
    });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: element as i32,
                shape,
            })),
        }),
    }
}
