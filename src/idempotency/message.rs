//! What Worker and object say to each other: a [`KeyRequest`] in front of the caller's body one way, and a [`Report`]
//! beside the answer the other. Both exist only during the call; nothing of a message is stored.

use serde::{Deserialize, Serialize};

use crate::enrich::Rule;
use crate::log::{CORE_REFUSED_KEY, Level};

/// The header of the object's answers that holds the [`Report`]. Core's own header of that name is dropped.
pub const REPORT: &str = "x-blnk-edge-report";

/// The header of a call that says how long its message is, so that the object makes room before it reads.
pub const LENGTH: &str = "x-blnk-edge-length";

/// The header of a call that says whose it is: credential and workspace.
pub const HOLDER: &str = "x-blnk-edge-holder";

/// What the object of a key is asked to do. It holds Core's key, so it has no `Debug`. While a new version is rolled
/// out the other side may be of the old one: what a variant is called there stays.
#[derive(Clone, Serialize, Deserialize)]
pub enum KeyRequest {
    /// To carry a write out.
    #[serde(rename = "Carry")]
    Write(WriteRequest),
    /// To tell the state of the key.
    #[serde(rename = "Ask")]
    Inquire(StatusRequest),
}

/// Where Core is, and what is sent there with every request.
#[derive(Clone, Serialize, Deserialize)]
pub struct CoreAddress {
    /// Where it is.
    pub base_url: String,
    /// Every header to send, by name and value; Core's key among them.
    pub headers: Vec<(String, String)>,
}

/// A request that was let through, as the object carries it out.
#[derive(Clone, Serialize, Deserialize)]
pub struct WriteRequest {
    /// The id of the instance.
    pub instance: String,
    /// Its Core.
    pub core: CoreAddress,
    /// The method.
    pub method: String,
    /// Path and query, exactly as they were judged.
    pub target: String,
    /// How long the head of Core's answer is waited for, in milliseconds, and its body after that.
    pub timeout_ms: u32,
    /// What the instance wants added to transaction bodies.
    pub rule: Rule,
    /// The id of the request that brought it.
    pub request_id: String,
}

/// A question about the key.
#[derive(Clone, Serialize, Deserialize)]
pub struct StatusRequest {
    /// The key, as the answer names it. It is not stored.
    pub key: String,
    /// Where to look for what is not known yet; only what is stored is told without it.
    pub core: Option<CoreAddress>,
    /// The id of the request that brought it.
    pub request_id: String,
}

const LENGTH_BYTES: usize = 4;

impl KeyRequest {
    /// What goes in front of the body: the message as JSON, behind its length in four bytes, the highest first.
    #[must_use]
    pub fn to_prefix(&self) -> Vec<u8> {
        // Texts and numbers cannot fail to serialise.
        let json = serde_json::to_string(self).unwrap_or_default();
        let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
        [length.to_be_bytes().as_slice(), json.as_bytes()].concat()
    }

    /// Takes message and body apart; `None` where the bytes are not such a pair.
    #[must_use]
    pub fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
        let (json, body) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some((serde_json::from_str(str::from_utf8(json).ok()?).ok()?, body))
    }
}

impl WriteRequest {
    /// The path that was judged, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }
}

impl CoreAddress {
    /// The headers of the request itself, name and value in turn. Its answer is read and stored as bytes, so it is
    /// asked for as such.
    #[must_use]
    pub fn sent_headers(&self) -> Vec<String> {
        self.flat_headers(|name| name == "accept-encoding", &["accept-encoding", "identity"])
    }

    /// The headers of a look-up: the same, less those that describe the caller's body.
    #[must_use]
    pub fn look_up_headers(&self) -> Vec<String> {
        let ours = ["accept-encoding", "identity", "content-type", "application/json"];
        self.flat_headers(|name| name == "accept-encoding" || name.starts_with("content-"), &ours)
    }

    fn flat_headers(&self, without: impl Fn(&str) -> bool, with: &[&str]) -> Vec<String> {
        let kept = self.headers.iter().filter(|(name, _)| !without(name));
        let kept = kept.flat_map(|(name, value)| [name.clone(), value.clone()]);
        kept.chain(with.iter().map(|&text| text.to_owned())).collect()
    }
}

/// The outcome of a request, for the log line and the headers. All of it is ASCII.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// In a word, for the log.
    pub said: String,
    /// The code, where the answer is an error of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the answer was given before, or is of an earlier attempt.
    pub replayed: bool,
    /// How many of how many parts stand behind a refusal of Core's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked: Option<String>,
    /// The reference of a single create, where it was made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_reference: Option<String>,
    /// On creates: whether the reference was `made` here or `given`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How long Core took, in milliseconds, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_ms: Option<u64>,
    /// The status of what answered in Core's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<u16>,
    /// What an operator needs to know more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// To a question: the id of the instance that the key was used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// To a question: whether a look at Core could tell more.
    pub open: bool,
}

impl Report {
    /// The report as the value of [`REPORT`].
    #[must_use]
    pub fn to_header(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it; `None` where there is none, as when the object failed altogether.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How much the request matters to an operator, and the detail to log with it. `status` is the answer's.
    #[must_use]
    pub fn level(&self, status: u16) -> (Level, Option<&str>) {
        let detail = self.detail.as_deref();
        match (status, &self.code) {
            _ if detail == Some(CORE_REFUSED_KEY) => (Level::Error, detail),
            (500, Some(_)) => (Level::Error, detail),
            (501.., Some(_)) => (Level::Warn, detail),
            (_, Some(_)) => (Level::Info, detail),
            (status, None) => {
                let (level, why) = Level::of_core_status(status);
                (level, why.or(detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> WriteRequest {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        WriteRequest {
            instance: "instance_a".to_owned(),
            core: CoreAddress {
                base_url: "https://core.example".to_owned(),
                headers: vec![
                    header("accept-encoding", "gzip"),
                    header("content-type", "text/plain"),
                    header("x-blnk-key", "k"),
                ],
            },
            method: "POST".to_owned(),
            target: "/transactions?x=/y?".to_owned(),
            timeout_ms: 1_000,
            rule: Rule::default(),
            request_id: "r1".to_owned(),
        }
    }

    #[test]
    fn message_and_body_come_apart_as_they_went_together() {
        for body in [b"".as_slice(), b"{}", &[0xff; 100]] {
            let bytes = [KeyRequest::Write(job()).to_prefix().as_slice(), body].concat();
            let (read, rest) = KeyRequest::split(&bytes).unwrap();
            assert_eq!(rest, body);
            assert_eq!(read.to_prefix(), KeyRequest::Write(job()).to_prefix());
        }
    }

    #[test]
    fn bytes_that_are_no_message_are_none() {
        let whole = KeyRequest::Write(job()).to_prefix();
        for bytes in [b"".as_slice(), &[0; 3], &[0; 4], &whole[..whole.len() - 1], &[0xff; 50]] {
            assert!(KeyRequest::split(bytes).is_none());
        }
    }

    #[test]
    fn an_answer_is_asked_for_without_an_encoding() {
        assert_eq!(
            job().core.sent_headers(),
            ["content-type", "text/plain", "x-blnk-key", "k", "accept-encoding", "identity"]
        );
        assert_eq!(
            job().core.look_up_headers(),
            ["x-blnk-key", "k", "accept-encoding", "identity", "content-type", "application/json"]
        );
    }

    #[test]
    fn the_path_is_what_stands_before_the_query() {
        assert_eq!(job().path(), "/transactions");
    }

    #[test]
    fn a_refused_key_of_the_instance_is_an_operator_s_concern_wherever_it_shows() {
        let core = Report::default();
        assert_eq!(core.level(401), (Level::Error, Some(CORE_REFUSED_KEY)));
        assert_eq!(core.level(500), (Level::Info, None), "Core's own answer");
        let looked = Report { detail: Some(CORE_REFUSED_KEY.to_owned()), ..Report::default() };
        assert_eq!(looked.level(201), (Level::Error, Some(CORE_REFUSED_KEY)));
        let ours = |code: &str| Report { code: Some(code.to_owned()), ..Report::default() };
        for (status, level) in [(409, Level::Info), (500, Level::Error), (503, Level::Warn), (504, Level::Warn)] {
            assert_eq!(ours("PROXY_X").level(status), (level, None), "{status}");
        }
    }

    #[test]
    fn the_headers_between_worker_and_object_are_those_of_the_javascript() {
        let (worker, object) = (include_str!("../edge/key_object.js"), include_str!("../edge/idempotency/exchange.js"));
        for (name, header) in [("REPORT", REPORT), ("LENGTH", LENGTH), ("HOLDER", HOLDER)] {
            assert!(worker.contains(&format!("const {name} = \"{header}\";")), "{name}");
        }
        assert!(object.contains(&format!("const REPORT = \"{REPORT}\";")));
        for header in [crate::proxy::headers::REPLAYED, crate::proxy::headers::BOOKED] {
            assert!(worker.contains(&format!("headers.set(\"{header}\",")), "{header}");
        }
    }

    #[test]
    fn a_report_survives_the_header() {
        let report = Report { said: "replayed".to_owned(), replayed: true, core_ms: Some(3), ..Report::default() };
        assert_eq!(Report::from_header(&report.to_header()), Some(report));
        assert_eq!(Report::from_header(""), None);
    }
}
