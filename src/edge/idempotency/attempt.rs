//! One attempt, carried out: its steps are [`Attempt`]'s.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::Response;

use super::exchange::{Answer, Sent, answer};
use super::platform::exchange;
use super::reply::Reply;
use super::storage::Row;
use super::{Keeper, Result, float};
use crate::clock::Timestamp;
use crate::edge::promises::{set_alarm, settled, sleep, thrown};
use crate::edge::state::State;
use crate::edge::{now, random_bytes};
use crate::enrich::{References, Shape, enrich};
use crate::error::{Error, Outcome};
use crate::idempotency::answer::{LookedUp, looked_up, reference_path, verdict};
use crate::idempotency::attempt::{Action, Attempt, Ending, Left};
use crate::idempotency::message::Job;
use crate::idempotency::receive::UnderWay;
use crate::idempotency::record::{KEPT_BODY_BYTES, RECORD_VERSION};
use crate::idempotency::{Create, Fingerprint, Kept, Phase, Record};
use crate::proxy::Method;
use crate::proxy::routes::{self, Body};

/// How long one look-up may take, in milliseconds.
const LOOK_UP_MS: u32 = 5_000;
/// The wait between two looks, in milliseconds.
const BETWEEN_LOOKS_MS: u32 = 1_000;
/// The most that the look-ups of one attempt take, in seconds: twice three looks at two references, and the waits.
const LOOK_UPS_SECONDS: u64 = 2 * (3 * 2 * 5 + 2) + 30;

/// An attempt under way.
pub struct Running<'a> {
    object: &'a Keeper,
    storage: JsValue,
    job: &'a Job,
    number: u64,
    attempt: Attempt,
    again: bool,
    /// What is stored of it, but for its phase.
    record: Record,
    keep_ms: u64,
    /// What goes to Core; none on a route without a body.
    body: Option<Uint8Array>,
    core_ms: Cell<Option<u64>>,
}

impl<'a> Running<'a> {
    /// Completes the body as the first request was completed, and takes the object.
    ///
    /// # Errors
    /// The refusal of a body.
    pub fn prepare(
        object: &'a Keeper,
        state: &Rc<State>,
        job: &'a Job,
        body: &[u8],
        fingerprint: Fingerprint,
        earlier: Option<Record>,
    ) -> std::result::Result<Self, Error> {
        let config = &state.config;
        let again = earlier.is_some();
        let route = routes::find(Method::parse(&job.method), job.path())?;
        let mut record = earlier.unwrap_or_else(|| Record {
            v: RECORD_VERSION,
            fingerprint,
            phase: Phase::InFlight,
            expires_at: Timestamp::default(),
            create: None,
            references: Vec::new(),
        });
        let body = match route.body {
            Body::Nothing => None,
            Body::Streamed | Body::Upload => Some(Uint8Array::from(body)),
            Body::Enriched(shape) => Some(complete(body, shape, job, config.max_transaction_bytes, &mut record)?),
        };
        let attempt = match &record.create {
            Some(create) if again => Attempt::again(create),
            create => Attempt::first(create.as_ref()),
        };
        let until = now().plus_seconds(u64::from(job.timeout_ms) * 2 / 1_000 + LOOK_UPS_SECONDS);
        let number = object.begin(UnderWay { fingerprint: record.fingerprint.clone(), until });
        let storage = object.state.storage();
        let keep_ms = config.idempotency_ms;
        Ok(Self { object, storage, job, number, attempt, again, record, keep_ms, body, core_ms: Cell::new(None) })
    }

    /// Goes from step to step to the end.
    pub async fn run(mut self) -> Result<Response> {
        let ended = self.steps().await;
        self.object.end(self.number);
        ended
    }

    async fn steps(&mut self) -> Result<Response> {
        let mut action = self.attempt.start();
        let mut sent = None;
        let mut found = None;
        loop {
            action = match action {
                Action::LookUp { times } => {
                    let (looked_up, answer) = self.look_up(times).await;
                    found = answer;
                    self.attempt.looked_up(looked_up)
                }
                Action::Send => {
                    self.save(Phase::InFlight, None)?;
                    self.set_alarm().await?;
                    let answer = self.send().await;
                    let said = answer.as_ref().ok().map(|answer| verdict(answer.status, answer.bytes.as_deref()));
                    sent = Some(answer);
                    self.attempt.answered(said)
                }
                Action::Finish(ending) => return self.finish(ending, sent, found),
            }
        }
    }

    /// Stores a phase, where the object is still this attempt's.
    fn save(&mut self, phase: Phase, body: Option<Vec<u8>>) -> Result<()> {
        if !self.object.is_current(self.number) {
            return Err(thrown("the attempt took too long, and counts as crashed"));
        }
        self.record.phase = phase;
        self.record.expires_at = Timestamp::from_millis(now().millis().saturating_add(self.keep_ms));
        Row::of(&self.storage).save(&self.record, body)
    }

    /// The alarm finds out itself whether the key has expired by then; one is enough.
    async fn set_alarm(&self) -> Result<()> {
        if self.again {
            return Ok(());
        }
        settled(set_alarm(&self.storage, float(self.keep_ms))).await.map(|_| ()).map_err(|why| thrown(&why))
    }

    async fn send(&self) -> Sent {
        let job = self.job;
        let (url, headers) = ([&*job.base_url, &*job.target].concat(), owned(job.sent_headers()));
        let keep = u32::try_from(KEPT_BODY_BYTES).unwrap_or(u32::MAX);
        let exchanged = self.timed(exchange(&url, &job.method, headers, self.body.clone(), job.timeout_ms, keep)).await;
        answer(exchanged, job.timeout_ms)
    }

    async fn look_up(&self, times: u32) -> (LookedUp, Option<Answer>) {
        let mut seen = LookedUp::Failed;
        for look in 0..times {
            if look > 0 {
                let _ = settled(sleep(BETWEEN_LOOKS_MS)).await;
            }
            for reference in self.attempt.references() {
                let answer = self.look_up_once(reference).await;
                seen = answer
                    .as_ref()
                    .map_or(LookedUp::Failed, |answer| looked_up(reference, answer.status, answer.bytes.as_deref()));
                if seen != LookedUp::NotFound {
                    return (seen, answer.ok());
                }
            }
        }
        (seen, None)
    }

    async fn look_up_once(&self, reference: &str) -> Sent {
        let url = [&*self.job.base_url, &*reference_path(reference)].concat();
        let headers = owned(self.job.look_up_headers());
        // A transaction is smaller than the request that made it.
        let keep = u32::try_from(2 * KEPT_BODY_BYTES).unwrap_or(u32::MAX);
        answer(self.timed(exchange(&url, "GET", headers, None, LOOK_UP_MS, keep)).await, LOOK_UP_MS)
    }

    async fn timed<T>(&self, asking: impl Future<Output = T>) -> T {
        let asked = now();
        let answered = asking.await;
        self.core_ms.set(Some(self.core_ms.get().unwrap_or(0) + now().since(asked)));
        answered
    }

    fn finish(&mut self, ending: Ending, sent: Option<Sent>, found: Option<Answer>) -> Result<Response> {
        let (answer, lost) = match sent {
            _ if ending == Ending::Found => (found, None),
            Some(Ok(answer)) => (Some(answer), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        match ending.leaves() {
            Left::Nothing if self.object.is_current(self.number) => Row::of(&self.storage).clear()?,
            Left::Nothing | Left::AsItWas => {}
            Left::Phase(phase) => self.save(phase, None)?,
            Left::Answer => {
                let status = if ending == Ending::Found { 200 } else { answer.as_ref().map_or(0, |a| a.status) };
                self.keep(status, answer.as_ref())?;
            }
        }
        let reply = Reply::to(self.job).about(&self.record).after(self.core_ms.get());
        let retriable = if self.record.create.is_some() { Outcome::UnknownWithKey } else { Outcome::Unknown };
        match (ending, answer, lost) {
            (Ending::Answered | Ending::NotActed | Ending::Unclear, Some(answer), _) => {
                let said = match ending {
                    Ending::Unclear => "unknown",
                    Ending::NotActed => "not_acted",
                    _ if self.again => "sent_again",
                    _ => "first",
                };
                reply.answer(said, false, answer.status, answer.headers.clone(), &answer.body())
            }
            (Ending::Found, Some(answer), _) => match &self.record.phase {
                Phase::Done { kept: kept @ Kept::Status { .. } } => reply.replay(kept, || Ok(Vec::new())),
                _ => reply.answer("found", true, 200, answer.headers.clone(), &answer.body()),
            },
            (Ending::Booked, ..) => reply.replay(&Kept::Booked, || Ok(Vec::new())),
            (Ending::ReferenceUsed, ..) => Ok(reply.refusal("reference_used", &Error::ReferenceUsed, Outcome::NotSent)),
            (Ending::Unchecked, ..) => Ok(reply.refusal("unchecked", &Error::IdempotencyUnavailable, Outcome::NotSent)),
            (Ending::Lost, _, Some(error)) => Ok(reply.refusal("unknown", &error, retriable)),
            (Ending::Unresolved, ..) => {
                Ok(reply.refusal("unresolved", &Error::IdempotencyUnavailable, Outcome::UnknownWithKey))
            }
            _ => Ok(reply.refusal("unknown", &Error::Internal, retriable)),
        }
    }

    /// Stores an answer for good.
    fn keep(&mut self, status: u16, answer: Option<&Answer>) -> Result<()> {
        let whole = answer.and_then(|answer| Some((answer, answer.bytes.clone()?)));
        let (kept, body) = match whole.filter(|(_, bytes)| bytes.len() <= KEPT_BODY_BYTES) {
            Some((answer, bytes)) => (Kept::Whole { status, headers: answer.content_headers() }, Some(bytes)),
            None => (Kept::Status { status }, None),
        };
        self.save(Phase::Done { kept }, body)
    }
}

/// Completes a transaction body: as the instance wants it the first time, as it was done then any other time.
fn complete(
    body: &[u8],
    shape: Shape,
    job: &Job,
    limit: usize,
    record: &mut Record,
) -> std::result::Result<Uint8Array, Error> {
    let enriched = match &record.create {
        Some(create) => {
            let (rule, random) = create.additions();
            enrich(body, shape, rule, limit, || random)
        }
        None => enrich(body, shape, job.rule, limit, random_bytes),
    };
    let enriched = enriched.map_err(Error::Body)?;
    if record.create.is_none() {
        record.create = Create::of(&enriched);
        if let References::Bulk(made) = &enriched.references {
            record.references = made.kept().map(|(item, reference)| (item, reference.to_string())).collect();
        }
    }
    Ok(Uint8Array::from(enriched.body.as_deref().unwrap_or(body)))
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}
