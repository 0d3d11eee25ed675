//! What this authorization server supports (RFC 8414).

use super::Endpoint;
use crate::http::Target;
use crate::json::Writer;
use crate::json::write::{list, quoted};
use crate::registry::Scope;

/// The metadata document for a request. The issuer is the origin at which it was asked for, as section 3.3 wants: a
/// Worker answers at several (a domain of its own, its `workers.dev` name), and each is as good as the other. `None`
/// where the host is written in any way that an origin cannot have.
#[must_use]
pub fn document(target: &Target<'_>) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if target.host.is_empty() || !target.host.bytes().all(plain) {
        return None;
    }
    let issuer = format!("{}://{}", if target.https { "https" } else { "http" }, target.host);
    let texts = |texts: &[&str]| list(texts.iter().map(|text| quoted(text)));
    let methods = texts(&["client_secret_basic", "client_secret_post"]);
    let mut document = Writer::new();
    document.text("issuer", &issuer);
    document.text("token_endpoint", &format!("{issuer}{}", Endpoint::Token.path()));
    document.text("revocation_endpoint", &format!("{issuer}{}", Endpoint::Revocation.path()));
    document.raw("scopes_supported", &texts(&Scope::ALL.map(Scope::as_str)));
    // Required by section 2, though there is no authorization endpoint that could have one. Section 3.2 would have an
    // empty list left out, but readers that follow section 2 refuse a document without it.
    document.raw("response_types_supported", "[]");
    document.raw("grant_types_supported", &texts(&["client_credentials"]));
    document.raw("token_endpoint_auth_methods_supported", &methods);
    document.raw("revocation_endpoint_auth_methods_supported", &methods);
    Some(document.end())
}
