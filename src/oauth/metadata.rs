//! What this authorization server supports (RFC 8414).

use serde::Serialize;
use strum::VariantArray;

use super::Endpoint;
use crate::http::Target;
use crate::registry::Scope;

/// Authorization server metadata (section 2), as far as it says anything of this one.
#[derive(Serialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    scopes_supported: Vec<&'static str>,
    /// Required by section 2, though there is no authorization endpoint that could have one. Section 3.2 would have an
    /// empty list left out, but readers that follow section 2 refuse a document without it.
    response_types_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: &'static [&'static str],
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
}

/// The metadata document for a request. The issuer is the origin at which it was asked for, as section 3.3 wants: a
/// Worker answers at several (a domain of its own, its `workers.dev` name), and each of these origins is valid. `None`
/// where the host is written in any way that an origin cannot have.
#[must_use]
pub fn document(target: &Target<'_>) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if target.host.is_empty() || !target.host.bytes().all(plain) {
        return None;
    }
    let issuer = format!("{}://{}", if target.https { "https" } else { "http" }, target.host);
    let methods = &["client_secret_basic", "client_secret_post"];
    let metadata = Metadata {
        token_endpoint: [&issuer, Endpoint::Token.path()].concat(),
        revocation_endpoint: [&issuer, Endpoint::Revocation.path()].concat(),
        issuer,
        scopes_supported: Scope::VARIANTS.iter().map(|scope| scope.as_str()).collect(),
        response_types_supported: &[],
        grant_types_supported: &["client_credentials"],
        token_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_methods_supported: methods,
    };
    // Texts cannot fail to serialise.
    Some(serde_json::to_string(&metadata).unwrap_or_default())
}
