//! What elements of arrays become, and how many there may be.

/// Most elements of an array.
pub(super) const MAX_ELEMENTS: usize = 1 << 27;

/// An element as a file has it.
#[derive(Clone, Copy)]
pub(super) enum Element {
    Float(f64),
    Integer(i128),
}

/// What elements are read as: samples as single floats, labels as doubles. Floats are rounded;
/// integers, which may be ids, must be held exactly.
pub(super) trait Number: Copy + 'static {
    /// The nearest number to a float.
    fn of(x: f64) -> Self;

    /// An integer, if it is held exactly.
    fn exact(x: i128) -> Option<Self>;

    /// The type's name, and the largest integer that it holds with all before it.
    const HOLDS: &str;

    fn of_element(element: Element) -> Result<Self, String> {
        match element {
            Element::Float(x) => Ok(Self::of(x)),
            Element::Integer(x) => Self::exact(x).ok_or_else(|| {
                format!(
                    "it holds the integer {x}, which is none of {}; convert it with \
                    `.astype(\"float32\")` if it may be rounded",
                    Self::HOLDS
                )
            }),
        }
    }
}

impl Number for f32 {
    const HOLDS: &str = "float32, exact to 16777216";

    fn of(x: f64) -> Self {
        x as Self
    }

    fn exact(x: i128) -> Option<Self> {
        (x as Self as i128 == x).then_some(x as Self)
    }
}

impl Number for f64 {
    const HOLDS: &str = "float64, exact to 9007199254740992";

    fn of(x: f64) -> Self {
        x
    }

    fn exact(x: i128) -> Option<Self> {
        (x as Self as i128 == x).then_some(x as Self)
    }
}
