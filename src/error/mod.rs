//! Every error of our own, and its one mapping to status, code and text.
//!
//! The body is `{"error": text, "error_detail": {"code", "message", "details": {"request_id", …}}}`, `error` always a
//! string: Blnk's SDKs read it so. Core's own errors are not here; they pass unchanged.

mod body;
mod text;

use crate::enrich::BodyRefusal;
use crate::http::{Method, UriTooLong};
use crate::outcome::{Parts, ReferenceList};
use crate::registry::Scope;

/// An error of our own: a variant per thing that a caller or an operator must tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No credential was sent.
    MissingCredential,
    /// A credential that is malformed, unknown, wrong, revoked or expired: one answer for all.
    InvalidCredential,
    /// `instance_id` is repeated, malformed or percent-encoded.
    InvalidInstanceId,
    /// No `instance_id`, and the credential has no default.
    MissingInstanceId,
    /// The instance is unknown, paused, of another workspace or not one of the credential's: one answer for all.
    InstanceNotFound,
    /// A path or query that could be read in more than one way.
    InvalidPath,
    /// A URL longer than [`crate::http::MAX_URL_BYTES`].
    UriTooLong,
    /// No such route, here or in the instance's profile.
    RouteNotFound,
    /// The path is known, the method is not; `allow` names those that are.
    MethodNotAllowed {
        /// The methods that the path has.
        allow: Vec<Method>,
    },
    /// The credential lacks this scope.
    InsufficientScope {
        /// The scope that would do; where a read would do with either, the narrower one.
        needed: Scope,
    },
    /// A body that must not be forwarded.
    Body(BodyRefusal),
    /// A transaction body with a Content-Encoding: it cannot be read, and Core could not either.
    UnsupportedEncoding,
    /// A multipart body on a route other than the upload: Core would take it at any size.
    UnsupportedMediaType,
    /// The body ended before it was whole, did not come in time, or could not be read.
    BodyIncomplete,
    /// Too many bodies are held at once.
    Busy,
    /// The credential has used up its requests for now.
    RateLimited,
    /// As many requests of the credential as may be are under way at Core.
    TooManyInFlight,
    /// `Idempotency-Key` on an upload, whose body is not held here.
    IdempotencyNotSupported,
    /// An `Idempotency-Key` that is empty, too long, sent twice or not plain.
    InvalidIdempotencyKey,
    /// The first request with this key is under way.
    IdempotencyInFlight,
    /// The key belongs to another request.
    IdempotencyMismatch,
    /// Whether the first request with this key was carried out cannot be found out.
    IdempotencyOutcomeUnknown,
    /// The first request with this key was carried out, and its answer is not there any more.
    IdempotencyReplayUnavailable {
        /// The status of that answer, where it is known.
        status: Option<u16>,
    },
    /// The outcome of the first request with this key cannot be found out just now, or what keeps keys did not
    /// answer.
    IdempotencyUnavailable,
    /// Core carried the first request with this key out in part, or what it did no longer stands.
    IdempotencyPartial {
        /// The outcome of each part.
        parts: Box<Parts>,
    },
    /// This credential has not used this key, or not within the time that keys are remembered.
    IdempotencyKeyNotFound,
    /// A reference of the caller's own was in use before.
    ReferenceUsed {
        /// Those that are, where it is known which.
        used: ReferenceList,
    },
    /// The transaction has a refund that stands.
    AlreadyRefunded {
        /// The outcome of the refund of each part.
        parts: Box<Parts>,
    },
    /// Another refund of the transaction was sent, and its outcome is not known yet.
    RefundInFlight,
    /// KV did not answer, or a record cannot be used.
    RegistryUnavailable,
    /// `fetch` failed, or the answer is not Core's.
    CoreUnreachable {
        /// The status of what answered in Core's place, where something did.
        upstream_status: Option<u16>,
    },
    /// Core's address answered with a redirect.
    CoreRedirect {
        /// The status of the redirect.
        upstream_status: u16,
    },
    /// No head of an answer within the instance's deadline.
    CoreTimeout {
        /// The deadline, in milliseconds.
        timeout_ms: u32,
    },
    /// Settings are missing or wrong; the text names them and never shows a value.
    Misconfigured {
        /// One sentence a setting, each beginning with its name.
        faults: Vec<String>,
    },
    /// A defect; the log says more.
    Internal,
    /// An administrator's request with faults: all of them at once.
    AdminInvalidRequest {
        /// Field and sentence, in the order in which they were found.
        fields: Vec<(String, String)>,
    },
    /// No administrator's token, or none that is right.
    AdminUnauthorized,
    /// No such record, or no such path.
    AdminNotFound,
    /// An id that is in use, or a record whose state does not allow the change.
    AdminConflict {
        /// What stands in the way.
        reason: String,
    },
    /// The path is known, the method is not.
    AdminMethodNotAllowed {
        /// The methods that the path has.
        allow: Vec<Method>,
    },
    /// The registry did not answer; what was asked may or may not have been done.
    AdminUnavailable,
}

impl From<UriTooLong> for Error {
    fn from(_: UriTooLong) -> Self {
        Self::UriTooLong
    }
}

/// How long a caller should wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";

/// The same, while other requests, of its credential or with its key, are under way: most are over within a second.
const IN_FLIGHT_SECONDS: &str = "1";
/// The same after a rate limit: the longer of the two periods that a limiter can have, as it does not tell which is its
/// own.
const RATE_LIMIT_SECONDS: &str = "60";

impl Error {
    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.mapping().0
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.mapping().1
    }

    /// Status and code of each error, side by side.
    const fn mapping(&self) -> (u16, &'static str) {
        match self {
            Self::MissingCredential => (401, "PROXY_MISSING_CREDENTIAL"),
            Self::InvalidCredential => (401, "PROXY_INVALID_CREDENTIAL"),
            Self::InvalidInstanceId => (400, "PROXY_INVALID_INSTANCE_ID"),
            Self::MissingInstanceId => (400, "PROXY_MISSING_INSTANCE_ID"),
            Self::InstanceNotFound => (404, "PROXY_INSTANCE_NOT_FOUND"),
            Self::InvalidPath => (400, "PROXY_INVALID_PATH"),
            Self::UriTooLong => (414, "PROXY_URI_TOO_LONG"),
            Self::RouteNotFound => (404, "PROXY_ROUTE_NOT_FOUND"),
            Self::MethodNotAllowed { .. } => (405, "PROXY_METHOD_NOT_ALLOWED"),
            Self::InsufficientScope { .. } => (403, "PROXY_INSUFFICIENT_SCOPE"),
            Self::Body(BodyRefusal::Malformed { .. }) => (400, "PROXY_MALFORMED_BODY"),
            Self::Body(BodyRefusal::Ambiguous { .. }) => (400, "PROXY_AMBIGUOUS_BODY"),
            Self::Body(BodyRefusal::TooLarge { .. }) => (413, "PROXY_BODY_TOO_LARGE"),
            Self::Body(BodyRefusal::PrecisionRequired { .. }) => (400, "PROXY_PRECISION_REQUIRED"),
            Self::Body(BodyRefusal::ZeroPrecision { .. }) => (400, "PROXY_ZERO_PRECISION"),
            Self::UnsupportedEncoding => (415, "PROXY_UNSUPPORTED_ENCODING"),
            Self::UnsupportedMediaType => (415, "PROXY_UNSUPPORTED_MEDIA_TYPE"),
            Self::BodyIncomplete => (400, "PROXY_BODY_INCOMPLETE"),
            Self::Busy => (503, "PROXY_BUSY"),
            Self::RateLimited => (429, "PROXY_RATE_LIMITED"),
            Self::TooManyInFlight => (429, "PROXY_TOO_MANY_IN_FLIGHT"),
            Self::IdempotencyNotSupported => (400, "PROXY_IDEMPOTENCY_NOT_SUPPORTED"),
            Self::InvalidIdempotencyKey => (400, "PROXY_INVALID_IDEMPOTENCY_KEY"),
            Self::IdempotencyInFlight => (409, "PROXY_IDEMPOTENCY_IN_FLIGHT"),
            Self::IdempotencyMismatch => (422, "PROXY_IDEMPOTENCY_MISMATCH"),
            Self::IdempotencyOutcomeUnknown => (409, "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN"),
            Self::IdempotencyReplayUnavailable { .. } => (409, "PROXY_IDEMPOTENCY_REPLAY_UNAVAILABLE"),
            Self::IdempotencyUnavailable => (503, "PROXY_IDEMPOTENCY_UNAVAILABLE"),
            Self::IdempotencyPartial { .. } => (409, "PROXY_IDEMPOTENCY_PARTIAL"),
            Self::IdempotencyKeyNotFound => (404, "PROXY_IDEMPOTENCY_KEY_NOT_FOUND"),
            Self::ReferenceUsed { .. } => (409, "PROXY_REFERENCE_USED"),
            Self::AlreadyRefunded { .. } => (409, "PROXY_ALREADY_REFUNDED"),
            Self::RefundInFlight => (409, "PROXY_REFUND_IN_FLIGHT"),
            Self::RegistryUnavailable => (503, "PROXY_REGISTRY_UNAVAILABLE"),
            Self::CoreUnreachable { .. } => (502, "PROXY_CORE_UNREACHABLE"),
            Self::CoreRedirect { .. } => (502, "PROXY_CORE_REDIRECT"),
            Self::CoreTimeout { .. } => (504, "PROXY_CORE_TIMEOUT"),
            Self::Misconfigured { .. } => (500, "PROXY_MISCONFIGURED"),
            Self::Internal => (500, "PROXY_INTERNAL"),
            Self::AdminInvalidRequest { .. } => (400, "ADMIN_INVALID_REQUEST"),
            Self::AdminUnauthorized => (401, "ADMIN_UNAUTHORIZED"),
            Self::AdminNotFound => (404, "ADMIN_NOT_FOUND"),
            Self::AdminConflict { .. } => (409, "ADMIN_CONFLICT"),
            Self::AdminMethodNotAllowed { .. } => (405, "ADMIN_METHOD_NOT_ALLOWED"),
            Self::AdminUnavailable => (503, "ADMIN_UNAVAILABLE"),
        }
    }

    /// The status of what answered in Core's place, where something did.
    #[must_use]
    pub const fn upstream_status(&self) -> Option<u16> {
        match self {
            Self::CoreUnreachable { upstream_status } => *upstream_status,
            Self::CoreRedirect { upstream_status } => Some(*upstream_status),
            _ => None,
        }
    }

    /// The headers that the status asks for, beside Content-Type and `X-Request-Id`.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            // RFC 6750 section 3: no error code where no credential was sent.
            Self::MissingCredential => vec![("WWW-Authenticate", "Bearer realm=\"blnk-edge\"".to_owned())],
            Self::InvalidCredential => {
                vec![("WWW-Authenticate", "Bearer realm=\"blnk-edge\", error=\"invalid_token\"".to_owned())]
            }
            Self::InsufficientScope { needed } => {
                let scope = needed.as_str();
                let value = format!("Bearer realm=\"blnk-edge\", error=\"insufficient_scope\", scope=\"{scope}\"");
                vec![("WWW-Authenticate", value)]
            }
            Self::AdminUnauthorized => {
                vec![("WWW-Authenticate", "Bearer realm=\"blnk-edge admin\"".to_owned())]
            }
            Self::MethodNotAllowed { allow } | Self::AdminMethodNotAllowed { allow } => {
                let names: Vec<&str> = allow.iter().map(|method| method.as_str()).collect();
                vec![("Allow", names.join(", "))]
            }
            Self::Busy | Self::RegistryUnavailable | Self::AdminUnavailable | Self::IdempotencyUnavailable => {
                vec![("Retry-After", RETRY_AFTER_SECONDS.to_owned())]
            }
            Self::TooManyInFlight | Self::IdempotencyInFlight | Self::RefundInFlight => {
                vec![("Retry-After", IN_FLIGHT_SECONDS.to_owned())]
            }
            Self::RateLimited => vec![("Retry-After", RATE_LIMIT_SECONDS.to_owned())],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
