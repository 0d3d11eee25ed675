//! The errors of the OAuth endpoints, in the shape of RFC 6749 section 5.2.

use serde::Serialize;

use crate::http::Method;

/// Why an OAuth endpoint refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthError {
    /// A request that cannot be read as one; the text says why.
    InvalidRequest(&'static str),
    /// The client did not authenticate: nothing was sent, or it is unknown, wrong or deleted. One answer for all.
    InvalidClient,
    /// A client that authenticated may not do this; the text says what.
    UnauthorizedClient(&'static str),
    /// No grant but `client_credentials`.
    UnsupportedGrantType,
    /// A scope that is malformed, unknown or more than the client has.
    InvalidScope,
    /// A token of a kind that is not revoked here (RFC 7009 section 2.2.1).
    UnsupportedTokenType,
    /// The endpoint takes this method only.
    MethodNotAllowed {
        /// The method that it takes.
        allow: Method,
    },
    /// The registry cannot be read or written at the moment. No specification has a code for this here; the one of RFC
    /// 6749 section 4.1.2.1 says it.
    TemporarilyUnavailable,
    /// The client or its address has used up its requests for now. The code is that of
    /// [`TemporarilyUnavailable`](Self::TemporarilyUnavailable), which is to come back later too: of those that are
    /// registered none says more, and clients know it. The status tells the two apart.
    RateLimited,
    /// The worker is not configured, or something that must not happen happened; the log says what.
    ServerError,
}

#[derive(Serialize)]
struct ErrorBody {
    error: &'static str,
    error_description: &'static str,
}

impl OAuthError {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest(_)
            | Self::UnauthorizedClient(_)
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::UnsupportedTokenType => 400,
            Self::InvalidClient => 401,
            Self::MethodNotAllowed { .. } => 405,
            Self::RateLimited => 429,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
        }
    }

    /// The `error`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MethodNotAllowed { .. } => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient(_) => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TemporarilyUnavailable | Self::RateLimited => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// Whether it is told to a client that has authenticated.
    #[must_use]
    pub const fn is_to_a_client(self) -> bool {
        matches!(self, Self::UnauthorizedClient(_) | Self::InvalidScope | Self::UnsupportedTokenType)
    }

    /// The `error_description`: ASCII without quotes and backslashes.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) | Self::UnauthorizedClient(why) => why,
            Self::InvalidClient => "Client authentication failed",
            Self::UnsupportedGrantType => "The grant type must be client_credentials",
            Self::InvalidScope => "The scope is malformed, unknown, or more than the client has",
            Self::UnsupportedTokenType => "Only access tokens are revoked here; an administrator revokes an API key",
            Self::MethodNotAllowed { .. } => "The endpoint does not take this method",
            Self::TemporarilyUnavailable => "The registry cannot be reached at the moment; try again in a moment",
            Self::RateLimited => "Too many requests; try again in a minute",
            Self::ServerError => "An internal error occurred",
        }
    }

    /// The headers that the status asks for, beside those of every answer.
    #[must_use]
    pub fn headers(self) -> Vec<(&'static str, &'static str)> {
        match self {
            // RFC 6749 section 5.2, and RFC 9110 section 15.5.2: a 401 always has one.
            Self::InvalidClient => vec![("WWW-Authenticate", "Basic realm=\"blnk-edge\"")],
            Self::MethodNotAllowed { allow } => vec![("Allow", allow.as_str())],
            Self::TemporarilyUnavailable => vec![("Retry-After", "5")],
            // As on `/proxy`: the longest period that a limiter counts in.
            Self::RateLimited => vec![("Retry-After", "60")],
            _ => Vec::new(),
        }
    }

    /// The body, as JSON.
    #[must_use]
    pub fn body(self) -> String {
        let body = ErrorBody { error: self.code(), error_description: self.description() };
        // Texts cannot fail to serialise.
        serde_json::to_string(&body).unwrap_or_default()
    }
}
