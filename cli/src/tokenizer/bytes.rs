//! Bytes as characters: those that can be seen stand for themselves, all others for characters from
//! 256 on, in order. So byte pair encodings of GPT-2's kind are lists of words without blanks.

use std::collections::HashMap;

/// The characters that stand for bytes.
pub struct Characters {
    characters: Vec<char>,
    bytes: HashMap<char, u8>,
}

impl Default for Characters {
    fn default() -> Self {
        let seen = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let mut others = (256u32..).filter_map(char::from_u32);
        let stands = |byte: u8| {
            if seen(&byte) { char::from(byte) } else { others.next().unwrap_or_default() }
        };
        let characters: Vec<char> = (0..=u8::MAX).map(stands).collect();
        let bytes = characters.iter().copied().zip(0..=u8::MAX).collect();
        Self { characters, bytes }
    }
}

impl Characters {
    /// What stands for bytes.
    pub fn of(&self, bytes: &[u8]) -> String {
        bytes.iter().filter_map(|&byte| self.characters.get(usize::from(byte))).collect()
    }

    /// The bytes that characters stand for; a character that stands for none is itself.
    pub fn bytes(&self, token: &str) -> Vec<u8> {
        let each = |character: char| match self.bytes.get(&character) {
            Some(&byte) => vec![byte],
            None => character.to_string().into_bytes(),
        };
        token.chars().flat_map(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_controls_are_seen() {
        let characters = Characters::default();
        assert_eq!(characters.of(b" a\n"), "ĠaĊ");
        assert_eq!(characters.of("é".as_bytes()), "Ã©");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(characters.bytes(&characters.of(&all)), all);
    }
}
