//! The registry: the Durable Object that holds the truth, and publishes it.
//!
//! A change and its audit line are one transaction; the alarm that publishes it if this event is cut off is set in the
//! same turn. Only then is it put to KV, so that the answer can say whether it is there already. The alarm has a second
//! duty, the audit trail's size, and sets itself again for whichever comes first.

mod probe;
mod pruner;
mod publisher;
mod rows;
mod sql_store;

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::{DurableObject, Env, Request, Response, durable_object};

use super::bindings::log_line;
use super::now;
use super::promises::{into_promise, settled, within, words};
use super::state::State;
use crate::admin::{AdminContext, Content, Failure, Handled, RegistryRequest, RegistryResponse, handle};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::registry::Kind;
use crate::registry::publication::retry_after_ms;
use crate::store::trail::failed_line;
use crate::store::{Store, StoreError};
use pruner::Pruner;
use publisher::{Publisher, publication_line};
use sql_store::SqlStore;

/// How long an answer waits for KV, in milliseconds.
const PUBLISH_MS: u32 = 5_000;
/// How long an alarm does, before it leaves the rest to the next one.
const ALARM_MS: u32 = 30_000;
/// When the alarm publishes what a change left unpublished, should nothing else do it.
const SAFETY_MS: u64 = 10_000;
/// When pruning is tried again where it failed.
const PRUNE_AGAIN_MS: u64 = 3_600_000;
/// How many records one alarm takes on. An event may ask KV 1,000 times.
const AT_ONCE: u32 = 200;

/// The one object of its class, as the platform calls it.
///
/// The crate's macro makes a class of it that `entry.js` can call: worker-build, whose class would stand behind two
/// proxies made anew for each call, is not needed for it.
#[durable_object(alarm)]
pub struct Registry {
    state: worker::State,
    env: Env,
    publisher: OnceCell<Publisher>,
    pruner: Pruner,
    /// When the alarm is due, as far as this object knows.
    alarm_at: Cell<Option<Timestamp>>,
    /// How often publishing failed in a row.
    failures: Cell<u32>,
}

impl DurableObject for Registry {
    fn new(state: worker::State, env: Env) -> Self {
        let (publisher, alarm_at, failures) = (OnceCell::new(), Cell::default(), Cell::default());
        Self { state, env, publisher, pruner: Pruner::default(), alarm_at, failures }
    }

    /// Answers a [`RegistryRequest`] with a [`RegistryResponse`].
    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let ask = RegistryRequest::from_json(&request.text().await?).ok_or("not a request of this version")?;
        let reply = match self.answer(&ask).await {
            Ok(reply) => reply,
            Err(failure) => RegistryResponse::failed(&failure, ask.request_id()),
        };
        Response::ok(reply.to_json())
    }

    /// Publishes what is not published yet, and prunes the audit trail.
    async fn alarm(&self) -> worker::Result<Response> {
        self.alarm_at.set(None);
        if let Err(error) = self.publish_rest().await {
            log_line(&publication_line("registry", &error.to_string()));
            self.retry_later().await;
        }
        self.prune().await;
        Response::empty()
    }
}

impl Registry {
    async fn answer(&self, ask: &RegistryRequest) -> Result<RegistryResponse, Failure> {
        let state = State::of(&self.env).map_err(|faults| Error::Misconfigured { faults: faults.to_vec() })?;
        let publisher = self.publisher()?;
        let mut store = publisher.store.clone();
        let handled = handle(
            ask,
            &mut AdminContext {
                store: &mut store,
                sealer: &state.config.sealer,
                allow_insecure_core: state.config.allow_insecure_core,
                actor: &ask.actor(),
                now: now(),
                random: &mut fill,
            },
        );
        // No turn of the event loop lies between the write and this: both reach the disk together, or neither does.
        let alarm = match &handled {
            Ok(Handled { answer: Content::Exported(_), .. }) => Some(0),
            Ok(handled) => (!handled.changed.is_empty()).then_some(SAFETY_MS),
            // Resealing goes record by record: some may be written.
            Err(failure) => (failure.error == Error::AdminUnavailable).then_some(SAFETY_MS),
        };
        if let Some(millis) = alarm {
            self.alarm_within(millis).await;
        }
        let handled = handled?;
        if !handled.changed.is_empty() && !self.publish(handled.changed, PUBLISH_MS).await? {
            self.retry_later().await;
        }
        match handled.answer {
            Content::Text(body) | Content::Exported(body) => Ok(RegistryResponse::done(200, body)),
            Content::Lines(lines) => Ok(RegistryResponse::lines(lines)),
            Content::Check(record) => {
                let check = probe::check_core(&record, &state.config).await;
                Ok(RegistryResponse::done(200, check.to_json()))
            }
            Content::Record(mut shown) => {
                if let Ok(Some(stored)) = store.row(shown.row.kind, &shown.row.id) {
                    shown.row.published = stored.published;
                }
                Ok(RegistryResponse::done(shown.status, shown.body()?))
            }
        }
    }

    fn publisher(&self) -> Result<&Publisher, StoreError> {
        if let Some(publisher) = self.publisher.get() {
            return Ok(publisher);
        }
        let publisher = Publisher::new(SqlStore::open(&self.state.storage())?, self.env.clone());
        Ok(self.publisher.get_or_init(|| publisher))
    }

    /// Publishes these records; `false` where not all of them are published within the time.
    async fn publish(&self, records: Vec<(Kind, String)>, within_ms: u32) -> Result<bool, StoreError> {
        let publisher = self.publisher()?.clone();
        let work = into_promise(async move {
            publisher.publish(records).await.map(JsValue::from_bool).map_err(|error| match error {
                StoreError::Failed(why) => why.into(),
                other => other.to_string().into(),
            })
        });
        let all = settled(within(within_ms, &work)).await.map_err(StoreError::Failed)?;
        if all.is_undefined() {
            // A put that is under way goes on: one that is dropped would end unseen.
            self.state.wait_until(async move {
                if let Err(why) = settled(work).await {
                    log_line(&publication_line("registry", &StoreError::Failed(why).to_string()));
                }
            });
        }
        Ok(all.is_truthy())
    }

    /// Publishes what is not published, and sets the alarm where that leaves anything.
    async fn publish_rest(&self) -> Result<(), StoreError> {
        let store = &self.publisher()?.store;
        let records = store.unpublished(AT_ONCE)?.into_iter().map(|row| (row.kind, row.id)).collect();
        if !self.publish(records, ALARM_MS).await? {
            self.retry_later().await;
            return Ok(());
        }
        self.failures.set(0);
        if !store.unpublished(1)?.is_empty() {
            self.alarm_within(0).await;
        }
        Ok(())
    }

    /// Prunes the audit trail by a batch, and sets the alarm for the next look at it: after every change there is one,
    /// and without any each day.
    async fn prune(&self) {
        let again = match (State::of(&self.env), self.publisher()) {
            (Ok(state), Ok(publisher)) => self.pruner.prune(&mut publisher.store.clone(), state.config.audit, now()),
            (_, Err(error)) => Err(error),
            // Its requests say what is wrong; how much may go is not known.
            (Err(_), _) => Ok(Some(PRUNE_AGAIN_MS)),
        };
        let again = again.unwrap_or_else(|error| {
            log_line(&failed_line(&error.to_string()));
            Some(PRUNE_AGAIN_MS)
        });
        if let Some(millis) = again {
            self.alarm_within(millis).await;
        }
    }

    async fn retry_later(&self) {
        let failures = self.failures.get();
        self.failures.set(failures.saturating_add(1));
        self.alarm_within(retry_after_ms(failures)).await;
    }

    /// Sees to it that the alarm is due within this time. One that is due earlier stays.
    async fn alarm_within(&self, millis: u64) {
        let due = now().plus_millis(millis);
        if self.alarm_at.get().is_some_and(|set| set <= due) {
            return;
        }
        self.alarm_at.set(Some(due));
        if let Err(error) = self.state.storage().set_alarm(Duration::from_millis(millis)).await {
            self.alarm_at.set(None);
            let why = words(error);
            log_line(&publication_line("registry", &format!("the alarm cannot be set: {why}")));
        }
    }
}

fn fill(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(16) {
        let random = super::random_bytes();
        chunk.copy_from_slice(random.get(..chunk.len()).unwrap_or_default());
    }
}
