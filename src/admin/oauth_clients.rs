//! OAuth clients: what only they have, which is access tokens, and that they can be disabled.

use super::body::{Faults, Fields};
use super::context::AdminContext;
use super::failure::Failure;
use super::handled::{Content, Handled, kind_and_id};
use super::{credential, values};
use crate::clock::Timestamp;
use crate::registry::{CredentialKind, CredentialRecord, CredentialStatus, TokenRevocation, TokenRules, TokenTtl};
use crate::store::Store;
use crate::store::audit::AuditAction;

/// The statuses that a listed client can have.
pub(super) const LISTED: &[&str] = &["active", "disabled"];

pub(super) fn create<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let (mut client, reach) = credential::take_new(CredentialKind::OauthClient, context, &mut fields, &mut faults);
    let ttl = fields.optional("token_ttl_seconds", values::token_ttl, &mut faults);
    client.tokens = Some(TokenRules::new(ttl.unwrap_or(TokenTtl::DEFAULT)));
    reach.set(&mut client, context, &mut faults)?;
    fields.finish(&["id", "client_id", "status"], &mut faults);
    faults.check()?;
    credential::create(context, client)
}

pub(super) fn change<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut client) = credential::load_changeable(context, CredentialKind::OauthClient, id)?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let reach = credential::take_changes(&mut client, &mut fields, &mut faults);
    if let Some(ttl) = fields.optional("token_ttl_seconds", values::token_ttl, &mut faults) {
        rules(&mut client).ttl_seconds = ttl;
    }
    if let Some(status) = fields.optional("status", values::client_status, &mut faults) {
        set_status(&mut client, status, context.now);
    }
    reach.set(&mut client, context, &mut faults)?;
    fields.finish(&["id", "client_id", "workspace"], &mut faults);
    faults.check()?;
    let changed = context.update(&row, &mut client, AuditAction::Update, &[])?;
    Ok(Handled::updated(row, changed, None))
}

/// Deletes a client for good. Again it changes nothing.
pub(super) fn delete<S: Store>(context: &mut AdminContext<'_, S>, id: &str) -> Result<Handled, Failure> {
    let (row, mut client) = context.credential(CredentialKind::OauthClient, id)?;
    set_status(&mut client, CredentialStatus::Deleted, context.now);
    // What opens nothing any more need not be kept.
    client.secrets.clear();
    let changed = context.update(&row, &mut client, AuditAction::Delete, &[])?;
    Ok(Handled::updated(row, changed, None))
}

/// Revokes one token. The client showed at the Worker that it is its own; the answer is the record as it is published,
/// so that the Worker need not wait for KV. A token that is refused already changes nothing.
pub(super) fn revoke_token<S: Store>(
    context: &mut AdminContext<'_, S>,
    revocation: &TokenRevocation,
) -> Result<Handled, Failure> {
    let TokenRevocation { client: id, token, issued_at } = revocation;
    let (row, mut client) = context.credential(CredentialKind::OauthClient, id)?;
    let rules = rules(&mut client);
    if rules.allow(token.id, *issued_at) {
        rules.revoke(token.clone(), *issued_at, context.now);
    }
    let changed = context.update(&row, &mut client, AuditAction::RevokeToken, &[])?;
    let changed_ids = changed.iter().map(kind_and_id).collect();
    Ok(Handled { answer: Content::Text(changed.unwrap_or(row).json), changed: changed_ids })
}

fn rules(client: &mut CredentialRecord) -> &mut TokenRules {
    client.tokens.get_or_insert(TokenRules::new(TokenTtl::DEFAULT))
}

/// A client that stops being active loses its tokens. Tokens that were issued by isolates that had not seen the change
/// yet are ended too, when it is active again.
fn set_status(client: &mut CredentialRecord, status: CredentialStatus, now: Timestamp) {
    if client.status != status {
        rules(client).end_all(now);
    }
    client.status = status;
}
