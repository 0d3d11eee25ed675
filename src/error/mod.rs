//! Every error of our own, and its one mapping to status, code and text.
//!
//! The body is `{"error": text, "error_detail": {"code", "message", "details": {"request_id", …}}}`, `error` always a
//! string: Blnk's SDKs read it so. Core's own errors are not here; they pass unchanged.

mod body;

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

    /// The text for the caller. It shows nothing that the caller did not send, but for the names of settings.
    #[must_use]
    pub fn message(&self) -> String {
        let text = match self {
            // Blnk Cloud's own words.
            Self::MissingCredential => "Authorization header is required",
            Self::InvalidCredential => "The credential is not valid",
            Self::InvalidInstanceId => {
                "instance_id must be sent once, unescaped, as 1 to 64 letters, digits, underscores or hyphens"
            }
            Self::MissingInstanceId => "instance_id is required: this credential has no default instance",
            Self::InstanceNotFound => "No such instance, or this credential does not reach it",
            Self::InvalidPath => "The path or query has characters or escapes that are not allowed",
            Self::UriTooLong => "The URL is too long",
            Self::RouteNotFound => "There is no such route",
            Self::MethodNotAllowed { .. } | Self::AdminMethodNotAllowed { .. } => "The route does not take this method",
            Self::InsufficientScope { needed } => {
                return format!("The credential lacks the scope {}", needed.as_str());
            }
            Self::Body(refusal) => return refusal.to_string(),
            Self::UnsupportedEncoding => "A transaction body must be sent without a Content-Encoding",
            Self::UnsupportedMediaType => "Only POST /reconciliation/upload takes a multipart body",
            Self::BodyIncomplete => "The body ended before it was whole, or did not come in time",
            Self::Busy => {
                "The worker holds as many bodies as it may, of all or of this credential and workspace; \
                 try again in a moment"
            }
            Self::RateLimited => "This credential has sent too many requests; wait before sending more",
            Self::TooManyInFlight => "This credential has too many requests under way; wait for some to be answered",
            Self::IdempotencyNotSupported => "Idempotency-Key is not supported on uploads: send the request without it",
            Self::InvalidIdempotencyKey => {
                "Idempotency-Key must be sent once, as 1 to 255 printable ASCII characters without a comma"
            }
            Self::IdempotencyInFlight => {
                "The first request with this Idempotency-Key is under way; try again in a moment"
            }
            Self::IdempotencyMismatch => "This Idempotency-Key was used for another request: send a new key",
            Self::IdempotencyOutcomeUnknown => {
                "What became of the first request with this Idempotency-Key cannot be found out"
            }
            Self::IdempotencyReplayUnavailable { .. } => {
                "The first request with this Idempotency-Key was carried out, and its answer cannot be given again: \
                 read what it changed"
            }
            Self::IdempotencyUnavailable => {
                "The Idempotency-Key or its reference cannot be looked up at the moment; \
                 try again in a moment with the same key"
            }
            Self::IdempotencyPartial { parts } => {
                let (booked, total) = (parts.booked.count, parts.total);
                return format!(
                    "Of the first request with this Idempotency-Key {booked} of {total} parts stand at Core, and it is \
                     not sent again: details.missing names the others"
                );
            }
            Self::IdempotencyKeyNotFound => "This credential has not used this Idempotency-Key",
            Self::ReferenceUsed { .. } => "The reference is in use already: Core would have dropped this transaction",
            Self::AlreadyRefunded { .. } => {
                "The transaction has been refunded: asked for another refund, Core would take the first one back"
            }
            Self::RefundInFlight => {
                "A refund of this transaction was sent under another Idempotency-Key, and its outcome is not known yet"
            }
            Self::RegistryUnavailable => "The registry cannot be read at the moment; try again in a moment",
            Self::CoreUnreachable { .. } => "Blnk Core could not be reached",
            Self::CoreRedirect { .. } => "Blnk Core's address answered with a redirect, which is not followed",
            Self::CoreTimeout { timeout_ms } => return format!("Blnk Core did not answer within {timeout_ms} ms"),
            Self::Misconfigured { faults } => {
                return format!("The worker is not configured: {}", faults.join("; "));
            }
            Self::Internal => "An internal error occurred",
            Self::AdminInvalidRequest { .. } => "The request has faults; details.fields names each",
            Self::AdminUnauthorized => "An administrator's bearer token is required",
            Self::AdminNotFound => "There is no such record or path",
            Self::AdminConflict { reason } => return reason.clone(),
            Self::AdminUnavailable => "The registry did not answer: read the record before sending the change again",
        };
        text.to_owned()
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
