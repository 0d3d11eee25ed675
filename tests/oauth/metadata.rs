//! RFC 8414.

use blnk_edge::http::Method;
use blnk_edge::http::Target;
use blnk_edge::oauth::Endpoint;
use blnk_edge::oauth::metadata::document;
use serde_json::{Value, json};

fn at(url: &str) -> Option<Value> {
    document(&Target::split(url).unwrap()).map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn section_2_the_document_says_what_is_supported_and_nothing_more() {
    let document = at("https://edge.example/.well-known/oauth-authorization-server").unwrap();
    let expected = json!({
        "issuer": "https://edge.example",
        "token_endpoint": "https://edge.example/oauth/token",
        "revocation_endpoint": "https://edge.example/oauth/revoke",
        "scopes_supported": ["*", "proxy:read", "proxy:write"],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    });
    assert_eq!(document, expected);
}

#[test]
fn section_3_the_document_is_read_by_get_at_its_well_known_path() {
    let endpoint = Endpoint::of("/.well-known/oauth-authorization-server").unwrap();
    assert_eq!(endpoint, Endpoint::Metadata);
    assert!(endpoint.check_method(Method::Get).is_ok());
    assert_eq!(endpoint.check_method(Method::Post).unwrap_err().headers(), [("Allow", "GET")]);
    assert_eq!(Endpoint::of("/.well-known/oauth-authorization-server/tenant"), None);
    assert_eq!(Endpoint::of("/.well-known/openid-configuration"), None);
}

#[test]
fn section_3_3_the_issuer_is_the_origin_that_was_asked() {
    for origin in ["http://localhost:8787", "https://edge.example:8443", "http://[::1]:80"] {
        assert_eq!(at(&format!("{origin}/x?y=z")).unwrap()["issuer"], origin);
    }
}

#[test]
fn a_host_that_no_origin_has_is_no_issuer() {
    for host in ["", "user@edge.example", "edge.example%2f", "edge example", "a\"b", "a\\b", "a,b"] {
        assert_eq!(at(&format!("https://{host}/x")), None, "{host}");
    }
}
