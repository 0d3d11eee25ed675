//! What an OAuth client's record says of the access tokens that were issued to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How many revoked tokens a record holds. Every request of the client reads them, so that they are few; one more ends
/// all tokens that the client has.
pub const MAX_REVOKED: usize = 500;

/// How far the clocks of two Workers may lie apart, in seconds. Ending tokens also covers those that are issued up to
/// this much later.
const CLOCKS_APART_SECONDS: u64 = 5;

/// The number of an access token: 128 random bits. Stored as 32 hexadecimal digits. It opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenId(#[serde(with = "hex::serde")] [u8; 16]);

/// A token that is refused before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedToken {
    /// Its number.
    pub id: TokenId,
    /// When it would have expired: from then on it need not be remembered.
    pub until: Timestamp,
}

/// The rules of a client's access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRules {
    /// For how many seconds a new token is good.
    pub ttl_seconds: TokenTtl,
    /// Tokens that were issued then or earlier are refused; absent where there are none such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The tokens that were revoked one by one, while they would still be good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedToken>,
}

/// How long a token is good: 60 seconds to 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct TokenTtl(u32);

impl TokenRules {
    /// Rules under which no token was revoked.
    #[must_use]
    pub const fn new(ttl_seconds: TokenTtl) -> Self {
        Self { ttl_seconds, not_before: None, revoked: Vec::new() }
    }

    /// Whether a token of this number, issued then, is still good as far as these rules go.
    #[must_use]
    pub fn allow(&self, id: TokenId, issued_at: Timestamp) -> bool {
        self.not_before.is_none_or(|not_before| issued_at > not_before)
            && self.revoked.iter().all(|revoked| revoked.id != id)
    }

    /// Refuses a token from now on. Where there is no room left, all tokens that were issued up to now are refused:
    /// rather too many than one too few.
    pub fn revoke(&mut self, token: RevokedToken, issued_at: Timestamp, now: Timestamp) {
        self.revoked.retain(|revoked| now < revoked.until.plus_seconds(CLOCKS_APART_SECONDS));
        if self.revoked.len() < MAX_REVOKED {
            self.revoked.push(token);
        } else {
            self.end_all(now);
            self.not_before = self.not_before.max(Some(issued_at));
        }
    }

    /// Refuses every token that was issued up to now.
    pub fn end_all(&mut self, now: Timestamp) {
        self.not_before = self.not_before.max(Some(now.plus_seconds(CLOCKS_APART_SECONDS)));
        self.revoked.clear();
    }

    /// The time to write into a token that is issued now, so that these rules do not refuse it.
    #[must_use]
    pub fn issue_time(&self, now: Timestamp) -> Timestamp {
        self.not_before.map_or(now, |not_before| now.max(Timestamp::from_millis(not_before.millis() + 1)))
    }
}

impl TokenId {
    /// A number of 16 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl TokenTtl {
    /// An hour.
    pub const DEFAULT: Self = Self(3_600);

    /// The time, where it is within the bounds.
    #[must_use]
    pub fn new(seconds: u32) -> Option<Self> {
        (60..=24 * 60 * 60).contains(&seconds).then_some(Self(seconds))
    }

    /// The seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for TokenTtl {
    type Error = &'static str;
    fn try_from(seconds: u32) -> Result<Self, &'static str> {
        Self::new(seconds).ok_or("not a time within the bounds")
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({})", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn rules() -> TokenRules {
        TokenRules::new(TokenTtl::DEFAULT)
    }

    fn id(number: usize) -> TokenId {
        TokenId((number as u128).to_be_bytes())
    }

    fn token(number: usize) -> RevokedToken {
        RevokedToken { id: id(number), until: NOW.plus_seconds(600) }
    }

    #[test]
    fn the_stored_format_of_the_rules_is_unchanged() {
        let mut rules = rules();
        assert_eq!(serde_json::to_string(&rules).unwrap(), r#"{"ttl_seconds":3600}"#);
        rules.not_before = Some(Timestamp::from_millis(7));
        rules.revoked.push(RevokedToken { id: TokenId([0xab; 16]), until: Timestamp::from_millis(9) });
        let golden = concat!(
            r#"{"ttl_seconds":3600,"not_before":7,"#,
            r#""revoked":[{"id":"abababababababababababababababab","until":9}]}"#
        );
        assert_eq!(serde_json::to_string(&rules).unwrap(), golden);
        assert_eq!(serde_json::from_str::<TokenRules>(golden).unwrap(), rules);
    }

    #[test]
    fn only_the_revoked_token_is_refused() {
        let mut rules = rules();
        rules.revoke(token(1), NOW, NOW);
        assert!(!rules.allow(id(1), NOW));
        assert!(rules.allow(id(2), NOW));
    }

    #[test]
    fn a_revoked_token_is_forgotten_only_after_it_has_expired_by_every_clock() {
        let mut rules = rules();
        rules.revoke(token(1), NOW, NOW);
        rules.revoke(token(2), NOW, NOW.plus_seconds(604));
        assert!(!rules.allow(id(1), NOW));
        rules.revoke(token(3), NOW, NOW.plus_seconds(605));
        assert_eq!(rules.revoked, [token(3)]);
    }

    #[test]
    fn one_revocation_too_many_ends_all_tokens_and_brings_none_back() {
        let mut rules = rules();
        for number in 0..=MAX_REVOKED {
            rules.revoke(token(number), NOW, NOW);
        }
        assert!(rules.revoked.is_empty());
        for number in 0..=MAX_REVOKED + 1 {
            assert!(!rules.allow(id(number), NOW), "{number}");
        }
        assert!(rules.allow(id(9_999), rules.issue_time(NOW)), "a token that is issued now is good");
    }

    #[test]
    fn the_token_that_found_no_room_is_refused_although_its_clock_ran_ahead() {
        let mut rules = rules();
        for number in 0..MAX_REVOKED {
            rules.revoke(token(number), NOW, NOW);
        }
        let ahead = NOW.plus_seconds(30);
        rules.revoke(token(MAX_REVOKED), ahead, NOW);
        assert!(!rules.allow(id(MAX_REVOKED), ahead));
    }

    #[test]
    fn ended_tokens_stay_ended_and_the_bound_never_goes_back() {
        let mut rules = rules();
        rules.end_all(NOW.plus_seconds(100));
        let bound = rules.not_before;
        rules.end_all(NOW);
        assert_eq!(rules.not_before, bound);
        assert!(!rules.allow(id(1), NOW));
    }

    #[test]
    fn a_token_is_good_for_60_seconds_to_24_hours() {
        for good in ["60", "86400"] {
            assert!(serde_json::from_str::<TokenTtl>(good).is_ok(), "{good}");
        }
        for bad in ["59", "86401", "0", "-1", "60.5", "\"60\""] {
            assert!(serde_json::from_str::<TokenTtl>(bad).is_err(), "{bad}");
        }
    }
}
