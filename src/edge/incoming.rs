//! A request as it arrives: its head crosses from JavaScript in one piece.

use web_sys::Request;

use super::{bindings, random_bytes};
use crate::http::Method;
use crate::log::Line;
use crate::proxy::Head;
use crate::proxy::headers::{request_id, trace_id};

/// A request, its head, and the id that it has from here on.
pub struct Incoming {
    /// The request itself, whose body was not read yet.
    pub request: Request,
    /// The caller's request id, or one of our own.
    pub request_id: String,
    head: String,
    /// Where each line of the head ends: it is looked at several times, and searched once.
    ends: [usize; LINES],
}

/// How many lines a head has at most.
const LINES: usize = 10;

impl Incoming {
    /// Reads the head of a request.
    pub fn of(request: Request) -> Self {
        let head = bindings::head(&request);
        let mut ends = [head.len(); LINES];
        let breaks = head.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at);
        for (end, at) in ends.iter_mut().zip(breaks) {
            *end = at;
        }
        let mut incoming = Self { request, request_id: String::new(), head, ends };
        incoming.request_id = incoming.lines().request_id().map_or_else(new_request_id, str::to_owned);
        incoming
    }

    /// The head, a line each.
    pub fn lines(&self) -> Lines<'_> {
        Lines::split(&self.head, self.ends)
    }

    /// What every log line of this request says.
    pub fn line(&self) -> Line<'_> {
        let lines = self.lines();
        Line {
            request_id: &self.request_id,
            trace_id: lines.trace_id(),
            method: Method::parse(lines.method).as_str(),
            ..Line::default()
        }
    }
}

fn new_request_id() -> String {
    let id = uuid::Builder::from_random_bytes(random_bytes()).into_uuid();
    id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned()
}

/// The lines of `forward.js`' `head`, split. `None` stands for an absent header.
pub struct Lines<'a> {
    /// The method's name.
    pub method: &'a str,
    /// The URL, not normalised.
    pub url: &'a str,
    authorization: Option<&'a str>,
    blnk_key: Option<&'a str>,
    sent_request_id: Option<&'a str>,
    traceparent: Option<&'a str>,
    idempotency_key: Option<&'a str>,
    content_length: Option<&'a str>,
    content_encoding: Option<&'a str>,
    content_type: Option<&'a str>,
}

impl<'a> Lines<'a> {
    /// Splits the lines. A method or URL that is not there is empty, and is refused as such.
    fn split(text: &'a str, ends: [usize; LINES]) -> Self {
        let (mut ends, mut start) = (ends.into_iter(), 0);
        let mut line = || {
            let line = text.get(start..ends.next()?);
            start += line.map_or(0, str::len) + 1;
            line
        };
        let method = line().unwrap_or_default();
        let url = line().unwrap_or_default();
        let mut header = || line().filter(|line| *line != "\0");
        Self {
            method,
            url,
            authorization: header(),
            blnk_key: header(),
            sent_request_id: header(),
            traceparent: header(),
            idempotency_key: header(),
            content_length: header(),
            content_encoding: header(),
            content_type: header(),
        }
    }

    /// What is decided on.
    pub fn head(&self) -> Head<'a> {
        Head {
            method: Method::parse(self.method),
            url: self.url,
            authorization: self.authorization,
            blnk_key: self.blnk_key,
            idempotency_key: self.idempotency_key,
            content_type: self.content_type,
        }
    }

    /// The caller's request id, where it is one.
    pub fn request_id(&self) -> Option<&'a str> {
        request_id(self.sent_request_id)
    }

    /// The trace id, for the log.
    pub fn trace_id(&self) -> Option<&'a str> {
        trace_id(self.traceparent?)
    }

    /// The length of the body, where it is declared. A length that is no number counts as the largest.
    pub fn declared_length(&self) -> Option<usize> {
        self.content_length.map(|length| length.parse().unwrap_or(usize::MAX))
    }

    /// Whether the body is encoded in a way that would have to be undone to read it.
    pub fn is_encoded(&self) -> bool {
        self.content_encoding.is_some_and(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
    }
}
