//! One ONNX node as the operator importers see it: a name and typed attributes.

use crate::limits::MAX_ELEMENTS;
use crate::onnx::error::Stop;
use crate::onnx::messages::{AttributeProto, AttributeType, GraphProto, NodeProto, TensorProto};

/// A node being imported.
pub(in crate::onnx) struct Call<'a> {
    pub(in crate::onnx) node: &'a NodeProto,
    /// Its name, or one made from its operator and position.
    pub(in crate::onnx) name: String,
    pub(in crate::onnx) opset: i64,
}

impl<'a> Call<'a> {
    pub(in crate::onnx) fn new(node: &'a NodeProto, position: usize, opset: i64) -> Self {
        let name = match node.name.as_str() {
            "" => format!("{}_{position}", node.op_type),
            name => name.to_owned(),
        };
        Self { node, name: shortened(name), opset }
    }

    /// Name of the `index`th input; `None` if it is left out.
    pub(in crate::onnx) fn input(&self, index: usize) -> Option<&'a str> {
        let name = self.node.input.get(index)?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }

    /// Name of the first output.
    pub(in crate::onnx) fn output(&self) -> Result<&'a str, Stop> {
        match self.node.output.first() {
            Some(name) if !name.is_empty() => Ok(name),
            _ => Err(Stop::because("it has no output")),
        }
    }

    pub(in crate::onnx) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        let mut attributes = self.node.attribute.iter();
        attributes.find(|attribute| attribute.name == name)
    }

    /// The attribute if it is present and of the right type.
    fn typed(&self, name: &str, kind: AttributeType) -> Result<Option<&'a AttributeProto>, Stop> {
        match self.attribute(name) {
            None => Ok(None),
            Some(found) if found.r#type == kind as i32 => Ok(Some(found)),
            Some(found) => {
                let type_name = AttributeType::try_from(found.r#type).map(|t| t.as_str_name());
                let found = type_name.unwrap_or("of unknown type");
                let expected = kind.as_str_name();
                Err(Stop::Because(format!("attribute `{name}` is {found}, expected {expected}")))
            }
        }
    }

    pub(in crate::onnx) fn int(&self, name: &str, default: i64) -> Result<i64, Stop> {
        let attribute = self.typed(name, AttributeType::Int)?;
        Ok(attribute.map_or(default, |attribute| attribute.i))
    }

    /// An attribute that is 0 or 1.
    pub(in crate::onnx) fn flag(&self, name: &str, default: bool) -> Result<bool, Stop> {
        match self.int(name, default.into())? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Stop::Because(format!("attribute `{name}` is {other}, expected 0 or 1"))),
        }
    }

    pub(in crate::onnx) fn float(&self, name: &str, default: f32) -> Result<f32, Stop> {
        let attribute = self.typed(name, AttributeType::Float)?;
        match attribute.map_or(default, |attribute| attribute.f) {
            value if value.is_nan() => {
                Err(Stop::Because(format!("attribute `{name}` is not a number")))
            }
            value => Ok(value),
        }
    }

    pub(in crate::onnx) fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, Stop> {
        let attribute = self.typed(name, AttributeType::Ints)?;
        Ok(attribute.map(|attribute| attribute.ints.as_slice()))
    }

    pub(in crate::onnx) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, Stop> {
        let attribute = self.typed(name, AttributeType::Floats)?;
        Ok(attribute.map(|attribute| attribute.floats.as_slice()))
    }

    pub(in crate::onnx) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>, Stop> {
        let attribute = self.typed(name, AttributeType::Tensor)?;
        Ok(attribute.and_then(|attribute| attribute.t.as_ref()))
    }

    pub(in crate::onnx) fn graph(&self, name: &str) -> Result<Option<&'a GraphProto>, Stop> {
        let attribute = self.typed(name, AttributeType::Graph)?;
        Ok(attribute.and_then(|attribute| attribute.g.as_ref()))
    }

    pub(in crate::onnx) fn string(&self, name: &str, default: &str) -> Result<String, Stop> {
        let attribute = self.typed(name, AttributeType::String)?;
        Ok(attribute.map_or_else(
            || default.to_owned(),
            |attribute| String::from_utf8_lossy(&attribute.s).into_owned(),
        ))
    }

    /// An attribute of `rank` sizes, each at least `least` and no larger than a tensor can be;
    /// `default` for all of them if it is absent.
    pub(in crate::onnx) fn sizes(
        &self,
        name: &str,
        rank: usize,
        default: usize,
        least: usize,
    ) -> Result<Vec<usize>, Stop> {
        let Some(found) = self.ints(name)? else {
            return Ok(vec![default; rank]);
        };
        let sizes = found.iter().map(|&size| usize::try_from(size).ok());
        let sizes: Option<Vec<usize>> =
            sizes.map(|size| size.filter(|s| (least..=MAX_ELEMENTS).contains(s))).collect();
        match sizes {
            Some(sizes) if sizes.len() == rank => Ok(sizes),
            _ => Err(Stop::Because(format!(
                "attribute `{name}` is {found:?}, expected {rank} numbers from {least} to \
                {MAX_ELEMENTS}"
            ))),
        }
    }
}

/// A name as it is given to all the nodes that one of the file becomes: not longer than anyone
/// reads.
pub(in crate::onnx) fn shortened(name: String) -> String {
    const LONGEST: usize = 256;
    match name.char_indices().nth(LONGEST) {
        None => name,
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}

/// A dimension counted from the front, or if negative from the back.
pub(in crate::onnx) fn axis(axis: i64, rank: usize) -> Result<usize, Stop> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(counted) {
        Ok(index) if index < rank => Ok(index),
        _ => Err(Stop::Because(format!(
            "axis {axis} does not exist in a tensor of {rank} dimensions"
        ))),
    }
}
