//! What elements of arrays become, and how many there may be.

/// Most elements of an array.
pub(super) const MAX_ELEMENTS: usize = 1 << 27;

/// What elements are read as: samples as single floats, labels as doubles, which hold every element
/// type exactly but 64-bit integers, and those up to 2^53.
pub(super) trait Number: Copy + 'static {
    fn of(x: f64) -> Self;
}

impl Number for f32 {
    fn of(x: f64) -> Self {
        x as Self
    }
}

impl Number for f64 {
    fn of(x: f64) -> Self {
        x
    }
}
