//! A request that is ready to be sent, as one text.
//!
//! Crossings between wasm and JavaScript are what the request path costs most, so everything that `fetch` needs crosses
//! in one of them. JavaScript keeps the text until there is an answer, and hands it back where the answer is not an
//! ordinary one: nothing is kept in wasm for a request that is under way, and a caller who hangs up leaves nothing
//! behind.

use strum::{EnumString, IntoStaticStr};

use crate::registry::TimeoutMs;

/// How the body goes up. The names are those that `forward.js` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum UpstreamBody {
    /// There is none.
    Nothing,
    /// A stream with nothing in it.
    Empty,
    /// The caller's own stream.
    Own,
    /// The same, through a pipe that sees to its rest when Core goes away.
    Guarded,
    /// Bytes that were read before.
    Bytes,
}

impl UpstreamBody {
    /// The name in the text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What is known when a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamRequest<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// How its body goes up.
    pub body: UpstreamBody,
    /// The most of it that may go up, in bytes, where it is not known before how much there is.
    pub limit: Option<usize>,
    /// How long the head of an answer is waited for.
    pub timeout: TimeoutMs,
    /// The request's id.
    pub request_id: &'a str,
    /// The reference that was made for a single create; empty where none was.
    pub reference: &'a str,
    /// The beginning of its log line, [`crate::log::Line::begun`].
    pub begun: &'a str,
    /// Whether an answer that is no failure leaves that line.
    pub logged: bool,
    /// Whether Core may act on it.
    pub writes: bool,
    /// Who asked: what is under way is counted for each.
    pub credential: &'a str,
    /// Something that went wrong on the way and did not stop the request, on one line; empty where nothing did.
    pub warning: &'a str,
}

/// How many lines come before the headers; `HEADERS_FROM` in `forward.js`.
const LINES: usize = 11;

const YES: &str = "1";

impl<'a> UpstreamRequest<'a> {
    /// The text: a line each, and then name and value in turn of the headers to set. No value has a line break in it:
    /// URL, ids and headers cannot, and JSON escapes it.
    #[must_use]
    pub fn to_text(&self, set: &[&str]) -> String {
        let yes = |holds| if holds { YES } else { "" };
        let timeout = self.timeout.millis().to_string();
        let limit = self.limit.map(|limit| limit.to_string()).unwrap_or_default();
        let mut lines = Vec::with_capacity(LINES + set.len());
        lines.extend([self.url, self.body.as_str(), timeout.as_str(), self.request_id]);
        lines.extend([
            self.reference,
            self.begun,
            yes(self.logged),
            yes(self.writes),
            self.warning,
            &limit,
            self.credential,
        ]);
        lines.extend(set);
        lines.join("\n")
    }

    /// Reads the text again; the headers are left out.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.split('\n');
        let url = lines.next()?;
        let body = lines.next()?;
        Some(Self {
            url,
            body: body.parse().ok()?,
            timeout: TimeoutMs::new(lines.next()?.parse().ok()?)?,
            request_id: lines.next()?,
            reference: lines.next()?,
            begun: lines.next()?,
            logged: lines.next()? == YES,
            writes: lines.next()? == YES,
            warning: lines.next()?,
            limit: lines.next()?.parse().ok(),
            credential: lines.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn what_is_sent_is_read_back_without_its_headers() {
        for body in UpstreamBody::VARIANTS {
            let body = *body;
            for (logged, writes, warning) in [(true, false, ""), (false, true, "the limiter failed")] {
                let sending = UpstreamRequest {
                    url: "https://core.example/balances/bln_1?a=b",
                    body,
                    limit: (body == UpstreamBody::Guarded).then_some(5 << 20),
                    timeout: TimeoutMs::DEFAULT,
                    request_id: "r1",
                    reference: "",
                    begun: r#","request_id":"r1""#,
                    logged,
                    writes,
                    credential: "Abcdefghijklmnop",
                    warning,
                };
                let text = sending.to_text(&["x-blnk-key", "secret"]);
                assert_eq!(UpstreamRequest::parse(&text), Some(sending));
                assert_eq!(text.lines().skip(LINES).collect::<Vec<_>>(), ["x-blnk-key", "secret"]);
            }
        }
    }

    #[test]
    fn the_headers_begin_where_the_javascript_looks_for_them() {
        let script = include_str!("../edge/proxy/forward.js");
        assert!(script.contains(&format!("const HEADERS_FROM = {LINES};")));
    }

    #[test]
    fn a_text_that_is_cut_is_none() {
        assert_eq!(UpstreamRequest::parse("https://core.example\nown\n30000\nr1"), None);
        assert_eq!(UpstreamRequest::parse(""), None);
    }
}
