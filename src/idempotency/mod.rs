//! `Idempotency-Key`: a write that is sent again is not carried out again.
//!
//! One object for each credential and key keeps what became of the first request, and itself sends to Core. Here are its
//! rules, without I/O; `edge` carries them out. In reading order:
//!
//! - [`key`]: what a caller may send, and which object keeps it.
//! - [`fingerprint`]: whether two requests are the same.
//! - [`record`]: what is stored. No record is the state `new`; the others are `in_flight`, `unknown` and `done`.
//! - [`receive`]: what a request gets, by what is stored.
//! - [`attempt`]: the steps from there to an ending, and what each ending leaves behind.
//! - [`answer`]: what Core's answers mean for all that.
//! - [`message`]: what Worker and object say to each other.

pub mod answer;
pub mod attempt;
pub mod fingerprint;
pub mod key;
pub mod message;
#[cfg(test)]
mod model;
pub mod receive;
pub mod record;

pub use fingerprint::Fingerprint;
pub use key::IdempotencyKey;
pub use record::{Create, Kept, Phase, Record};
