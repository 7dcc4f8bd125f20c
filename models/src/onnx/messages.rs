//! ONNX's protobuf messages: those fields of `onnx.proto` that are read here, everything else is
//! passed over while decoding.
//!
//! Written by hand with prost's derives, so that no build needs `protoc`. Names and tags are those
//! of `onnx.proto`, of IR version 8 and later.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};

/// A file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    /// The format's version: not read, but a file without it is no ONNX to others.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// The operator sets that its nodes are from.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Operators that the file defines itself.
    #[prost(message, repeated, tag = "25")]
    pub functions: Vec<FunctionProto>,
}

/// An operator that is defined by nodes.
#[derive(Clone, PartialEq, Message)]
pub struct FunctionProto {
    /// The operator's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The names that the nodes have for the operator's operands.
    #[prost(string, repeated, tag = "4")]
    pub input: Vec<String>,
    /// The names that they have for its results.
    #[prost(string, repeated, tag = "5")]
    pub output: Vec<String>,
    /// Names of its parameters without a default.
    #[prost(string, repeated, tag = "6")]
    pub attribute: Vec<String>,
    /// The nodes, each behind those whose results it reads.
    #[prost(message, repeated, tag = "7")]
    pub node: Vec<NodeProto>,
    /// The operator sets that the nodes are from.
    #[prost(message, repeated, tag = "9")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// The domain of the operator.
    #[prost(string, tag = "10")]
    pub domain: String,
    /// Its parameters with a default.
    #[prost(message, repeated, tag = "11")]
    pub attribute_proto: Vec<AttributeProto>,
    /// Which of several functions of one name it is.
    #[prost(string, tag = "13")]
    pub overload: String,
}

/// An operator set: a domain's operators at a version.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    /// Empty for ONNX's own.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Grows whenever an operator changes.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A network, or a branch of an If.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// Operators, each behind those whose results it reads.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// Its name, which nothing refers to.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants by name: weights above all.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// Inputs; old files list initialisers here too.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// Names of the values that come out.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
    /// Types of values in between, where the exporter knew them.
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfoProto>,
}

/// One operator.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    /// Names of the values that it reads; empty where an optional one is left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names that its results get.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// May be empty.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The operator's name.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Its parameters.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    /// The domain of the operator: empty for ONNX's own.
    #[prost(string, tag = "7")]
    pub domain: String,
    /// Which of several functions of one name is meant.
    #[prost(string, tag = "8")]
    pub overload: String,
}

/// A parameter of a node: a name and one of the fields, as [`type`](Self::type) says.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    /// The parameter's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number.
    #[prost(float, tag = "2")]
    pub f: f32,
    /// An integer.
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// Text.
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    /// A graph.
    #[prost(message, optional, tag = "6")]
    pub g: Option<GraphProto>,
    /// Numbers.
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// An [`AttributeType`].
    #[prost(enumeration = "AttributeType", tag = "20")]
    pub r#type: i32,
    /// In a function: the parameter of the function that stands here.
    #[prost(string, tag = "21")]
    pub ref_attr_name: String,
}

/// An input or output.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    /// The value's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type; may be missing for outputs.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// A type of values.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    /// Missing for what is no tensor: sequences, maps.
    #[prost(oneof = "type_proto::Value", tags = "1")]
    pub value: Option<type_proto::Value>,
}

/// What [`TypeProto`] consists of.
pub mod type_proto {
    use super::{DataType, Message, Oneof, TensorShapeProto};

    /// The kinds of types that are read.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Value {
        /// A tensor.
        #[prost(message, tag = "1")]
        TensorType(Tensor),
    }

    /// Element type and shape.
    #[derive(Clone, PartialEq, Message)]
    pub struct Tensor {
        /// A [`DataType`].
        #[prost(enumeration = "DataType", tag = "1")]
        pub elem_type: i32,
        /// Missing if unknown.
        #[prost(message, optional, tag = "2")]
        pub shape: Option<TensorShapeProto>,
    }
}

/// The lengths of a tensor's dimensions.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// One for each dimension.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<tensor_shape_proto::Dimension>,
}

/// What [`TensorShapeProto`] consists of.
pub mod tensor_shape_proto {
    use super::{Message, Oneof};

    /// A dimension.
    #[derive(Clone, PartialEq, Message)]
    pub struct Dimension {
        /// Missing if its length is unknown and has no name.
        #[prost(oneof = "Length", tags = "1, 2")]
        pub value: Option<Length>,
    }

    /// How long a dimension is.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Length {
        /// So many elements.
        #[prost(int64, tag = "1")]
        DimValue(i64),
        /// A name that stands for a length.
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}

/// A tensor of constants: in `raw_data`, in the list of its element type, or in another file.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// Its shape.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// A [`DataType`].
    #[prost(enumeration = "DataType", tag = "2")]
    pub data_type: i32,
    /// FLOAT.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Integers of at most 32 bits, and the bits of shorter floats.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    /// INT64.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// The value's name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Elements of any type, in order, little-endian: in a file that is decoded, a part of its
    /// bytes.
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    /// DOUBLE.
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// UINT64 and UINT32.
    #[prost(uint64, repeated, tag = "11")]
    pub uint64_data: Vec<u64>,
    /// Where to look in which file: `location`, `offset`, `length`.
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<StringStringEntryProto>,
    /// A [`DataLocation`].
    #[prost(enumeration = "DataLocation", optional, tag = "14")]
    pub data_location: Option<i32>,
}

/// An entry of a map from text to text.
#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    /// The entry's name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// What it says.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Where a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum DataLocation {
    /// In the message.
    Default = 0,
    /// In a file beside the model.
    External = 1,
}

/// An enumeration of `onnx.proto`, with the names that its values have there.
macro_rules! named {
    ($(#[$doc:meta])* $kind:ident { $($variant:ident = $number:literal $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
        #[repr(i32)]
        pub enum $kind {
            $(
                #[doc = concat!("`", $name, "`.")]
                $variant = $number,
            )*
        }

        impl $kind {
            /// ONNX's name of it.
            pub fn as_str_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

named! {
    /// What an attribute holds.
    AttributeType {
        Undefined = 0 "UNDEFINED",
        Float = 1 "FLOAT",
        Int = 2 "INT",
        String = 3 "STRING",
        Tensor = 4 "TENSOR",
        Graph = 5 "GRAPH",
        Floats = 6 "FLOATS",
        Ints = 7 "INTS",
        Strings = 8 "STRINGS",
        Tensors = 9 "TENSORS",
        Graphs = 10 "GRAPHS",
        SparseTensor = 11 "SPARSE_TENSOR",
        SparseTensors = 12 "SPARSE_TENSORS",
        TypeProto = 13 "TYPE_PROTO",
        TypeProtos = 14 "TYPE_PROTOS",
    }
}

named! {
    /// What the elements of a tensor are.
    DataType {
        Undefined = 0 "UNDEFINED",
        Float = 1 "FLOAT",
        Uint8 = 2 "UINT8",
        Int8 = 3 "INT8",
        Uint16 = 4 "UINT16",
        Int16 = 5 "INT16",
        Int32 = 6 "INT32",
        Int64 = 7 "INT64",
        String = 8 "STRING",
        Bool = 9 "BOOL",
        Float16 = 10 "FLOAT16",
        Double = 11 "DOUBLE",
        Uint32 = 12 "UINT32",
        Uint64 = 13 "UINT64",
        Complex64 = 14 "COMPLEX64",
        Complex128 = 15 "COMPLEX128",
        Bfloat16 = 16 "BFLOAT16",
        Float8e4m3fn = 17 "FLOAT8E4M3FN",
        Float8e4m3fnuz = 18 "FLOAT8E4M3FNUZ",
        Float8e5m2 = 19 "FLOAT8E5M2",
        Float8e5m2fnuz = 20 "FLOAT8E5M2FNUZ",
        Uint4 = 21 "UINT4",
        Int4 = 22 "INT4",
        Float4e2m1 = 23 "FLOAT4E2M1",
    }
}
