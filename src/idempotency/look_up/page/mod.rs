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
    /// All of it, as Core wrote it, where it was asked for: rows are many, and what a caller put into them may be
    /// large.
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

    /// Reads the answer: its rows, and the next page where there is one. No body stands for one too large to be read:
    /// then smaller pages are asked for.
    ///
    /// # Errors
    /// Where it is not a page with the rows that were asked for, and no others: what is in front of Core, or a Core
    /// that does not know the filter, must not pass for its word that nothing was booked.
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
            Wanted::Family(id) => row.is_of(id),
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

    /// Whether it is the transaction or batch with this id, belongs to it, or was queued with it.
    #[must_use]
    pub fn is_of(&self, id: &str) -> bool {
        self.id == id || self.parent == id || self.queued_with.as_deref() == Some(id)
    }

    /// Whether it is a refund of another row.
    #[must_use]
    pub fn is_refund(&self) -> bool {
        let own = self.reference.strip_suffix("_refund").is_some_and(|refunded| refunded == self.parent);
        own || self.reference.starts_with("txn_") && self.reference.ends_with("_refund_q")
    }
}

#[cfg(test)]
mod tests;
