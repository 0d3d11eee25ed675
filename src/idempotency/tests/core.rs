//! The rows of Core, and its answers to `POST /transactions/filter`. The tests of the look-up use it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

/// What Core shows at the most of one page, and what it shows where more is asked for.
const MOST: usize = 100;
const OTHERWISE: usize = 20;

/// A stored transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Row {
    pub id: String,
    pub parent: String,
    pub reference: String,
    pub currency: String,
    pub status: String,
    pub units: u128,
    /// `meta_data.QUEUED_PARENT_TRANSACTION`.
    pub queued_with: String,
    /// The balance that tells one leg from another.
    pub balance: String,
    /// Whether a queued one is a hold, and whether what was booked with it is given back where it is refused.
    pub hold: bool,
    pub atomic: bool,
    /// The reference in the request, and which key sent it; none where it was booked past the keys.
    pub item: String,
    pub by: Option<usize>,
}

/// Core's store. Rows are only ever added.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Core {
    pub rows: Vec<Row>,
    by_reference: BTreeMap<String, usize>,
    ids: usize,
    /// How many questions it answered.
    pub asked: usize,
}

impl Core {
    /// An id that nothing has.
    pub fn id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_{:06}", self.ids)
    }

    /// Stores a row, unless its reference is taken.
    pub fn insert(&mut self, row: Row) -> bool {
        if self.by_reference.contains_key(&row.reference) {
            return false;
        }
        self.by_reference.insert(row.reference.clone(), self.rows.len());
        self.rows.push(row);
        true
    }

    /// Stores a row of 10.00 USD with an id of its own, and gives the id.
    pub fn add(&mut self, reference: &str, status: &str, parent: &str) -> String {
        let id = self.id("txn");
        let text = str::to_owned;
        let row = Row { id: id.clone(), parent: text(parent), reference: text(reference), ..Row::default() };
        assert!(self.insert(Row { currency: text("USD"), status: text(status), units: 1_000, ..row }), "{reference}");
        id
    }

    /// The row that was stored last.
    pub fn last(&mut self) -> &mut Row {
        self.rows.last_mut().unwrap()
    }

    pub fn get(&self, reference: &str) -> Option<&Row> {
        self.by_reference.get(reference).map(|at| &self.rows[*at])
    }

    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// A row with its outcome: itself, and the one that was made of it when its turn came.
    pub fn with_outcome<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Row> {
        let outcome = self.get(&format!("{}_q", row.reference)).filter(|outcome| outcome.parent == row.id);
        std::iter::once(row).chain(outcome)
    }

    /// The refund of a row that was not refused.
    pub fn refund_of(&self, row: &Row) -> Option<&Row> {
        self.get(&format!("{}_refund", row.id)).filter(|refund| !self.is_rejected(refund))
    }

    pub fn is_rejected(&self, row: &Row) -> bool {
        self.with_outcome(row).any(|row| row.status == "REJECTED")
    }

    /// Whether a row moves or holds its money: neither refused, nor given back, nor released.
    pub fn stands(&self, row: &Row) -> bool {
        let given_back = |row: &Row| self.refund_of(row).is_some_and(|refund| self.stands(refund));
        let released = |row: &Row| self.rows.iter().any(|child| child.parent == row.id && child.status == "VOID");
        !self.is_rejected(row)
            && !self.with_outcome(row).any(|row| given_back(row) || row.status == "INFLIGHT" && released(row))
    }

    /// Answers a question as Core does: by the filters, a page of what there is, and how much that is.
    pub fn answer(&mut self, question: &str) -> Vec<u8> {
        self.asked += 1;
        let question: Value = serde_json::from_str(question).unwrap();
        assert_eq!((&question["sort_by"], &question["sort_order"]), (&"reference".into(), &"asc".into()));
        assert_eq!(question["include_count"], true);
        let filters: Vec<Filter<'_>> = question["filters"].as_array().unwrap().iter().map(Filter::read).collect();
        let all = match question["logical_operator"].as_str().unwrap() {
            "and" => true,
            "or" => false,
            other => panic!("{other}"),
        };
        let number = |name: &str| usize::try_from(question[name].as_u64().unwrap()).unwrap();
        let (offset, limit) =
            (number("offset"), Some(number("limit")).filter(|limit| *limit <= MOST).unwrap_or(OTHERWISE));
        let meets = |row: &&Row| {
            let mut met = filters.iter().map(|filter| filter.meets(row));
            if all { met.all(|met| met) } else { met.any(|met| met) }
        };
        // In the order of their references.
        let rows: Vec<&Row> = self.by_reference.values().map(|at| &self.rows[*at]).filter(meets).collect();
        let page: Vec<String> = rows.iter().skip(offset).take(limit).map(|row| row.json()).collect();
        if page.is_empty() {
            return br#"{"data":[]}"#.to_vec();
        }
        format!(r#"{{"data":[{}],"total_count":{}}}"#, page.join(","), rows.len()).into_bytes()
    }
}

impl Row {
    /// As Core writes it.
    pub fn json(&self) -> String {
        let mut json = String::new();
        let (id, reference, currency, status) = (&self.id, &self.reference, &self.currency, &self.status);
        let _ = write!(json, r#"{{"precise_amount":{},"amount":1e1,"transaction_id":"{id}""#, self.units);
        let _ = write!(json, r#","parent_transaction":"{}","reference":{reference:?}"#, self.parent);
        let _ = write!(json, r#","currency":"{currency}","status":"{status}","precision":100"#);
        let queued_with = match self.queued_with.as_str() {
            "" => String::new(),
            id => format!(r#""QUEUED_PARENT_TRANSACTION":"{id}""#),
        };
        let _ = write!(json, r#","meta_data":{{{queued_with}}}}}"#);
        json
    }
}

/// One condition.
struct Filter<'a> {
    field: &'a str,
    values: BTreeSet<&'a str>,
}

impl<'a> Filter<'a> {
    fn read(filter: &'a Value) -> Self {
        let values = match filter["operator"].as_str().unwrap() {
            "eq" => BTreeSet::from([filter["value"].as_str().unwrap()]),
            "in" => filter["values"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect(),
            other => panic!("{other}"),
        };
        Self { field: filter["field"].as_str().unwrap(), values }
    }

    fn meets(&self, row: &Row) -> bool {
        let value = match self.field {
            "transaction_id" => &row.id,
            "parent_transaction" => &row.parent,
            "reference" => &row.reference,
            "status" => &row.status,
            "meta_data.QUEUED_PARENT_TRANSACTION" => &row.queued_with,
            other => panic!("{other}"),
        };
        self.values.contains(value.as_str())
    }
}
