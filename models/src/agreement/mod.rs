//! How far the integers are from the float model's numbers: as a whole, for each channel or column,
//! and node by node.
//!
//! One scale for a tensor whose parts differ can leave a part with nothing, while the whole agrees
//! well: the confidences of a detector beside its boxes. So each part is measured by its own
//! spread.
//!
//! | file | idea |
//! |---|---|
//! | `verdict` | what is doubted, and what is refused |
//! | `summary` | the few figures that go into report and manifest |
//! | `nodes` | where the error comes in, and what saturates |
//! | `output` | an output and its parts |
//! | `measure` | what fits an output: classes, positions, detections, numbers |
//! | `saturation` | integers at an end of their range that should lie beyond it |
//! | `further` | what other samples are off by, at most times |
//! | `deviation` | sums over pairs of numbers |

mod deviation;
mod further;
mod measure;
mod nodes;
mod output;
mod saturation;
mod summary;
mod verdict;

pub use deviation::Deviation;
pub use further::Further;
pub use measure::Measure;
pub(crate) use measure::Reading;
pub(crate) use nodes::node_errors;
pub use nodes::{NodeError, NodeLoss};
pub(crate) use output::Distance;
pub use output::{OutputError, Part};
pub use summary::{Agreement, OutputAgreement, WorstPart};
pub use verdict::{Doubt, Loss, MAX_ERROR};
