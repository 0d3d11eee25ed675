use std::collections::HashMap;

use super::*;

struct Env {
    texts: HashMap<&'static str, &'static str>,
    bindings: Vec<&'static str>,
    /// Which of the texts are JSON.
    json: Vec<&'static str>,
}

impl Vars for Env {
    fn text(&self, name: &str) -> Option<String> {
        self.texts.get(name).map(|text| (*text).to_owned())
    }

    fn string(&self, name: &str) -> Option<String> {
        self.text(name).filter(|_| !self.json.contains(&name))
    }

    fn has_binding(&self, name: &str) -> bool {
        self.bindings.contains(&name)
    }
}

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn env<const N: usize>(texts: [(&'static str, &'static str); N]) -> Env {
    let mut all = HashMap::from([(names::SEALING_KEY, KEY)]);
    all.extend(texts);
    Env { texts: all, bindings: names::BINDINGS.to_vec(), json: Vec::new() }
}

fn faults(env: &Env) -> Vec<String> {
    Config::from_vars(env).unwrap_err()
}

#[test]
fn a_sealing_key_and_the_bindings_are_enough() {
    let config = Config::from_vars(&env([])).unwrap();
    assert_eq!(config.max_transaction_bytes, 5_242_880);
    assert_eq!(config.max_in_flight, 200);
    let mib = 1 << 20;
    assert_eq!(config.bodies, budget::Limits { total: 32 * mib, credential: 8 * mib, workspace: 16 * mib });
    assert_eq!(config.body_idle_ms, 10_000);
    let cache = CacheLimits { entries: 10_000, found_seconds: 30, missing_seconds: 5, stale_seconds: 300 };
    assert_eq!(config.cache, cache);
    assert!(!config.allow_insecure_core);
    assert_eq!(config.idempotency_ms, 24 * 3_600_000);
    assert_eq!(config.audit, trail::Limits { rows: 100_000, days: 400 });
}

#[test]
fn a_missing_or_short_admin_token_is_no_fault_and_lets_nobody_in() {
    for token in ["", "short"] {
        let config = Config::from_vars(&env([(names::ADMIN_TOKEN, token)])).unwrap();
        assert!(config.admin.authenticate("edge.example", Some(&format!("Bearer {token}"))).is_err());
    }
}

#[test]
fn an_admin_token_that_is_json_is_no_token() {
    const TOKEN: &str = r#"["ops=0123456789abcdef0123456789abcdef"]"#;
    let env = Env { json: vec![names::ADMIN_TOKEN], ..env([(names::ADMIN_TOKEN, TOKEN)]) };
    let config = Config::from_vars(&env).unwrap();
    assert!(config.admin.authenticate("edge.example", Some(&format!("Bearer {TOKEN}"))).is_err());
}

#[test]
fn an_administrator_is_let_in_at_the_host_that_is_set_and_at_any_where_none_is() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let bearer = format!("Bearer {TOKEN}");
    for (host, elsewhere) in [("", true), ("admin.example", false)] {
        let config = Config::from_vars(&env([(names::ADMIN_TOKEN, TOKEN), (names::ADMIN_HOST, host)])).unwrap();
        assert_eq!(config.admin.authenticate("admin.example", Some(&bearer)), Ok("admin"));
        assert_eq!(config.admin.authenticate("edge.example", Some(&bearer)).is_ok(), elsewhere);
        assert!(!format!("{config:?}").contains(TOKEN));
    }
}

#[test]
fn the_trail_has_a_size_within_bounds() {
    let config = Config::from_vars(&env([(names::AUDIT_ROWS, "1000"), (names::AUDIT_DAYS, "3650")])).unwrap();
    assert_eq!(config.audit, trail::Limits { rows: 1_000, days: 3_650 });
    let bad = env([(names::AUDIT_ROWS, "999"), (names::AUDIT_DAYS, "0")]);
    let expected = ["AUDIT_ROWS must be a number from 1000 to 1000000", "AUDIT_DAYS must be a number from 1 to 3650"];
    assert_eq!(faults(&bad), expected);
}

#[test]
fn a_key_is_remembered_for_a_number_of_hours_within_bounds() {
    for (hours, millis) in [("1", 3_600_000), ("0.5", 1_800_000), ("0.0005", 1_800), ("720", 2_592_000_000)] {
        assert_eq!(Config::from_vars(&env([(names::IDEMPOTENCY_HOURS, hours)])).unwrap().idempotency_ms, millis);
    }
    for bad in ["0", "-1", "NaN", "inf", "721", "24h", "1,5"] {
        let faults = faults(&env([(names::IDEMPOTENCY_HOURS, bad)]));
        assert_eq!(faults, ["IDEMPOTENCY_HOURS must be a number of hours from 0.0001 to 720"], "{bad}");
    }
}

#[test]
fn every_fault_is_named_at_once_and_no_value_is_shown() {
    let mut env = env([
        (names::SEALING_KEY, "c2VjcmV0LXZhbHVl"),
        (names::ALLOW_INSECURE_CORE, "yes"),
        (names::CACHE_ENTRIES, "-1"),
        (names::CACHE_STALE_SECONDS, "3601"),
        (names::MAX_TRANSACTION_BYTES, "12"),
        (names::MAX_IN_FLIGHT, "100001"),
        (names::BODY_BUDGET_BYTES, "32MB"),
        (names::BODY_SHARE_CREDENTIAL, "0"),
        (names::BODY_SHARE_WORKSPACE, "1.1"),
        (names::BODY_IDLE_SECONDS, "0.5"),
        (names::LOG, "none"),
    ]);
    env.bindings.retain(|name| *name != names::INSTANCES);
    let faults = faults(&env);
    for name in [
        names::INSTANCES,
        names::SEALING_KEY,
        names::ALLOW_INSECURE_CORE,
        names::CACHE_ENTRIES,
        names::CACHE_STALE_SECONDS,
        names::MAX_TRANSACTION_BYTES,
        names::MAX_IN_FLIGHT,
        names::BODY_BUDGET_BYTES,
        names::BODY_SHARE_CREDENTIAL,
        names::BODY_SHARE_WORKSPACE,
        names::BODY_IDLE_SECONDS,
        names::LOG,
    ] {
        assert_eq!(faults.iter().filter(|fault| fault.starts_with(&format!("{name} "))).count(), 1, "{name}");
    }
    assert_eq!(faults.len(), 12);
    assert!(faults.iter().all(|fault| !fault.contains("c2VjcmV0")));
}

#[test]
fn there_is_room_for_the_largest_body_twice() {
    let vars = [(names::BODY_BUDGET_BYTES, "10485759")];
    assert_eq!(faults(&env(vars)), ["BODY_BUDGET_BYTES must be twice MAX_TRANSACTION_BYTES or more"]);
    assert!(Config::from_vars(&env([(names::BODY_BUDGET_BYTES, "10485760")])).is_ok());
    let small = env([(names::BODY_BUDGET_BYTES, "1048576"), (names::MAX_TRANSACTION_BYTES, "65536")]);
    assert_eq!(Config::from_vars(&small).unwrap().bodies.credential, 262_144);
}

#[test]
fn an_unset_or_empty_sealing_key_is_named() {
    assert_eq!(faults(&env([(names::SEALING_KEY, "")])), ["SEALING_KEY is not set"]);
    let mut env = env([]);
    env.texts.clear();
    assert_eq!(faults(&env), ["SEALING_KEY is not set"]);
}

#[test]
fn a_broken_previous_key_is_a_fault_too() {
    assert_eq!(
        faults(&env([(names::SEALING_KEY_PREVIOUS, "AAAA")])),
        ["SEALING_KEY_PREVIOUS must be the base64 of 32 bytes"]
    );
    assert!(Config::from_vars(&env([(names::SEALING_KEY_PREVIOUS, KEY)])).is_ok());
}

#[test]
fn access_tokens_need_a_signing_key_and_nothing_else_does() {
    assert!(Config::from_vars(&env([])).unwrap().signer.is_none());
    assert!(Config::from_vars(&env([(names::SIGNING_KEY, "")])).unwrap().signer.is_none());
    assert!(Config::from_vars(&env([(names::SIGNING_KEY, KEY)])).unwrap().signer.is_some());
    assert!(Config::from_vars(&env([(names::SIGNING_KEY, KEY), (names::SIGNING_KEY_PREVIOUS, KEY)])).is_ok());
}

#[test]
fn a_broken_or_lonely_signing_key_is_a_fault() {
    assert_eq!(faults(&env([(names::SIGNING_KEY, "AAAA")])), ["SIGNING_KEY must be the base64 of 32 bytes"]);
    let broken = env([(names::SIGNING_KEY, KEY), (names::SIGNING_KEY_PREVIOUS, "AAAA")]);
    assert_eq!(faults(&broken), ["SIGNING_KEY_PREVIOUS must be the base64 of 32 bytes"]);
    let lonely = env([(names::SIGNING_KEY_PREVIOUS, KEY)]);
    assert_eq!(faults(&lonely), ["SIGNING_KEY_PREVIOUS is set without SIGNING_KEY"]);
}

#[test]
fn every_setting_is_on_the_page_on_configuration() {
    let page = include_str!("../../docs/configuration.md");
    for name in names::VARIABLES.iter().chain(&names::SECRETS) {
        assert!(page.contains(&format!("\n| `{name}` | ")), "{name} is in no table of docs/configuration.md");
    }
}

#[test]
fn every_setting_is_declared_in_the_wrangler_file_and_no_secret_is() {
    let wrangler = include_str!("../../wrangler.toml");
    for name in names::VARIABLES {
        let declared = wrangler.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{name} =")));
        assert!(declared, "{name} is not in wrangler.toml");
    }
    for name in names::BINDINGS {
        assert!(wrangler.contains(&format!("\"{name}\"")), "{name} is not bound in wrangler.toml");
    }
    for name in names::SECRETS {
        assert!(!wrangler.contains(&format!("{name} =")), "{name} is a secret");
    }
}
