//! The management surface over the records: `/admin/…`.
//!
//! [`handle`] takes one request, already authenticated ([`access`]), and answers it from the [`Store`]: it reads,
//! checks and writes, and does no other I/O. What is left for the edge is in its answer: records to publish, a Core to
//! look at. [`routes`] is the table of paths; [`body`] and [`query`] read what was sent, every fault at once.

pub mod access;
mod api_keys;
pub mod body;
pub mod check;
mod context;
mod instances;
mod message;
mod oauth_clients;
pub mod query;
mod reseal;
pub mod routes;
mod trail;
mod values;
mod view;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::Method;
use crate::json::Writer;
use crate::json::write::list as json_list;
use crate::oauth::Endpoint;
use crate::registry::InstanceRecord;
use crate::registry::Kind;
use crate::store::audit::Line;
use crate::store::{Filter, Store};

pub use context::{AdminContext, Failure};
pub use message::RegistryResponse;
pub use view::RecordView;

use api_keys::Revocation;
use query::Listed;
use routes::{Operation, Route};

/// The largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1_024;

/// One request, as it crosses from the Worker to the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryRequest {
    /// The method's name.
    pub method: String,
    /// The path, as it arrived.
    pub path: String,
    /// What follows the `?`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The body; empty where there was none.
    pub body: String,
    /// The administrator's name.
    pub actor: String,
    /// The request's id, for the body of an error.
    pub request_id: String,
}

impl RegistryRequest {
    /// The request as it crosses.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`RegistryRequest::to_json`] wrote.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Handled {
    /// What to answer.
    pub answer: Content,
    /// The records that were changed, to be published.
    pub changed: Vec<(Kind, String)>,
}

/// What to answer.
#[derive(Debug)]
pub enum Content {
    /// A record. Its body says whether it is published, so it is made when that is known.
    Record(RecordView),
    /// This text, with 200.
    Text(String),
    /// The same, of lines that are JSON each.
    Lines(String),
    /// The same, after which lines of the audit trail may be pruned.
    Exported(String),
    /// What [`check::judge`] says of this instance, once its Core was looked at.
    Check(Box<InstanceRecord>),
}

/// Answers a request.
///
/// # Errors
/// Any error of the surface; nothing was changed then, unless it is [`Error::AdminUnavailable`] on a reseal, which goes
/// record by record.
pub fn handle<S: Store>(ask: &RegistryRequest, context: &mut AdminContext<'_, S>) -> Result<Handled, Failure> {
    // The one thing that is not an administrator's to ask: the Worker asks it for a client.
    if ask.path == Endpoint::Revocation.path() {
        return oauth_clients::revoke_token(context, &ask.body);
    }
    let route = Route::of(&ask.path).ok_or(Error::AdminNotFound)?;
    let action = route.action(Method::parse(&ask.method))?;
    let (id, body, query) = (route.id, ask.body.as_str(), ask.query.as_deref());
    let listed = match action {
        Operation::ListInstances => Some(Listed::Records(instances::LISTED)),
        Operation::ListKeys => Some(Listed::Records(api_keys::LISTED)),
        Operation::ListClients => Some(Listed::Records(oauth_clients::LISTED)),
        Operation::Audit => Some(Listed::Audit),
        _ => None,
    };
    if let Some(listed) = listed {
        let filter = query::filter(query, listed)?;
        return list(action, &filter, context).map(text);
    }
    if action == Operation::Export {
        return trail::export(context, query);
    }
    query::none(query)?;
    match action {
        Operation::CreateInstance => instances::create(context, body),
        Operation::ShowInstance => context.show(Kind::Instance, id),
        Operation::ChangeInstance => instances::change(context, id, body),
        Operation::DeleteInstance => instances::delete(context, id),
        Operation::CheckInstance => instances::to_check(context, id),
        Operation::Reseal => reseal::reseal(context),
        Operation::CreateKey => api_keys::create(context, body),
        Operation::ShowKey => context.show(Kind::ApiKey, id),
        Operation::ChangeKey => api_keys::change(context, id, body),
        Operation::DeleteKey => api_keys::end(context, id, Revocation::Deleted),
        Operation::RevokeKey => api_keys::end(context, id, Revocation::Revoked),
        Operation::RotateKey => api_keys::rotate(context, id, body),
        Operation::CreateClient => oauth_clients::create(context, body),
        Operation::ShowClient => context.show(Kind::OauthClient, id),
        Operation::ChangeClient => oauth_clients::change(context, id, body),
        Operation::DeleteClient => oauth_clients::delete(context, id),
        Operation::RotateClient => oauth_clients::rotate(context, id, body),
        Operation::ConfirmExport => trail::confirm(context, body),
        Operation::ListInstances
        | Operation::ListKeys
        | Operation::ListClients
        | Operation::Audit
        | Operation::Export => Err(Error::Internal.into()),
    }
}

fn list<S: Store>(action: Operation, filter: &Filter, context: &AdminContext<'_, S>) -> Result<String, Failure> {
    let asked = filter.limit.saturating_add(1);
    if action == Operation::Audit {
        let lines = context.store.audit(filter.before, asked)?;
        let (lines, cursor) = query::page(lines.into_iter().map(|line| (line.seq, line)).collect(), filter.limit);
        return Ok(page(lines.iter().map(Line::to_json).collect(), cursor.as_deref()));
    }
    let kind = match action {
        Operation::ListKeys => Kind::ApiKey,
        Operation::ListClients => Kind::OauthClient,
        _ => Kind::Instance,
    };
    let rows = context.store.rows(kind, &Filter { limit: asked, ..filter.clone() })?;
    let (rows, cursor) = query::page(rows, filter.limit);
    let shown: Vec<String> = rows.into_iter().map(|row| RecordView::row(row).body()).collect::<Result<_, _>>()?;
    Ok(page(shown, cursor.as_deref()))
}

fn page(data: Vec<String>, cursor: Option<&str>) -> String {
    Writer::new().raw("data", &json_list(data)).text_or_null("cursor", cursor).end()
}

fn text(body: String) -> Handled {
    Handled { answer: Content::Text(body), changed: Vec::new() }
}
