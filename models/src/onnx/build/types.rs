//! Element types of values, as ONNX has them.

use super::importer::{Element, Importer};
use crate::onnx::messages::DataType;
use crate::onnx::read::call::Call;

impl<'a> Importer<'a> {
    /// ONNX's element type of a value.
    pub(in crate::onnx) fn element_type(&self, name: &str) -> i32 {
        self.element_types.get(name).copied().unwrap_or(DataType::Float as i32)
    }

    /// Whether the `index`th operand has integers for elements.
    pub(in crate::onnx) fn is_integer(&self, call: &Call<'a>, index: usize) -> bool {
        let element = call.input(index).map(|name| self.element_type(name));
        let real = [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16];
        element.is_some_and(|element| real.iter().all(|&real| element != real as i32))
    }

    /// Notes the element types of a node's results: those that the operator says, else that of its
    /// first operand.
    pub(in crate::onnx) fn infer_types(&mut self, call: &Call<'a>) {
        let element = self.registration(call.node).map_or(Element::Of(0), |known| known.element);
        for (place, output) in call.node.output.iter().enumerate() {
            let element = match element {
                Element::Each(elements) => elements.get(place).copied().unwrap_or(element),
                _ => element,
            };
            let element = match element {
                Element::Of(index) => {
                    call.input(index).map_or(DataType::Float as i32, |name| self.element_type(name))
                }
                Element::Is(element) => element as i32,
                Element::Found(find) => find(self, call),
                Element::Each(_) => DataType::Float as i32,
            };
            self.element_types.insert(output, element);
        }
    }
}
