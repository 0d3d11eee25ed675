//! What the benchmark's workers forward to: an HTTP/1.1 server that reads every request to its end and answers with 300
//! bytes of JSON under the headers that Core sends.
//!
//! A thread a connection and one write an answer: the workers keep a handful of connections open, and what this server
//! costs must not be what is measured. It prints its port, and ends when its standard input does, so that it never
//! outlives the benchmark.

mod request;

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use request::Request;

/// The length of an answer's body.
const BODY_BYTES: usize = 300;

/// The headers that Core sends with every answer. The two that name addresses are its own, and no proxy should pass
/// them on.
const HEADERS: [&str; 14] = [
    "Cache-Control: no-store",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Content-Type: application/json; charset=utf-8",
    "Ratelimit-Limit: 10000000",
    "Ratelimit-Remaining: 9999999",
    "Ratelimit-Reset: 1",
    "Referrer-Policy: no-referrer",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
    "X-Rate-Limit-Duration: 1",
    "X-Rate-Limit-Limit: 5000000.00",
    "X-Rate-Limit-Request-Forwarded-For: 127.0.0.1",
    "X-Rate-Limit-Request-Remote-Addr: 127.0.0.1:40000",
    "Date: Sat, 21 Nov 2026 00:00:00 GMT",
];

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A connection that breaks is the other side's affair.
            thread::spawn(move || serve(connection));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn serve(connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut answers = connection.try_clone()?;
    let mut requests = BufReader::with_capacity(64 << 10, connection);
    let (read, created) = (answer("200 OK"), answer("201 Created"));
    while let Some(request) = Request::read(&mut requests)? {
        answers.write_all(if request.is_get { &read } else { &created })?;
    }
    Ok(())
}

fn answer(status: &str) -> Vec<u8> {
    let start = concat!(
        r#"{"balance_id":"bln_7b4b4f0a-8a4c-4a59-8d0a-5a4f0e3a9f11","balance":125000,"#,
        r#""currency":"USD","meta_data":{"note":""#,
    );
    let end = r#""}}"#;
    let padding = BODY_BYTES.saturating_sub(start.len() + end.len());
    let head = HEADERS.join("\r\n");
    format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {BODY_BYTES}\r\n\r\n{start}{}{end}", "x".repeat(padding))
        .into_bytes()
}
