use blnk_edge::http::{BodyError, Method};
use blnk_edge::oauth::Endpoint;
use blnk_edge::oauth::OAuthError::{self, InvalidRequest};
use blnk_edge::oauth::form::{Form, INCOMPLETE, MAX_BODY_BYTES, MAX_PARAMETERS, TOO_LARGE, TOO_MANY};

use crate::world::{FORM, form};

fn refused(content_type: Option<&str>, body: &[u8]) -> OAuthError {
    Form::parse(content_type, body).map(|_| ()).unwrap_err()
}

#[test]
fn section_3_2_the_endpoint_takes_post_alone() {
    for endpoint in [Endpoint::Token, Endpoint::Revocation] {
        assert_eq!(endpoint.check_method(Method::Post), Ok(()));
        for method in [Method::Get, Method::Put, Method::Patch, Method::Delete, Method::Other] {
            let error = endpoint.check_method(method).unwrap_err();
            assert_eq!((error.status(), error.headers()), (405, vec![("Allow", "POST")]));
        }
    }
}

#[test]
fn a_body_that_cannot_be_read_is_an_invalid_request_but_where_there_is_no_room() {
    assert_eq!(OAuthError::from(BodyError::TooLarge), TOO_LARGE);
    assert_eq!(OAuthError::from(BodyError::Incomplete), INCOMPLETE);
    assert_eq!(OAuthError::from(BodyError::NoRoom), OAuthError::TemporarilyUnavailable);
}

#[test]
fn section_3_2_no_other_path_is_an_endpoint() {
    for path in ["/oauth", "/oauth/", "/oauth/token/", "/oauth//token", "/OAuth/token", "/oauth/%74oken", "/token"] {
        assert_eq!(Endpoint::of(path), None, "{path}");
    }
    assert_eq!(Endpoint::of("/oauth/token"), Some(Endpoint::Token));
}

#[test]
fn section_3_2_a_repeated_parameter_is_refused_even_an_unknown_one() {
    for body in ["a=1&a=1", "scope=x&grant_type=y&scope=z", "%61=1&a=2", "a=1&a=2&a="] {
        assert_eq!(refused(FORM, body.as_bytes()), InvalidRequest("A parameter is there more than once"), "{body}");
    }
}

#[test]
fn section_3_2_a_parameter_without_a_value_counts_as_left_out() {
    for body in ["scope=", "scope", "scope=&scope=", ""] {
        assert_eq!(form(body).value("scope"), None, "{body}");
    }
    assert_eq!(form("scope=&scope=x").value("scope"), Some("x"));
}

#[test]
fn section_3_2_an_unknown_parameter_is_ignored() {
    assert_eq!(form("resource=x&scope=a&audience=y").value("scope"), Some("a"));
}

#[test]
fn appendix_b_the_form_encoding_is_undone_once() {
    let form = form("a=1+2%2B3&b=%25%32%30&c=x%3Dy=z&d=%C3%A4");
    assert_eq!(form.value("a"), Some("1 2+3"));
    assert_eq!(form.value("b"), Some("%20"));
    assert_eq!(form.value("c"), Some("x=y=z"));
    assert_eq!(form.value("d"), Some("ä"));
}

#[test]
fn appendix_b_what_is_not_utf_8_is_refused() {
    for body in [b"a=%ff".as_slice(), b"a=\xff", b"%c3=1", b"a=%c3%28"] {
        assert_eq!(refused(FORM, body), InvalidRequest("The body must be UTF-8"));
    }
}

#[test]
fn section_4_4_2_the_body_is_a_form() {
    for good in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded;charset=UTF-8"] {
        assert!(Form::parse(Some(good), b"a=1").is_ok(), "{good}");
    }
    for bad in [None, Some(""), Some("application/json"), Some("multipart/form-data; boundary=x"), Some("text/plain")] {
        let error = refused(bad, b"a=1");
        assert_eq!(error, InvalidRequest("The body must be application/x-www-form-urlencoded"), "{bad:?}");
    }
}

#[test]
fn a_body_is_read_up_to_its_bound() {
    let body = |length| [b"a=".as_slice(), &vec![b'x'; length - 2]].concat();
    assert!(Form::parse(FORM, &body(MAX_BODY_BYTES)).is_ok());
    assert_eq!(refused(FORM, &body(MAX_BODY_BYTES + 1)), TOO_LARGE);
}

/// So many parameters, each with a name of its own.
fn parameters(count: usize) -> String {
    (0..count).map(|number| format!("p{number}=x")).collect::<Vec<_>>().join("&")
}

#[test]
fn a_form_has_at_most_twenty_parameters() {
    assert_eq!(MAX_PARAMETERS, 20);
    assert_eq!(form(&parameters(20)).value("p19"), Some("x"));
    assert_eq!(refused(FORM, parameters(21).as_bytes()), TOO_MANY);
    // Names of two letters: so many that have a value fit into a body.
    let letters = || (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').map(char::from);
    let names = letters().flat_map(|first| letters().map(move |second| format!("{first}{second}=1")));
    let three_thousand = names.take(3_000).collect::<Vec<_>>().join("&");
    assert!(three_thousand.len() < MAX_BODY_BYTES);
    assert_eq!(refused(FORM, three_thousand.as_bytes()), TOO_MANY);
    assert_eq!((TOO_MANY.status(), TOO_MANY.code()), (400, "invalid_request"));
}

#[test]
fn parameters_without_a_value_or_a_name_count_too() {
    for parameter in ["scope=", "scope", "", "="] {
        let twenty = [parameter; 20].join("&");
        assert!(Form::parse(FORM, twenty.as_bytes()).is_ok(), "{parameter:?}");
        assert_eq!(refused(FORM, format!("{twenty}&{parameter}").as_bytes()), TOO_MANY, "{parameter:?}");
    }
}

#[test]
fn nothing_is_looked_at_behind_the_twenty_first_parameter() {
    // What would be refused for another reason, were it read.
    for rest in ["%ff=1", "p0=again"] {
        assert_eq!(refused(FORM, format!("{}&{rest}", parameters(20)).as_bytes()), TOO_MANY, "{rest}");
        assert_ne!(refused(FORM, format!("{}&{rest}", parameters(19)).as_bytes()), TOO_MANY, "{rest}");
    }
}
