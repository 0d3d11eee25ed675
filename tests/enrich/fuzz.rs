//! A bounded fuzz of documents that are nearly right. It runs with the other tests, on stable Rust; `cargo bolero`
//! drives the same target with libFuzzer for as long as one likes.

use std::time::Duration;

use bolero::{TypeGenerator, check};

use crate::check::check as keeps_every_promise;

/// The documents to begin with; a new finding becomes a line here.
const CORPUS: &str = include_str!("../fixtures/enrich/corpus.txt");

/// What is put into a document: whole tokens, so that most results are still nearly right.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\u017f",
    "\\ud800",
    "\u{17f}",
    "\u{212a}",
    "é",
    "😀",
    " ",
    "\n",
    "\t",
    "\0",
    "\u{feff}",
    "null",
    "true",
    "false",
    "0",
    "-",
    "1",
    ".",
    "e",
    "E+",
    "0.0",
    "-0",
    "1e-400",
    "1e400",
    "\"\"",
    "{}",
    "[]",
    "[{}]",
    "\"precision\"",
    "\"reference\"",
    "\"transactions\"",
    "\"sources\"",
    "\"precision\":",
    "\"reference\":",
    "\"transactions\":[",
    ",\"precision\":null",
    ",\"reference\":null",
    ",\"precision\":0",
    ",\"PRECISION\":7",
    "{\"transactions\":[{}]}",
];

#[derive(Clone, Debug, TypeGenerator)]
struct Recipe {
    document: u8,
    #[generator(bolero::produce::<Vec<Step>>().with().len(0_usize..8))]
    steps: Vec<Step>,
}

#[derive(Clone, Debug, TypeGenerator)]
enum Step {
    Insert { at: u16, token: u8 },
    Overwrite { at: u16, token: u8 },
    Remove { at: u16, length: u8 },
    Repeat { at: u16, length: u8, times: u8 },
    Byte { at: u16, byte: u8 },
    Cut { at: u16 },
    Append { document: u8 },
}

impl Recipe {
    fn cook(&self) -> Vec<u8> {
        let mut body = document(self.document);
        for step in &self.steps {
            step.apply(&mut body);
        }
        body.truncate(4_096);
        body
    }
}

impl Step {
    fn apply(&self, body: &mut Vec<u8>) {
        let place = |at: u16| usize::from(at) % (body.len() + 1);
        match *self {
            Self::Insert { at, token } => drop(body.splice(place(at)..place(at), bytes(token))),
            Self::Overwrite { at, token } => {
                let end = (place(at) + bytes(token).count()).min(body.len());
                drop(body.splice(place(at)..end, bytes(token)));
            }
            Self::Remove { at, length } => {
                let end = (place(at) + usize::from(length)).min(body.len());
                drop(body.drain(place(at)..end));
            }
            Self::Repeat { at, length, times } => {
                let end = (place(at) + usize::from(length)).min(body.len());
                let part = body[place(at)..end].repeat(usize::from(times % 8));
                drop(body.splice(end..end, part));
            }
            Self::Byte { at, byte } => drop(body.splice(place(at)..place(at), [byte])),
            Self::Cut { at } => body.truncate(place(at)),
            Self::Append { document: other } => body.extend(document(other)),
        }
    }
}

fn bytes(token: u8) -> impl Iterator<Item = u8> {
    TOKENS[usize::from(token) % TOKENS.len()].bytes()
}

fn document(number: u8) -> Vec<u8> {
    let documents: Vec<_> = CORPUS.lines().collect();
    documents[usize::from(number) % documents.len()].as_bytes().to_vec()
}

#[test]
fn every_document_of_the_corpus_keeps_every_promise() {
    CORPUS.lines().for_each(|document| keeps_every_promise(document.as_bytes()));
}

#[test]
fn nearly_right_documents_keep_every_promise() {
    check!()
        .with_type::<Recipe>()
        .with_test_time(Duration::from_secs(10))
        .for_each(|recipe| keeps_every_promise(&recipe.cook()));
}
