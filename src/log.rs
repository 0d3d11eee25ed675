//! The one line that a request leaves behind, as JSON.
//!
//! It names records by their ids and routes by their patterns. There is no field for a token, a key, a body or a query,
//! so none can be logged by mistake.

use serde::Serialize;

use crate::error::Error;

/// How much a line matters to an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A request that went as it should, or was refused as it should be.
    #[default]
    Info,
    /// Something is wrong outside: Core, KV, a record.
    Warn,
    /// Something is wrong here, or an instance cannot work: someone must act.
    Error,
}

impl Level {
    /// How much an error of ours matters.
    #[must_use]
    pub const fn of(error: &Error) -> Self {
        match error {
            Error::Internal | Error::Misconfigured { .. } | Error::RegistryUnavailable => Self::Error,
            _ if error.status() >= 500 => Self::Warn,
            _ => Self::Info,
        }
    }

    /// How much an answer of Core's matters, and why.
    #[must_use]
    pub const fn of_core_status(status: u16) -> (Self, Option<&'static str>) {
        match status {
            401 => (Self::Error, Some(CORE_REFUSED_KEY)),
            _ => (Self::Info, None),
        }
    }

    /// How much an answer of `/admin` or `/oauth` matters. No Core stands behind these: where they fail, something is
    /// wrong here.
    #[must_use]
    pub const fn of_own_status(status: u16) -> Self {
        if status >= 500 { Self::Error } else { Self::Info }
    }

    /// The same or more, by where the records came from.
    #[must_use]
    pub fn with_cache(self, cache: Option<CacheState>) -> Self {
        self.max(cache.map_or(Self::Info, CacheState::level))
    }

    /// The same or more, where there is something to warn of.
    #[must_use]
    pub fn with_warning(self, warning: Option<&str>) -> Self {
        if warning.is_some() { self.max(Self::Warn) } else { self }
    }
}

/// The detail of a 401 that Core gives to its own key.
pub const CORE_REFUSED_KEY: &str = "Core refused the instance's own key";

/// Where the records of a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheState {
    /// All of them from the isolate's cache.
    Hit,
    /// At least one from KV.
    Miss,
    /// KV failed or was late, and at least one is used as it was last read.
    Stale,
}

impl CacheState {
    /// How much it matters to an operator, however the request ends.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Hit | Self::Miss => Level::Info,
            Self::Stale => Level::Warn,
        }
    }
}

/// Which requests leave a line: the setting `LOG`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// Every one.
    All,
    /// Those that failed: a status from 400 on.
    Errors,
    /// Those that failed, those that could write, and this share of the others, from 0 to 1.
    Share(f64),
}

impl Keep {
    /// Reads `all`, `errors`, or a share such as `0.1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "errors" => Some(Self::Errors),
            share => {
                lexical_core::parse(share.as_bytes()).ok().filter(|share| (0.0..=1.0).contains(share)).map(Self::Share)
            }
        }
    }

    /// Whether a request leaves a line. `dice` gives a number from 0 up to 1, and is asked only where it decides.
    #[must_use]
    pub fn keeps(self, status: u16, writes: bool, dice: impl FnOnce() -> f64) -> bool {
        match self {
            Self::All => true,
            Self::Errors => status >= 400,
            Self::Share(share) => status >= 400 || writes || dice() < share,
        }
    }
}

/// One request. Fields that are known before sending come first, the result last.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line<'a> {
    /// How much it matters.
    pub level: Level,
    /// The request's id, as the caller got it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub request_id: &'a str,
    /// The trace id of its `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
    /// The method; `OTHER` where Core knows none such.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub method: &'a str,
    /// The pattern of its route, where it has one: never the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'a str>,
    /// The id of the credential, once it is authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<&'a str>,
    /// The name of the administrator, on `/admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<&'a str>,
    /// The credential's workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<&'a str>,
    /// The id of the instance, once the caller is known to reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<&'a str>,
    /// Where the records came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheState>,
    /// On creates: whether the reference was `made` here or `given`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'a str>,
    /// The status that the caller got; 0, and left out, where it is not known yet.
    #[serde(skip_serializing_if = "is_unknown")]
    pub status: u16,
    /// The code of an error of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// How long Core took to the head of its answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_ms: Option<u64>,
    /// The status of what answered in Core's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<u16>,
    /// With an `Idempotency-Key`: the outcome of the request, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<&'a str>,
    /// What an operator needs to know more, without anything secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_unknown(status: &u16) -> bool {
    *status == 0
}

impl Line<'_> {
    /// The line as JSON, without a line break.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers cannot fail to serialise; an empty line would only be the proof of a defect.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The members between the level and the result of the request, each with a comma in front: the line of a request
    /// that is about to be sent. [`Line::completing`] makes a whole line of it, and `forward.js` that of an ordinary
    /// answer.
    #[must_use]
    pub fn begun(&self) -> String {
        let mut json = self.to_json();
        json.truncate(json.len().saturating_sub(1));
        json.split_off(json.find(',').unwrap_or(json.len()))
    }

    /// The whole line as JSON: this one's level, what was known before, and what this line adds.
    #[must_use]
    pub fn completing(&self, begun: &str) -> String {
        let json = self.to_json();
        match json.split_once(',') {
            Some((level, ending)) => [level, begun, ",", ending].concat(),
            None => json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_only_what_is_known() {
        let line = Line { request_id: "r1", method: "GET", status: 401, code: Some("PROXY_X"), ..Line::default() };
        assert_eq!(
            line.to_json(),
            r#"{"level":"info","request_id":"r1","method":"GET","status":401,"code":"PROXY_X"}"#
        );
    }

    #[test]
    fn a_failure_of_our_own_surfaces_is_an_error() {
        assert_eq!([200, 404, 429, 499].map(Level::of_own_status), [Level::Info; 4]);
        assert_eq!([500, 503].map(Level::of_own_status), [Level::Error; 2]);
    }

    #[test]
    fn a_share_keeps_every_failure_and_every_write() {
        let none = Keep::parse("0").unwrap();
        assert!(none.keeps(400, false, || panic!("not asked")));
        assert!(none.keeps(201, true, || panic!("not asked")));
        assert!(!none.keeps(200, false, || 0.0));
        assert!(Keep::parse("0.5").unwrap().keeps(200, false, || 0.49));
        assert!(!Keep::parse("0.5").unwrap().keeps(200, false, || 0.5));
    }

    #[test]
    fn errors_are_failures_alone_and_all_is_everything() {
        let ask_not = || panic!("not asked");
        assert!(Keep::Errors.keeps(502, true, ask_not) && !Keep::Errors.keeps(201, true, ask_not));
        assert!(Keep::All.keeps(200, false, ask_not));
        for bad in ["", "none", "2", "-0.1", "NaN"] {
            assert_eq!(Keep::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_line_written_in_two_parts_is_the_same_line() {
        let known = Line { request_id: "r,1", method: "POST", instance: Some("i"), ..Line::default() };
        let ending =
            Line { level: Level::Warn, status: 502, code: Some("PROXY_X"), core_ms: Some(7), ..Line::default() };
        let whole =
            Line { request_id: known.request_id, method: known.method, instance: known.instance, ..ending.clone() };
        assert_eq!(ending.completing(&known.begun()), whole.to_json());
    }

    #[test]
    fn a_line_stays_one_line() {
        let line = Line { detail: Some("a\nb\"c"), ..Line::default() };
        assert!(!line.to_json().contains('\n'));
        assert!(serde_json::from_str::<serde_json::Value>(&line.to_json()).is_ok());
    }
}
