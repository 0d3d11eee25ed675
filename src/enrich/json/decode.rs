//! The text that a string stands for, as Go reads it.

use std::str::Chars;

/// The characters of a string without its quotes, escapes resolved. A surrogate without its other half is U+FFFD.
pub(in crate::enrich) fn decode(raw: &[u8]) -> impl Iterator<Item = char> + '_ {
    Decode { rest: std::str::from_utf8(raw).unwrap_or_default().chars() }
}

struct Decode<'a> {
    rest: Chars<'a>,
}

impl Iterator for Decode<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.rest.next()? {
            '\\' => Some(match self.rest.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => self.code_unit(),
                itself => itself,
            }),
            plain => Some(plain),
        }
    }
}

impl Decode<'_> {
    /// What follows `\u`: one character, or the first half of a pair with the second escaped behind it.
    fn code_unit(&mut self) -> char {
        let first = hex(&mut self.rest);
        if let 0xd800..=0xdbff = first {
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('\\') && ahead.next() == Some('u') {
                let second = hex(&mut ahead);
                if let 0xdc00..=0xdfff = second {
                    self.rest = ahead;
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

fn hex(digits: &mut Chars<'_>) -> u32 {
    digits.take(4).fold(0, |code, digit| code << 4 | digit.to_digit(16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &str) -> String {
        decode(raw.as_bytes()).collect()
    }

    #[test]
    fn every_escape_is_resolved() {
        assert_eq!(text(r#"a\"\\\/\b\f\n\r\té\u00e9\u0000z"#), "a\"\\/\u{8}\u{c}\n\r\téé\0z");
        assert_eq!(text(r"\ud83d\ude00\uD83D\uDE00"), "😀😀");
    }

    #[test]
    fn half_a_surrogate_pair_is_the_replacement_character() {
        assert_eq!(text(r"\ud800"), "\u{fffd}");
        assert_eq!(text(r"\udc00x"), "\u{fffd}x");
        assert_eq!(text(r"\ud800A"), "\u{fffd}A");
        assert_eq!(text(r"\ud800\u0041"), "\u{fffd}A");
        assert_eq!(text(r"\ud800\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(text(r"\ud800\n"), "\u{fffd}\n");
    }
}
