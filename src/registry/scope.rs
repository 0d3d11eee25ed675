//! What a credential may do.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, ParseError, VariantArray};

/// A scope of the Proxy API, as its documentation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray)]
pub enum Scope {
    /// Everything that the proxy forwards.
    #[strum(serialize = "*")]
    All,
    /// The routes that read (GET).
    #[strum(serialize = "proxy:read")]
    Read,
    /// The routes that write (POST, PUT, DELETE).
    #[strum(serialize = "proxy:write")]
    Write,
}

impl Scope {
    /// The scope as it is written in records, requests and `WWW-Authenticate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A set of scopes; may be empty, and then opens nothing.
///
/// In JSON a list of names, in the order of [`Scope::VARIANTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<&'static str>")]
pub struct Scopes {
    all: bool,
    read: bool,
    write: bool,
}

impl Scopes {
    /// Whether the set opens what needs `scope`: by that scope or by `*`.
    #[must_use]
    pub const fn allow(self, scope: Scope) -> bool {
        self.all
            || match scope {
                Scope::All => false,
                Scope::Read => self.read,
                Scope::Write => self.write,
            }
    }

    /// Whether the set names `scope` itself.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        match scope {
            Scope::All => self.all,
            Scope::Read => self.read,
            Scope::Write => self.write,
        }
    }

    /// What both sets open.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self {
            all: self.all && other.all,
            read: self.allow(Scope::Read) && other.allow(Scope::Read),
            write: self.allow(Scope::Write) && other.allow(Scope::Write),
        }
    }

    /// Whether it opens nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !(self.all || self.read || self.write)
    }

    /// The set as bits: 1 for `*`, 2 for reading, 4 for writing.
    #[must_use]
    pub fn bits(self) -> u8 {
        u8::from(self.all) | u8::from(self.read) << 1 | u8::from(self.write) << 2
    }

    /// Reads what [`Scopes::bits`] wrote.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits > 7 {
            return None;
        }
        Some(Self { all: bits & 1 != 0, read: bits & 2 != 0, write: bits & 4 != 0 })
    }
}

/// The names, with a space between each two (RFC 6749 section 3.3).
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Vec::from(*self).join(" "))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::default();
        for scope in scopes {
            match scope {
                Scope::All => set.all = true,
                Scope::Read => set.read = true,
                Scope::Write => set.write = true,
            }
        }
        set
    }
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = ParseError;
    fn try_from(names: Vec<String>) -> Result<Self, ParseError> {
        names.iter().map(|name| name.parse::<Scope>()).collect()
    }
}

impl From<Scopes> for Vec<&'static str> {
    fn from(set: Scopes) -> Self {
        Scope::VARIANTS.iter().filter(|scope| set.contains(**scope)).map(|scope| scope.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_opens_everything_and_nothing_opens_nothing() {
        let all: Scopes = [Scope::All].into_iter().collect();
        assert!(all.allow(Scope::Read) && all.allow(Scope::Write));
        let none = Scopes::default();
        assert!(!none.allow(Scope::Read) && !none.allow(Scope::Write));
    }

    #[test]
    fn reading_and_writing_do_not_open_each_other() {
        let read: Scopes = [Scope::Read].into_iter().collect();
        let write: Scopes = [Scope::Write].into_iter().collect();
        assert!(read.allow(Scope::Read) && !read.allow(Scope::Write));
        assert!(write.allow(Scope::Write) && !write.allow(Scope::Read));
    }

    #[test]
    fn two_sets_open_together_only_what_each_opens_alone() {
        let sets: Vec<Scopes> = (0..8).filter_map(Scopes::from_bits).collect();
        for a in &sets {
            for b in &sets {
                for scope in Scope::VARIANTS {
                    let scope = *scope;
                    let each = a.allow(scope) && b.allow(scope);
                    assert_eq!(a.within(*b).allow(scope), each, "{a} and {b}: {}", scope.as_str());
                }
            }
        }
    }

    #[test]
    fn every_set_is_read_back_from_its_bits_and_no_other_bits_are_one() {
        for bits in 0..8 {
            assert_eq!(Scopes::from_bits(bits).map(Scopes::bits), Some(bits));
        }
        assert!((8..=u8::MAX).all(|bits| Scopes::from_bits(bits).is_none()));
    }

    #[test]
    fn a_set_is_written_as_its_names() {
        let names = |bits| Scopes::from_bits(bits).map(|set| set.to_string());
        assert_eq!(names(0).as_deref(), Some(""));
        assert_eq!(names(6).as_deref(), Some("proxy:read proxy:write"));
        assert_eq!(names(1).as_deref(), Some("*"));
    }

    #[test]
    fn scopes_are_stored_as_their_names_once_each() {
        let read = |json| serde_json::from_str::<Scopes>(json).ok();
        let set = read(r#"["proxy:write","*","proxy:write"]"#).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["*","proxy:write"]"#);
        for bad in [r#"["proxy:admin"]"#, "\"*\"", "[null]", "null"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
