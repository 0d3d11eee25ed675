//! The scheme `Bearer` (RFC 6750 section 2.1).

/// The token of an `Authorization` value with the scheme `Bearer`. A repeated header arrives joined by a comma, which
/// no token has.
#[must_use]
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}
