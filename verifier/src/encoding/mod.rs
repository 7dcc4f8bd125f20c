//! Bytes on disk: versioned, canonical, with limits and a checksum.
//!
//! A file is `magic (8 bytes) · version (2, little-endian) · content · BLAKE2b-256 of all before`.
//! Content is [postcard](https://postcard.jamesmunns.com/wire-format); whatever does not re-encode
//! to the same bytes is refused, so a value has one encoding. The checksum tells damage from
//! forgery; nothing relies on it for soundness.

pub mod digest;

use serde::{Serialize, de::DeserializeOwned};

use crate::encoding::digest::Digest;
use crate::error::FormatError as Error;
use crate::threads::join;

/// Version of all formats.
pub const VERSION: u16 = 6;
pub(crate) const CHECKSUM: usize = 32;
pub(crate) const HEADER: usize = 10;
/// Bytes of a part's length.
const LENGTH: usize = 8;

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What people call it.
    pub name: &'static str,
    /// Its first bytes.
    pub magic: &'static [u8; 8],
    /// Most bytes accepted.
    pub limit: usize,
}

/// The canonical encoding of a value. Empty only if serialisation fails, which none of our types
/// can.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).unwrap_or_default()
}

/// Wraps a value in a file of a kind.
pub fn write<T: Serialize>(kind: Kind, value: &T) -> Vec<u8> {
    finish(append(begin(kind), value))
}

/// Wraps two values, each with its length in bytes (8, little-endian) before it, so that both can
/// be decoded at once.
pub fn write_pair<A: Serialize, B: Serialize>(kind: Kind, a: &A, b: &B) -> Vec<u8> {
    finish(append_part(append_part(begin(kind), a), b))
}

/// Bytes with a part behind them. Its length is not known before it is there: nothing of its size
/// is built beside the file.
fn append_part<T: Serialize>(mut bytes: Vec<u8>, value: &T) -> Vec<u8> {
    let start = bytes.len();
    bytes.extend([0; LENGTH]);
    let mut bytes = append(bytes, value);
    let length = bytes.len().saturating_sub(start).saturating_sub(LENGTH) as u64;
    let place = bytes.iter_mut().skip(start);
    place.zip(length.to_le_bytes()).for_each(|(byte, length)| *byte = length);
    bytes
}

/// How a file of a kind begins.
fn begin(kind: Kind) -> Vec<u8> {
    let mut bytes = kind.magic.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes
}

/// Bytes with the canonical encoding of a value behind them; none if serialisation fails, which
/// none of our types can.
fn append<T: Serialize>(bytes: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, bytes).unwrap_or_default()
}

/// Bytes with their checksum.
fn finish(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Digest::of(b"zkinfer checksum", &bytes);
    bytes.extend(checksum.0);
    bytes
}

/// Reads a file of a kind back: exact, canonical, undamaged.
pub fn read<T: Serialize + DeserializeOwned + Send>(kind: Kind, bytes: &[u8]) -> Result<T, Error> {
    read_content(kind, bytes, |content| decode(kind, content))
}

/// Reads two values back, and has each checked as soon as it is decoded, both at once where there
/// are threads.
pub fn read_pair<A, B, X, Y, E>(
    kind: Kind,
    bytes: &[u8],
    check_a: impl FnOnce(A) -> Result<X, E> + Send,
    check_b: impl FnOnce(B) -> Result<Y, E> + Send,
) -> Result<(X, Y), E>
where
    A: Serialize + DeserializeOwned,
    B: Serialize + DeserializeOwned,
    X: Send,
    Y: Send,
    E: From<Error> + Send,
{
    read_content(kind, bytes, |content| {
        let damaged = || Error::Damaged { kind: kind.name };
        let (a, rest) = part(content).ok_or_else(damaged)?;
        let (b, rest) = part(rest).ok_or_else(damaged)?;
        if !rest.is_empty() {
            return Err(damaged().into());
        }
        let (a, b) = join(|| check_a(decode(kind, a)?), || check_b(decode(kind, b)?));
        Ok((a?, b?))
    })
}

/// A part with its length before it, and what comes after.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// Takes a file of a kind apart and decodes its content while the checksum is computed.
fn read_content<T: Send, E: From<Error> + Send>(
    kind: Kind,
    bytes: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, E> + Send,
) -> Result<T, E> {
    if bytes.len() > kind.limit {
        return Err(Error::TooLong { got: bytes.len(), limit: kind.limit }.into());
    }
    let (magic, rest) = bytes.split_at_checked(8).ok_or(Error::Magic { expected: kind.name })?;
    if magic != kind.magic {
        return Err(Error::Magic { expected: kind.name }.into());
    }
    let damaged = || Error::Damaged { kind: kind.name };
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(Error::Version { got: version, expected: VERSION }.into());
    }
    let (content, checksum) = rest.split_last_chunk::<CHECKSUM>().ok_or_else(damaged)?;
    let body = bytes.get(..HEADER.saturating_add(content.len())).ok_or_else(damaged)?;
    let intact = || Digest::of(b"zkinfer checksum", body).0 == *checksum;
    let (intact, value) = join(intact, || decode(content));
    if intact { value } else { Err(Error::Checksum.into()) }
}

/// The value with this canonical encoding.
fn decode<T: Serialize + DeserializeOwned>(kind: Kind, content: &[u8]) -> Result<T, Error> {
    let damaged = || Error::Damaged { kind: kind.name };
    let (value, rest) = postcard::take_from_bytes::<T>(content).map_err(|error| match error {
        postcard::Error::SerdeDeCustom => Error::TooMany { kind: kind.name },
        _ => damaged(),
    })?;
    if !rest.is_empty() {
        return Err(damaged());
    }
    match postcard::serialize_with_flavor(&value, Same(content)) {
        Ok(true) => Ok(value),
        _ => Err(Error::NotCanonical { kind: kind.name }),
    }
}

/// Holds an encoding against these bytes as it is made, and stores nothing.
struct Same<'b>(&'b [u8]);

impl postcard::ser_flavors::Flavor for Same<'_> {
    /// Whether they are all of them.
    type Output = bool;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0 = self.0.strip_prefix(bytes).ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<bool> {
        Ok(self.0.is_empty())
    }
}
