//! The OAuth endpoints, rule by rule: each test is named after the section that it holds up.

#![expect(
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that goes wrong should say so at once"
)]

mod metadata;
mod proxy;
mod revocation;
mod rfc6749_client;
mod rfc6749_errors;
mod rfc6749_form;
mod rfc6749_grant;
mod world;
