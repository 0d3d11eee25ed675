use super::*;

const LIMIT: usize = 1 << 20;

fn run(body: &str, shape: Shape, rule: Rule) -> Result<Enriched, Refusal> {
    let mut next = 0_u8;
    enrich(body.as_bytes(), shape, rule, LIMIT, move || {
        next += 1;
        [next; 16]
    })
}

#[test]
fn a_missing_precision_and_reference_are_added() {
    let done = run(r#"{"amount":12.5}"#, Shape::Transaction, Rule::default()).unwrap();
    assert_eq!(
        String::from_utf8(done.body.unwrap()).unwrap(),
        r#"{"amount":12.5,"precision":100,"reference":"ref_01010101-0101-4101-8101-010101010101"}"#
    );
}
