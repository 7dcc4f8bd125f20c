//! The opening: what shows that all columns together are what was said about them.
//!
//! | file | knows |
//! |---|---|
//! | [`combination`] | the combination of all columns |
//! | [`running_sum`] | the running sum over it and over the messages |
//! | [`quotient`] | its constraints over the vanishing polynomial |
//! | [`multi_point`] | all four polynomials opened at their points |
//! | [`inner_product`] | the last step |

pub mod combination;
pub mod inner_product;
pub mod multi_point;
pub mod quotient;
pub mod running_sum;
