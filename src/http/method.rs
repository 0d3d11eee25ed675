//! Request methods, as far as Core knows them.

use strum::{EnumString, IntoStaticStr};

/// A request method (RFC 9110 section 9). Core has routes for four of them; every other is [`Method::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`: none of Core's, but of the management surface.
    Patch,
    /// `DELETE`
    Delete,
    /// Any other, `HEAD` and `OPTIONS` among them.
    Other,
}

impl Method {
    /// The method's name; `OTHER` for those that have no row anywhere.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads a method; the names are case-sensitive.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse().unwrap_or(Self::Other)
    }
}
