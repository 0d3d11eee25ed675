//! The log line of a request to an OAuth endpoint.

use super::{Endpoint, OAuthError};
use crate::log::{CacheState, Level, Line};
use crate::registry::CredentialId;

/// What is learnt of a request on the way to its answer.
#[derive(Debug, Default)]
pub struct Trace {
    /// The client, once it has authenticated.
    pub client: Option<CredentialId>,
    /// Where its record came from.
    pub cache: Option<CacheState>,
    /// What an operator needs to know more.
    pub detail: Option<String>,
    /// What a rate limiter that failed said: the request went on.
    pub warning: Option<String>,
}

impl Trace {
    /// Notes the client, where the answer shows that it is the one it says.
    pub fn authenticated(&mut self, id: &CredentialId, refused: Option<&OAuthError>) {
        if refused.is_none_or(|error| error.is_to_a_client()) {
            self.client = Some(id.clone());
        }
    }

    /// All that an operator needs to know more.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        match (&self.warning, &self.detail) {
            (Some(warning), Some(detail)) => Some(format!("{warning}; {detail}")),
            (warning, detail) => warning.clone().or_else(|| detail.clone()),
        }
    }

    /// Completes a request's line, but for [`Trace::details`]. `error` is what it was answered with, if anything.
    #[must_use]
    pub fn complete<'a>(&'a self, mut line: Line<'a>, endpoint: Endpoint, error: Option<OAuthError>) -> Line<'a> {
        let status = error.map_or(200, OAuthError::status);
        line.level = Level::of_own_status(status).with_warning(self.warning.as_deref()).with_cache(self.cache);
        line.route = Some(endpoint.path());
        line.status = status;
        line.code = error.map(OAuthError::code);
        line.credential = self.client.as_deref();
        line.cache = self.cache;
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(trace: &Trace, error: Option<OAuthError>) -> Level {
        trace.complete(Line::default(), Endpoint::Token, error).level
    }

    fn id() -> CredentialId {
        CredentialId::parse("0123456789abcDEF").unwrap()
    }

    #[test]
    fn a_client_is_named_only_where_it_is_known_to_be_the_one_it_says() {
        for (refused, named) in [
            (None, true),
            (Some(OAuthError::InvalidScope), true),
            (Some(OAuthError::InvalidClient), false),
            (Some(OAuthError::InvalidRequest("x")), false),
        ] {
            let mut trace = Trace::default();
            trace.authenticated(&id(), refused.as_ref());
            let line = trace.complete(Line::default(), Endpoint::Token, refused);
            assert_eq!(line.credential.is_some(), named, "{refused:?}");
        }
    }

    #[test]
    fn what_is_wrong_here_is_an_error_and_what_is_wrong_outside_a_warning() {
        assert_eq!(level(&Trace::default(), None), Level::Info);
        assert_eq!(level(&Trace::default(), Some(OAuthError::RateLimited)), Level::Info);
        let limiter = Trace { warning: Some("the limiter failed".to_owned()), ..Trace::default() };
        assert_eq!(level(&limiter, None), Level::Warn);
        let stale = Trace { cache: Some(CacheState::Stale), ..Trace::default() };
        assert_eq!(level(&stale, Some(OAuthError::InvalidClient)), Level::Warn);
        for error in [OAuthError::TemporarilyUnavailable, OAuthError::ServerError] {
            assert_eq!(level(&limiter, Some(error)), Level::Error, "{error:?}");
        }
    }

    #[test]
    fn a_warning_stands_before_what_else_there_is_to_say() {
        let (warning, detail) = (Some("w".to_owned()), Some("d".to_owned()));
        let details = |warning, detail| Trace { detail, warning, ..Trace::default() }.details();
        assert_eq!(details(warning.clone(), detail.clone()).as_deref(), Some("w; d"));
        assert_eq!(details(warning, None).as_deref(), Some("w"));
        assert_eq!(details(None, detail).as_deref(), Some("d"));
        assert_eq!(details(None, None), None);
    }

    #[test]
    fn a_share_of_the_lines_keeps_all_but_the_metadatas() {
        let all = [Endpoint::Token, Endpoint::Revocation, Endpoint::Metadata];
        assert_eq!(all.map(Endpoint::logs_as_write), [true, true, false]);
    }

    #[test]
    fn a_line_says_what_was_asked_and_answered() {
        let mut trace = Trace { cache: Some(CacheState::Miss), ..Trace::default() };
        trace.authenticated(&id(), None);
        let line = trace.complete(Line::default(), Endpoint::Revocation, Some(OAuthError::UnsupportedTokenType));
        assert_eq!((line.route, line.status, line.code), (Some("/oauth/revoke"), 400, Some("unsupported_token_type")));
        assert_eq!((line.credential, line.cache), (Some("0123456789abcDEF"), Some(CacheState::Miss)));
    }
}
