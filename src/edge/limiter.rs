//! The rate limiter, where one is bound.

use super::promises::{limit, settled};
use super::state::State;

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
    match settled(limit(limiter, key)).await {
        Ok(success) if success.is_truthy() => Rate::Within,
        Ok(_) => Rate::UsedUp,
        Err(error) => {
            let error = error.replace('\n', " ");
            Rate::Unknown(format!("the rate limiter failed, and the request was let through: {error}"))
        }
    }
}
