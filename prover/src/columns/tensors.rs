//! Sealed tensors, held once whoever reads them.

use std::ops::Deref;
use std::sync::Arc;

use zeroize::Zeroize;
use zkinfer_verifier::field::integers::Integers;

/// Sealed tensors, one after the other. Clones share them; the last owner wipes them.
#[derive(Clone, Debug, Default)]
pub struct Tensors(Arc<Vec<Integers>>);

impl Deref for Tensors {
    type Target = [Integers];

    fn deref(&self) -> &[Integers] {
        &self.0
    }
}

impl From<Vec<Integers>> for Tensors {
    fn from(tensors: Vec<Integers>) -> Self {
        Self(tensors.into())
    }
}

impl From<Vec<Vec<i64>>> for Tensors {
    fn from(tensors: Vec<Vec<i64>>) -> Self {
        tensors.into_iter().map(Integers::from).collect::<Vec<_>>().into()
    }
}

impl Drop for Tensors {
    fn drop(&mut self) {
        for tensor in Arc::get_mut(&mut self.0).into_iter().flatten() {
            match tensor {
                Integers::Bytes(bytes) => {
                    Arc::get_mut(bytes).into_iter().for_each(Zeroize::zeroize)
                }
                Integers::Words(words) => words.zeroize(),
            }
        }
    }
}

impl Tensors {
    /// Each integer in eight bytes.
    pub fn to_vecs(&self) -> Vec<Vec<i64>> {
        self.iter().map(Integers::to_vec).collect()
    }
}
