//! Reading one request off a connection: its head, and its body, which is dropped.

use std::io::{self, BufRead, Error, ErrorKind, Read};

/// The longest head that is read.
const MAX_HEAD_BYTES: u64 = 64 << 10;

/// What the answer depends on.
pub struct Request {
    /// Whether its method is GET.
    pub is_get: bool,
}

enum Framing {
    Length(u64),
    Chunked,
}

impl Request {
    /// Reads the next request to the end of its body; `None` where the connection ended before it.
    ///
    /// # Errors
    /// Where the connection breaks, or what comes is not HTTP/1.1.
    pub fn read(connection: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        let mut head = connection.by_ref().take(MAX_HEAD_BYTES);
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let is_get = line.starts_with("GET ");
        let mut framing = Framing::Length(0);
        loop {
            line.clear();
            if head.read_line(&mut line)? == 0 {
                return Err(invalid("the head has no end"));
            }
            if line.trim_end().is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { return Err(invalid("not a header")) };
            if name.eq_ignore_ascii_case("content-length") {
                framing = Framing::Length(value.trim().parse().map_err(|_| invalid("not a length"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Framing::Chunked;
            }
        }
        match framing {
            Framing::Length(length) => skip(connection, length)?,
            Framing::Chunked => skip_chunks(connection)?,
        }
        Ok(Some(Self { is_get }))
    }
}

fn skip_chunks(connection: &mut impl BufRead) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        connection.by_ref().take(MAX_HEAD_BYTES).read_line(&mut line)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(|_| invalid("not a chunk"))?;
        // Behind the bytes stands a line break; behind the last, empty chunk as well, for nobody here sends trailers.
        skip(connection, length + 2)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Reads and forgets, without copying out of the buffer.
fn skip(connection: &mut impl BufRead, mut length: u64) -> io::Result<()> {
    while length > 0 {
        let there = connection.fill_buf()?.len();
        if there == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let taken = usize::try_from(length).map_or(there, |length| there.min(length));
        connection.consume(taken);
        length -= taken as u64;
    }
    Ok(())
}

fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut bytes: &[u8]) -> io::Result<usize> {
        let mut count = 0;
        while Request::read(&mut bytes)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn requests_behind_one_another_are_told_apart() -> io::Result<()> {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n\
            POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(read_all(bytes)?, 4);
        Ok(())
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        assert!(read_all(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab").is_err());
        assert!(read_all(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").is_err());
    }
}
