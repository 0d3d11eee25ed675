//! How long an instance's Core is waited for.

use serde::{Deserialize, Serialize};

/// A time to wait, in milliseconds, from 1,000 to 300,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct TimeoutMs(u32);

impl TimeoutMs {
    /// What an answer's head is waited for where nothing else is said: 30 s.
    pub const DEFAULT: Self = Self(30_000);
    /// The same for an upload, whose body must go up first: 300 s.
    pub const UPLOAD_DEFAULT: Self = Self(300_000);

    /// The time, where it is within the bounds.
    #[must_use]
    pub fn new(millis: u32) -> Option<Self> {
        (1_000..=300_000).contains(&millis).then_some(Self(millis))
    }

    /// The time in milliseconds.
    #[must_use]
    pub const fn millis(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for TimeoutMs {
    type Error = &'static str;
    fn try_from(millis: u32) -> Result<Self, &'static str> {
        Self::new(millis).ok_or("not a time within the bounds")
    }
}
