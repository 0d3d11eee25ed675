//! blnk-edge: a self-hosted Proxy API for Blnk Core, as one Cloudflare Worker.
//!
//! The core decides and does no I/O: plain functions over plain values, with time and randomness passed in.
//! [`edge`](self) alone names the platform, and exists only when compiled for wasm. In reading order:
//!
//! - [`http`]: what every surface reads of a request.
//! - [`proxy`]: one request, from its head to a plan or a refusal, and from Core's answer to the caller's.
//! - [`enrich`]: what is added to a transaction body, and how.
//! - [`idempotency`]: what a write with an `Idempotency-Key` gets, the first time and again.
//! - [`registry`]: the records (instances, credentials), their secrets, and the isolate's cache of them.
//! - [`token`]: what callers present, and how it is made.
//! - [`store`]: the registry's tables, as one small trait.
//! - [`admin`]: the management surface over those records.
//! - [`oauth`]: access tokens, and the clients that get them.
//! - [`budget`]: how many bytes of bodies are held at once, and whose.
//! - [`config`]: the Worker's variables, parsed once.
//! - [`clock`]: points in time.
//! - [`outcome`]: the outcome of a write, and of its parts.
//! - [`error`]: every error of our own, and its one mapping to an answer.
//! - [`json`]: JSON whose members are not those of one type.
//! - [`log`]: the one line that a request leaves behind.

pub mod admin;
pub mod budget;
pub mod clock;
pub mod config;
#[cfg(target_arch = "wasm32")]
mod edge;
pub mod enrich;
pub mod error;
pub mod http;
pub mod idempotency;
pub mod json;
pub mod log;
pub mod oauth;
pub mod outcome;
pub mod proxy;
pub mod registry;
pub mod store;
pub mod token;
