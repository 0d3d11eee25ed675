//! JSON whose members are not those of one type: what callers send to `/admin`, views of records in the audit trail,
//! Core's answers; and bodies whose members depend on what is told. Everything else derives serde's traits.
//!
//! In reading order: [`read`], [`mod@write`].

pub mod read;
pub mod write;

pub use read::{Object, version};
pub use write::Writer;
