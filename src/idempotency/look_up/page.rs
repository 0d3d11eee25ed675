//! One page of Core's answer to a filter, and the question that it answers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most rows that Core gives in one page; asked for more it gives 20.
const PAGE: usize = 100;
/// How many values are asked for in one question. Core answers 5,000 in some milliseconds.
const VALUES: usize = 1_000;

/// A stored transaction, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The id of what it belongs to: a transaction with legs, a batch, a queued transaction, a hold, what is refunded.
    pub parent: String,
    /// Its reference.
    pub reference: String,
    /// Its currency.
    pub currency: String,
    /// Its status, in capitals.
    pub status: String,
    /// Its amount in units, as decimal digits. Core books negative ones too, where a share is below zero.
    pub units: String,
    /// What Core notes of a queued transaction: the batch, or the transaction, that it was queued with.
    pub queued_with: Option<String>,
    /// All of it, as Core wrote it, where it was asked for: rows are many, and what a caller put into them may be large.
    pub json: Option<String>,
}

/// Which rows are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those with these references.
    References(Vec<String>),
    /// Those that belong to one of these; with a status, only those that have it.
    Children(Vec<String>, Option<&'static str>),
    /// A transaction, those that belong to it, and those that were queued with it.
    Family(String),
}

/// A question to `POST /transactions/filter`, asked page by page.
#[derive(Clone, Debug)]
pub struct Question {
    wanted: Wanted,
    /// Whether the rows are kept as Core wrote them.
    whole: bool,
    offset: usize,
    limit: usize,
}

/// That an answer is not plainly Core's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnswered;

#[derive(Serialize)]
struct Filter<'a> {
    field: &'static str,
    operator: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<&'a [String]>,
}

#[derive(Serialize)]
struct FilterRequest<'a> {
    filters: Vec<Filter<'a>>,
    logical_operator: &'static str,
    // References are unique, so no row can move from one page to another while they are read.
    sort_by: &'static str,
    sort_order: &'static str,
    limit: usize,
    offset: usize,
    include_count: bool,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    // Core leaves it out of a page without rows.
    total_count: Option<usize>,
}

#[derive(Deserialize)]
struct Columns<'a> {
    transaction_id: String,
    #[serde(default)]
    parent_transaction: String,
    reference: String,
    currency: String,
    status: String,
    #[serde(borrow)]
    precise_amount: &'a RawValue,
    #[serde(borrow, default)]
    meta_data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct MetaData {
    #[serde(rename = "QUEUED_PARENT_TRANSACTION")]
    queued_with: Option<String>,
}

impl Question {
    /// The questions for rows with these references.
    pub fn references(references: &[String]) -> impl Iterator<Item = Self> + '_ {
        references.chunks(VALUES).map(|chunk| Self::of(Wanted::References(chunk.to_vec())))
    }

    /// The questions for rows that belong to these.
    pub fn children<'a>(parents: &'a [String], status: Option<&'static str>) -> impl Iterator<Item = Self> + 'a {
        parents.chunks(VALUES).map(move |chunk| Self::of(Wanted::Children(chunk.to_vec(), status)))
    }

    /// A first page.
    #[must_use]
    pub fn of(wanted: Wanted) -> Self {
        Self { wanted, whole: false, offset: 0, limit: PAGE }
    }

    /// The question for one row as Core writes it.
    #[must_use]
    pub fn whole(reference: String) -> Self {
        Self { whole: true, ..Self::of(Wanted::References(vec![reference])) }
    }

    /// How many rows the next page has at the most.
    #[must_use]
    pub fn rows(&self) -> usize {
        match &self.wanted {
            Wanted::References(references) => references.len().min(self.limit),
            Wanted::Children(..) | Wanted::Family(_) => self.limit,
        }
    }

    /// The body to send.
    #[must_use]
    pub fn body(&self) -> String {
        let is_one_of = |field, values| Filter { field, operator: "in", value: None, values: Some(values) };
        let is = |field, value| Filter { field, operator: "eq", value: Some(value), values: None };
        let (filters, logical_operator) = match &self.wanted {
            Wanted::References(references) => (vec![is_one_of("reference", references)], "and"),
            Wanted::Children(parents, None) => (vec![is_one_of("parent_transaction", parents)], "and"),
            Wanted::Children(parents, Some(status)) => {
                (vec![is_one_of("parent_transaction", parents), is("status", status)], "and")
            }
            Wanted::Family(id) => {
                let queued_with = is("meta_data.QUEUED_PARENT_TRANSACTION", id.as_str());
                (vec![is("transaction_id", id), is("parent_transaction", id), queued_with], "or")
            }
        };
        let (limit, offset) = (self.limit, self.offset);
        let (sort_by, sort_order) = ("reference", "asc");
        let request =
            FilterRequest { filters, logical_operator, sort_by, sort_order, limit, offset, include_count: true };
        // Texts and numbers cannot fail to serialise.
        serde_json::to_string(&request).unwrap_or_default()
    }

    /// Reads the answer: its rows, and the next page where there is one. No body stands for one too large to be read: then
    /// smaller pages are asked for.
    ///
    /// # Errors
    /// Where it is not a page with the rows that were asked for, and no others: what is in front of Core, or a Core that
    /// does not know the filter, must not pass for its word that nothing was booked.
    pub fn answered(mut self, status: u16, body: Option<&[u8]>) -> Result<(Vec<Row>, Option<Self>), NotAnswered> {
        if status != 200 {
            return Err(NotAnswered);
        }
        let Some(body) = body else {
            if self.limit == 1 {
                return Err(NotAnswered);
            }
            self.limit = (self.limit / 10).max(1);
            return Ok((Vec::new(), Some(self)));
        };
        let text = str::from_utf8(body).map_err(|_| NotAnswered)?;
        let page: Page<'_> = serde_json::from_str(text).map_err(|_| NotAnswered)?;
        let rows: Option<Vec<Row>> = page.data.into_iter().map(|raw| Row::read(raw, self.whole)).collect();
        let rows = rows.filter(|rows| rows.iter().all(|row| self.wants(row))).ok_or(NotAnswered)?;
        if rows.is_empty() {
            return Ok((rows, None));
        }
        self.offset += rows.len();
        let total = page.total_count.ok_or(NotAnswered)?;
        let next = (self.offset < total).then_some(self);
        Ok((rows, next))
    }

    fn wants(&self, row: &Row) -> bool {
        match &self.wanted {
            Wanted::References(references) => references.contains(&row.reference),
            Wanted::Children(parents, status) => {
                parents.contains(&row.parent) && status.is_none_or(|status| row.status == status)
            }
            Wanted::Family(id) => [Some(&row.id), Some(&row.parent), row.queued_with.as_ref()].contains(&Some(id)),
        }
    }
}

impl Row {
    fn read(raw: &RawValue, whole: bool) -> Option<Self> {
        let columns: Columns<'_> = serde_json::from_str(raw.get()).ok()?;
        let meta_data = columns.meta_data.and_then(|meta| serde_json::from_str::<MetaData>(meta.get()).ok());
        let units = columns.precise_amount.get();
        let digits = units.strip_prefix('-').unwrap_or(units);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && !columns.transaction_id.is_empty()).then(|| Self {
            id: columns.transaction_id,
            parent: columns.parent_transaction,
            reference: columns.reference,
            currency: columns.currency,
            status: columns.status,
            units: units.to_owned(),
            queued_with: meta_data.and_then(|meta| meta.queued_with),
            json: whole.then(|| raw.get().to_owned()),
        })
    }

    /// Whether it waits to be carried out: what became of it is another row, `{reference}_q`.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        matches!(self.status.as_str(), "QUEUED" | "SCHEDULED")
    }

    /// Whether it is a refund of another row.
    #[must_use]
    pub fn is_refund(&self) -> bool {
        let own = self.reference.strip_suffix("_refund").is_some_and(|refunded| refunded == self.parent);
        own || self.reference.starts_with("txn_") && self.reference.ends_with("_refund_q")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(references: &[&str]) -> Question {
        let references: Vec<String> = references.iter().map(|&reference| reference.to_owned()).collect();
        Question::references(&references).next().unwrap()
    }

    fn row(reference: &str) -> String {
        format!(
            r#"{{"precise_amount":1000,"amount":1e1,"transaction_id":"txn_{reference}","parent_transaction":"","reference":"{reference}","currency":"USD","status":"APPLIED","meta_data":{{"QUEUED_PARENT_TRANSACTION":"txn_0","x":1}}}}"#
        )
    }

    fn page(rows: &[String], total: usize) -> Vec<u8> {
        format!(r#"{{"data":[{}],"total_count":{total}}}"#, rows.join(",")).into_bytes()
    }

    #[test]
    fn a_question_names_every_value_and_orders_the_pages() {
        assert_eq!(
            question(&["a/\"b"]).body(),
            r#"{"filters":[{"field":"reference","operator":"in","values":["a/\"b"]}],"logical_operator":"and","sort_by":"reference","sort_order":"asc","limit":100,"offset":0,"include_count":true}"#
        );
        let family = Question::of(Wanted::Family("txn_1".to_owned())).body();
        assert!(family.contains(r#""logical_operator":"or""#) && family.matches("\"txn_1\"").count() == 3, "{family}");
        let voids = Question::children(&["txn_1".to_owned()], Some("VOID")).next().unwrap().body();
        assert!(voids.contains(r#"{"field":"status","operator":"eq","value":"VOID"}"#), "{voids}");
    }

    #[test]
    fn many_values_are_asked_for_in_several_questions() {
        let references: Vec<String> = (0..2_500).map(|number| number.to_string()).collect();
        assert_eq!(Question::references(&references).count(), 3);
        assert_eq!(Question::references(&[]).count(), 0);
    }

    #[test]
    fn pages_follow_each_other_until_all_rows_are_there() {
        let (rows, next) = question(&["a", "b"]).answered(200, Some(&page(&[row("a")], 2))).unwrap();
        assert_eq!((rows[0].id.as_str(), rows[0].units.as_str()), ("txn_a", "1000"));
        assert_eq!((rows[0].queued_with.as_deref(), &rows[0].json), (Some("txn_0"), &None));
        let next = next.unwrap();
        assert!(next.body().contains("\"offset\":1"));
        let (rows, next) = next.answered(200, Some(&page(&[row("b")], 2))).unwrap();
        assert!(rows.len() == 1 && next.is_none());
        let (rows, next) = question(&["a"]).answered(200, Some(br#"{"data":[]}"#)).unwrap();
        assert!(rows.is_empty() && next.is_none());
    }

    #[test]
    fn a_row_is_kept_as_core_wrote_it_only_where_that_is_asked_for() {
        let (rows, _) = Question::whole("a".to_owned()).answered(200, Some(&page(&[row("a")], 1))).unwrap();
        assert_eq!(rows[0].json, Some(row("a")));
    }

    #[test]
    fn an_amount_below_zero_is_one_too() {
        let negative = row("a").replace(":1000", ":-5");
        let (rows, _) = question(&["a"]).answered(200, Some(&page(&[negative], 1))).unwrap();
        assert_eq!(rows[0].units, "-5");
    }

    #[test]
    fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
        let mut question = question(&["a"]);
        for limit in [10, 1] {
            question = question.answered(200, None).unwrap().1.unwrap();
            assert!(question.body().contains(&format!("\"limit\":{limit},")));
        }
        assert_eq!(question.answered(200, None).unwrap_err(), NotAnswered);
    }

    #[test]
    fn only_core_s_own_word_counts() {
        let good = String::from_utf8(page(&[row("a")], 1)).unwrap();
        for (status, body) in [
            (500, good.clone()),
            (401, good.clone()),
            (404, r#"{"data":[]}"#.to_owned()),
            (302, r#"{"data":[]}"#.to_owned()),
            (200, "[]".to_owned()),
            (200, "{}".to_owned()),
            (200, "<html>".to_owned()),
            (200, String::new()),
            (200, good.replace("\"total_count\":1", "\"x\":1")),
            (200, good.replace("\"reference\":\"a\"", "\"reference\":\"A\"")),
            (200, good.replace("\"txn_a\"", "\"\"")),
            (200, good.replace(":1000", ":\"1000\"")),
            (200, good.replace(":1000", ":null")),
        ] {
            assert_eq!(
                question(&["a"]).answered(status, Some(body.as_bytes())).unwrap_err(),
                NotAnswered,
                "{status} {body}"
            );
        }
        assert!(question(&["a"]).answered(200, Some(good.as_bytes())).is_ok());
    }

    #[test]
    fn a_refund_is_known_by_what_it_refunds() {
        let with = |reference: &str, parent: &str| {
            let json =
                row(reference).replace("\"parent_transaction\":\"\"", &format!("\"parent_transaction\":\"{parent}\""));
            Row::read(&RawValue::from_string(json).unwrap(), false).unwrap()
        };
        assert!(with("txn_1_refund", "txn_1").is_refund());
        assert!(with("txn_1_refund_q", "txn_2").is_refund());
        assert!(!with("order_refund", "txn_1").is_refund());
        assert!(!with("order_refund_q", "txn_1").is_refund());
    }
}
