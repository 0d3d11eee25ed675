//! The end of one access token, as the Worker asks the registry to write it.

use serde::{Deserialize, Serialize};

use super::{CredentialId, RevokedToken};
use crate::clock::Timestamp;

/// A token that its client revokes, which the Worker has authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRevocation {
    /// The client whose token it is.
    pub client: CredentialId,
    /// The token.
    pub token: RevokedToken,
    /// When it was issued.
    pub issued_at: Timestamp,
}
