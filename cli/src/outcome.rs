//! How a command ends that did its work.

/// How a command that did its work ends.
pub enum Outcome {
    /// Done, or the proof was accepted.
    Done,
    /// The proof was rejected.
    Rejected,
}
