use super::*;

fn pattern(method: Method, path: &str) -> Result<&'static str, Error> {
    find(method, path).map(|route| route.pattern)
}

fn scopes(names: &[Scope]) -> Scopes {
    names.iter().copied().collect()
}

#[test]
fn the_documented_profile_has_the_25_routes() {
    assert_eq!(ROUTES.iter().filter(|route| route.is_in(Documented)).count(), 25);
    assert!(ROUTES.iter().all(|route| route.is_in(Extended)));
}

#[test]
fn no_two_rows_have_the_same_method_and_pattern() {
    for (at, route) in ROUTES.iter().enumerate() {
        let again = ROUTES.iter().skip(at + 1).find(|o| o.method == route.method && o.pattern == route.pattern);
        assert_eq!(again, None);
    }
}

#[test]
fn every_row_is_found_by_a_path_of_its_own() {
    for route in ROUTES {
        let path = route
            .pattern
            .replace(":id", "txn_1")
            .replace(":text", "a%20b")
            .replace(":entity", "ldg_1")
            .replace(":collection", "ledgers");
        assert_eq!(pattern(route.method, &path), Ok(route.pattern));
    }
}

#[test]
fn reads_are_gets_and_writes_are_not() {
    for route in ROUTES {
        assert_eq!(route.method == Get, route.needs == Read, "{}", route.pattern);
        assert_eq!(matches!(route.method, Get | Delete), route.body == Nothing, "{}", route.pattern);
    }
}

#[test]
fn only_the_two_creates_are_enriched() {
    let enriched: Vec<&str> =
        ROUTES.iter().filter(|route| matches!(route.body, Enriched(_))).map(|route| route.pattern).collect();
    assert_eq!(enriched, ["/transactions", "/transactions/bulk"]);
}

#[test]
fn a_static_segment_wins_over_a_parameter() {
    assert_eq!(pattern(Get, "/transactions/reference/lineage"), Ok("/transactions/reference/:text"));
    assert_eq!(pattern(Get, "/transactions/txn_1/lineage"), Ok("/transactions/:id/lineage"));
    assert_eq!(pattern(Get, "/balance-monitors/balances/bln_1"), Ok("/balance-monitors/balances/:id"));
}

#[test]
fn metadata_is_only_of_things_that_have_it() {
    for id in ["ldg_1", "bln_1", "txn_1", "bulk_1", "idt_1"] {
        assert_eq!(pattern(Post, &format!("/{id}/metadata")), Ok("/:entity/metadata"));
    }
    for id in ["search", "hooks", "api-keys", "ledgers", "ldg", "foo_1", "ldg_%20"] {
        assert!(pattern(Post, &format!("/{id}/metadata")).is_err(), "{id}");
    }
}

#[test]
fn only_known_collections_are_searched() {
    assert_eq!(pattern(Post, "/search/ledgers"), Ok("/search/:collection"));
    for collection in ["reindex", "metadata", "Ledgers", "_all"] {
        assert_eq!(pattern(Post, &format!("/search/{collection}")), Err(Error::RouteNotFound));
    }
}

#[test]
fn operator_routes_have_no_row() {
    for path in [
        "/api-keys",
        "/api-keys/x",
        "/hooks",
        "/hooks/x",
        "/backup",
        "/backup-s3",
        "/transactions/recover",
        "/search/reindex",
        "/balances-snapshots",
        "/metrics",
        "/mocked-account",
    ] {
        for method in [Get, Post, Put, Delete] {
            let found = pattern(method, path);
            // `GET /transactions/recover` reads a transaction of that id: in Core too, where only POST is the
            // operator's.
            let harmless = method == Get && found == Ok("/transactions/:id");
            assert!(found.is_err() || harmless, "{method:?} {path}: {found:?}");
        }
    }
}

#[test]
fn another_method_names_those_that_the_path_has() {
    assert_eq!(pattern(Delete, "/ledgers"), Err(Error::MethodNotAllowed { allow: vec![Get, Post] }));
    assert_eq!(
        pattern(Method::Other, "/identities/idt_1"),
        Err(Error::MethodNotAllowed { allow: vec![Get, Put, Delete] })
    );
    assert_eq!(pattern(Method::Patch, "/nope"), Err(Error::RouteNotFound));
}

#[test]
fn paths_that_only_resemble_a_route_are_unknown() {
    for path in
        ["/Ledgers", "/ledgers/a/b", "/ledger", "/ledgers/a.b", "/ledgers/%20", "/balances/indicator/x/currency"]
    {
        assert_eq!(pattern(Get, path), Err(Error::RouteNotFound), "{path}");
    }
    assert_eq!(pattern(Get, &format!("/ledgers/{}", "a".repeat(129))), Err(Error::RouteNotFound));
}

#[test]
fn each_scope_opens_its_own_routes() {
    let (read, write) = (find(Get, "/ledgers").unwrap(), find(Post, "/ledgers").unwrap());
    let filter = find(Post, "/ledgers/filter").unwrap();
    for (scope, opens) in [
        (scopes(&[Scope::Read]), [true, false, true]),
        (scopes(&[Scope::Write]), [false, true, true]),
        (scopes(&[Scope::All]), [true, true, true]),
        (scopes(&[]), [false, false, false]),
    ] {
        assert_eq!([read, write, filter].map(|route| route.check_scope(scope).is_ok()), opens);
    }
}
