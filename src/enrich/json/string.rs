//! Strings: to the closing quote, eight bytes at a time.

use super::{Cursor, Malformed};

/// A string that was read, without its quotes and with its escapes as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::enrich) struct Text<'a> {
    pub(in crate::enrich) raw: &'a [u8],
    /// Where it begins in the body, at the opening quote.
    pub(in crate::enrich) start: usize,
    /// Whether it is ASCII without an escape, so that `raw` is the text itself.
    pub(in crate::enrich) plain: bool,
}

impl<'a> Cursor<'a> {
    /// Reads a string; the cursor must be at its opening quote.
    pub(super) fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let start = self.at;
        let mut plain = true;
        self.at += 1;
        loop {
            self.at = run(self.body, self.at, true);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    self.escape()?;
                }
                Some(0x80..) => {
                    plain = false;
                    self.non_ascii()?;
                }
                Some(_) => return Err(self.expected("an escape in place of a control character")),
                None => return Err(self.expected("the end of the string")),
            }
        }
        let raw = self.body.get(start + 1..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Text { raw, start, plain })
    }

    /// Reads up to the next quote, escape or control character, and makes sure that it is UTF-8.
    fn non_ascii(&mut self) -> Result<(), Malformed> {
        let end = run(self.body, self.at, false);
        let bytes = self.body.get(self.at..end).unwrap_or_default();
        if let Err(error) = std::str::from_utf8(bytes) {
            self.at += error.valid_up_to();
            return Err(self.expected("UTF-8"));
        }
        self.at = end;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.expected("a hexadecimal digit"));
                    }
                }
            }
            _ => return Err(self.expected("a character that JSON lets escape")),
        }
        self.at += 1;
        Ok(())
    }
}

/// The first position from `at` that holds a quote, a backslash, a control character or, where `ascii` asks for it,
/// a byte above 127; the end of the body where there is none.
#[inline]
fn run(body: &[u8], mut at: usize, ascii: bool) -> usize {
    while let Some(chunk) = body.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = marks(u64::from_le_bytes(*chunk), ascii);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let is_mark = |&byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20) || (ascii && !byte.is_ascii());
    let rest = body.get(at..).unwrap_or_default();
    at + rest.iter().position(is_mark).unwrap_or(rest.len())
}

/// Sets the high bit of the bytes that [`run`] stops at. Above the lowest of them there may be false ones, as a
/// subtraction borrows upwards; the lowest itself is always right.
#[inline]
fn marks(word: u64, ascii: bool) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zeros(word ^ (ONES * u64::from(b'"')));
    let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let others = if ascii { word } else { 0 };
    (quotes | backslashes | controls | others) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_a_look_at_each_byte_says() {
        // Every byte at every place of a chunk and in the tail, before every neighbour that could borrow from it.
        for byte in 0..=u8::MAX {
            for neighbour in [b'a', b'"', b'\\', b'#', b']', 0x00, 0x1f, 0x20, 0x21, 0x7f, 0x80, 0xa2, 0xff] {
                for place in 0..12 {
                    let mut body = [b'a'; 13];
                    body[place] = byte;
                    body[place + 1] = neighbour;
                    for ascii in [true, false] {
                        let slow =
                            body.iter().position(|&at| at < 0x20 || at == b'"' || at == b'\\' || (ascii && at > 0x7f));
                        assert_eq!(run(&body, 0, ascii), slow.unwrap_or(body.len()), "{body:?} {ascii}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_never_ends_before_it_began() {
        assert_eq!(run(b"\"\"", 1, true), 1);
        assert_eq!(run(b"\"", 1, true), 1);
    }
}
