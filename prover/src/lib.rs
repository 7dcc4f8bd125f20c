//! zkinfer.
