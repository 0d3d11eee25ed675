//! One request, decided: from its head to a plan for Core, or a refusal.
//!
//! [`decide`] is the product in one function. It does no I/O: what it lacks it asks for ([`Decision::Need`]), and is
//! asked again. [`settle()`] judges the result. The order of the steps is in the types: a [`Plan`] is made
//! only of a grant, a grant only of an authenticated caller, and each only in its own step.
//!
//! In reading order: [`credentials`] (the token), [`target`] (path, query, instance), [`routes`] (the table),
//! [`authorize`] (who may do what), [`headers`] (what passes each way), [`upstream`] (what is sent, as one text),
//! [`settle`](mod@settle) (the result of it), [`inquiry`] (the state of a key).

pub mod authorize;
pub mod credentials;
pub mod headers;
pub mod inquiry;
pub mod routes;
pub mod settle;
pub mod target;
pub mod upstream;

pub use authorize::Plan;
pub use settle::{UpstreamResult, settle};
pub use upstream::{UpstreamBody, UpstreamRequest};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::{Method, Target};
use crate::idempotency::IdempotencyKey;
use crate::registry::{Cached, CredentialRecord, Instance};
use crate::token::Signer;

use authorize::authenticate;
use credentials::presented_credential;
use routes::{Body, Route};

/// What is read of a request before anything is decided. The body is no part of it.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: Method,
    /// The whole URL, as the platform gives it: not normalised.
    pub url: &'a str,
    /// The `Authorization` header; repeated values joined by commas.
    pub authorization: Option<&'a str>,
    /// The `X-Blnk-Key` header, likewise.
    pub blnk_key: Option<&'a str>,
    /// The `Idempotency-Key` header, likewise.
    pub idempotency_key: Option<&'a str>,
    /// The `Content-Type` header, likewise; of a GET it is not read, as no body of one goes up.
    pub content_type: Option<&'a str>,
}

/// Where records are looked up, without waiting: what is not at hand is unknown.
pub trait Records {
    /// The credential with this id.
    fn credential(&mut self, id: &str) -> Cached<CredentialRecord>;
    /// The instance with this id.
    fn instance(&mut self, id: &str) -> Cached<Instance>;
}

/// The records of one request, as far as they are known.
#[derive(Clone, Debug)]
pub struct Known {
    /// The credential that the token names.
    pub credential: Cached<CredentialRecord>,
    /// The instance that the request means.
    pub instance: Cached<Instance>,
}

impl Known {
    /// Whether KV failed, and a record is used as it was last read.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        matches!(self.credential, Cached::Stale(_)) || matches!(self.instance, Cached::Stale(_))
    }
}

impl Records for Known {
    fn credential(&mut self, _: &str) -> Cached<CredentialRecord> {
        self.credential.clone()
    }

    fn instance(&mut self, _: &str) -> Cached<Instance> {
        self.instance.clone()
    }
}

/// The ids of records that must be read before the next decision; those to be read together are named together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The credential to read.
    pub credential: Option<String>,
    /// The instance to read.
    pub instance: Option<String>,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Decision {
    /// Answer it with this error. Nothing was sent.
    Refuse(Error),
    /// Read these records, and decide again.
    Need(Need),
    /// Send it to Core.
    Forward(Plan),
}

/// Decides a request to `/proxy/…`.
///
/// 1. The credential is read from the headers, an access token with the keys of `signer`: 401.
/// 2. The instance id is read from the query: 400.
/// 3. The records are looked up; those that are not at hand are asked for, both at once where both ids are known.
/// 4. The caller is authenticated: 401. Only now does a missing instance id count, when the caller has no default: 400.
/// 5. The path is judged and its route found: 400, 404, 405.
/// 6. The scope is checked: 403; and then the Content-Type: 415.
/// 7. The instance is checked, and its profile: 404.
///
/// Last, as a part of step 9, the `Idempotency-Key` of a write is read: 400.
///
/// A refusal for a longer URL than any we look at (414) comes before all of them.
#[must_use]
pub fn decide(head: &Head<'_>, records: &mut impl Records, signer: Option<&Signer>, now: Timestamp) -> Decision {
    match plan(head, records, signer, now) {
        Ok(plan) => Decision::Forward(plan),
        Err(Stop::Refuse(error)) => Decision::Refuse(error),
        Err(Stop::Need(need)) => Decision::Need(need),
    }
}

enum Stop {
    Refuse(Error),
    Need(Need),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refuse(error)
    }
}

fn plan(head: &Head<'_>, records: &mut impl Records, signer: Option<&Signer>, now: Timestamp) -> Result<Plan, Stop> {
    let target = Target::split(head.url).map_err(Error::from)?;
    let path = target.core_path().ok_or(Error::RouteNotFound)?;
    let presented = presented_credential(head.authorization, head.blnk_key, signer)?; // 1
    let named = target.instance_id()?; // 2
    let credential = match records.credential(presented.credential_id()) {
        Cached::Unknown => return Err(Stop::Need(first_need(presented.credential_id(), named, records))), // 3
        Cached::Missing => None,
        Cached::Found(record) | Cached::Stale(record) => Some(record),
    };
    let caller = authenticate(&presented, credential.as_ref(), now)?; // 4
    let instance_id = named.or_else(|| caller.default_instance()).ok_or(Error::MissingInstanceId)?;
    target::check_path(path)?; // 5
    target.check_query()?;
    let route = routes::find(head.method, path)?;
    let grant = caller.permit(route)?; // 6
    if route.body != Body::Upload && head.content_type.is_some_and(headers::is_multipart) {
        return Err(Error::UnsupportedMediaType.into());
    }
    let instance = match records.instance(instance_id) {
        Cached::Unknown => return Err(Stop::Need(Need { credential: None, instance: Some(instance_id.to_owned()) })),
        Cached::Missing => None,
        Cached::Found(instance) | Cached::Stale(instance) => Some(instance),
    };
    let plan = grant.plan(instance.as_ref(), path, target.core_query(), target.https)?; // 7
    let idempotency = idempotency_key(head, route)?; // 9
    Ok(Plan { idempotency, ..plan })
}

/// The key of a write; a read can be sent again without one.
fn idempotency_key(head: &Head<'_>, route: &Route) -> Result<Option<IdempotencyKey>, Error> {
    match head.idempotency_key {
        Some(_) if route.body == Body::Upload => Err(Error::IdempotencyNotSupported),
        Some(key) if route.writes() => IdempotencyKey::parse(key).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn first_need(credential: &str, instance: Option<&str>, records: &mut impl Records) -> Need {
    let instance = instance.filter(|id| matches!(records.instance(id), Cached::Unknown));
    Need { credential: Some(credential.to_owned()), instance: instance.map(str::to_owned) }
}

/// Whether an error of ours on this request must say the outcome of a write. Where the route is not known, every method
/// that could write counts.
#[must_use]
pub fn could_write(method: Method, url: &str) -> bool {
    let route =
        Target::split(url).ok().and_then(|target| target.core_path().and_then(|path| routes::find(method, path).ok()));
    match (route, method) {
        (Some(route), _) => route.writes(),
        (None, Method::Get | Method::Other) => false,
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests;
