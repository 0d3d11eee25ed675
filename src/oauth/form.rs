//! The parameters of a request, form-encoded in its body (RFC 6749 section 3.2 and appendix B).

use percent_encoding::percent_decode_str;

use super::OAuthError;
use super::OAuthError::InvalidRequest;
use crate::http::BodyError;
use crate::registry::Secret;

/// The largest body, in bytes: many times what any request of these needs.
pub const MAX_BODY_BYTES: usize = 16 * 1_024;

/// The most parameters of a request: those that are known here are six. Each name is compared with those before it,
/// before anyone is authenticated, so that they must be few.
pub const MAX_PARAMETERS: usize = 20;

/// A body that is larger than [`MAX_BODY_BYTES`].
pub const TOO_LARGE: OAuthError = InvalidRequest("The body is too large");
/// A body with more than [`MAX_PARAMETERS`].
pub const TOO_MANY: OAuthError = InvalidRequest("There are too many parameters");
/// A body that could not be read to its end.
pub const INCOMPLETE: OAuthError = InvalidRequest("The body ended before it was whole");
/// A body that would have to be decoded first.
pub const ENCODED: OAuthError = InvalidRequest("The body must not have a Content-Encoding");

impl From<BodyError> for OAuthError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => TOO_LARGE,
            BodyError::NoRoom => Self::TemporarilyUnavailable,
            BodyError::Incomplete => INCOMPLETE,
        }
    }
}

/// The parameters. One without a value counts as left out; an unknown one is ignored.
pub struct Form(Vec<(String, Secret)>);

impl Form {
    /// Reads a body. Nothing is looked at behind the last parameter that it may have, those without a value counted
    /// too.
    ///
    /// # Errors
    /// [`InvalidRequest`] where it is of another media type, not UTF-8, too large, or has a parameter twice or too many
    /// of them.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, OAuthError> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(InvalidRequest("The body must be application/x-www-form-urlencoded"));
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(TOO_LARGE);
        }
        let not_utf8 = InvalidRequest("The body must be UTF-8");
        let body = str::from_utf8(body).map_err(|_| not_utf8)?;
        let mut form = Self(Vec::new());
        for (before, pair) in body.split('&').enumerate() {
            if before == MAX_PARAMETERS {
                return Err(TOO_MANY);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else { return Err(not_utf8) };
            if value.is_empty() {
                continue;
            }
            if form.value(&name).is_some() {
                return Err(InvalidRequest("A parameter is there more than once"));
            }
            form.0.push((name, Secret::new(value)));
        }
        Ok(form)
    }

    /// The value of a parameter.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.expose())
    }
}

/// Undoes the form encoding of a text; `None` where what comes out is not UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    // The plus signs first: an escaped one is a plus sign.
    percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Into::into)
}
