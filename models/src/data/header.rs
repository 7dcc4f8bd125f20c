//! The header of a `.npy` file: a Python dictionary that says element type, order and shape
//! ([format](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)).

use std::fmt::Display;
use std::io::Read;

/// Bytes of a header at most; NumPy itself reads no longer ones.
const MAX_HEADER: usize = 10_000;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// The element type as it is written: a quoted descriptor such as `'<f4'`, or a list of them.
    pub(super) descriptor: String,
    /// Whether the first index changes fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads the header of an array, and nothing behind it.
    pub(super) fn read(source: &mut impl Read) -> Result<Self, String> {
        let broken = |error: &dyn Display| {
            format!("not a complete .npy file ({error}); write it with `numpy.save`")
        };
        // Magic, version, and the length of what follows.
        let mut bytes = vec![0; 10];
        source.read_exact(&mut bytes).map_err(|error| broken(&error))?;
        if bytes[6] > 1 {
            bytes.resize(12, 0);
            source.read_exact(&mut bytes[10..]).map_err(|error| broken(&error))?;
        }
        let length =
            bytes[8..].iter().rev().fold(0usize, |length, &byte| length << 8 | usize::from(byte));
        if length > MAX_HEADER {
            return Err(broken(&format_args!("a header of {length} bytes")));
        }
        let mut text = vec![0; length];
        source.read_exact(&mut text).map_err(|error| broken(&error))?;
        let header = Self::parse([bytes[6], bytes[7]], &bytes[..6], &text);
        header.map_err(|error| broken(&format_args!("error parsing header: {error}")))
    }

    fn parse(version: [u8; 2], magic: &[u8], text: &[u8]) -> Result<Self, String> {
        if magic != b"\x93NUMPY" {
            return Err("start does not match magic string".into());
        }
        let [major, minor] = version;
        if !(1..=3).contains(&major) || minor != 0 {
            return Err(format!("unknown version number: {major}.{minor}"));
        }
        let text = text.strip_suffix(b"\n").ok_or("newline missing at end of header")?;
        if major < 3 && !text.is_ascii() {
            return Err("non-ascii in array format string; this is not supported in .npy format \
                versions 1.0 and 2.0"
                .into());
        }
        let text = str::from_utf8(text)
            .map_err(|error| format!("error parsing array format string as UTF-8: {error}"))?;
        let (mut descriptor, mut fortran, mut shape) = (None, None, None);
        for (key, value) in entries(text)? {
            let illegal = || format!("illegal value for key {key}: {}", shown(value));
            match unquoted(key) {
                Some("descr") => descriptor = Some(value.to_owned()),
                Some("fortran_order") => {
                    fortran = Some(match value {
                        "True" => true,
                        "False" => false,
                        _ => return Err(illegal()),
                    });
                }
                Some("shape") => shape = Some(tuple(value).ok_or_else(illegal)?),
                _ => return Err(format!("unknown key: {}", shown(key))),
            }
        }
        let missing = |key: &str| format!("missing key: {key}");
        Ok(Self {
            descriptor: descriptor.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    /// The descriptor, if it is a single one.
    pub(super) fn element(&self) -> Option<&str> {
        unquoted(&self.descriptor)
    }

    /// The descriptor for people.
    pub(super) fn described(&self) -> String {
        shown(&self.descriptor)
    }
}

/// Keys and values of a dictionary, as they are written.
fn entries(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let broken = |problem: &str| format!("error parsing metadata dict: {problem}");
    let inside = trim(text).strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = trim(inside.ok_or_else(|| broken("it is not in curly brackets"))?);
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (key, behind) = until(':', rest).ok_or_else(|| broken("a bracket or quote is open"))?;
        let value = behind.ok_or_else(|| broken("a key has no value"))?;
        let (value, behind) =
            until(',', value).ok_or_else(|| broken("a bracket or quote is open"))?;
        entries.push((trim(key), trim(value)));
        rest = trim(behind.unwrap_or_default());
    }
    Ok(entries)
}

/// What comes before the first `end` outside of brackets and quotes, and what behind it if there is
/// one; `None` if a bracket or quote stays open.
fn until(end: char, text: &str) -> Option<(&str, Option<&str>)> {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, _) if character == end && depth == 0 => {
                return Some((&text[..at], Some(&text[at + end.len_utf8()..])));
            }
            (None, _) => {}
        }
    }
    (depth == 0 && quote.is_none()).then_some((text, None))
}

/// Without Python's white space around it.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\x0c'])
}

/// What a string literal without escapes says.
fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.contains([quote, '\\'])).then_some(inside)
}

/// A tuple of sizes.
fn tuple(text: &str) -> Option<Vec<usize>> {
    let inside = trim(text.strip_prefix('(')?.strip_suffix(')')?);
    if inside.is_empty() {
        return Some(Vec::new());
    }
    // One number without a comma is not a tuple of one.
    if !inside.contains(',') {
        return None;
    }
    let sizes = inside.strip_suffix(',').unwrap_or(inside).split(',');
    sizes.map(|size| trim(size).parse().ok()).collect()
}

/// What a file says, for people: as it is written, if that is plain.
fn shown(text: &str) -> String {
    let plain = text.chars().all(|character| character.is_ascii_graphic() || character == ' ');
    if plain { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, String> {
        Header::parse([1, 0], b"\x93NUMPY", format!("{text}\n").as_bytes())
    }

    #[test]
    fn dictionaries() {
        let header = |descriptor: &str, fortran, shape: &[usize]| {
            Ok(Header { descriptor: descriptor.into(), fortran, shape: shape.to_vec() })
        };
        let structure = "[('a', '<f4'), ('b}', '<i8', (2,))]";
        let structured = format!("{{'descr': {structure}, 'fortran_order': True, 'shape': (7,)}}");
        for (text, expected) in [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   ",
                header("'<f4'", false, &[2, 3]),
            ),
            (
                "{\"shape\":(),\"fortran_order\":True,\"descr\":\"|u1\"}",
                header("\"|u1\"", true, &[]),
            ),
            (&structured, header(structure, true, &[7])),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(
            parse("{'descr': 'x', 'fortran_order': True, 'shape': ()}").unwrap().element(),
            Some("x")
        );
        let list = "{'descr': ['x'], 'fortran_order': True, 'shape': ()}";
        assert_eq!(parse(list).unwrap().element(), None);
    }

    #[test]
    fn faults_by_name() {
        let dictionary =
            |shape: &str| format!("{{'descr': 'x', 'fortran_order': 1, 'shape': {shape}}}");
        for (text, problem) in [
            ("[]".to_owned(), "error parsing metadata dict: it is not in curly brackets"),
            ("{'descr'}".into(), "error parsing metadata dict: a key has no value"),
            ("{'descr': (}".into(), "error parsing metadata dict: a bracket or quote is open"),
            ("{'descr': 'x}".into(), "error parsing metadata dict: a bracket or quote is open"),
            ("{'descr': )}".into(), "error parsing metadata dict: a bracket or quote is open"),
            ("{'descr': 'x'}".into(), "missing key: fortran_order"),
            ("{'shape': (1,)}".into(), "missing key: descr"),
            ("{'kind': 'x'}".into(), "unknown key: 'kind'"),
            ("{'k\u{1b}': 'x'}".into(), "unknown key: \"'k\\u{1b}'\""),
            (dictionary("()"), "illegal value for key 'fortran_order': 1"),
            ("{'shape': (2)}".into(), "illegal value for key 'shape': (2)"),
            ("{'shape': (2, -1)}".into(), "illegal value for key 'shape': (2, -1)"),
            ("{'shape': [2, 3]}".into(), "illegal value for key 'shape': [2, 3]"),
            ("{'shape': (99999999999999999999,)}".into(), {
                "illegal value for key 'shape': (99999999999999999999,)"
            }),
        ] {
            assert_eq!(parse(&text).unwrap_err(), problem, "{text}");
        }
        let version =
            |version, text: &[u8]| Header::parse(version, b"\x93NUMPY", text).unwrap_err();
        assert_eq!(version([4, 0], b"{}\n"), "unknown version number: 4.0");
        assert_eq!(version([1, 0], b"{}"), "newline missing at end of header");
        assert!(version([2, 0], "é\n".as_bytes()).starts_with("non-ascii"));
        assert!(version([3, 0], b"\xff\n").contains("as UTF-8"));
        assert!(Header::parse([1, 0], b"NUMPY\x93", b"").unwrap_err().contains("magic string"));
    }
}
