//! Core's answers, as an attempt uses them.

use js_sys::{Object, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use super::bindings::Exchanged;
use crate::error::Error;
use crate::idempotency::verdict::is_content_header;
use crate::proxy::settle::is_html;
use crate::proxy::{UpstreamResult, settle};
use crate::registry::TimeoutMs;

/// An answer of Core's.
pub struct CoreAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers, name and value in turn.
    pub headers: Vec<String>,
    /// Its body; none where it is larger than what is kept.
    pub bytes: Option<Vec<u8>>,
    rest: Option<ReadableStream>,
}

/// What asking Core gave.
pub type CoreResult = std::result::Result<CoreAnswer, Error>;

/// The answer, where Core itself gave it and nothing in front of it.
///
/// # Errors
/// As [`settle()`].
pub fn answer(exchanged: std::result::Result<Exchanged, JsValue>, timeout_ms: u32) -> CoreResult {
    let timeout = TimeoutMs::new(timeout_ms).unwrap_or(TimeoutMs::DEFAULT);
    let result = match &exchanged {
        Err(_) => UpstreamResult::Failed,
        Ok(exchanged) => UpstreamResult::of(exchanged.status(), || is_html(&exchanged.content_type())),
    };
    settle(result, timeout)?;
    let exchanged = exchanged.map_err(|_| Error::Internal)?;
    Ok(CoreAnswer {
        status: exchanged.status(),
        headers: exchanged.headers(),
        bytes: exchanged.bytes().map(|bytes| bytes.to_vec()),
        rest: exchanged.rest(),
    })
}

impl CoreAnswer {
    /// What a look-up found, in place of the answer that was lost.
    pub fn json(bytes: Vec<u8>) -> Self {
        let headers = ["content-type", "application/json; charset=utf-8", "cache-control", "no-store"];
        let headers = headers.map(str::to_owned).to_vec();
        Self { status: 200, headers, bytes: Some(bytes), rest: None }
    }

    /// Its body, as it is passed on.
    pub fn body(&self) -> Object {
        match (&self.bytes, &self.rest) {
            (None, Some(rest)) => rest.clone().into(),
            (bytes, _) => Uint8Array::from(bytes.as_deref().unwrap_or_default()).into(),
        }
    }

    /// Its content headers, as they are kept.
    pub fn content_headers(&self) -> Vec<(String, String)> {
        let (pairs, _) = self.headers.as_chunks::<2>();
        let kept = pairs.iter().filter(|[name, _]| is_content_header(name));
        kept.map(|[name, value]| (name.clone(), value.clone())).collect()
    }
}
