//! The Durable Object `Idempotency`: one for each credential and key. It keeps the outcome of the first request with
//! the key, and itself sends to Core, so that nothing is sent that is not stored first.
//!
//! The rules are in [`crate::idempotency`]; here they are carried out. In reading order: [`Idempotency`] (a request, up
//! to what it gets), [`attempt`] (the steps of an attempt), [`prepare`] (what is sent), [`claims`] (what a key alone
//! may use, and the objects `Claims`), [`look_up`] (asking Core what there is), [`exchange`] (Core's answers),
//! [`response`] (what goes back to the Worker), [`storage`] (the one row), [`bindings`] (the calls themselves).

mod attempt;
mod bindings;
mod claims;
mod exchange;
mod look_up;
mod prepare;
mod response;
mod storage;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use web_sys::Response as PlatformResponse;
use worker::{DurableObject, Env, Error, Request, Result, durable_object};

use super::now;
use super::state::{Memory, Reservation, State};
use crate::idempotency::message::{HOLDER, KeyRequest, LENGTH, StatusRequest, WriteRequest};
use crate::idempotency::receive::{Received, UnderWay, receive};
use crate::idempotency::response::{KeyRefusal, Response};
use crate::idempotency::{Fingerprint, KeyRecord, Phase, state};

use attempt::Running;
use response::KeyResponse;
use storage::KeyStorage;

/// The object of one key, as the platform calls it. An error of it is thrown at the Worker.
#[durable_object(alarm)]
pub struct Idempotency {
    state: worker::State,
    env: Env,
    /// The attempt under way, and its number. It is dropped with the object, which is how a crash is known.
    under_way: RefCell<Option<(u64, UnderWay)>>,
    /// How many attempts this object has begun.
    attempts: Cell<u64>,
}

impl DurableObject for Idempotency {
    fn new(state: worker::State, env: Env) -> Self {
        Self { state, env, under_way: RefCell::default(), attempts: Cell::default() }
    }

    /// Does what a [`KeyRequest`] asks for.
    async fn fetch(&self, request: Request) -> Result<worker::Response> {
        self.answer(request).await.map(worker::Response::from)
    }

    /// Forgets the key once it has expired.
    async fn alarm(&self) -> Result<worker::Response> {
        let storage = self.state.storage();
        let now = now();
        // Whichever is later: an attempt may outlive the record that it will write again.
        let under_way = self.under_way().map(|under_way| under_way.until);
        let record = KeyStorage::of(&storage).record()?.map(|record| record.expires_at);
        match under_way.max(record).filter(|until| now < *until) {
            Some(until) => storage.set_alarm(Duration::from_millis(until.since(now))).await?,
            None => storage.delete_all().await?,
        }
        worker::Response::empty()
    }
}

/// A message that was read, and what is held for it.
struct Carried {
    bytes: Vec<u8>,
    /// Where the caller's body begins in it.
    begins: usize,
    held: Reservation,
}

/// Where an object works: what its isolate keeps, and whose the key is.
#[derive(Clone, Copy)]
struct Place<'a> {
    state: &'a Rc<State>,
    workspace: &'a str,
}

impl Idempotency {
    async fn answer(&self, mut request: Request) -> Result<PlatformResponse> {
        // Whatever fails here fails before anything is sent: an attempt answers for itself.
        let header = |name: &str| request.headers().get(name).ok().flatten();
        let state = State::of(&self.env).map_err(|_| Error::from("misconfigured"))?;
        let length: usize = header(LENGTH).and_then(|length| length.parse().ok()).ok_or("no length")?;
        // What the object holds is its credential's and workspace's as well, beside what the Worker holds of the same
        // request.
        let holder = header(HOLDER).ok_or("no holder")?;
        let (credential, workspace) = holder.split_once(' ').ok_or("not a holder")?;
        let Some(held) = state.hold_in_turn(Memory::KeyedBody, credential, workspace, length).await else {
            let request_id = header("x-request-id").unwrap_or_default();
            return Ok(KeyResponse::to(&request_id).refusal(&KeyRefusal::BUSY));
        };
        let bytes = request.bytes().await?;
        let (message, body) = KeyRequest::split(&bytes).ok_or("not a message")?;
        let begins = bytes.len() - body.len();
        let carried = Carried { bytes, begins, held };
        let place = Place { state: &state, workspace };
        match &message {
            KeyRequest::Write(job) => self.carry(place, job, carried).await,
            KeyRequest::Inquire(ask) => self.tell(place, ask).await,
        }
    }

    async fn carry(&self, place: Place<'_>, job: &WriteRequest, mut carried: Carried) -> Result<PlatformResponse> {
        let body = carried.bytes.get(carried.begins..).unwrap_or_default();
        let response = KeyResponse::to(&job.request_id);
        let storage = self.state.storage();
        let stored = KeyStorage::of(&storage);
        let fingerprint = Fingerprint::of(&job.instance, &job.method, &job.target, body);
        let record = stored.record()?;
        let under_way = self.under_way();
        let received = receive(record.as_ref(), under_way.as_ref(), &fingerprint, now());
        let response = if let Received::Replay(record) | Received::OutcomeUnknown(record) = received {
            response.about(record)
        } else {
            response
        };
        match (received.response(), received) {
            (Some(Response::Refused(refused)), _) => return Ok(response.refusal(&refused)),
            (Some(_), Received::Replay(KeyRecord { phase: Phase::Done { kept, booked }, .. })) => {
                return response.booked(booked.as_deref()).replay(kept, || stored.body());
            }
            (Some(_), _) => return Err("nothing to replay".into()),
            (None, _) => {}
        }
        let earlier = if let Received::Again(record) = received { Some(record.clone()) } else { None };
        match Running::carry(self, place, job, body, &mut carried.held, fingerprint, earlier) {
            Ok(running) => {
                // What goes to Core is built: the message is not needed any more.
                carried.bytes = Vec::new();
                running.run().await
            }
            Err(error) => Ok(response.refusal(&KeyRefusal::body(error))),
        }
    }

    /// Tells the state of the key; where Core may be asked, it is asked for what is not known yet.
    async fn tell(&self, place: Place<'_>, ask: &StatusRequest) -> Result<PlatformResponse> {
        let response = KeyResponse::to(&ask.request_id);
        let storage = self.state.storage();
        let record = KeyStorage::of(&storage).record()?.filter(|record| now() < record.expires_at);
        let in_flight = self.under_way().is_some_and(|under_way| now() < under_way.until);
        let Some(record) = record else {
            if in_flight {
                return response.told(&state::begun(&ask.key), false);
            }
            return Ok(response.refusal(&KeyRefusal::NOT_FOUND));
        };
        let open = state::is_open(&record) && !in_flight;
        match &ask.core {
            Some(core) if open => Running::ask(self, place, core, &ask.request_id, &ask.key, record).run().await,
            _ => response.about(&record).told(&state::body(&ask.key, &record, in_flight, None), open),
        }
    }

    /// The name under which the object claims.
    fn name(&self) -> String {
        self.state.id().to_string()
    }

    fn under_way(&self) -> Option<UnderWay> {
        self.under_way.borrow().as_ref().map(|(_, under_way)| under_way.clone())
    }

    /// Takes the object for an attempt; nothing was awaited since its state was judged.
    fn begin(&self, under_way: UnderWay) -> u64 {
        let number = self.attempts.get() + 1;
        self.attempts.set(number);
        self.under_way.replace(Some((number, under_way)));
        number
    }

    /// Whether the object is still this attempt's: one past its deadlines counts as crashed, and another may have
    /// begun.
    fn is_current(&self, number: u64) -> bool {
        self.under_way.borrow().as_ref().is_some_and(|(current, _)| *current == number)
    }

    /// Gives the object back, where it is still this attempt's.
    fn end(&self, number: u64) {
        if self.is_current(number) {
            self.under_way.replace(None);
        }
    }
}
