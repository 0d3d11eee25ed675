//! The management surface over the records: `/admin/…`.
//!
//! The Worker settles who asks ([`access`]) and for what ([`routes`], the table of paths), and hands that to the
//! registry as a [`RegistryRequest`]. There [`handle`] answers it from the [`Store`]: it reads, checks and writes, and
//! does no other I/O. What is left for the edge is in what it returns: records to publish, a Core to look at.
//! [`body`] and [`query`] read what was sent, every fault at once; [`log`] records the outcome.

pub mod access;
mod api_keys;
pub mod body;
pub mod check;
mod context;
mod credential;
mod failure;
mod handled;
mod instances;
mod list;
pub mod log;
mod message;
mod oauth_clients;
pub mod query;
mod reach;
mod record;
mod reseal;
pub mod routes;
mod trail;
mod values;
mod view;

pub use context::AdminContext;
pub use failure::Failure;
pub use handled::{Content, Handled};
pub use message::{AdminRequest, RegistryRequest, RegistryResponse};
pub use view::RecordView;

use crate::registry::{CredentialKind, Kind};
use crate::store::Store;
use routes::Operation;

/// The largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1_024;

/// Carries out what the registry is asked.
///
/// # Errors
/// Any error of the surface; nothing was changed then, unless it is
/// [`AdminUnavailable`](crate::error::Error::AdminUnavailable) on a reseal, which goes record by record.
pub fn handle<S: Store>(request: &RegistryRequest, context: &mut AdminContext<'_, S>) -> Result<Handled, Failure> {
    match request {
        RegistryRequest::Admin(request) => administer(request, context),
        RegistryRequest::RevokeToken(revocation) => oauth_clients::revoke_token(context, revocation),
    }
}

fn administer<S: Store>(request: &AdminRequest, context: &mut AdminContext<'_, S>) -> Result<Handled, Failure> {
    let AdminRequest { operation, id, body, .. } = request;
    let query = request.query.as_deref();
    if !operation.has_query() {
        query::none(query)?;
    }
    match operation {
        Operation::CreateInstance => instances::create(context, body),
        Operation::ListInstances => list::records(context, Kind::Instance, instances::LISTED, query),
        Operation::ShowInstance => context.show(Kind::Instance, id),
        Operation::ChangeInstance => instances::change(context, id, body),
        Operation::DeleteInstance => instances::delete(context, id),
        Operation::CheckInstance => instances::to_check(context, id),
        Operation::Reseal => reseal::reseal(context),
        Operation::CreateKey => api_keys::create(context, body),
        Operation::ListKeys => list::records(context, Kind::ApiKey, api_keys::LISTED, query),
        Operation::ShowKey => context.show(Kind::ApiKey, id),
        Operation::ChangeKey => api_keys::change(context, id, body),
        Operation::DeleteKey => api_keys::delete(context, id),
        Operation::RevokeKey => api_keys::revoke(context, id),
        Operation::RotateKey => credential::rotate(context, CredentialKind::ApiKey, id, body),
        Operation::CreateClient => oauth_clients::create(context, body),
        Operation::ListClients => list::records(context, Kind::OauthClient, oauth_clients::LISTED, query),
        Operation::ShowClient => context.show(Kind::OauthClient, id),
        Operation::ChangeClient => oauth_clients::change(context, id, body),
        Operation::DeleteClient => oauth_clients::delete(context, id),
        Operation::RotateClient => credential::rotate(context, CredentialKind::OauthClient, id, body),
        Operation::Audit => list::audit(context, query),
        Operation::Export => trail::export(context, query),
        Operation::ConfirmExport => trail::confirm(context, body),
    }
}
