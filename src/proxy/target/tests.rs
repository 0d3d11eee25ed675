use super::*;
use crate::http::{MAX_URL_BYTES, UriTooLong};

fn split(url: &str) -> Target<'_> {
    Target::split(url).unwrap()
}

fn instance_id(query: &str) -> Result<Option<String>, Error> {
    let url = format!("https://edge.example/proxy/ledgers?{query}");
    split(&url).instance_id().map(|id| id.map(str::to_owned))
}

fn core_query(query: &str) -> Option<String> {
    split(&format!("https://edge.example/proxy/ledgers?{query}")).core_query()
}

#[test]
fn a_url_is_split_at_its_first_slash_and_question_mark() {
    let target = split("https://edge.example:8787/proxy/ledgers?instance_id=a?b");
    assert!(target.https);
    assert_eq!(target.host, "edge.example:8787");
    assert_eq!(target.core_path(), Some("/ledgers"));
    assert_eq!(target.query, Some("instance_id=a?b"));
    assert!(!split("http://edge.example/").https);
}

#[test]
fn only_paths_below_proxy_are_core_paths() {
    for (url, path) in [
        ("https://e/proxy/x", Some("/x")),
        ("https://e/proxy/", Some("/")),
        ("https://e/proxy", None),
        ("https://e/proxyx/y", None),
        ("https://e//proxy/x", None),
        ("https://e/Proxy/x", None),
        ("https://e/./proxy/x", None),
        ("https://e", None),
        ("https://e?/proxy/x", None),
    ] {
        assert_eq!(split(url).core_path(), path, "{url}");
    }
}

#[test]
fn a_host_header_with_a_path_in_it_is_judged_as_what_it_makes_of_the_url() {
    let target = split("http://a.com/proxy/hooks?q=/proxy/ledgers");
    assert_eq!(target.core_path(), Some("/hooks"));
    assert_eq!(target.query, Some("q=/proxy/ledgers"));
}

#[test]
fn a_url_over_the_limit_is_refused() {
    let url = format!("https://e/proxy/ledgers?{}", "a".repeat(MAX_URL_BYTES));
    assert_eq!(Target::split(&url), Err(UriTooLong));
}

#[test]
fn exactly_one_plain_instance_id_is_read() {
    assert_eq!(instance_id("instance_id=instance_1"), Ok(Some("instance_1".to_owned())));
    assert_eq!(instance_id("limit=1&instance_id=a-b_C&offset=2"), Ok(Some("a-b_C".to_owned())));
    for none in ["", "limit=1", "instance_id=", "instance_id", "Instance_id=a", "instance_id_eq=a", "xinstance_id=a"] {
        assert_eq!(instance_id(none), Ok(None), "{none}");
    }
}

#[test]
fn a_repeated_malformed_or_escaped_instance_id_is_refused() {
    let long = format!("instance_id={}", "a".repeat(65));
    for bad in [
        "instance_id=a&instance_id=a",
        "instance_id=a&instance_id=b",
        "instance_id=&instance_id=a",
        "instance_id&instance_id=a",
        "instance_id=a%62",
        "instance_id=a+b",
        "instance_id=a=b",
        "instance_id=a/b",
        "instance%5Fid=a",
        "instance%5fid=a&instance_id=b",
        "%69nstance_id=a",
        long.as_str(),
    ] {
        assert_eq!(instance_id(bad), Err(Error::InvalidInstanceId), "{bad}");
    }
}

#[test]
fn the_query_loses_the_instance_id_and_nothing_else() {
    for (query, left) in [
        ("instance_id=a", None),
        ("instance_id=a&limit=1", Some("limit=1")),
        ("limit=1&instance_id=a", Some("limit=1")),
        ("limit=1&instance_id=a&offset=2", Some("limit=1&offset=2")),
        ("&instance_id=a", Some("")),
        ("a&&instance_id=a&b", Some("a&&b")),
        ("q=%20a+b;c&x=instance_id=a", Some("q=%20a+b;c&x=instance_id=a")),
        ("", Some("")),
    ] {
        assert_eq!(core_query(query).as_deref(), left, "{query}");
    }
    assert_eq!(split("https://e/proxy/x").core_query(), None);
}

#[test]
fn plain_paths_are_allowed() {
    for path in [
        "/ledgers",
        "/balances/indicator/@World/currency/USD",
        "/transactions/reference/a:b!c$d&e'f(g)h*i+j,k;l=m~n.o-p_q",
        "/transactions/reference/a%20b%25%3F%23%C3%A9",
        "/.well/..x/x..",
    ] {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}

#[test]
fn every_other_spelling_is_refused() {
    for path in [
        "",
        "ledgers",
        "/",
        "//ledgers",
        "/ledgers/",
        "/ledgers//x",
        "/./ledgers",
        "/../hooks",
        "/ledgers/..",
        "/%2e%2e/hooks",
        "/%2E/hooks",
        "/%74ransactions",
        "/ledgers%2Fx",
        "/ledgers%2fx",
        "/a%5Cb",
        "/a\\b",
        "/a%00",
        "/a%0a",
        "/a%7F",
        "/a%7e",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a b",
        "/a\tb",
        "/a#b",
        "/é",
        "/a\"b",
        "/a<b",
        "/a|b",
        "/a^b",
        "/a`b",
        "/a{b}",
        "/a[b]",
    ] {
        assert_eq!(check_path(path), Err(Error::InvalidPath), "{path}");
    }
}

#[test]
fn a_query_of_visible_ascii_is_allowed_and_no_other() {
    let check = |query: &str| {
        let url = format!("https://e/proxy/x?{query}");
        split(&url).check_query()
    };
    assert_eq!(check("filter='a'&b=%00[]{}\"|<>\\^`"), Ok(()));
    for bad in ["a#b", "a b", "a\tb", "a\u{7f}", "é"] {
        assert_eq!(check(bad), Err(Error::InvalidPath), "{bad:?}");
    }
}

proptest::proptest! {
    /// Whatever passes is what a URL parser would leave alone, and decodes to the same number of segments.
    #[test]
    fn an_allowed_path_has_one_reading(path in "/[a-z/%.0-9A-F\\\\]{0,24}") {
        if check_path(&path).is_ok() {
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(&path).collect();
            let text = String::from_utf8_lossy(&decoded).into_owned();
            assert_eq!(text.matches('/').count(), path.matches('/').count());
            assert!(!text.contains('\\'));
            assert!(text.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | "..")), "{path}");
        }
    }
}
