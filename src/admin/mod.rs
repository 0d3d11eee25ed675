//! The management surface over the records: `/admin/…`.
//!
//! [`handle`] takes one request, already authenticated ([`auth`]), and answers it from the [`Store`]: it reads, checks
//! and writes, and does no other I/O. What is left for the edge is in its answer: records to publish, a Core to look
//! at. [`routes`] is the table of paths; [`body`] and [`query`] read what was sent, every fault at once.

mod api_keys;
pub mod auth;
pub mod body;
pub mod check;
mod desk;
mod instances;
mod oauth_clients;
pub mod query;
mod reply;
mod reseal;
pub mod routes;
mod shown;
mod trail;
mod values;

use crate::error::Error;
use crate::json::write::list as json_list;
use crate::json::{Object, Writer};
use crate::oauth::Endpoint;
use crate::proxy::Method;
use crate::registry::InstanceRecord;
use crate::registry::audit::Line;
use crate::store::{Filter, Kind, Store};

pub use desk::{Desk, Failure};
pub use reply::Reply;
pub use shown::Shown;

use api_keys::Revocation;
use query::Listed;
use routes::{Action, Route};

/// The largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1_024;

/// One request, as it crosses from the Worker to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The method's name.
    pub method: String,
    /// The path, as it arrived.
    pub path: String,
    /// What follows the `?`.
    pub query: Option<String>,
    /// The body; empty where there was none.
    pub body: String,
    /// The administrator's name.
    pub actor: String,
    /// The request's id, for the body of an error.
    pub request_id: String,
}

impl Ask {
    /// The request as it crosses.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut ask = Writer::new();
        ask.text("method", &self.method).text("path", &self.path).some_text("query", self.query.as_deref());
        ask.text("body", &self.body).text("actor", &self.actor).text("request_id", &self.request_id).end()
    }

    /// Reads what [`Ask::to_json`] wrote.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let ask = Object::parse(json)?;
        Some(Self {
            method: ask.text("method")?,
            path: ask.text("path")?,
            query: ask.maybe_text("query")?,
            body: ask.text("body")?,
            actor: ask.text("actor")?,
            request_id: ask.text("request_id")?,
        })
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Handled {
    /// What to answer.
    pub answer: Answer,
    /// The records that were changed, to be published.
    pub changed: Vec<(Kind, String)>,
}

/// What to answer.
#[derive(Debug)]
pub enum Answer {
    /// A record. Its body says whether it is published, so it is made when that is known.
    Record(Shown),
    /// This text, with 200.
    Text(String),
    /// The same, of lines that are JSON each.
    Lines(String),
    /// The same, after which lines of the audit trail may be pruned.
    Exported(String),
    /// What [`check::verdict`] says of this instance, once its Core was looked at.
    Check(Box<InstanceRecord>),
}

/// Answers a request.
///
/// # Errors
/// Any error of the surface; nothing was changed then, unless it is [`Error::AdminUnavailable`] on a reseal, which goes
/// record by record.
pub fn handle<S: Store>(ask: &Ask, desk: &mut Desk<'_, S>) -> Result<Handled, Failure> {
    // The one thing that is not an administrator's to ask: the Worker asks it for a client.
    if ask.path == Endpoint::Revocation.path() {
        return oauth_clients::revoke_token(desk, &ask.body);
    }
    let route = Route::of(&ask.path).ok_or(Error::AdminNotFound)?;
    let action = route.action(Method::parse(&ask.method))?;
    let (id, body, query) = (route.id, ask.body.as_str(), ask.query.as_deref());
    let listed = match action {
        Action::ListInstances => Some(Listed::Records(instances::LISTED)),
        Action::ListKeys => Some(Listed::Records(api_keys::LISTED)),
        Action::ListClients => Some(Listed::Records(oauth_clients::LISTED)),
        Action::Audit => Some(Listed::Audit),
        _ => None,
    };
    if let Some(listed) = listed {
        let filter = query::filter(query, listed)?;
        return list(action, &filter, desk).map(text);
    }
    if action == Action::Export {
        return trail::export(desk, query);
    }
    query::none(query)?;
    match action {
        Action::CreateInstance => instances::create(desk, body),
        Action::ShowInstance => desk.show(Kind::Instance, id),
        Action::ChangeInstance => instances::change(desk, id, body),
        Action::DeleteInstance => instances::delete(desk, id),
        Action::CheckInstance => instances::to_check(desk, id),
        Action::Reseal => reseal::reseal(desk),
        Action::CreateKey => api_keys::create(desk, body),
        Action::ShowKey => desk.show(Kind::ApiKey, id),
        Action::ChangeKey => api_keys::change(desk, id, body),
        Action::DeleteKey => api_keys::end(desk, id, Revocation::Deleted),
        Action::RevokeKey => api_keys::end(desk, id, Revocation::Revoked),
        Action::RotateKey => api_keys::rotate(desk, id, body),
        Action::CreateClient => oauth_clients::create(desk, body),
        Action::ShowClient => desk.show(Kind::OauthClient, id),
        Action::ChangeClient => oauth_clients::change(desk, id, body),
        Action::DeleteClient => oauth_clients::delete(desk, id),
        Action::RotateClient => oauth_clients::rotate(desk, id, body),
        Action::ConfirmExport => trail::confirm(desk, body),
        Action::ListInstances | Action::ListKeys | Action::ListClients | Action::Audit | Action::Export => {
            Err(Error::Internal.into())
        }
    }
}

fn list<S: Store>(action: Action, filter: &Filter, desk: &Desk<'_, S>) -> Result<String, Failure> {
    let asked = filter.limit.saturating_add(1);
    if action == Action::Audit {
        let lines = desk.store.audit(filter.before, asked)?;
        let (lines, cursor) = query::page(lines.into_iter().map(|line| (line.seq, line)).collect(), filter.limit);
        return Ok(page(lines.iter().map(Line::to_json).collect(), cursor.as_deref()));
    }
    let kind = match action {
        Action::ListKeys => Kind::ApiKey,
        Action::ListClients => Kind::OauthClient,
        _ => Kind::Instance,
    };
    let rows = desk.store.rows(kind, &Filter { limit: asked, ..filter.clone() })?;
    let (rows, cursor) = query::page(rows, filter.limit);
    let shown: Vec<String> = rows.into_iter().map(|row| Shown::row(row).body()).collect::<Result<_, _>>()?;
    Ok(page(shown, cursor.as_deref()))
}

fn page(data: Vec<String>, cursor: Option<&str>) -> String {
    Writer::new().raw("data", &json_list(data)).text_or_null("cursor", cursor).end()
}

fn text(body: String) -> Handled {
    Handled { answer: Answer::Text(body), changed: Vec::new() }
}
