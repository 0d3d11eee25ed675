//! The JSON of records and messages: one reader and one writer, a value at a time.
//!
//! `serde_json` reads and escapes; what is spared is what `derive(Deserialize)` makes of each type (3 to 11 KB of wasm)
//! and `serde_json::Value` with its numbers (floats alone are 20 KB of code and 20 KB of tables). A type says itself,
//! field by field, what it is made of. In reading order: [`read`], [`mod@write`].

pub mod read;
pub mod write;

pub use read::{Json, Object};
pub use write::Writer;
