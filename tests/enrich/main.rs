//! Proof that the enrichment reads every body as Core does and changes nothing that is not its own.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that goes wrong should say so at once"
)]

mod check;
mod fuzz;
mod go_oracle;
mod model;
mod properties;
mod recordings;
