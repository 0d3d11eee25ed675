//! What a request asks for: the path behind `/proxy`, the query, and the instance that it names.
//!
//! `request.url` is not normalised on workerd, and whatever makes the request to Core may normalise it. So the bytes
//! are judged against an allow list that no URL parser changes, and exactly the string that was judged is forwarded.

use crate::error::Error;
use crate::http::Target;
use crate::registry::InstanceId;

const INSTANCE_ID: &str = "instance_id";

impl<'a> Target<'a> {
    /// Core's path: what stands behind `/proxy`, with its leading slash. `None` outside `/proxy/…`.
    #[must_use]
    pub fn core_path(&self) -> Option<&'a str> {
        self.path.strip_prefix("/proxy").filter(|rest| rest.starts_with('/'))
    }

    /// The instance that the query names; `None` where it names none or an empty one.
    ///
    /// # Errors
    /// [`Error::InvalidInstanceId`] where it is repeated, malformed, or its name or value is escaped in any way.
    pub fn instance_id(&self) -> Result<Option<&'a str>, Error> {
        let mut named = None;
        for pair in self.query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name != INSTANCE_ID {
                if decodes_to_instance_id(name) {
                    return Err(Error::InvalidInstanceId);
                }
                continue;
            }
            if named.replace(value).is_some() || !(value.is_empty() || InstanceId::is_valid(value)) {
                return Err(Error::InvalidInstanceId);
            }
        }
        Ok(named.filter(|value| !value.is_empty()))
    }

    /// The query as Core gets it: as sent, less the `instance_id` pair and one `&` beside it. `None` where nothing is
    /// left.
    #[must_use]
    pub fn core_query(&self) -> Option<String> {
        let query = self.query?;
        let kept = query.split('&').filter(|pair| pair.split('=').next() != Some(INSTANCE_ID));
        let kept: Vec<&str> = kept.collect();
        (!kept.is_empty()).then(|| kept.join("&"))
    }

    /// Whether the query can be forwarded: visible ASCII without `#`.
    ///
    /// # Errors
    /// [`Error::InvalidPath`].
    pub fn check_query(&self) -> Result<(), Error> {
        let plain = self.query.unwrap_or_default().bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if plain { Ok(()) } else { Err(Error::InvalidPath) }
    }
}

/// Judges a Core path against the allow list.
///
/// Allowed are segments of unreserved characters, `:@!$&'()*+,;=`, and `%XX` of anything else but `/`, `\`, controls
/// and unreserved characters: Core decodes before it routes, so `/%74ransactions` would be `/transactions` there. No
/// segment is empty, `.` or `..`, so none can be cleaned away on the way.
///
/// # Errors
/// [`Error::InvalidPath`].
pub fn check_path(path: &str) -> Result<(), Error> {
    match path.strip_prefix('/') {
        Some(segments) if segments.split('/').all(is_allowed_segment) => Ok(()),
        _ => Err(Error::InvalidPath),
    }
}

fn is_allowed_segment(segment: &str) -> bool {
    if matches!(segment, "" | "." | "..") {
        return false;
    }
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => match (bytes.next().and_then(hex), bytes.next().and_then(hex)) {
                (Some(high), Some(low)) => may_be_escaped(high << 4 | low),
                _ => false,
            },
            _ => is_unreserved(byte) || b":@!$&'()*+,;=".contains(&byte),
        };
        if !allowed {
            return false;
        }
    }
    true
}

fn may_be_escaped(byte: u8) -> bool {
    !(is_unreserved(byte) || byte.is_ascii_control() || matches!(byte, b'/' | b'\\'))
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn decodes_to_instance_id(name: &str) -> bool {
    name.contains('%') && percent_encoding::percent_decode_str(name).eq(INSTANCE_ID.bytes())
}

#[cfg(test)]
mod tests;
