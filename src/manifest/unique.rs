//! JSON in which no object has a field twice. Readers disagree on which of the two counts, so a
//! signature over such a text covers no one meaning.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads nothing, but refuses a field that stands twice, however deep.
pub struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("the field {key:?} stands twice")));
            }
            keys.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self, A::Error> {
        while sequence.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_stands_twice_is_refused_however_deep() {
        let read = |json: &str| serde_json::from_str::<Unique>(json).map(drop);
        read(r#"{"a": 1, "b": {"a": [null, true, -1, 1.5e300, "a", {"a": 2}, {"a": 3}]}}"#)
            .unwrap();
        for twice in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"b": {"a": 1, "c": 2, "a": 1}}"#,
            r#"[[{"a": 1, "a": 1}]]"#,
            r#"{"a": 1, "\u0061": 1}"#,
        ] {
            let refusal = read(twice).unwrap_err().to_string();
            assert!(refusal.starts_with("the field \"a\" stands twice at line 1"), "{refusal}");
        }
    }
}
