//! The rate limiter, where one is bound.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::worker_sys::RateLimiter;

use super::promises::{in_time, words};
use super::state::State;

/// How long it may take, in milliseconds: it is asked before anything is done for a request.
const LIMIT_MS: u32 = 500;

/// What the limiter says of a request.
pub enum Rate {
    /// It may go.
    Within,
    /// The key's requests are used up.
    UsedUp,
    /// The limiter failed. The request goes on, and the log says this.
    Unknown(String),
}

/// Counts a request under this key. Without a limiter every one may go.
pub async fn count(state: &State, key: &str) -> Rate {
    let Some(limiter) = &state.limiter else { return Rate::Within };
    let error = match in_time(LIMIT_MS, success(limiter, key)).await {
        Some(Ok(Some(true))) => return Rate::Within,
        Some(Ok(Some(false))) => return Rate::UsedUp,
        Some(Ok(None)) => "it answered neither yes nor no".to_owned(),
        Some(Err(error)) => words(error.into()).replace('\n', " "),
        None => format!("it did not answer within {LIMIT_MS} ms"),
    };
    Rate::Unknown(format!("the rate limiter failed, and the request was let through: {error}"))
}

/// What the limiter answers. The crate's own wrapper serialises question and answer, on the way of every request.
async fn success(limiter: &RateLimiter, key: &str) -> Result<Option<bool>, JsValue> {
    let question = Object::new();
    Reflect::set(&question, &"key".into(), &key.into())?;
    let answer = JsFuture::from(limiter.limit(question)?).await?;
    Ok(Reflect::get(&answer, &"success".into())?.as_bool())
}
