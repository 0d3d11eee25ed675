//! Step 1: the credential that a request presents.

use crate::error::Error;
use crate::http::bearer;
use crate::token::ApiKey;
use crate::token::access_token::PREFIX;
use crate::token::{Claims, Signer};

/// What a request presents: well formed, and not yet known to be accepted.
#[derive(Debug)]
pub enum PresentedCredential<'a> {
    /// An API key, whose secret is yet to be compared.
    ApiKey(ApiKey<'a>),
    /// An access token, which was signed here.
    AccessToken(Claims),
}

impl PresentedCredential<'_> {
    /// The id of the credential that it names.
    #[must_use]
    pub fn credential_id(&self) -> &str {
        match self {
            Self::ApiKey(token) => token.id(),
            Self::AccessToken(claims) => &claims.client,
        }
    }
}

/// Reads the one token of a request: `Authorization: Bearer {token}` (RFC 6750 section 2.1; the scheme in any case) or,
/// as Blnk's own SDKs send it, `X-Blnk-Key: {token}`. Both may be there when they say the same; never does one stand in
/// for another that is wrong. An empty header counts as none. An access token must be `signer`'s; without one there are
/// none.
///
/// # Errors
/// [`Error::MissingCredential`], or [`Error::InvalidCredential`] for every text that is not one well-formed token.
pub fn presented_credential<'a>(
    authorization: Option<&'a str>,
    blnk_key: Option<&'a str>,
    signer: Option<&Signer>,
) -> Result<PresentedCredential<'a>, Error> {
    let bearer = match authorization.filter(|value| !value.is_empty()) {
        Some(value) => Some(bearer(value).ok_or(Error::InvalidCredential)?),
        None => None,
    };
    let blnk_key = blnk_key.filter(|value| !value.is_empty());
    let text = match (bearer, blnk_key) {
        (None, None) => return Err(Error::MissingCredential),
        (Some(bearer), Some(key)) if bearer != key => return Err(Error::InvalidCredential),
        (Some(text), _) | (None, Some(text)) => text,
    };
    let presented = if text.starts_with(PREFIX) {
        signer.and_then(|signer| signer.read(text)).map(PresentedCredential::AccessToken)
    } else {
        ApiKey::parse(text).map(PresentedCredential::ApiKey)
    };
    presented.ok_or(Error::InvalidCredential)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{new_api_key, new_credential_id};

    fn key(byte: u8) -> String {
        new_api_key(&new_credential_id([byte; 16]), [byte; 32]).0.expose().to_owned()
    }

    fn id(authorization: Option<&str>, blnk_key: Option<&str>) -> Result<String, Error> {
        presented_credential(authorization, blnk_key, None).map(|presented| presented.credential_id().to_owned())
    }

    #[test]
    fn a_token_is_taken_from_either_header() {
        let (key, expected) = (key(1), new_credential_id([1; 16]).to_string());
        assert_eq!(id(Some(&format!("Bearer {key}")), None), Ok(expected.clone()));
        assert_eq!(id(Some(&format!("bEARER   {key}")), None), Ok(expected.clone()));
        assert_eq!(id(None, Some(&key)), Ok(expected.clone()));
        assert_eq!(id(Some(&format!("Bearer {key}")), Some(&key)), Ok(expected.clone()));
        assert_eq!(id(Some(""), Some(&key)), Ok(expected));
    }

    #[test]
    fn no_token_is_missing_and_not_invalid() {
        assert_eq!(id(None, None), Err(Error::MissingCredential));
        assert_eq!(id(Some(""), Some("")), Err(Error::MissingCredential));
    }

    #[test]
    fn a_bad_header_is_never_made_good_by_the_other() {
        let (a, b) = (key(1), key(2));
        let bearer_a = format!("Bearer {a}");
        for (authorization, blnk_key) in [
            (bearer_a.as_str(), Some(b.as_str())),
            ("Basic dXNlcjpwYXNz", Some(a.as_str())),
            ("Bearer", Some(a.as_str())),
            ("Bearer ", Some(a.as_str())),
            ("Bearer garbage", Some(a.as_str())),
            (bearer_a.as_str(), Some("garbage")),
        ] {
            assert_eq!(id(Some(authorization), blnk_key), Err(Error::InvalidCredential), "{authorization}");
        }
    }

    #[test]
    fn two_authorization_values_are_refused() {
        let (a, b) = (key(1), key(2));
        for value in [format!("Bearer {a}, Bearer {b}"), format!("Bearer {a}, Bearer {a}"), format!("Bearer {a},")] {
            assert_eq!(id(Some(&value), None), Err(Error::InvalidCredential));
        }
    }
}
