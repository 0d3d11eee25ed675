//! The target of a request: its URL, split into parts and not normalised.

/// The longest URL that is looked at, in bytes: Cloudflare's own limit, so that a local run refuses what production
/// would.
pub const MAX_URL_BYTES: usize = 16 * 1_024;

/// A URL of more than [`MAX_URL_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriTooLong;

/// A request's URL, split but not yet judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Whether the caller used https.
    pub https: bool,
    /// Host and port as the caller named them.
    pub host: &'a str,
    /// From the first slash behind the host up to the query.
    pub path: &'a str,
    /// What follows the first `?`, where there is one.
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Splits the URL of a request.
    ///
    /// # Errors
    /// [`UriTooLong`].
    pub fn split(url: &'a str) -> Result<Self, UriTooLong> {
        if url.len() > MAX_URL_BYTES {
            return Err(UriTooLong);
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let end_of_host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at_checked(end_of_host).unwrap_or((rest, ""));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Ok(Self { https: scheme == "https", host, path, query })
    }
}
