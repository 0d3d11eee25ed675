//! The management surface at the Worker: who asks is settled here, what they ask for in the registry.

use web_sys::Response;
use worker::Env;

use super::bindings;
use super::incoming::Incoming;
use super::own_body;
use super::promises::call_object;
use super::state::{Reservation, State};
use crate::admin::routes::Route;
use crate::admin::{AdminRequest, Failure, MAX_BODY_BYTES, RegistryRequest, RegistryResponse, log};
use crate::config::names;
use crate::error::Error;
use crate::http::{Method, Target};

/// The name of the one registry.
const REGISTRY_NAME: &str = "registry";
/// How long the registry is waited for, in milliseconds: longer than a check and a publication take.
const DEADLINE_MS: u32 = 25_000;

/// Answers a request to `/admin`, and writes its log line.
///
/// # Errors
/// Where the platform does not take the answer.
pub async fn serve(incoming: &Incoming, env: &Env, state: &State) -> worker::Result<Response> {
    let target = Target::split(incoming.lines().url).map_err(Error::from);
    let route = target.as_ref().ok().and_then(|target| Route::of(target.path));
    let mut actor = None;
    let answer = match ask(incoming, state, target, route, &mut actor).await {
        // What is held for the body is given back once the registry has it, and has answered.
        Ok((ask, _held)) => match call_registry(env, &ask).await {
            Ok(answer) => answer,
            Err(detail) => RegistryResponse::failed(&Failure::unavailable(detail), &incoming.request_id),
        },
        Err(failure) => RegistryResponse::failed(&failure, &incoming.request_id),
    };
    let line = log::complete(incoming.line(), actor.as_deref(), route, &answer).to_json();
    let extra = answer.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let response = own_body::respond(incoming, answer.status, answer.body, extra).await;
    bindings::log_line(&line);
    response
}

/// What the registry is to be asked: settles who asks, whether there is such a route, and reads the body.
async fn ask(
    incoming: &Incoming,
    state: &State,
    target: Result<Target<'_>, Error>,
    route: Option<Route<'_>>,
    actor: &mut Option<String>,
) -> Result<(RegistryRequest, Reservation), Failure> {
    let lines = incoming.lines();
    let target = target?;
    let name = state.config.admin.authenticate(target.host, lines.head().authorization)?.to_owned();
    *actor = Some(name.clone());
    let route = route.ok_or(Error::AdminNotFound)?;
    let operation = route.operation(Method::parse(lines.method))?;
    let (bytes, held) = own_body::read(incoming, "/admin", &name, MAX_BODY_BYTES, state).await?;
    let body = String::from_utf8(bytes)?;
    let query = target.query.map(str::to_owned);
    let (request_id, id) = (incoming.request_id.clone(), route.id.to_owned());
    let request = AdminRequest { request_id, actor: name, operation, id, query, body };
    Ok((RegistryRequest::Admin(request), held))
}

/// Asks the registry; a sentence for the log where it does not answer.
pub async fn call_registry(env: &Env, ask: &RegistryRequest) -> Result<RegistryResponse, String> {
    let called = call_object(env, names::REGISTRY, REGISTRY_NAME, &ask.to_json(), DEADLINE_MS).await?;
    let (status, text) = called.ok_or_else(|| format!("the registry did not answer within {DEADLINE_MS} ms"))?;
    RegistryResponse::from_json(&text).ok_or_else(|| format!("the registry answered {status}"))
}
