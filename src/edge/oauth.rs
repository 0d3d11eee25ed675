//! The OAuth endpoints at the Worker: the limiter is asked, the body and the client's record are read here, and a
//! revocation is handed to the registry.

use wasm_bindgen::prelude::*;
use worker::Env;

use std::rc::Rc;

use super::admin::call_registry;
use super::incoming::Incoming;
use super::kv::Reader;
use super::limiter::{self, Rate};
use super::own_body;
use super::promises::into_promise;
use super::proxy::FAILED_BEFORE;
use super::response::write_log;
use super::state::State;
use super::{bindings, now, random_bytes};
use crate::admin::RegistryRequest;
use crate::http::{Method, Target};
use crate::log::{CacheState, Line};
use crate::oauth::form::{ENCODED, Form, MAX_BODY_BYTES};
use crate::oauth::log::Trace;
use crate::oauth::{Endpoint, OAuthError, RevocationRequest, TokenRequest, grant, limit, metadata};
use crate::proxy::{Known, Need};
use crate::registry::{Cached, CredentialId, CredentialRecord, TokenRevocation};
use crate::token::Signer;

/// RFC 6749 section 5.1 asks for it beside `Cache-Control: no-store`, which every answer of ours has.
const NO_CACHE: (&str, &str) = ("Pragma", "no-cache");

/// Serves a request: gives the promise of a response.
pub fn serve(endpoint: Endpoint, incoming: Incoming, env: Env, state: Rc<State>) -> JsValue {
    into_promise(async move {
        let mut trace = Trace::default();
        let answer = answer(endpoint, &incoming, &env, &state, &mut trace).await;
        finish(endpoint, &incoming, Some(&state), answer, &trace).await
    })
    .into()
}

/// Refuses a request because the Worker is not configured.
pub fn refuse(endpoint: Endpoint, incoming: Incoming, detail: String) -> JsValue {
    let trace = Trace { detail: Some(detail), ..Trace::default() };
    let answer = Err(OAuthError::ServerError);
    into_promise(async move { finish(endpoint, &incoming, None, answer, &trace).await }).into()
}

async fn answer(
    endpoint: Endpoint,
    incoming: &Incoming,
    env: &Env,
    state: &State,
    trace: &mut Trace,
) -> Result<String, OAuthError> {
    let lines = incoming.lines();
    endpoint.check_method(Method::parse(lines.method))?;
    let signer = state.config.signer.as_ref().ok_or(OAuthError::ServerError)?;
    if endpoint == Endpoint::Metadata {
        let target = Target::split(lines.url).ok();
        return target.as_ref().and_then(metadata::document).ok_or(OAuthError::InvalidRequest("The host is not one"));
    }
    // Before the body is read: who is over the limit costs no more than this question.
    let address = incoming.request.headers().get("cf-connecting-ip").ok().flatten();
    let worker = incoming.request.headers().get("cf-worker").ok().flatten();
    if let Some(key) = limit::by_address(endpoint, address.as_deref(), worker.as_deref()) {
        check_rate(&key, state, trace).await?;
    }
    let form = form(incoming, address.as_deref(), state).await?;
    let authorization = lines.head().authorization;
    if endpoint == Endpoint::Token {
        let request = TokenRequest::read(authorization, &form)?;
        // Never from a stale record: a token outlives the outage, and a secret that was taken away meanwhile must not
        // get one.
        let record = client(request.client_id(), Reader::strict(env), state, trace).await?;
        let now = now();
        let granted = request.grant(record.as_deref(), now, random_bytes());
        trace.authenticated(request.client_id(), granted.as_ref().err());
        check_client_rate(endpoint, state, trace).await?;
        return granted.map(|claims| grant::body(&claims, signer, now));
    }
    let request = RevocationRequest::read(authorization, &form)?;
    revoke(&request, signer, env, state, trace).await?;
    // Clients ignore it (RFC 7009 section 2.2); it is there for those who read JSON from every answer.
    Ok("{}".to_owned())
}

/// Counts a request under this key.
async fn check_rate(key: &str, state: &State, trace: &mut Trace) -> Result<(), OAuthError> {
    match limiter::count(state, key).await {
        Rate::Within => Ok(()),
        Rate::UsedUp => Err(OAuthError::RateLimited),
        Rate::Unknown(warning) => {
            trace.warning = Some(warning);
            Ok(())
        }
    }
}

/// Counts a request of a client that has authenticated. No other client can use up its limit.
async fn check_client_rate(endpoint: Endpoint, state: &State, trace: &mut Trace) -> Result<(), OAuthError> {
    match trace.client.as_ref().map(|id| limit::by_client(endpoint, id)) {
        Some(key) => check_rate(&key, state, trace).await,
        None => Ok(()),
    }
}

async fn form(incoming: &Incoming, address: Option<&str>, state: &State) -> Result<Form, OAuthError> {
    let lines = incoming.lines();
    if lines.is_encoded() {
        return Err(ENCODED);
    }
    let content_type = incoming.request.headers().get("content-type").ok().flatten();
    // No client is authenticated yet: callers are told apart by their address.
    let read = own_body::read(incoming, "/oauth", address.unwrap_or_default(), MAX_BODY_BYTES, state).await;
    let (bytes, _held) = read?;
    Form::parse(content_type.as_deref(), &bytes)
}

/// The client's record: from the isolate's cache, or by one read.
async fn client(
    id: &CredentialId,
    mut reader: Reader<'_>,
    state: &State,
    trace: &mut Trace,
) -> Result<Option<Rc<CredentialRecord>>, OAuthError> {
    let credential = state.credentials.borrow_mut().look(id, now());
    let mut known = Known { credential, instance: Cached::Unknown };
    trace.cache = Some(CacheState::Hit);
    if matches!(known.credential, Cached::Unknown) || known.is_stale() && reader.is_strict() {
        let need = Need { credential: Some(id.to_string()), instance: None };
        trace.cache = Some(CacheState::Miss);
        if let Err(unreadable) = reader.read(&need, &mut known).await {
            trace.detail = Some(unreadable.0);
            return Err(OAuthError::TemporarilyUnavailable);
        }
    }
    if known.is_stale() {
        trace.cache = Some(CacheState::Stale);
        trace.detail = Some(reader.fell_back.unwrap_or_else(|| FAILED_BEFORE.to_owned()));
    }
    Ok(known.credential.record().cloned())
}

async fn revoke(
    request: &RevocationRequest,
    signer: &Signer,
    env: &Env,
    state: &State,
    trace: &mut Trace,
) -> Result<(), OAuthError> {
    let id = request.client_id();
    // From a stale one too: what can be done with it is to end tokens, and an outage is no time to refuse that.
    let record = client(id, Reader::new(env), state, trace).await?;
    let judged = request.judge(record.as_deref(), signer, now());
    trace.authenticated(id, judged.as_ref().err());
    check_client_rate(Endpoint::Revocation, state, trace).await?;
    let Some(revocation) = judged? else { return Ok(()) };
    match write(revocation, env).await {
        Ok(record) => {
            // This isolate knows it from now on; the others learn it from KV.
            state.credentials.borrow_mut().keep(id, Some(record), now());
            Ok(())
        }
        Err(detail) => {
            trace.detail = Some(detail);
            Err(OAuthError::TemporarilyUnavailable)
        }
    }
}

/// Has the registry write a revocation, and gives the client's record as it is then; a sentence for the log where it
/// fails.
async fn write(revocation: TokenRevocation, env: &Env) -> Result<CredentialRecord, String> {
    let reply = call_registry(env, &RegistryRequest::RevokeToken(revocation)).await?;
    if reply.status != 200 {
        return Err(reply.detail.unwrap_or_else(|| format!("the registry answered {}", reply.status)));
    }
    CredentialRecord::from_json(&reply.body).map_err(|error| error.to_string())
}

/// Writes the log line and gives the answer, once what is left of the request's body was read.
async fn finish(
    endpoint: Endpoint,
    incoming: &Incoming,
    state: Option<&State>,
    answer: Result<String, OAuthError>,
    trace: &Trace,
) -> Result<JsValue, JsValue> {
    let details = trace.details();
    let line = trace.complete(incoming.line(), endpoint, answer.as_ref().err().copied());
    let line = Line { detail: details.as_deref(), ..line };
    match state {
        Some(state) => write_log(state, &line, endpoint.logs_as_write()),
        None => bindings::log_line(&line.to_json()),
    }
    let (body, extra) = match answer {
        Ok(body) => (body, Vec::new()),
        Err(error) => (error.body(), error.headers()),
    };
    let extra = extra.into_iter().chain([NO_CACHE]).collect();
    Ok(own_body::respond(incoming, line.status, body, extra).await?.into())
}
