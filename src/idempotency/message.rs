//! What Worker and object say to each other: a [`Job`] in front of the caller's body one way, and a [`Report`] beside
//! the answer the other. Both exist only during the call; nothing of a job is stored.

use crate::enrich::Rule;
use crate::json::write::pairs;
use crate::json::{Object, Writer};
use crate::registry::precision::{read_rule, rule_json};

/// The header of the object's answers that holds the [`Report`].
pub const REPORT: &str = "x-blnk-edge-report";

/// A request that was let through, as the object carries it out. It holds Core's key, so it has no `Debug`.
#[derive(Clone)]
pub struct Job {
    /// The id of the instance.
    pub instance: String,
    /// Where its Core is.
    pub base_url: String,
    /// The method.
    pub method: String,
    /// Path and query, exactly as they were judged.
    pub target: String,
    /// Every header to send, by name and value; Core's key among them.
    pub headers: Vec<(String, String)>,
    /// How long the head of Core's answer is waited for, in milliseconds, and its body after that.
    pub timeout_ms: u32,
    /// What the instance wants added to transaction bodies.
    pub rule: Rule,
    /// The id of the request that brought it.
    pub request_id: String,
}

const LENGTH_BYTES: usize = 4;

impl Job {
    /// What goes in front of the body: the job as JSON, behind its length in four bytes, the highest first.
    #[must_use]
    pub fn to_prefix(&self) -> Vec<u8> {
        let mut job = Writer::new();
        job.text("instance", &self.instance).text("base_url", &self.base_url).text("method", &self.method);
        job.text("target", &self.target).raw("headers", &pairs(&self.headers));
        job.number("timeout_ms", self.timeout_ms.into()).raw("rule", &rule_json(self.rule));
        let json = job.text("request_id", &self.request_id).end();
        let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
        [length.to_be_bytes().as_slice(), json.as_bytes()].concat()
    }

    /// Takes job and body apart; `None` where the bytes are not such a pair.
    #[must_use]
    pub fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
        let (json, body) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some((Self::read(&Object::parse(str::from_utf8(json).ok()?)?)?, body))
    }

    fn read(job: &Object<'_>) -> Option<Self> {
        Some(Self {
            instance: job.text("instance")?,
            base_url: job.text("base_url")?,
            method: job.text("method")?,
            target: job.text("target")?,
            headers: job.get("headers")?.pairs()?,
            timeout_ms: job.get("timeout_ms")?.small()?,
            rule: read_rule(&job.get("rule")?.object()?)?,
            request_id: job.text("request_id")?,
        })
    }

    /// The path that was judged, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The headers of the request itself. Its answer is read and stored as bytes, so it is asked for as such.
    #[must_use]
    pub fn sent_headers(&self) -> Vec<&str> {
        self.flat_headers(|name| name == "accept-encoding")
    }

    /// The headers of a look-up: the same, less those that describe the body.
    #[must_use]
    pub fn look_up_headers(&self) -> Vec<&str> {
        self.flat_headers(|name| name == "accept-encoding" || name.starts_with("content-"))
    }

    fn flat_headers(&self, without: impl Fn(&str) -> bool) -> Vec<&str> {
        let kept = self.headers.iter().filter(|(name, _)| !without(name));
        kept.flat_map(|(name, value)| [name.as_str(), value.as_str()]).chain(["accept-encoding", "identity"]).collect()
    }
}

/// What came of a request, for the log line and the headers. All of it is ASCII.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In a word, for the log.
    pub said: String,
    /// The code, where the answer is an error of ours.
    pub code: Option<String>,
    /// Whether the answer was given before, or is of an earlier attempt.
    pub replayed: bool,
    /// The reference of a single create, where it was made here.
    pub made_reference: Option<String>,
    /// On creates: whether the reference was `made` here or `given`.
    pub reference: Option<String>,
    /// How long Core took, in milliseconds, where it was asked.
    pub core_ms: Option<u64>,
    /// The status of what answered in Core's place.
    pub upstream_status: Option<u16>,
}

impl Report {
    /// The report as the value of [`REPORT`].
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut report = Writer::new();
        report.text("said", &self.said).some_text("code", self.code.as_deref()).truth("replayed", self.replayed);
        report.some_text("made_reference", self.made_reference.as_deref());
        report.some_text("reference", self.reference.as_deref()).some_number("core_ms", self.core_ms);
        report.some_number("upstream_status", self.upstream_status.map(u64::from)).end()
    }

    /// Reads it; `None` where there is none, as when the object failed altogether.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        let report = Object::parse(text)?;
        Some(Self {
            said: report.text("said")?,
            code: report.maybe_text("code")?,
            replayed: report.truth("replayed")?,
            made_reference: report.maybe_text("made_reference")?,
            reference: report.maybe_text("reference")?,
            core_ms: report.maybe_number("core_ms")?,
            upstream_status: match report.maybe_number("upstream_status")? {
                Some(status) => Some(status.try_into().ok()?),
                None => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Job {
            instance: "instance_a".to_owned(),
            base_url: "https://core.example".to_owned(),
            method: "POST".to_owned(),
            target: "/transactions?x=/y?".to_owned(),
            headers: vec![
                header("accept-encoding", "gzip"),
                header("content-type", "text/plain"),
                header("x-blnk-key", "k"),
            ],
            timeout_ms: 1_000,
            rule: Rule::default(),
            request_id: "r1".to_owned(),
        }
    }

    #[test]
    fn job_and_body_come_apart_as_they_went_together() {
        for body in [b"".as_slice(), b"{}", &[0xff; 100]] {
            let bytes = [job().to_prefix().as_slice(), body].concat();
            let (read, rest) = Job::split(&bytes).unwrap();
            assert_eq!(rest, body);
            assert_eq!(read.to_prefix(), job().to_prefix());
        }
    }

    #[test]
    fn bytes_that_are_no_job_are_none() {
        let whole = job().to_prefix();
        for bytes in [b"".as_slice(), &[0; 3], &[0; 4], &whole[..whole.len() - 1], &[0xff; 50]] {
            assert!(Job::split(bytes).is_none());
        }
    }

    #[test]
    fn an_answer_is_asked_for_without_an_encoding() {
        assert_eq!(
            job().sent_headers(),
            ["content-type", "text/plain", "x-blnk-key", "k", "accept-encoding", "identity"]
        );
        assert_eq!(job().look_up_headers(), ["x-blnk-key", "k", "accept-encoding", "identity"]);
    }

    #[test]
    fn the_path_is_what_stands_before_the_query() {
        assert_eq!(job().path(), "/transactions");
    }

    #[test]
    fn a_report_survives_the_header() {
        let report = Report { said: "replayed".to_owned(), replayed: true, core_ms: Some(3), ..Report::default() };
        assert_eq!(Report::from_header(&report.to_header()), Some(report));
        assert_eq!(Report::from_header(""), None);
    }
}
