//! A registry with one administrator, asked as the edge asks it.

use blnk_edge::admin::routes::Route;
use blnk_edge::admin::{AdminContext, AdminRequest, Content, Failure, Handled, RegistryRequest, handle};
use blnk_edge::clock::Timestamp;
use blnk_edge::error::Error;
use blnk_edge::http::Method;
use blnk_edge::registry::seal::{Sealer, SealingKey};
use blnk_edge::registry::{CredentialRecord, InstanceRecord, TokenRevocation};
use blnk_edge::store::Store;
use serde_json::{Value, json};

use crate::memory::Memory;
use blnk_edge::registry::Kind;

/// 2026-11-21T00:00:00.000Z.
pub const START: u64 = 1_795_219_200_000;

pub struct TestRegistry {
    pub store: Memory,
    pub sealer: Sealer,
    pub allow_insecure_core: bool,
    pub now: Timestamp,
    pub actor: &'static str,
    random: u8,
}

pub fn sealing_key(letter: char) -> SealingKey {
    // 43 base64 digits and the padding are 32 bytes; the last digit's low bits must be zero.
    SealingKey::from_base64(&format!("{}A=", letter.to_string().repeat(42))).unwrap()
}

impl TestRegistry {
    pub fn new() -> Self {
        Self {
            store: Memory::default(),
            sealer: Sealer::new(sealing_key('A'), None),
            allow_insecure_core: false,
            now: Timestamp::from_millis(START),
            actor: "ops",
            random: 0,
        }
    }

    pub fn handle(&mut self, method: &str, target: &str, body: &str) -> Result<Handled, Failure> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let path = format!("/admin{path}");
        let route = Route::of(&path).ok_or(Error::AdminNotFound)?;
        self.carry_out(&RegistryRequest::Admin(AdminRequest {
            request_id: "r1".to_owned(),
            actor: self.actor.to_owned(),
            operation: route.operation(Method::parse(method))?,
            id: route.id.to_owned(),
            query: query.map(str::to_owned),
            body: body.to_owned(),
        }))
    }

    /// Revokes a token as the Worker asks for it, and gives the record that it gets back.
    pub fn revoke(&mut self, revocation: TokenRevocation) -> CredentialRecord {
        match self.carry_out(&RegistryRequest::RevokeToken(revocation)).unwrap().answer {
            Content::Text(record) => CredentialRecord::from_json(&record).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn carry_out(&mut self, request: &RegistryRequest) -> Result<Handled, Failure> {
        let random = &mut self.random;
        let mut context = AdminContext {
            store: &mut self.store,
            sealer: &self.sealer,
            allow_insecure_core: self.allow_insecure_core,
            actor: &request.actor(),
            now: self.now,
            random: &mut |bytes: &mut [u8]| {
                *random = random.wrapping_add(1);
                bytes.fill(*random);
            },
        };
        handle(request, &mut context)
    }

    /// Status and body of an answer that must be a success.
    pub fn done(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.text(method, target, &body.to_string());
        (status, serde_json::from_str(&text).unwrap())
    }

    /// The same with the body as it is written.
    pub fn text(&mut self, method: &str, target: &str, body: &str) -> (u16, String) {
        match self
            .handle(method, target, body)
            .unwrap_or_else(|failure| panic!("{method} {target}: {failure:?}"))
            .answer
        {
            Content::Record(shown) => (shown.status, shown.body().unwrap()),
            Content::Text(body) | Content::Lines(body) | Content::Exported(body) => (200, body),
            Content::Check(record) => (0, record.to_json()),
        }
    }

    pub fn show(&mut self, target: &str) -> Value {
        let (status, text) = self.text("GET", target, "");
        assert_eq!(status, 200);
        serde_json::from_str(&text).unwrap()
    }

    /// The error of an answer that must not be a success, and must leave everything as it was.
    pub fn refused(&mut self, method: &str, target: &str, body: &str) -> Error {
        let before = self.store.dump();
        let failure = self.handle(method, target, body).map(|_| ()).expect_err(&format!("{method} {target} {body}"));
        assert_eq!(self.store.dump(), before, "{method} {target} {body}");
        failure.error
    }

    /// The faults of a refused body, a sentence each.
    pub fn faults(&mut self, method: &str, target: &str, body: &Value) -> Vec<String> {
        match self.refused(method, target, &body.to_string()) {
            Error::AdminInvalidRequest { fields } => {
                fields.into_iter().map(|(field, fault)| format!("{field} {fault}")).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn instance(&mut self, extra: &Value) -> Value {
        let mut body = json!({ "name": "Main", "base_url": "https://core.example.com", "core_key": "master-key" });
        merge(&mut body, extra);
        let (status, record) = self.done("POST", "/instances", &body);
        assert_eq!(status, 201);
        record
    }

    pub fn key(&mut self, extra: &Value) -> Value {
        let mut body = json!({ "name": "Checkout", "scopes": ["proxy:read"] });
        merge(&mut body, extra);
        let (status, record) = self.done("POST", "/api-keys", &body);
        assert_eq!(status, 201);
        record
    }

    /// The record as it would be published.
    pub fn stored_instance(&self, id: &str) -> InstanceRecord {
        InstanceRecord::from_json(&self.store.row(Kind::Instance, id).unwrap().unwrap().json).unwrap()
    }

    pub fn stored_key(&self, id: &str) -> CredentialRecord {
        CredentialRecord::from_json(&self.store.row(Kind::ApiKey, id).unwrap().unwrap().json).unwrap()
    }

    /// The newest line of the audit trail.
    pub fn last_line(&mut self) -> Value {
        self.show("/audit?limit=1")["data"][0].clone()
    }
}

fn merge(body: &mut Value, extra: &Value) {
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
}
