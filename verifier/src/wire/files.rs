//! Keys, proofs and seals as files.

use std::io::{self, Read};

use crate::circuit::description::Description;
use crate::circuit::key::{self, VerifyingKey};
use crate::encoding::digest::Digest;
use crate::encoding::{CHECKSUM, HEADER, Kind, VERSION, read, write};
use crate::error::FormatError as Error;
use crate::wire::proof::Proof;
use crate::wire::seal::Seal;

/// Verifying keys, `.vk`.
pub const KEY: Kind = Kind { name: "verifying key", magic: b"zkinf.vk", limit: 1 << 30 };
/// Proofs, `.proof`.
pub const PROOF: Kind = Kind { name: "proof", magic: b"zkinf.pf", limit: 1 << 28 };

/// Seals, `.seal`.
pub const SEAL: Kind = Kind { name: "seal", magic: b"zkinf.sl", limit: 1 << 28 };

/// The digest that the key in a `.vk` file of `length` bytes would have, by hashing what it holds,
/// undecoded and unchecked: tells which of many files to read. None if it is no key file of this
/// version.
pub fn key_digest(mut file: impl Read, length: usize) -> io::Result<Option<Digest>> {
    let Some(content) =
        length.checked_sub(HEADER.saturating_add(CHECKSUM)).filter(|_| length <= KEY.limit)
    else {
        return Ok(None);
    };
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    if header.split_first_chunk::<8>() != Some((KEY.magic, VERSION.to_le_bytes().as_slice())) {
        return Ok(None);
    }
    let content = file.take(content.try_into().unwrap_or(u64::MAX));
    Digest::of_file(key::DOMAIN, content).map(Some)
}

impl VerifyingKey {
    /// The key as a `.vk` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(KEY, self.description())
    }

    /// Reads and checks a `.vk` file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::new(read::<Description>(KEY, bytes)?)?)
    }
}

impl Proof {
    /// The proof as a `.proof` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(PROOF, self)
    }

    /// Reads a `.proof` file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        read(PROOF, bytes)
    }
}

impl Seal {
    /// The seal as a `.seal` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(SEAL, self)
    }

    /// Reads a `.seal` file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        read(SEAL, bytes)
    }
}
