//! Who may administer: `ADMIN_TOKEN` and `ADMIN_HOST`.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::failure::Failure;
use crate::error::Error;
use crate::http::bearer;

/// The shortest token, in characters.
const SHORTEST: usize = 32;

/// Who may administer, and where. A token that is missing or too short closes the surface, and nothing else.
#[derive(Clone, Debug)]
pub struct AdminAccess {
    administrators: Result<Administrators, &'static str>,
    host: Option<String>,
}

impl AdminAccess {
    /// Reads the two settings.
    #[must_use]
    pub fn from_settings(token: Option<&str>, host: Option<String>) -> Self {
        Self { administrators: Administrators::parse(token), host }
    }

    /// The name of the administrator who sends a request, by the host that it names and its `Authorization` header.
    ///
    /// # Errors
    /// [`Error::AdminNotFound`] where there is no such surface, with the reason for the log;
    /// [`Error::AdminUnauthorized`].
    pub fn authenticate(&self, host: &str, authorization: Option<&str>) -> Result<&str, Failure> {
        let closed = |why: &str| Failure { error: Error::AdminNotFound, detail: Some(why.to_owned()) };
        let administrators = self.administrators.as_ref().map_err(|why| closed(why))?;
        if !answers_at(host, self.host.as_deref()) {
            return Err(closed("the request is not for ADMIN_HOST"));
        }
        administrators.authenticate(authorization).ok_or_else(|| Error::AdminUnauthorized.into())
    }
}

/// The administrators that are configured, by name. Tokens are kept as their SHA-256, so that all have one length.
#[derive(Clone)]
struct Administrators(Vec<(String, [u8; 32])>);

impl Administrators {
    /// Reads the setting: one token, known as `admin`, or several as `name=token name=token`. A name may be there
    /// twice, while its token is rotated.
    ///
    /// # Errors
    /// A sentence for the log where the setting is missing or any token is too short; every request is refused then.
    fn parse(setting: Option<&str>) -> Result<Self, &'static str> {
        let pieces: Vec<&str> = setting.unwrap_or_default().split_ascii_whitespace().collect();
        let named = match pieces.as_slice() {
            [] => return Err("ADMIN_TOKEN is not set"),
            [single] => vec![named(single).unwrap_or(("admin", single))],
            several => several
                .iter()
                .map(|piece| named(piece).ok_or("ADMIN_TOKEN must be one token, or name=token name=token"))
                .collect::<Result<_, _>>()?,
        };
        if named.iter().any(|(_, token)| token.len() < SHORTEST || !token.bytes().all(|b| b.is_ascii_graphic())) {
            return Err("ADMIN_TOKEN has a token that is not of 32 or more visible ASCII characters");
        }
        Ok(Self(named.into_iter().map(|(name, token)| (name.to_owned(), digest(token))).collect()))
    }

    /// The name of the administrator whose token an `Authorization` header carries. All tokens are compared, in
    /// constant time.
    fn authenticate(&self, authorization: Option<&str>) -> Option<&str> {
        let presented = digest(bearer(authorization?)?);
        let mut found = None;
        for (name, token) in &self.0 {
            let same: Choice = token.ct_eq(&presented);
            if bool::from(same) {
                found = Some(name.as_str());
            }
        }
        found
    }
}

impl fmt::Debug for Administrators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Whether the surface answers at the host that a request names, its port aside.
fn answers_at(host: &str, admin_host: Option<&str>) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    admin_host.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted))
}

/// Name and token of a piece. A token may itself end in the `=` of base64: that is no name's.
fn named(piece: &str) -> Option<(&str, &str)> {
    let (name, token) = piece.split_once('=')?;
    let is_name = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (is_name && token.bytes().any(|b| b != b'=')).then_some((name, token))
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210";

    fn actor(setting: &str, authorization: &str) -> Option<String> {
        Administrators::parse(Some(setting)).ok()?.authenticate(Some(authorization)).map(str::to_owned)
    }

    #[test]
    fn a_single_token_is_the_administrator_admins() {
        assert_eq!(actor(TOKEN, &format!("Bearer {TOKEN}")).as_deref(), Some("admin"));
        assert_eq!(actor(TOKEN, &format!("bearer  {TOKEN}")).as_deref(), Some("admin"));
    }

    #[test]
    fn named_tokens_tell_who_it_is() {
        let setting = format!("ops={TOKEN} ci-2={OTHER}");
        assert_eq!(actor(&setting, &format!("Bearer {TOKEN}")).as_deref(), Some("ops"));
        assert_eq!(actor(&setting, &format!("Bearer {OTHER}")).as_deref(), Some("ci-2"));
        assert_eq!(actor(&format!("ops={TOKEN}"), &format!("Bearer {TOKEN}")).as_deref(), Some("ops"));
    }

    #[test]
    fn both_tokens_of_a_name_are_taken_while_it_is_rotated() {
        let setting = format!("ops={TOKEN} ops={OTHER}");
        for token in [TOKEN, OTHER] {
            assert_eq!(actor(&setting, &format!("Bearer {token}")).as_deref(), Some("ops"));
        }
    }

    #[test]
    fn a_single_token_may_end_in_the_padding_of_base64() {
        let padded = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
        assert_eq!(actor(padded, &format!("Bearer {padded}")).as_deref(), Some("admin"));
        let lower = "abcdefghijabcdefghijabcdefghij==";
        assert_eq!(actor(lower, &format!("Bearer {lower}")).as_deref(), Some("admin"));
    }

    #[test]
    fn nobody_may_administer_where_a_token_is_missing_or_short() {
        let long_and_short = format!("ops={TOKEN} ci=short");
        let named_and_not = format!("ops={TOKEN} {OTHER}");
        for setting in ["", "  ", "short", "ops=short", &long_and_short, &named_and_not, &format!("{TOKEN}ä")] {
            assert!(Administrators::parse(Some(setting)).is_err(), "{setting}");
        }
        assert!(Administrators::parse(None).is_err());
    }

    #[test]
    fn nothing_but_the_whole_token_opens() {
        let setting = format!("ops={TOKEN}");
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            TOKEN,
            &format!("Basic {TOKEN}"),
            &format!("Bearer ops={TOKEN}"),
            &format!("Bearer {OTHER}"),
            &format!("Bearer {TOKEN}0"),
            &format!("Bearer {TOKEN}, Bearer {TOKEN}"),
            &format!("Bearer {}", TOKEN.trim_start_matches('0')),
        ] {
            assert_eq!(actor(&setting, wrong), None, "{wrong}");
        }
        assert_eq!(Administrators::parse(Some(&setting)).unwrap().authenticate(None), None);
    }

    #[test]
    fn without_a_good_token_there_is_no_surface_and_the_log_says_why() {
        let right = format!("Bearer {TOKEN}");
        for (token, why) in [(None, "ADMIN_TOKEN is not set"), (Some("short"), "ADMIN_TOKEN has a token that is not")] {
            let closed = AdminAccess::from_settings(token, None).authenticate("a", Some(&right)).unwrap_err();
            assert_eq!(closed.error, Error::AdminNotFound);
            assert!(closed.detail.unwrap().starts_with(why), "{token:?}");
        }
    }

    #[test]
    fn at_another_host_even_the_right_token_finds_nothing() {
        let access = AdminAccess::from_settings(Some(TOKEN), Some("admin.example".to_owned()));
        let right = format!("Bearer {TOKEN}");
        assert_eq!(access.authenticate("admin.example", Some(&right)), Ok("admin"));
        let elsewhere = access.authenticate("other.example", Some(&right)).unwrap_err();
        let detail = Some("the request is not for ADMIN_HOST".to_owned());
        assert_eq!(elsewhere, Failure { error: Error::AdminNotFound, detail });
        assert_eq!(access.authenticate("admin.example", None), Err(Error::AdminUnauthorized.into()));
    }

    #[test]
    fn no_token_shows_in_debug_output_nor_its_hash() {
        let access = AdminAccess::from_settings(Some(&format!("ops={TOKEN} ci={OTHER}")), None);
        assert_eq!(format!("{access:?}"), r#"AdminAccess { administrators: Ok(["ops", "ci"]), host: None }"#);
    }

    #[test]
    fn the_surface_answers_at_its_host_alone() {
        assert!(answers_at("anything.example", None));
        for host in ["admin.example.com", "ADMIN.example.com", "admin.example.com:8787"] {
            assert!(answers_at(host, Some("admin.example.com")), "{host}");
        }
        for host in ["example.com", "admin.example.com.evil.example", "x@admin.example.com", "", "admin.example.com:x"]
        {
            assert!(!answers_at(host, Some("admin.example.com")), "{host}");
        }
    }
}
