//! OAuth 2.0 for applications: a client exchanges its id and secret for a short-lived access token (RFC 6749
//! section 4.4), and hands it back when it is done with it (RFC 7009).
//!
//! As elsewhere nothing here does I/O. A request to an endpoint is read first ([`TokenRequest`],
//! [`RevocationRequest`]), which names the one record that it needs; then it is answered from that record. In reading
//! order: [`form`] (what was sent), [`client`] (who sent it), [`limit`] (how often that is counted), [`grant`] (a new
//! token), [`revocation`] (the end of one), [`metadata`] (what is supported), [`error`],
//! [`log`]. What a token is stands in [`crate::token::access_token`].

pub mod client;
pub mod error;
pub mod form;
pub mod grant;
pub mod limit;
pub mod log;
pub mod metadata;
pub mod revocation;

pub use error::OAuthError;
pub use grant::TokenRequest;
pub use revocation::RevocationRequest;

use crate::http::Method;

/// A path of this surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// RFC 6749 section 3.2.
    Token,
    /// RFC 7009 section 2.
    Revocation,
    /// RFC 8414 section 3.
    Metadata,
}

impl Endpoint {
    /// The endpoint of a path, as it arrives.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        [Self::Token, Self::Revocation, Self::Metadata].into_iter().find(|endpoint| endpoint.path() == path)
    }

    /// Its path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Token => "/oauth/token",
            Self::Revocation => "/oauth/revoke",
            Self::Metadata => "/.well-known/oauth-authorization-server",
        }
    }

    /// Whether a share that `LOG` sets keeps all of its lines, as it does those of writes: a token is given or taken.
    #[must_use]
    pub const fn logs_as_write(self) -> bool {
        !matches!(self, Self::Metadata)
    }

    /// Refuses every method but the endpoint's own.
    ///
    /// # Errors
    /// [`OAuthError::MethodNotAllowed`].
    pub fn check_method(self, method: Method) -> Result<(), OAuthError> {
        let allow = match self {
            Self::Token | Self::Revocation => Method::Post,
            Self::Metadata => Method::Get,
        };
        if method == allow { Ok(()) } else { Err(OAuthError::MethodNotAllowed { allow }) }
    }
}
