//! What an OAuth client's record says of the access tokens that were issued to it.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;
use crate::json::write::{Writer, list};
use crate::json::{Json, Object};

/// How many revoked tokens a record holds. Every request of the client reads them, so that they are few; one more ends
/// all tokens that the client has.
pub const MAX_REVOKED: usize = 500;

/// How far the clocks of two Workers may lie apart, in seconds. What is to be over now is over this much later too.
const CLOCKS_APART_SECONDS: u64 = 5;

/// The number of an access token: 128 random bits. Stored as 32 hexadecimal digits. It opens nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenId([u8; 16]);

/// A token that is refused before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedToken {
    /// Its number.
    pub id: TokenId,
    /// When it would have expired: from then on it need not be kept.
    pub until: Timestamp,
}

/// The rules of a client's access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// For how many seconds a new token is good.
    pub ttl_seconds: TokenTtl,
    /// Tokens that were issued then or earlier are refused; absent where there are none such.
    pub not_before: Option<Timestamp>,
    /// The tokens that were revoked one by one, while they would still be good.
    pub revoked: Vec<RevokedToken>,
}

/// How long a token is good: 60 seconds to 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTtl(u32);

impl TokenRules {
    /// Rules under which no token was revoked.
    #[must_use]
    pub const fn new(ttl_seconds: TokenTtl) -> Self {
        Self { ttl_seconds, not_before: None, revoked: Vec::new() }
    }

    /// Reads stored rules.
    #[must_use]
    pub fn read(json: Json<'_>) -> Option<Self> {
        let rules = json.object()?;
        Some(Self {
            ttl_seconds: TokenTtl::read(rules.get("ttl_seconds")?)?,
            not_before: rules.maybe_number("not_before")?.map(Timestamp::from_millis),
            revoked: if rules.has("revoked") {
                rules.get("revoked")?.list(|token| RevokedToken::read(&token.object()?))?
            } else {
                Vec::new()
            },
        })
    }

    /// The rules as they are stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut rules = Writer::new();
        rules.number("ttl_seconds", self.ttl_seconds.0.into());
        rules.some_number("not_before", self.not_before.map(Timestamp::millis));
        if !self.revoked.is_empty() {
            rules.raw("revoked", &list(self.revoked.iter().map(RevokedToken::to_json)));
        }
        rules.end()
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

impl RevokedToken {
    /// Reads what [`RevokedToken::to_json`] wrote.
    #[must_use]
    pub fn read(token: &Object<'_>) -> Option<Self> {
        let until = Timestamp::from_millis(token.number("until")?);
        Some(Self { id: TokenId::from_hex(&token.text("id")?)?, until })
    }

    /// The token as it is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::new().text("id", &hex::encode(self.id.0)).number("until", self.until.millis()).end()
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom("not a token's number"))
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

    /// Reads its 32 hexadecimal digits.
    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
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

    /// Reads a time that is within the bounds.
    #[must_use]
    pub fn read(json: Json<'_>) -> Option<Self> {
        Self::new(json.small()?)
    }

    /// The seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
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
        assert_eq!(rules.to_json(), r#"{"ttl_seconds":3600}"#);
        rules.not_before = Some(Timestamp::from_millis(7));
        rules.revoked.push(RevokedToken { id: TokenId([0xab; 16]), until: Timestamp::from_millis(9) });
        let golden = concat!(
            r#"{"ttl_seconds":3600,"not_before":7,"#,
            r#""revoked":[{"id":"abababababababababababababababab","until":9}]}"#
        );
        assert_eq!(rules.to_json(), golden);
        assert_eq!(Json::parse(golden).and_then(TokenRules::read), Some(rules));
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
            assert!(Json::parse(good).and_then(TokenTtl::read).is_some(), "{good}");
        }
        for bad in ["59", "86401", "0", "-1", "60.5", "\"60\""] {
            assert!(Json::parse(bad).and_then(TokenTtl::read).is_none(), "{bad}");
        }
    }
}
