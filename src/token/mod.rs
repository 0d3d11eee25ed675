//! What callers present: API keys ([`ApiKey`]), the secrets of OAuth clients ([`client_secret_hash`]), and access
//! tokens ([`Claims`]).
//!
//! A token says which record it belongs to. Whether it is accepted is that record's to say.

pub mod access_token;
mod api_key;
mod checked;
mod client_secret;

pub use access_token::{Claims, Signer, SigningKey};
pub use api_key::{API_KEY_LENGTH, ApiKey, new_api_key, new_credential_id};
pub use client_secret::{client_secret_hash, new_client_secret};
