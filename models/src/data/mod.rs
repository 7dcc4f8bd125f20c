//! Samples for calibration, evaluation and inference, read from what people have at hand after a
//! notebook.
//!
//! | file | content |
//! |---|---|
//! | `.npz` | one array per input, named like the input; a model with one input takes a single array of any name |
//! | `.npy` | the array of a model with one input |
//! | `.json` | an object of nested lists by input name, or for a model with one input just a nested list |
//! | `.csv` | a line of names and a row of numbers for each sample: all columns for a model with one input, those of their names for inputs of one number each |
//! | `.png`, `.jpg` | a picture for a model with one input, [normalised](Normalise) |
//! | a directory | its pictures, in the order of their names |
//!
//! An array is one sample, of the input's shape with or without its batch dimension of 1, or many
//! along its first dimension. Only the arrays that are asked for are read: at most 2^27 numbers
//! each, from regular files, of JSON at most 64 MiB, of tables and pictures 256 MiB.
//!
//! Floats are rounded to single ones; of integer arrays every element must be one.
//!
//! Pictures are brought to the input's size as Pillow's `resize` does with `BILINEAR`, to its
//! proportions by squeezing or [by cropping](Fit), and for one channel to grey as its
//! `convert("L")` does. Transparency and notes on how a camera was held are not followed, 16 bits
//! are cut to 8.
//!
//! Labels are an array, member or column named `label`, `labels` or `y`, or as [asked
//! for](ReadOptions::labels): one class per sample, or one per position for networks that label
//! positions.
//!
//! | module | from → to |
//! |---|---|
//! | `read` | a path → samples, by the kind of file |
//! | `arrays` (`header`, `npy`, `json`) | arrays → samples |
//! | `csv` | tables → samples |
//! | `pictures` (`normalise`, `resize`) | PNG, JPEG → samples |
//! | `ids` | ids → a line of them |
//! | `dataset`, `number`, `error` | what all of them make |

mod arrays;
mod csv;
mod dataset;
mod error;
mod header;
mod ids;
mod json;
mod normalise;
mod npy;
mod number;
mod pictures;
mod read;
mod resize;

pub(crate) use arrays::shapes;
pub use dataset::{Dataset, LABEL_NAMES, Sample};
pub use error::DataError;
pub use ids::read_ids;
pub use normalise::{Fit, Layout, Normalise, Order};
pub use read::{ReadOptions, read_sample, read_sample_with};
