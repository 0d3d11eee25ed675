//! The management surface over a registry in memory: what each route promises, and what must not happen.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong should say so at once"
)]

mod clients;
mod instances;
mod keys;
mod lists;
mod memory;
mod registry;
mod reseal;
mod store_failures;
mod trail;
