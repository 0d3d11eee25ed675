//! Everything that must hold for any body at all, held against the slow model.

use std::num::NonZeroU64;

use blnk_edge::enrich::{
    BodyRefusal, DefaultPrecision, Enriched, Reference, References, Rule, Shape, ZeroPrecision, asked, enrich,
};

use crate::model::{self, Given, Read, Transaction};

/// A default precision and a reference that no generated body holds, so that an addition is known on sight.
const PRECISION: u64 = 98_765_432_109_876;
const RANDOM: [u8; 16] = *b"for these tests!";
const NO_LIMIT: usize = usize::MAX / 2;

/// Every rule that an instance can have.
fn rules() -> impl Iterator<Item = Rule> {
    let precisions = [DefaultPrecision::Add(NonZeroU64::new(PRECISION).unwrap()), DefaultPrecision::Require];
    let zeros = [ZeroPrecision::Pass, ZeroPrecision::Default, ZeroPrecision::Refuse];
    precisions.into_iter().flat_map(move |default_precision| {
        zeros.into_iter().map(move |zero_precision| Rule { default_precision, zero_precision })
    })
}

/// Enriches a body in both shapes, under every rule, and fails where any promise is broken.
pub(crate) fn check(body: &[u8]) {
    for shape in [Shape::Transaction, Shape::Bulk] {
        let read = model::read(body, shape);
        // A large body is large for its nesting or its numbers; the rules change nothing about how those are read.
        for rule in rules().take(if body.len() > 5_000 { 1 } else { 6 }) {
            check_one(body, shape, rule, &read);
        }
    }
}

fn check_one(body: &[u8], shape: Shape, rule: Rule, read: &Read) {
    let done = enrich(body, shape, rule, NO_LIMIT, || RANDOM);
    let transactions = match read {
        Read::Malformed => return assert_malformed(body, shape, rule, &done),
        Read::Ambiguous => {
            return assert!(matches!(done, Err(BodyRefusal::Ambiguous { .. })), "{done:?}");
        }
        Read::Transactions(transactions) => transactions,
    };
    let refusal = transactions
        .iter()
        .find_map(|(place, transaction)| refusal(transaction, rule, (shape == Shape::Bulk).then_some(*place)));
    if let Some(refusal) = refusal {
        return assert_eq!(done, Err(refusal));
    }
    let done = done.expect("a body that the model finds right");
    assert_report(&done, transactions, shape, rule);
    assert_body(&done, body, transactions, shape, rule);
}

fn refusal(transaction: &Transaction, rule: Rule, item: Option<usize>) -> Option<BodyRefusal> {
    if transaction.zero() && rule.zero_precision == ZeroPrecision::Refuse {
        return Some(BodyRefusal::ZeroPrecision { item });
    }
    (lacks_precision(transaction, rule) && rule.default_precision == DefaultPrecision::Require)
        .then_some(BodyRefusal::PrecisionRequired { item })
}

fn lacks_precision(transaction: &Transaction, rule: Rule) -> bool {
    transaction.precision.is_none() || transaction.zero() && rule.zero_precision == ZeroPrecision::Default
}

/// A refusal names the first byte that is wrong: what is before it is right, or only cut short.
fn assert_malformed(body: &[u8], shape: Shape, rule: Rule, done: &Result<Enriched, BodyRefusal>) {
    let &Err(BodyRefusal::Malformed { offset, .. }) = done else { panic!("{done:?}") };
    match enrich(&body[..offset], shape, rule, NO_LIMIT, || RANDOM) {
        Err(BodyRefusal::Malformed { offset: before, .. }) => assert_eq!(before, offset),
        Ok(_) | Err(_) => assert!(offset < body.len()),
    }
}

fn assert_report(done: &Enriched, transactions: &[(usize, Transaction)], shape: Shape, rule: Rule) {
    let added = transactions.iter().any(|(_, transaction)| lacks_precision(transaction, rule));
    assert_eq!(done.precision_added.is_some(), added);
    let made = Reference::from_random(RANDOM);
    match (shape, &done.references) {
        (Shape::Bulk, References::Bulk(references)) => {
            let without = transactions.iter().filter(|(_, transaction)| transaction.reference == Given::Nothing);
            let expected: Vec<_> = without.map(|&(place, _)| (place, made)).collect();
            assert_eq!(references.count(), expected.len());
            assert_eq!(references.kept().collect::<Vec<_>>(), expected[..expected.len().min(1_000)]);
        }
        (Shape::Transaction, references) => {
            let transaction = &transactions[0].1;
            let expected = match &transaction.reference {
                Given::Nothing => References::Made(made),
                Given::NotText => References::Unreadable,
                Given::Text(text) => References::Given(text.clone()),
            };
            assert_eq!(references, &expected);
        }
        (Shape::Bulk, other) => panic!("{other:?}"),
    }
}

/// What is read of a completed body is what stands in it.
fn assert_asked(body: &[u8], transactions: &[(usize, Transaction)], shape: Shape) {
    let asked = asked(body, shape).expect("a completed body").transactions;
    assert_eq!(asked.len(), transactions.len());
    for (asked, (_, transaction)) in asked.iter().zip(transactions) {
        assert_eq!(asked.legs > 0, transaction.multi_leg);
        let Given::Text(text) = &transaction.reference else { continue };
        assert_eq!(asked.reference.as_ref(), Some(text));
    }
}

fn assert_body(done: &Enriched, body: &[u8], before: &[(usize, Transaction)], shape: Shape, rule: Rule) {
    let lacks =
        |transaction: &Transaction| transaction.reference == Given::Nothing || lacks_precision(transaction, rule);
    let Some(enriched) = &done.body else {
        return assert!(!before.iter().any(|(_, transaction)| lacks(transaction)));
    };
    assert_eq!(enriched.capacity(), enriched.len(), "the buffer has the exact size");
    assert_only_additions(body, enriched);

    let Read::Transactions(after) = model::read(enriched, shape) else {
        panic!("{}", String::from_utf8_lossy(enriched))
    };
    assert_eq!(after.len(), before.len());
    for ((place, before), (after_place, after)) in before.iter().zip(&after) {
        assert_eq!(place, after_place);
        let precision = lacks_precision(before, rule).then(|| PRECISION.to_string()).or(before.precision.clone());
        assert_eq!(after.precision, precision);
        let reference = match &before.reference {
            Given::Nothing => Given::Text(Reference::from_random(RANDOM).to_string()),
            given => given.clone(),
        };
        assert_eq!(after.reference, reference);
        assert_eq!(after.multi_leg, before.multi_leg);
    }
    assert_asked(enriched, &after, shape);

    let again = enrich(enriched, shape, rule, NO_LIMIT, || RANDOM).expect("an enriched body");
    assert_eq!(again.body, None, "enriching twice is enriching once");
    let limit = enriched.len().max(body.len());
    assert_eq!(enrich(body, shape, rule, limit, || RANDOM).as_ref(), Ok(done));
    let less = enrich(body, shape, rule, limit - 1, || RANDOM);
    assert_eq!(less, Err(BodyRefusal::TooLarge { limit: limit - 1 }));
}

/// Walks both bodies side by side: where they differ there is an addition, in place of nothing or of a null or zero.
fn assert_only_additions(body: &[u8], enriched: &[u8]) {
    let precision = PRECISION.to_string();
    let reference = format!("\"{}\"", Reference::from_random(RANDOM));
    let members = [format!("\"precision\":{precision}"), format!("\"reference\":{reference}")];
    let (mut left, mut right) = (body, enriched);
    loop {
        if let Some(rest) = [&precision, &reference].iter().find_map(|value| right.strip_prefix(value.as_bytes())) {
            right = rest;
            left = without_null_or_zero(left);
        } else if let Some(rest) = members.iter().filter(|_| left.starts_with(b"}")).find_map(|member| {
            let rest = right.strip_prefix(b",").unwrap_or(right);
            rest.strip_prefix(member.as_bytes())
        }) {
            right = rest;
        } else if let ([one, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
            assert_eq!(one, other, "a byte that is not ours has changed");
            (left, right) = (left_rest, right_rest);
        } else {
            return assert_eq!((left, right), (&[][..], &[][..]));
        }
    }
}

fn without_null_or_zero(body: &[u8]) -> &[u8] {
    if let Some(rest) = body.strip_prefix(b"null") {
        return rest;
    }
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let length = body.iter().position(|byte| !is_part(byte)).unwrap_or(body.len());
    let number = std::str::from_utf8(&body[..length]).unwrap();
    assert_eq!(number.parse(), Ok(0.0), "only a null or a zero gives way");
    &body[length..]
}
