//! Where a Core is: the `base_url` of an instance.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// An absolute `http` or `https` URL without userinfo, query or fragment, and without a slash at its end, so that a
/// Core path can be put behind it. Made only by [`BaseUrl::parse`]; what it holds needs no escaping and no URL parser
/// changes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl {
    text: Box<str>,
    origin: usize,
    https: bool,
    host_is_name: bool,
}

impl TryFrom<String> for BaseUrl {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text)
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl BaseUrl {
    /// Reads a base URL.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("must begin with https://")?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("must begin with https://"),
        };
        if text.len() > 2_048 {
            return Err("must be at most 2,048 characters long");
        }
        if rest.contains(['?', '#', '@']) {
            return Err("must have no userinfo, query or fragment");
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path)),
            None => (rest, None),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let host_is_name = check_host(host)?;
        if port
            .is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit()) || !port.parse::<u16>().is_ok_and(|p| p > 0))
        {
            return Err("must have a port from 1 to 65535, or none");
        }
        if path.is_some_and(|path| !path.split('/').all(is_plain_segment)) {
            return Err("must have a path of plain segments of A-Z a-z 0-9 - _ . ~");
        }
        let origin = scheme.len() + "://".len() + authority.len();
        let text = match path {
            Some(path) => format!("{scheme}://{authority}/{path}"),
            None => format!("{scheme}://{authority}"),
        };
        Ok(Self { text: text.into(), origin, https, host_is_name })
    }

    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port: what a sealed secret is bound to.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.text.get(..self.origin).unwrap_or(&self.text)
    }

    /// Whether it may be used where insecure Cores are not allowed: https, and a host name that is not loopback.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.https && self.host_is_name
    }
}

/// Whether the host is a public-looking name (`true`) or an address or loopback name (`false`).
fn check_host(host: &str) -> Result<bool, &'static str> {
    if host.starts_with('[') {
        let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().map(|_| false).map_err(|_| "must have a host name");
    }
    let well_formed = !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        });
    if !well_formed {
        return Err("must have a host name in lower case");
    }
    // The URL standard reads a host whose last label is a number as an IPv4 address, in many spellings.
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if numeric && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err("must have a host name, not an oddly written address");
    }
    Ok(!numeric && host != "localhost" && !host.ends_with(".localhost"))
}

fn is_plain_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_under_https_is_secure() {
        let url = BaseUrl::parse("https://core.example.com/blnk/v1/").unwrap();
        assert_eq!(url.as_str(), "https://core.example.com/blnk/v1");
        assert_eq!(url.origin(), "https://core.example.com");
        assert!(url.is_secure());
    }

    #[test]
    fn plain_http_addresses_and_loopback_are_not_secure() {
        for text in [
            "http://core.example.com",
            "https://127.0.0.1:5001",
            "https://10.0.0.7",
            "http://[::1]:5001",
            "https://localhost",
            "https://core.localhost",
        ] {
            assert!(!BaseUrl::parse(text).unwrap().is_secure(), "{text}");
        }
    }

    #[test]
    fn the_port_belongs_to_the_origin() {
        assert_eq!(BaseUrl::parse("http://127.0.0.1:5001/x").unwrap().origin(), "http://127.0.0.1:5001");
    }

    #[test]
    fn whatever_a_url_parser_would_read_otherwise_is_refused() {
        for text in [
            "",
            "core.example.com",
            "ftp://core.example.com",
            "https://",
            "https:///x",
            "https://a@b.example",
            "https://b.example?x",
            "https://b.example#x",
            "https://b.example:0",
            "https://b.example:65536",
            "https://b.example:+80",
            "https://b.example//x",
            "https://b.example/../x",
            "https://b.example/%2e%2e",
            "https://B.example",
            "https://b.example\\x",
            "https://b .example",
            "https://bücher.example",
            "https://127.1",
            "https://0x7f000001",
            "https://2130706433",
            "https://1.2.3.4.5",
            "https://b..example",
            "https://[::1",
            "https://[x]",
            "HTTPS://b.example",
            "https://b.example/a b",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
