//! How each field's value is read: what it must be, in the words that a caller is told.

use std::str::FromStr;

use serde::Deserialize;

use crate::clock::Timestamp;
use crate::enrich::{DefaultPrecision, ZeroPrecision};
use crate::registry::{
    BaseUrl, CredentialStatus, InstanceId, InstanceStatus, Profile, Scopes, Secret, TimeoutMs, TokenTtl, Workspace,
};

/// The most instances that a key may name: its record must stay small, for every request reads it.
pub const MAX_INSTANCES: usize = 100;

fn must<T>(value: Option<T>, be: &str) -> Result<T, String> {
    value.ok_or_else(|| must_be(be))
}

fn must_be(what: &str) -> String {
    format!("must be {what}")
}

/// The value, where the JSON is one of this type.
fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    serde_json::from_str(json).ok()
}

/// One of an enum's words.
fn word<T: FromStr>(json: &str) -> Option<T> {
    read::<String>(json)?.parse().ok()
}

fn text(json: &str) -> Result<String, String> {
    must(read(json), "a text")
}

/// The number of a line of the audit trail.
pub fn seq(json: &str) -> Result<u64, String> {
    must(read(json), "the seq of a line")
}

/// A name for people: 1 to 128 characters, none of them a control character.
pub fn name(json: &str) -> Result<String, String> {
    let name = text(json)?;
    let fits = (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    must(fits.then_some(name), "1 to 128 characters without control characters")
}

/// An instance's id.
pub fn instance_id(json: &str) -> Result<InstanceId, String> {
    must(InstanceId::parse(&text(json)?), "1 to 64 of A-Z a-z 0-9 _ -")
}

/// A workspace's name.
pub fn workspace(json: &str) -> Result<Workspace, String> {
    must(Workspace::parse(&text(json)?), "1 to 64 of A-Z a-z 0-9 _ -")
}

/// Where Core is; whether insecure ones are allowed is another question.
pub fn base_url(json: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(&text(json)?).map_err(str::to_owned)
}

/// Something that is sent as a header's value: 1 to 1,024 visible ASCII characters.
pub fn secret(json: &str) -> Result<Secret, String> {
    let secret = Secret::new(text(json)?);
    let exposed = secret.expose();
    let fits = (1..=1_024).contains(&exposed.len()) && exposed.bytes().all(|b| b.is_ascii_graphic());
    must(fits.then_some(secret), "1 to 1,024 visible ASCII characters")
}

/// A profile's name.
pub fn profile(json: &str) -> Result<Profile, String> {
    must(word(json), "\"documented\" or \"extended\"")
}

/// The statuses that a change may set.
pub fn instance_status(json: &str) -> Result<InstanceStatus, String> {
    let settable = |status: &InstanceStatus| matches!(status, InstanceStatus::Active | InstanceStatus::Paused);
    must(word(json).filter(settable), "\"active\" or \"paused\"")
}

/// The statuses of a client that a change may set.
pub fn client_status(json: &str) -> Result<CredentialStatus, String> {
    let settable = |status: &CredentialStatus| matches!(status, CredentialStatus::Active | CredentialStatus::Disabled);
    must(word(json).filter(settable), "\"active\" or \"disabled\"")
}

/// For how long a client's tokens are good.
pub fn token_ttl(json: &str) -> Result<TokenTtl, String> {
    must(read(json), "a whole number of seconds from 60 to 86400")
}

/// A deadline.
pub fn timeout(json: &str) -> Result<TimeoutMs, String> {
    must(read(json), "a whole number from 1000 to 300000")
}

/// The precision that is added.
pub fn default_precision(json: &str) -> Result<DefaultPrecision, String> {
    must(read(json), "a whole number from 1 to 1000000000000000000, or \"require\"")
}

/// What happens to a precision of zero.
pub fn zero_precision(json: &str) -> Result<ZeroPrecision, String> {
    must(word(json), "\"pass\", \"default\" or \"refuse\"")
}

/// A set of scopes. An empty one is allowed: it opens nothing.
pub fn scopes(json: &str) -> Result<Scopes, String> {
    let names: Option<Vec<String>> = read(json);
    let set = names.and_then(|names| {
        let sent = names.len();
        Scopes::try_from(names).ok().filter(|set| Vec::from(*set).len() == sent)
    });
    must(set, "a list of \"*\", \"proxy:read\" and \"proxy:write\", each at most once")
}

/// The instances that a key reaches.
pub fn instances(json: &str) -> Result<Vec<InstanceId>, String> {
    let ids = must(read::<Vec<InstanceId>>(json), "a list of instance ids")?;
    if ids.is_empty() {
        return Err("must name an instance, or be left out for all of the workspace".to_owned());
    }
    if ids.len() > MAX_INSTANCES {
        return Err(format!("must name at most {MAX_INSTANCES} instances"));
    }
    for (at, id) in ids.iter().enumerate() {
        if ids.iter().take(at).any(|other| other == id) {
            return Err(format!("must name {id} once"));
        }
    }
    Ok(ids)
}

/// A point in time.
pub fn time(json: &str) -> Result<Timestamp, String> {
    // A time that cannot be written as RFC 3339 again, beyond the year 9999, could not be shown.
    let time = Timestamp::parse_rfc3339(&text(json)?).filter(|time| !time.to_rfc3339().is_empty());
    must(time, "a date and time as RFC 3339 writes it, such as 2030-01-31T12:00:00Z")
}

/// How long a rotated secret is still accepted: up to 30 days.
pub fn grace_seconds(json: &str) -> Result<u64, String> {
    let seconds = read(json).filter(|seconds| *seconds <= 30 * 24 * 60 * 60);
    must(seconds, "a whole number of seconds from 0 to 2592000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_counted_in_characters() {
        assert!(name(&format!("\"{}\"", "ä".repeat(128))).is_ok());
        for bad in ["\"\"", "\"a\\nb\"", "\"a\\u0000\"", "5", "null", &format!("\"{}\"", "a".repeat(129))] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_what_a_header_can_carry() {
        assert!(secret("\"k\"").is_ok());
        for bad in ["\"\"", "\"a b\"", "\"a\\r\\nX-Evil: 1\"", "\"ä\"", &format!("\"{}\"", "a".repeat(1_025))] {
            assert!(secret(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn scopes_are_named_once_each_and_may_be_none() {
        assert_eq!(scopes("[]").unwrap(), Scopes::default());
        assert!(scopes(r#"["*","proxy:read"]"#).is_ok());
        for bad in ["\"*\"", r#"["admin"]"#, r#"["*","*"]"#, "null", "{}"] {
            assert!(scopes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_of_instances_names_each_once() {
        assert_eq!(instances(r#"["a","b"]"#).unwrap().len(), 2);
        for bad in ["[]", r#"["a","a"]"#, r#"["a b"]"#, "\"a\""] {
            assert!(instances(bad).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..=MAX_INSTANCES).map(|n| format!("i{n}")).collect();
        assert!(instances(&serde_json::to_string(&many).unwrap()).is_err());
    }

    #[test]
    fn no_change_sets_the_status_deleted() {
        assert_eq!(instance_status("\"paused\""), Ok(InstanceStatus::Paused));
        assert!(instance_status("\"deleted\"").is_err());
        assert_eq!(client_status("\"disabled\""), Ok(CredentialStatus::Disabled));
        for bad in ["\"deleted\"", "\"revoked\"", "null"] {
            assert!(client_status(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_one_that_can_be_shown_again() {
        assert!(time("\"2030-01-31T12:00:00+01:00\"").is_ok());
        for bad in ["\"9999-12-31T23:59:59-01:00\"", "\"2030-01-31\"", "1893456000", "\"\""] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_grace_is_at_most_30_days() {
        assert_eq!(grace_seconds("2592000"), Ok(2_592_000));
        for bad in ["2592001", "-1", "1.5", "\"60\"", "null"] {
            assert!(grace_seconds(bad).is_err(), "{bad}");
        }
    }
}
