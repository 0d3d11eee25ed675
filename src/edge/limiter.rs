//! The rate limiter, where one is bound.

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
    let error = match in_time(LIMIT_MS, limiter.limit(key.to_owned())).await {
        Some(Ok(outcome)) if outcome.success => return Rate::Within,
        Some(Ok(_)) => return Rate::UsedUp,
        Some(Err(error)) => words(error).replace('\n', " "),
        None => format!("it did not answer within {LIMIT_MS} ms"),
    };
    Rate::Unknown(format!("the rate limiter failed, and the request was let through: {error}"))
}
