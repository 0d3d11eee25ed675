//! What callers send, and how Core reads it.

use serde_json::{Value, json};

use super::core::{Core, Row};
use super::dice::Dice;
use crate::enrich::Shape;

/// A request, as a caller sends it.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub pattern: &'static str,
    pub path: String,
    pub shape: Option<Shape>,
    pub body: String,
}

/// What Core reads of it.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Create { items: Vec<Item>, bulk: bool, queued: bool, run_async: bool, atomic: bool, hold: bool },
    Refund { id: String, queued: bool },
    Inflight { id: String, commit: bool, queued: bool },
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub reference: String,
    pub currency: String,
    pub units: u128,
    /// The balances that it is split among, with their shares.
    pub shares: Vec<(String, u128)>,
}

impl Request {
    pub(super) fn read(wire: &Wire, body: &[u8]) -> Self {
        let id = wire.path.rsplit('/').next().unwrap().to_owned();
        let body: Value = serde_json::from_slice(body).unwrap();
        let is = |name: &str| body[name] == true;
        let queued = !is("skip_queue");
        match wire.pattern {
            "/refund-transaction/:id" => Self::Refund { id, queued },
            "/transactions/inflight/:id" => Self::Inflight { id, commit: body["status"] == "commit", queued },
            "/ledgers" => Self::Other,
            _ => {
                let list = body["transactions"].as_array().cloned();
                let bulk = list.is_some();
                let items = list.unwrap_or_else(|| vec![body.clone()]).iter().map(Item::read).collect();
                let (run_async, atomic, hold) = (is("run_async"), is("atomic"), is("inflight"));
                Self::Create { items, bulk, queued, run_async, atomic, hold }
            }
        }
    }
}

impl Item {
    fn read(item: &Value) -> Self {
        let share = |share: &Value| {
            let units = share["precise_distribution"].as_str().unwrap().parse().unwrap();
            (share["identifier"].as_str().unwrap().to_owned(), units)
        };
        Self {
            reference: item["reference"].as_str().unwrap().to_owned(),
            currency: item["currency"].as_str().unwrap().to_owned(),
            units: u128::from(item["amount"].as_u64().unwrap()) * 100,
            shares: item["destinations"].as_array().into_iter().flatten().map(share).collect(),
        }
    }
}

/// A few keys' requests that get in each other's way: the same but for whether they are queued.
pub(super) fn requests(dice: &mut Dice, core: &mut Core) -> Vec<Wire> {
    let keys = 2 + dice.up_to(2);
    let kind = dice.roll(9);
    let create = create(dice);
    let id = if matches!(kind, 5 | 6 | 8) { stored(dice, core, kind == 6) } else { String::new() };
    let void = dice.one_in(3);
    let first_skips = dice.one_in(2);
    let request = |key: usize| {
        let skip_queue = key.is_multiple_of(2) == first_skips;
        match kind {
            5 | 8 => Wire::other(
                "/refund-transaction/:id",
                &format!("/refund-transaction/{id}"),
                &json!({"skip_queue": skip_queue}),
            ),
            6 => {
                let status = if void { "void" } else { "commit" };
                let body = json!({"status": status, "skip_queue": skip_queue});
                Wire::other("/transactions/inflight/:id", &format!("/transactions/inflight/{id}"), &body)
            }
            7 if void => Wire::other("/ledgers", "/ledgers", &json!({"name": "x"})),
            _ => {
                let mut body = create.clone();
                body["skip_queue"] = skip_queue.into();
                Wire::create(&body)
            }
        }
    };
    (0..keys).map(request).collect()
}

/// A request that has nothing to do with the others, which a caller sends with a key that was used.
pub(super) fn another() -> Wire {
    Wire::create(&json!({"amount": 3, "precision": 100, "currency": "USD", "skip_queue": true}))
}

impl Wire {
    fn create(body: &Value) -> Self {
        let bulk = body["transactions"].is_array();
        let path = if bulk { "/transactions/bulk" } else { "/transactions" };
        let shape = if bulk { Shape::Bulk } else { Shape::Transaction };
        Self { pattern: path, path: path.to_owned(), shape: Some(shape), body: body.to_string() }
    }

    fn other(pattern: &'static str, path: &str, body: &Value) -> Self {
        Self { pattern, path: path.to_owned(), shape: None, body: body.to_string() }
    }
}

/// A create of one transaction or a few, with references of the caller's own or without.
fn create(dice: &mut Dice) -> Value {
    let bulk = dice.one_in(2);
    let own = dice.one_in(2);
    let count = if bulk { 1 + dice.up_to(3) } else { 1 };
    let mut items: Vec<Value> = Vec::new();
    for number in 0..count {
        let own = own && (!bulk || !dice.one_in(4));
        items.push(item(dice, number, own));
    }
    let mut body = if bulk { json!({"transactions": items}) } else { items.remove(0) };
    let switch = |name: &str, on: bool, body: &mut Value| {
        if on {
            body[name] = true.into();
        }
    };
    switch("atomic", dice.one_in(3), &mut body);
    switch("inflight", dice.one_in(4), &mut body);
    switch("run_async", bulk && dice.one_in(5), &mut body);
    body
}

fn item(dice: &mut Dice, number: usize, own: bool) -> Value {
    let amount = 10 + number;
    let mut item = json!({"amount": amount, "precision": 100, "currency": "USD"});
    if own {
        item["reference"] = format!("order/{number}").into();
    }
    let units = amount * 100;
    let shares = match dice.roll(5) {
        0 | 1 => return item,
        2 => vec![units / 4, units - units / 4],
        3 => vec![units / 2, units / 4, units - units / 2 - units / 4],
        // Of four shares the second is nothing.
        _ => vec![units / 2, 0, units / 4, units - units / 2 - units / 4],
    };
    let share = |(balance, units): (usize, usize)| {
        let identifier = format!("bln_{balance}");
        json!({"identifier": identifier, "precise_distribution": units.to_string()})
    };
    item["destinations"] = shares.into_iter().enumerate().map(share).collect();
    item
}

/// What is there before anybody comes: a transaction, a queued one, one with two legs, or a batch; booked or held.
fn stored(dice: &mut Dice, core: &mut Core, hold: bool) -> String {
    let status = if hold { "INFLIGHT" } else { "APPLIED" };
    let bulk = core.id("bulk");
    let mut put = |reference: &str, status: &str, parent: &str, queued_with: &str| {
        let id = core.id("txn");
        let queued_with = if queued_with == "self" { &id } else { queued_with };
        let text = str::to_owned;
        let row = Row { id: id.clone(), parent: text(parent), queued_with: text(queued_with), ..Row::default() };
        assert!(core.insert(Row {
            reference: text(reference),
            currency: text("USD"),
            status: text(status),
            units: 500,
            ..row
        }));
        id
    };
    match dice.roll(4) {
        0 => put("old", status, "", ""),
        1 => {
            let id = put("old", "QUEUED", "", "self");
            put("old_q", status, &id, &id);
            id
        }
        2 => {
            for leg in ["old_1", "old_2"] {
                let id = put(leg, "QUEUED", "txn_old", "txn_old");
                put(&format!("{leg}_q"), status, &id, "txn_old");
            }
            "txn_old".to_owned()
        }
        _ => {
            for reference in ["old_a", "old_b", "old_c"] {
                put(reference, status, &bulk, "");
            }
            bulk
        }
    }
}
