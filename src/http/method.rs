//! Request methods, as far as Core knows them.

/// A request method (RFC 9110 section 9). Core has routes for four of them; every other is [`Method::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Reads a method; the names are case-sensitive.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The method's name; `OTHER` for those that have no row anywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        }
    }
}
