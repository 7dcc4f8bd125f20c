//! Files: read as strangers leave them, written so that no crash leaves half of them.
//!
//! | file | knows |
//! |---|---|
//! | [`names`] | what files that belong together are called |
//! | [`regular`] | reading regular files only, and no more of them than their kind may have |
//! | [`turn`] | taking turns in a directory, and what killed runs have left there |
//! | [`set`] | writing files that belong together, never half |

pub mod names;
pub mod regular;
pub mod set;
pub mod turn;
