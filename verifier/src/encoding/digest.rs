//! Names of files and models: hashes of their canonical encoding.

/// A 32-byte BLAKE2b digest; displays as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Digest {
    /// BLAKE2b-256 of `bytes`, separated from other uses by `domain` (at most 16 bytes).
    pub fn of(domain: &[u8; 16], bytes: &[u8]) -> Self {
        Self::from_hash(&blake2b_simd::Params::new().hash_length(32).personal(domain).hash(bytes))
    }

    /// The same of a file, read piece by piece.
    pub(crate) fn of_file(
        domain: &[u8; 16],
        mut file: impl std::io::Read,
    ) -> std::io::Result<Self> {
        let mut state = blake2b_simd::Params::new().hash_length(32).personal(domain).to_state();
        let mut buffer = [0; 1 << 14];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Self::from_hash(&state.finalize())),
                Ok(count) => _ = state.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn from_hash(hash: &blake2b_simd::Hash) -> Self {
        let mut digest = [0; 32];
        digest.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self(digest)
    }
}

/// The name of a model: its circuit, and whose weights.
pub fn model_digest(key: Digest, seal: Option<Digest>) -> Digest {
    let mut bytes = key.0.to_vec();
    bytes.extend(seal.iter().flat_map(|seal| seal.0));
    Digest::of(b"zkinfer model v1", &bytes)
}
