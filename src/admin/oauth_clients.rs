//! OAuth clients: made, changed, disabled, rotated and deleted; and the tokens that they give back.

use super::api_keys::{Reach, check_default, rotated};
use super::body::{Faults, Fields};
use super::context::{AdminContext, Failure, ManagedRecord, answer};
use super::view::{previous_until, put_time, view_access};
use super::{Content, Handled, RecordView, values};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::json::Writer;
use crate::oauth::revocation::Revocation;
use crate::registry::Kind;
use crate::registry::{
    CredentialKind, CredentialRecord, CredentialStatus, RECORD_VERSION, RecordError, StoredSecret, TokenRules,
    TokenTtl, Workspace,
};
use crate::store::Store;
use crate::store::audit::AuditAction;
use crate::token::{new_client_secret, new_credential_id};

/// The statuses that a listed client can have.
pub(super) const LISTED: &[&str] = &["active", "disabled"];

pub(super) fn create<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let name = fields.required("name", values::name, &mut faults);
    let scopes = fields.required("scopes", values::scopes, &mut faults);
    let sent_workspace = fields.has("workspace");
    let workspace = fields.optional("workspace", values::workspace, &mut faults);
    let reach = Reach::take(&mut fields, &mut faults);
    let ttl = fields.optional("token_ttl_seconds", values::token_ttl, &mut faults);
    // Without its workspace, what a client may name cannot be judged.
    if workspace.is_some() || !sent_workspace {
        reach.check(context, &workspace.clone().unwrap_or_default(), &mut faults)?;
    }
    let (instances, default_instance) = (reach.instances.over(None), reach.default_instance.over(None));
    check_default(instances.as_deref(), default_instance.as_ref(), &mut faults);
    fields.finish(&["id", "client_id", "status"], &mut faults);
    faults.check()?;
    let (Some(name), Some(scopes)) = (name, scopes) else { return Err(Error::Internal.into()) };
    let id = new_credential_id(context.random());
    let (secret, sha256) = new_client_secret(context.random());
    let record = Client(CredentialRecord {
        v: RECORD_VERSION,
        kind: CredentialKind::OauthClient,
        id,
        name,
        workspace: workspace.unwrap_or_default(),
        secrets: vec![StoredSecret { sha256, until: None }],
        scopes,
        instances,
        default_instance,
        status: CredentialStatus::Active,
        not_after: None,
        tokens: Some(TokenRules::new(ttl.unwrap_or(TokenTtl::DEFAULT))),
        revision: 1,
    });
    let row = context.create(&record, &["client_secret"])?;
    let changed = vec![(row.kind, row.id.clone())];
    Ok(Handled { answer: Content::Record(RecordView { status: 201, row, key: Some(secret) }), changed })
}

pub(super) fn change<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut client) = context.load(Kind::OauthClient, id, Client::from_json)?;
    client.must_not_be_deleted()?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let name = fields.optional("name", values::name, &mut faults);
    let scopes = fields.optional("scopes", values::scopes, &mut faults);
    let reach = Reach::take(&mut fields, &mut faults);
    let ttl = fields.optional("token_ttl_seconds", values::token_ttl, &mut faults);
    let status = fields.optional("status", values::client_status, &mut faults);
    reach.check(context, &client.0.workspace, &mut faults)?;
    let record = &mut client.0;
    record.instances = reach.instances.over(record.instances.take());
    record.default_instance = reach.default_instance.over(record.default_instance.take());
    check_default(record.instances.as_deref(), record.default_instance.as_ref(), &mut faults);
    fields.finish(&["id", "client_id", "workspace"], &mut faults);
    faults.check()?;
    if let Some(name) = name {
        record.name = name;
    }
    record.scopes = scopes.unwrap_or(record.scopes);
    if let Some(ttl) = ttl {
        client.rules().ttl_seconds = ttl;
    }
    if let Some(status) = status {
        client.set_status(status, context.now);
    }
    let changed = context.update(&row, &mut client, AuditAction::Update, &[])?;
    Ok(answer(row, changed))
}

/// Gives a client a new secret. The one before it is accepted until its grace ends; its tokens are as good as before.
pub(super) fn rotate<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut client) = context.load(Kind::OauthClient, id, Client::from_json)?;
    client.must_not_be_deleted()?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let grace = fields.optional("grace_seconds", values::grace_seconds, &mut faults).unwrap_or(0);
    fields.finish(&[], &mut faults);
    faults.check()?;
    let (secret, sha256) = new_client_secret(context.random());
    client.0.secrets = rotated(&client.0.secrets, sha256, grace, context.now);
    let changed = context.update(&row, &mut client, AuditAction::Rotate, &["client_secret"])?;
    let mut handled = answer(row, changed);
    if let Content::Record(shown) = &mut handled.answer {
        shown.key = Some(secret);
    }
    Ok(handled)
}

/// Deletes a client for good. Again it changes nothing.
pub(super) fn delete<S: Store>(context: &mut AdminContext<'_, S>, id: &str) -> Result<Handled, Failure> {
    let (row, mut client) = context.load(Kind::OauthClient, id, Client::from_json)?;
    client.set_status(CredentialStatus::Deleted, context.now);
    // What opens nothing any more need not be kept.
    client.0.secrets.clear();
    let changed = context.update(&row, &mut client, AuditAction::Delete, &[])?;
    Ok(answer(row, changed))
}

/// Revokes one token. The client showed at the Worker that it is its own; the answer is the record as it is published,
/// so that the Worker need not wait for KV. A token that is refused already changes nothing.
pub(super) fn revoke_token<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let revocation = Revocation::from_json(body).ok_or(Error::Internal)?;
    let Revocation { client: id, token, issued_at } = revocation;
    let (row, mut client) = context.load(Kind::OauthClient, &id, Client::from_json)?;
    let now = context.now;
    let rules = client.rules();
    if rules.allow(token.id, issued_at) {
        rules.revoke(token, issued_at, now);
    }
    let changed = context.update(&row, &mut client, AuditAction::RevokeToken, &[])?;
    let ids = changed.iter().map(|row| (row.kind, row.id.clone())).collect();
    Ok(Handled { answer: Content::Text(changed.unwrap_or(row).json), changed: ids })
}

/// A record that is a client's.
pub(super) struct Client(CredentialRecord);

impl Client {
    /// Reads a stored record.
    pub(super) fn from_json(json: &str) -> Result<Self, RecordError> {
        CredentialRecord::from_json(json).map(Self)
    }

    fn must_not_be_deleted(&self) -> Result<(), Failure> {
        match self.0.status {
            CredentialStatus::Deleted => Err(Failure::conflict("The client is deleted, and that is for good")),
            _ => Ok(()),
        }
    }

    fn rules(&mut self) -> &mut TokenRules {
        self.0.tokens.get_or_insert(TokenRules::new(TokenTtl::DEFAULT))
    }

    /// A client that stops being active loses its tokens. When it is active again, it loses those that were issued
    /// where nobody had heard of it yet.
    fn set_status(&mut self, status: CredentialStatus, now: Timestamp) {
        if self.0.status != status {
            self.rules().end_all(now);
        }
        self.0.status = status;
    }
}

impl ManagedRecord for Client {
    fn kind(&self) -> Kind {
        Kind::OauthClient
    }

    fn id(&self) -> &str {
        &self.0.id
    }

    fn workspace(&self) -> &Workspace {
        &self.0.workspace
    }

    fn status(&self) -> &'static str {
        self.0.status.as_str()
    }

    fn set_revision(&mut self, revision: u64) {
        self.0.revision = revision;
    }

    fn to_json(&self) -> String {
        self.0.to_json()
    }

    fn view(&self, view: &mut Writer) {
        let record = &self.0;
        let rules = record.tokens.as_ref();
        view.text("id", &record.id).text("client_id", &record.id);
        view_access(record, view);
        match rules {
            Some(rules) => view.number("token_ttl_seconds", rules.ttl_seconds.seconds().into()),
            None => view.raw("token_ttl_seconds", "null"),
        };
        // Tokens that were issued then or earlier are refused.
        put_time(view, "tokens_ended_at", rules.and_then(|rules| rules.not_before));
        // How many tokens that would still be good are refused one by one.
        view.number("revoked_tokens", rules.map_or(0, |rules| rules.revoked.len() as u64));
        put_time(view, "previous_secret_until", previous_until(record));
        view.text("status", record.status.as_str());
    }
}
