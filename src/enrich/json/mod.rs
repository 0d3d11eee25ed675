//! A strict JSON reader (RFC 8259) that remembers nothing but where it is.
//!
//! It accepts what Go's `encoding/json` accepts and is stricter in two things only: nothing may follow the value, and
//! all of it must be UTF-8. It keeps no tree, calls itself nowhere and looks at every byte a bounded number of times.

mod decode;
mod nesting;
mod number;
mod string;

use self::nesting::{Container, Nesting};

pub(super) use self::decode::decode;
pub(super) use self::number::Magnitude;
pub(super) use self::string::Text;

/// What is wrong with a body, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) offset: usize,
    pub(super) expected: &'static str,
}

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonKind {
    Object,
    Array,
    Text,
    Number,
    Boolean,
    Null,
}

/// A value that was read: the bytes from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: JsonKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Where an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// The position of the closing brace.
    pub(super) brace: usize,
    /// Whether it had no member.
    pub(super) empty: bool,
}

/// A position in a body; everything before it has been found right.
pub(super) struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
    nesting: Nesting,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, nesting: Nesting::default() }
    }

    /// What the next value is, without reading it.
    #[inline]
    pub(super) fn kind(&mut self) -> Result<JsonKind, Malformed> {
        match self.token() {
            Some(b'{') => Ok(JsonKind::Object),
            Some(b'[') => Ok(JsonKind::Array),
            Some(b'"') => Ok(JsonKind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(JsonKind::Number),
            Some(b't' | b'f') => Ok(JsonKind::Boolean),
            Some(b'n') => Ok(JsonKind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads an object, and gives each key to `member`, which must read the value after it.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), Malformed>,
    ) -> Result<Closed, Malformed> {
        self.open(Container::Object)?;
        let mut empty = true;
        if self.token() != Some(b'}') {
            empty = false;
            loop {
                let key = self.key()?;
                member(self, key)?;
                match self.token() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.expected("`,` or `}`")),
                }
            }
        }
        let brace = self.at;
        self.close();
        Ok(Closed { brace, empty })
    }

    /// Reads an array, and calls `item` before each item, which it must read.
    pub(super) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.open(Container::Array)?;
        if self.token() != Some(b']') {
            loop {
                item(self)?;
                match self.token() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.expected("`,` or `]`")),
                }
            }
        }
        self.close();
        Ok(())
    }

    /// Reads a value of any kind, however deep.
    pub(super) fn value(&mut self) -> Result<Value, Malformed> {
        let kind = self.kind()?;
        let start = self.at;
        match kind {
            JsonKind::Object | JsonKind::Array => self.container()?,
            JsonKind::Text | JsonKind::Number | JsonKind::Boolean | JsonKind::Null => self.scalar(kind)?,
        }
        Ok(Value { kind, start, end: self.at })
    }

    /// Makes sure that nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        match self.token() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the body")),
        }
    }

    /// Reads an array or object to its end. The levels are kept in `nesting`, not on the stack.
    fn container(&mut self) -> Result<(), Malformed> {
        let outside = self.nesting.depth();
        loop {
            let opened = match self.kind()? {
                JsonKind::Object => self.descend(Container::Object, b'}')?,
                JsonKind::Array => self.descend(Container::Array, b']')?,
                kind => {
                    self.scalar(kind)?;
                    false
                }
            };
            if !opened && self.ascend(outside)? {
                return Ok(());
            }
        }
    }

    /// Opens a container and says whether a value comes next; an empty one is closed again.
    #[inline]
    fn descend(&mut self, container: Container, end: u8) -> Result<bool, Malformed> {
        self.open(container)?;
        if self.token() == Some(end) {
            self.close();
            return Ok(false);
        }
        if container == Container::Object {
            self.key()?;
        }
        Ok(true)
    }

    /// After a value: closes what ends here, and says whether that was all down to `outside`. If not, a value follows.
    #[inline]
    fn ascend(&mut self, outside: usize) -> Result<bool, Malformed> {
        while self.nesting.depth() > outside {
            match (self.nesting.innermost(), self.token()) {
                (Container::Array, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Container::Object, Some(b',')) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(false);
                }
                (Container::Array, Some(b']')) | (Container::Object, Some(b'}')) => self.close(),
                (Container::Array, _) => return Err(self.expected("`,` or `]`")),
                (Container::Object, _) => return Err(self.expected("`,` or `}`")),
            }
        }
        Ok(true)
    }

    #[inline]
    fn scalar(&mut self, kind: JsonKind) -> Result<(), Malformed> {
        match kind {
            JsonKind::Text => self.string().map(|_| ()),
            JsonKind::Number => self.number(),
            JsonKind::Null => self.word(b"null", "`null`"),
            _ if self.peek() == Some(b't') => self.word(b"true", "`true`"),
            _ => self.word(b"false", "`false`"),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Text<'a>, Malformed> {
        if self.token() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let key = self.string()?;
        if self.token() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(key)
    }

    fn word(&mut self, word: &[u8], expected: &'static str) -> Result<(), Malformed> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    #[inline]
    fn open(&mut self, container: Container) -> Result<(), Malformed> {
        if self.nesting.open(container) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.expected("at most 10,000 levels of nesting"))
        }
    }

    #[inline]
    fn close(&mut self) {
        self.nesting.close();
        self.at += 1;
    }

    /// Goes on to the next byte that is not white space, and looks at it.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                // Most bodies have none, so what is no white space is seen at one look.
                Some(byte) if byte > b' ' => return Some(byte),
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other,
            }
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    /// What is wrong here.
    #[cold]
    pub(super) fn expected(&self, expected: &'static str) -> Malformed {
        Malformed { offset: self.at, expected }
    }
}
