//! What the Worker's own surfaces, `/admin` and `/oauth`, are sent and answer. The bodies are small, and may come from
//! anybody.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response as PlatformResponse;
use worker::Response;

use super::bindings;
use super::incoming::Incoming;
use super::state::{Reservation, State};
use crate::http::BodyError;

/// What every answer of a surface is.
const JSON: &str = "application/json; charset=utf-8";

/// Reads the body of a request of `who` to a surface, and what is held for it until that is dropped.
///
/// # Errors
/// Where it is over `limit` bytes, there is no room, or it does not come.
pub async fn read(
    incoming: &Incoming,
    surface: &str,
    who: &str,
    limit: usize,
    state: &State,
) -> Result<(Vec<u8>, Reservation), BodyError> {
    let declared = incoming.lines().declared_length();
    if declared.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge);
    }
    let declared = if incoming.request.body().is_some() { declared } else { Some(0) };
    let held = state.hold_own(surface, who, declared, limit).await.ok_or(BodyError::NoRoom)?;
    let size = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
    let read = bindings::read_small(&incoming.request, declared.map(size), size(limit), state.config.body_idle_ms);
    let read = JsFuture::from(read).await.map_err(|_| BodyError::Incomplete)?;
    let bytes: Uint8Array = read.dyn_into().map_err(|_| BodyError::TooLarge)?;
    Ok((bytes.to_vec(), held))
}

/// An answer of a surface, whose status is one that has a body, once what is left of the request's body was read. An
/// extra header is a name and a value.
///
/// # Errors
/// Where the platform does not take a header.
pub async fn respond(
    incoming: &Incoming,
    status: u16,
    body: String,
    extra: Vec<(&str, &str)>,
) -> worker::Result<PlatformResponse> {
    let mut response = Response::builder().with_status(status);
    let always = [("content-type", JSON), ("cache-control", "no-store"), ("x-request-id", &*incoming.request_id)];
    for (name, value) in always.into_iter().chain(extra) {
        response = response.with_header(name, value)?;
    }
    let response = PlatformResponse::from(response.fixed(body.into_bytes()));
    if incoming.request.body().is_none() {
        return Ok(response);
    }
    let drained = JsFuture::from(bindings::drained(&incoming.request, Clone::clone(&response)));
    Ok(drained.await.ok().and_then(|response| response.dyn_into().ok()).unwrap_or(response))
}
