//! What callers present: API keys, the secrets of OAuth clients, and access tokens.
//!
//! A token says which record it belongs to. Whether it is accepted is that record's to say.

pub mod access_token;
mod api_key;

pub use access_token::{Claims, Signer, SigningKey};
pub use api_key::{API_KEY_LENGTH, ApiKey, client_secret_hash, new_api_key, new_client_secret, new_credential_id};
