//! JSON: nested lists of numbers, of which only the numbers are kept while they are read.

use std::fmt;

use ndarray::ArrayD;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::number::Number;

/// What an array that is the whole file is called in messages.
const WHOLE_FILE: &str = "(the list)";

/// The arrays of a file, by name.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Nested)>, String> {
    let File(members) = serde_json::from_slice(bytes)
        .map_err(|error| format!("not JSON ({error}); write it with `json.dump`"))?;
    members.ok_or_else(|| {
        "expected an object of nested lists by input name, or one nested list".into()
    })
}

/// Nested lists of numbers, or why they are no array.
#[derive(Default)]
pub(super) struct Nested {
    /// The length of the lists at each depth, as far as one has ended.
    lengths: Vec<Option<usize>>,
    /// How deep the numbers stand.
    depth: Option<usize>,
    elements: Vec<f64>,
    /// The first fault. It matters only if the array is asked for.
    fault: Option<String>,
}

impl Nested {
    pub(super) fn array<T: Number>(&self) -> Result<ArrayD<T>, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let shape: Vec<usize> = self.lengths.iter().map(|length| length.unwrap_or(0)).collect();
        let elements = self.elements.iter().map(|&x| T::of(x)).collect();
        ArrayD::from_shape_vec(shape, elements).map_err(|error| error.to_string())
    }

    fn fault(&mut self, problem: &str) {
        self.fault.get_or_insert_with(|| problem.to_owned());
    }

    fn irregular(&mut self) {
        self.fault("its lists differ in length or depth; make it rectangular");
    }

    fn begin(&mut self, depth: usize) {
        if self.lengths.len() == depth {
            self.lengths.push(None);
        }
        if self.depth.is_some_and(|numbers| numbers <= depth) {
            self.irregular();
        }
    }

    fn end(&mut self, depth: usize, length: usize) {
        if *self.lengths[depth].get_or_insert(length) != length {
            self.irregular();
        }
    }

    fn number(&mut self, depth: usize, number: f64) {
        if *self.depth.get_or_insert(depth) != depth || self.lengths.len() != depth {
            self.irregular();
        } else if self.fault.is_none() {
            self.elements.push(number);
        }
    }

    fn other(&mut self, found: impl fmt::Display) {
        self.fault(&format!("it holds {found}, expected numbers in nested lists of equal length"));
    }
}

/// What stands within `depth` lists of an array.
struct Within<'n> {
    nested: &'n mut Nested,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nested lists of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { nested, depth } = self;
        nested.begin(depth);
        let mut length = 0;
        while list.next_element_seed(Within { nested: &mut *nested, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        nested.end(depth, length);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.nested.number(self.depth, number);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.nested.number(self.depth, number as f64);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.nested.number(self.depth, number as f64);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        // Not all of it, which may be the whole file.
        self.nested.other(format_args!("{:?}", text.chars().take(40).collect::<String>()));
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.nested.other(truth);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.nested.other("null");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.nested.other("an object");
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A whole file: its arrays, unless it is neither object nor list.
struct File(Option<Vec<(String, Nested)>>);

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = File;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<File, A::Error> {
        let mut nested = Nested::default();
        Within { nested: &mut nested, depth: 0 }.visit_seq(list)?;
        Ok(File(Some(vec![(WHOLE_FILE.to_owned(), nested)])))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let mut nested = Nested::default();
            map.next_value_seed(Within { nested: &mut nested, depth: 0 })?;
            members.push((name, nested));
        }
        Ok(File(Some(members)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<File, E> {
        Ok(File(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<File, E> {
        Ok(File(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<File, E> {
        Ok(File(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<File, E> {
        Ok(File(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<File, E> {
        Ok(File(None))
    }

    fn visit_unit<E>(self) -> Result<File, E> {
        Ok(File(None))
    }
}
