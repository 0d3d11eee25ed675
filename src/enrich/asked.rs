//! What a body asks Core to book: enough of it to know the transactions again among Core's records.
//!
//! It is read as Core reads it (see `sent`), and only for requests with an `Idempotency-Key`: the others need none of
//! it.

use std::collections::BTreeSet;

use super::Shape;
use super::json::{Cursor, JsonKind, Malformed, Text, Value, decode};
use super::units::units;

/// What a completed body asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its transactions, in their order: of a single create just one.
    pub transactions: Vec<AskedTransaction>,
    /// Whether Core is to book before it answers.
    pub skip_queue: bool,
    /// Whether a batch is to be held (of a single create each row says so itself).
    pub inflight: bool,
    /// Whether Core takes back what it booked, of the whole or of one transaction, when another part of it fails.
    pub atomic: bool,
}

/// One transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedTransaction {
    /// Its reference, decoded; `None` where it is no text.
    pub reference: Option<String>,
    /// Its currency, likewise.
    pub currency: Option<String>,
    /// Its amount in units; `None` where Core books no such amount.
    pub units: Option<String>,
    /// Into how many legs Core splits it at the most; 0 where it does not. Several shares of one balance are one leg.
    pub legs: usize,
}

/// What a request to act on transactions that are there (a refund, a commit, a void) says in its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `status`: what to do with a hold.
    pub status: Option<String>,
    /// Whether an amount is named. Without one all that is left is meant.
    pub amount: bool,
}

/// Reads a body that was completed before; `None` where it is not what it was then.
#[must_use]
pub fn asked(body: &[u8], shape: Shape) -> Option<Asked> {
    let mut cursor = Cursor::new(body);
    let mut asked = Asked::default();
    let mut top = Members::default();
    let read = top.read(&mut cursor, body, |cursor, name| {
        if shape == Shape::Transaction || name != "transactions" || cursor.kind()? != JsonKind::Array {
            return Ok(false);
        }
        cursor.array(|cursor| {
            if cursor.kind()? != JsonKind::Object {
                return cursor.value().map(|_| ());
            }
            let mut item = Members::default();
            item.read(cursor, body, |_, _| Ok(false))?;
            asked.atomic |= item.truth("atomic");
            asked.transactions.push(item.transaction());
            Ok(())
        })?;
        Ok(true)
    });
    read.ok()?;
    if shape == Shape::Transaction {
        asked.transactions.push(top.transaction());
    }
    asked.skip_queue = top.truth("skip_queue");
    asked.inflight = top.truth("inflight");
    asked.atomic |= top.truth("atomic");
    Some(asked)
}

/// Reads the body of a refund, a commit or a void; an empty one says nothing. `None` where it is no object.
#[must_use]
pub fn options(body: &[u8]) -> Option<Options> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Options::default());
    }
    let mut members = Members::default();
    members.read(&mut Cursor::new(body), body, |_, _| Ok(false)).ok()?;
    // An amount of zero is none; one that is no number makes it a request that Core refuses.
    let is_zero = |amount: &str| {
        !amount.is_empty()
            && amount
                .split(['e', 'E'])
                .next()
                .is_some_and(|digits| digits.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-')))
    };
    let amount = members.number("amount").is_some_and(|amount| !is_zero(amount));
    Some(Options { status: members.text("status"), amount: amount || members.has("precise_amount") })
}

/// The names that matter here. Every other member is read over.
const NAMES: [&str; 13] = [
    "amount",
    "atomic",
    "currency",
    "destinations",
    "identifier",
    "inflight",
    "precise_amount",
    "precision",
    "reference",
    "skip_queue",
    "sources",
    "status",
    "transactions",
];

/// The members of an object that count: of several of one name the last that is not null.
#[derive(Default)]
struct Members<'a>(Vec<(&'static str, JsonKind, &'a [u8])>);

impl<'a> Members<'a> {
    /// Reads an object. `own` may read a value itself, and says whether it did.
    fn read(
        &mut self,
        cursor: &mut Cursor<'a>,
        body: &'a [u8],
        mut own: impl FnMut(&mut Cursor<'a>, &str) -> Result<bool, Malformed>,
    ) -> Result<(), Malformed> {
        // It goes on to the brace.
        if cursor.kind()? != JsonKind::Object {
            return Err(cursor.expected("an object"));
        }
        cursor.object(|cursor, key| {
            let Some(name) = folded(key) else { return cursor.value().map(|_| ()) };
            if own(cursor, name)? {
                return Ok(());
            }
            let Value { kind, start, end } = cursor.value()?;
            // A list is emptied by a null; anything else stays as it was.
            if kind != JsonKind::Null || matches!(name, "sources" | "destinations") {
                self.0.retain(|(other, ..)| *other != name);
                self.0.push((name, kind, body.get(start..end).unwrap_or_default()));
            }
            Ok(())
        })?;
        Ok(())
    }

    fn get(&self, name: &str, kind: JsonKind) -> Option<&'a [u8]> {
        self.0.iter().find(|(other, ..)| *other == name).filter(|(_, its, _)| *its == kind).map(|(.., span)| *span)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, ..)| *other == name)
    }

    fn truth(&self, name: &str) -> bool {
        self.get(name, JsonKind::Boolean) == Some(b"true")
    }

    fn text(&self, name: &str) -> Option<String> {
        let quoted = self.get(name, JsonKind::Text)?;
        Some(decode(quoted.get(1..quoted.len().checked_sub(1)?)?).collect())
    }

    /// The literal of a number. Empty where the member is not a number: Core refuses such a request.
    fn number(&self, name: &str) -> Option<&'a str> {
        self.has(name)
            .then(|| self.get(name, JsonKind::Number).map_or("", |span| str::from_utf8(span).unwrap_or_default()))
    }

    fn transaction(&self) -> AskedTransaction {
        let amounts = ["amount", "precise_amount", "precision"].map(|name| self.number(name));
        let [amount, precise_amount, precision] = amounts;
        AskedTransaction {
            reference: self.text("reference"),
            currency: self.text("currency"),
            units: units(amount, precise_amount, precision),
            legs: match self.balances("sources") {
                0 => self.balances("destinations"),
                sources => sources,
            },
        }
    }

    /// How many balances a list names.
    fn balances(&self, name: &str) -> usize {
        let Some(list) = self.get(name, JsonKind::Array) else { return 0 };
        let mut named = BTreeSet::new();
        let read = Cursor::new(list).array(|cursor| {
            if cursor.kind()? == JsonKind::Object {
                let mut share = Members::default();
                share.read(cursor, list, |_, _| Ok(false))?;
                named.insert(share.text("identifier").unwrap_or_default());
            } else {
                cursor.value()?;
                named.insert(String::new());
            }
            Ok(())
        });
        read.map_or(0, |()| named.len())
    }
}

/// The one of [`NAMES`] that Core would read this key as. Of all of Unicode only U+017F (long s) and U+212A (the Kelvin
/// sign) fold to an ASCII letter.
fn folded(key: Text<'_>) -> Option<&'static str> {
    let fold = |letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    NAMES.into_iter().find(|name| decode(key.raw).map(fold).eq(name.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(body: &str) -> (Asked, AskedTransaction) {
        let asked = asked(body.as_bytes(), Shape::Transaction).unwrap();
        let transaction = asked.transactions[0].clone();
        (asked, transaction)
    }

    #[test]
    fn a_transaction_is_read_as_core_reads_it() {
        let (asked, transaction) = single(concat!(
            r#"{"Amount":12.5,"PRECI\u017fION":100,"currency":"EUR","currency":null,"#,
            r#""reference":"a\u0062","s\u212Aip_queue":true,"meta_data":{"amount":1}}"#
        ));
        assert!(asked.skip_queue && !asked.inflight && !asked.atomic);
        let expected = AskedTransaction {
            reference: Some("ab".to_owned()),
            currency: Some("EUR".to_owned()),
            units: Some("1250".to_owned()),
            legs: 0,
        };
        assert_eq!(transaction, expected);
    }

    #[test]
    fn legs_are_counted_by_the_balances_they_name() {
        for (lists, legs) in [
            (r#""sources":[{"identifier":"a"},{"identifier":"b"},{"IDENTIFIER":"a"}]"#, 2),
            (r#""destinations":[{"identifier":"a"}]"#, 1),
            (r#""sources":[],"destinations":[{"identifier":"a"},{"identifier":"b"}]"#, 2),
            (r#""sources":[{"identifier":"a"}],"sources":null"#, 0),
            (r#""sources":"x""#, 0),
        ] {
            assert_eq!(single(&format!("{{{lists}}}")).1.legs, legs, "{lists}");
        }
    }

    #[test]
    fn what_core_does_not_take_has_no_reference_currency_or_units() {
        let (_, transaction) = single(r#"{"amount":"1","precision":100,"currency":1,"reference":7}"#);
        assert_eq!(transaction, AskedTransaction::default());
    }

    #[test]
    fn of_a_bulk_every_item_is_read_and_the_switches_of_the_batch() {
        let body = concat!(
            r#"{"transactions":[{"reference":"a","atomic":true,"skip_queue":true},"#,
            r#"null,{"reference":"b"}],"inflight":true}"#
        )
        .as_bytes();
        let asked = asked(body, Shape::Bulk).unwrap();
        let references: Vec<_> = asked.transactions.iter().map(|item| item.reference.as_deref().unwrap()).collect();
        assert_eq!(references, ["a", "b"]);
        assert!(asked.atomic && asked.inflight && !asked.skip_queue);
        assert_eq!(super::asked(b"[]", Shape::Bulk), None);
    }

    #[test]
    fn options_say_what_is_to_be_done_and_whether_with_all_of_it() {
        let read = |body: &str| options(body.as_bytes()).unwrap();
        assert_eq!(read(" "), Options::default());
        assert_eq!(read(r#"{"status":"commit"}"#).status.as_deref(), Some("commit"));
        for (body, amount) in [
            (r#"{"amount":0}"#, false),
            (r#"{"amount":0.0,"precise_amount":null}"#, false),
            (r#"{"amount":1}"#, true),
            (r#"{"amount":"1"}"#, true),
            (r#"{"precise_amount":0}"#, true),
            (" \n{\"amount\":1}", true),
        ] {
            assert_eq!(read(body).amount, amount, "{body}");
        }
        assert_eq!(options(b"[]"), None);
    }
}
