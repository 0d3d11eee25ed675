//! `Idempotency-Key`: a write that is sent again is not carried out again, and what was done in part is never called
//! done.
//!
//! One object for each credential and key keeps the outcome of the first request, and itself sends to Core. Here are
//! its rules, without I/O; `edge` carries them out. In reading order:
//!
//! - [`key`]: what a caller may send, and which object keeps it.
//! - [`fingerprint`]: whether two requests are the same.
//! - [`work`]: what a request asks for, as far as Core's records can tell afterwards whether it was done.
//! - [`record`]: what is stored. No record is the state `new`; the others are `in_flight`, `unknown`, `partial` and
//!   `done`.
//! - [`receive`]: what a request gets, by what is stored.
//! - [`attempt`]: the steps from there to an ending.
//! - [`ending`]: what each ending leaves behind.
//! - [`verdict`]: what Core's answers mean for all that.
//! - [`response`]: what the caller gets at each ending.
//! - [`look_up`]: what Core's records show of a request: all of it, none, or some.
//! - [`claims`]: what one key alone may use.
//! - [`state`]: what is told of a key to who asks.
//! - [`message`]: what Worker and object say to each other.

pub mod attempt;
pub mod claims;
pub mod ending;
pub mod fingerprint;
pub mod key;
pub mod look_up;
pub mod message;
pub mod receive;
pub mod record;
pub mod response;
pub mod state;
pub mod verdict;
pub mod work;

pub use fingerprint::Fingerprint;
pub use key::IdempotencyKey;
pub use record::{Kept, KeyRecord, Phase};
pub use work::Work;

#[cfg(test)]
mod tests;
