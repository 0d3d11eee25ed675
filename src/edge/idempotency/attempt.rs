//! One attempt, carried out: its steps are [`Attempt`]'s.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Uint8Array;
use web_sys::Response;
use worker::Result;

use super::bindings::exchange;
use super::claims;
use super::exchange::{CoreAnswer, CoreResult, answer};
use super::look_up::{Looking, looks_seconds, timed};
use super::prepare::{Prepared, prepare};
use super::response::KeyResponse;
use super::storage::KeyStorage;
use super::{Idempotency, Place};
use crate::clock::Timestamp;
use crate::edge::now;
use crate::edge::state::Reservation;
use crate::error::Error;
use crate::idempotency::attempt::{Attempt, Claimed, NextStep};
use crate::idempotency::ending::{Ending, Left, Release};
use crate::idempotency::look_up::Finding;
use crate::idempotency::message::{CoreAddress, WriteRequest};
use crate::idempotency::receive::UnderWay;
use crate::idempotency::record::{KEPT_BODY_BYTES, RECORD_VERSION};
use crate::idempotency::response::{self, Ended};
use crate::idempotency::verdict::verdict;
use crate::idempotency::work::refund_claim;
use crate::idempotency::{Fingerprint, Kept, KeyRecord, Phase, Work, state};
use crate::outcome::Parts;

/// What an attempt may take beside Core's answer and the looks, in seconds.
const SLACK_SECONDS: u64 = 60;

/// An attempt under way.
pub struct Running<'a> {
    object: &'a Idempotency,
    place: Place<'a>,
    storage: KeyStorage,
    core: &'a CoreAddress,
    request_id: &'a str,
    errand: Errand<'a>,
    number: u64,
    attempt: Attempt,
    /// What is stored of it.
    record: KeyRecord,
    /// What the last look found, or why nothing is known.
    looked: std::result::Result<Finding, String>,
    /// What was claimed on the way.
    claims: Vec<String>,
    core_ms: Cell<Option<u64>>,
}

/// What the attempt is for.
enum Errand<'a> {
    /// A request, and what goes to Core of its body; none on a route without one.
    Carry(&'a WriteRequest, Option<Uint8Array>),
    /// Somebody asks about this key.
    Ask(&'a str),
}

impl<'a> Running<'a> {
    /// Completes the body as the first request was completed, and takes the object. What is `held` from then on is the
    /// completed body alone.
    ///
    /// # Errors
    /// The refusal of a body, or [`Error::Busy`] where there is no room for its additions.
    pub fn carry(
        object: &'a Idempotency,
        place: Place<'a>,
        job: &'a WriteRequest,
        body: &[u8],
        held: &mut Reservation,
        fingerprint: Fingerprint,
        earlier: Option<KeyRecord>,
    ) -> std::result::Result<Self, Error> {
        let limit = place.state.config.max_transaction_bytes;
        let earlier_work = earlier.as_ref().map(|earlier| &earlier.work);
        let Prepared { body, work } = prepare(job, body, held, limit, earlier_work)?;
        let attempt = match &earlier {
            Some(earlier) => Attempt::again(&work, matches!(earlier.phase, Phase::Partial(_))),
            None => Attempt::first(&work),
        };
        let record = earlier.unwrap_or_else(|| KeyRecord {
            v: RECORD_VERSION,
            instance: job.instance.clone(),
            fingerprint,
            work,
            phase: Phase::InFlight,
            first_seen: now(),
            expires_at: Timestamp::default(),
        });
        Ok(Self::begin(object, place, &job.core, &job.request_id, Errand::Carry(job, body), attempt, record))
    }

    /// Takes the object to find out the outcome of the key's request.
    pub fn ask(
        object: &'a Idempotency,
        place: Place<'a>,
        core: &'a CoreAddress,
        request_id: &'a str,
        key: &'a str,
        record: KeyRecord,
    ) -> Self {
        let attempt = Attempt::ask(&record.work);
        Self::begin(object, place, core, request_id, Errand::Ask(key), attempt, record)
    }

    fn begin(
        object: &'a Idempotency,
        place: Place<'a>,
        core: &'a CoreAddress,
        request_id: &'a str,
        errand: Errand<'a>,
        attempt: Attempt,
        record: KeyRecord,
    ) -> Self {
        let answers = if let Errand::Carry(job, _) = &errand { u64::from(job.timeout_ms) * 2 / 1_000 } else { 0 };
        let until = now().plus_seconds(answers + looks_seconds(&record.work) + SLACK_SECONDS);
        let number = object.begin(UnderWay { fingerprint: record.fingerprint.clone(), until });
        let storage = KeyStorage::of(&object.state.storage());
        let (looked, claims, core_ms) = (Err(String::new()), Vec::new(), Cell::new(None));
        Self { object, place, storage, core, request_id, errand, number, attempt, record, looked, claims, core_ms }
    }

    /// Goes from step to step to the end.
    pub async fn run(mut self) -> Result<Response> {
        let ended = self.steps().await;
        self.object.end(self.number);
        ended
    }

    async fn steps(&mut self) -> Result<Response> {
        let mut step = self.attempt.start();
        let mut sent = None;
        loop {
            step = match step {
                NextStep::Claim => {
                    let claimed = self.claim(self.record.work.claims()).await;
                    self.attempt.claimed(claimed)
                }
                NextStep::ClaimRows => {
                    let rows = self.found().map(|found| found.meant.iter().map(|id| refund_claim(id)).collect());
                    let claimed = self.claim(rows.unwrap_or_default()).await;
                    self.attempt.claimed_rows(claimed)
                }
                NextStep::Look { purpose, times } => {
                    let looking = Looking { place: self.place, core: self.core, core_ms: &self.core_ms };
                    self.looked = looking.look(&self.attempt, &self.record.work, purpose, times).await;
                    self.attempt.looked(self.found())
                }
                NextStep::Send => {
                    self.save(Phase::InFlight, None)?;
                    self.set_alarm().await?;
                    let answer = self.send().await;
                    let judge =
                        |answer: &CoreAnswer| verdict(answer.status, &self.record.work, answer.bytes.as_deref());
                    let said = answer.as_ref().ok().map(judge);
                    sent = Some(answer);
                    self.attempt.answered(said)
                }
                NextStep::Finish(ending) => {
                    let answer = self.finish(ending, sent)?;
                    self.release(ending).await;
                    return Ok(answer);
                }
            }
        }
    }

    async fn claim(&mut self, claims: Vec<String>) -> Claimed {
        let owner = self.object.name();
        let claimed = claims::take(self.place.state, &self.object.env, &self.record.instance, &claims, &owner).await;
        self.claims.extend(claims);
        claimed
    }

    /// Stores a phase, where the object is still this attempt's.
    fn save(&mut self, phase: Phase, body: Option<Vec<u8>>) -> Result<()> {
        if !self.object.is_current(self.number) {
            return Err("the attempt took too long, and counts as crashed".into());
        }
        self.record.phase = phase;
        if let Errand::Carry(..) = self.errand {
            let keep_ms = self.place.state.config.idempotency_ms;
            self.record.expires_at = now().plus_millis(keep_ms);
        }
        self.storage.save(&self.record, body)
    }

    /// The alarm finds out itself whether the key has expired by then; one is enough.
    async fn set_alarm(&self) -> Result<()> {
        if self.attempt.is_again() {
            return Ok(());
        }
        let keep = Duration::from_millis(self.place.state.config.idempotency_ms);
        self.object.state.storage().set_alarm(keep).await
    }

    async fn send(&self) -> CoreResult {
        let Errand::Carry(job, body) = &self.errand else { return Err(Error::Internal) };
        let url = [&*job.core.base_url, &*job.target].concat();
        let keep = u32::try_from(KEPT_BODY_BYTES).unwrap_or(u32::MAX);
        let headers = job.core.sent_headers();
        let sending = exchange(&url, &job.method, headers, body.clone(), job.timeout_ms, keep);
        answer(timed(&self.core_ms, sending).await, job.timeout_ms)
    }

    /// Gives back what was claimed. One that cannot be given back is kept until it expires: that refuses, and books
    /// nothing.
    async fn release(&self, ending: Ending) {
        // One past its deadlines has a successor, whose claims these are now.
        if !self.object.is_current(self.number) {
            return;
        }
        let work = &self.record.work;
        let claims = match self.attempt.releases(ending) {
            Release::Nothing => return,
            Release::All => self.claims.clone(),
            Release::Absent if matches!(work, Work::Refund { .. }) => {
                let is_absent = self.found().is_some_and(|found| !found.absent.is_empty());
                if is_absent { self.claims.clone() } else { Vec::new() }
            }
            Release::Absent => self.found().map(|found| work.claims_on(&found.absent)).unwrap_or_default(),
        };
        claims::give_back(&self.object.env, &self.record.instance, &self.object.name(), &claims).await;
    }

    fn finish(&mut self, ending: Ending, sent: Option<CoreResult>) -> Result<Response> {
        let (answer, lost) = match sent {
            Some(Ok(answer)) => (Some(answer), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let answer = if ending == Ending::Found { self.found_answer() } else { answer };
        match ending.leaves() {
            // What was answered stays answered, whatever a question about it finds.
            _ if matches!((&self.errand, &self.record.phase), (Errand::Ask(_), Phase::Done { .. })) => {}
            Left::Nothing if self.object.is_current(self.number) => self.storage.clear()?,
            Left::Nothing | Left::AsItWas => {}
            Left::Unknown if matches!(self.record.phase, Phase::Partial(_)) => {}
            Left::Unknown => self.save(Phase::Unknown, None)?,
            Left::Partial => self.save(Phase::Partial(self.parts()), None)?,
            Left::Answer => self.keep(ending, answer.as_ref())?,
        }
        match self.errand {
            Errand::Carry(..) => self.respond(ending, answer, lost),
            Errand::Ask(key) => {
                let body = state::body(key, &self.record, false, self.found().map(|found| &found.parts));
                self.response().told(&body, false)
            }
        }
    }

    /// What every answer says of the attempt.
    fn response(&self) -> KeyResponse<'_> {
        let response = KeyResponse::to(self.request_id).about(&self.record).after(self.core_ms.get());
        response.detail(self.trouble())
    }

    /// Why nothing is known, for the log.
    fn trouble(&self) -> Option<&str> {
        self.looked.as_ref().err().map(String::as_str).filter(|why| !why.is_empty())
    }

    fn found(&self) -> Option<&Finding> {
        self.looked.as_ref().ok()
    }

    fn parts(&self) -> Parts {
        self.found().map(|found| found.parts.clone()).unwrap_or_default()
    }

    /// What was found, as an answer of Core's.
    fn found_answer(&mut self) -> Option<CoreAnswer> {
        let json = self.looked.as_mut().ok()?.answer.take()?;
        Some(CoreAnswer::json(json.into_bytes()))
    }

    fn respond(&self, ending: Ending, answer: Option<CoreAnswer>, lost: Option<Error>) -> Result<Response> {
        let response = self.response().booked(self.record.booked());
        let (has_answer, is_again, parts) = (answer.is_some(), self.attempt.is_again(), self.parts());
        let ended = Ended { ending, has_answer, lost, is_again, record: &self.record, parts };
        match (ended.response(), answer) {
            (response::Response::Refused(refused), _) => Ok(response.refusal(&refused)),
            (response::Response::FromCore { said }, Some(answer)) => {
                response.answer(said, false, answer.status, answer.headers.clone(), &answer.body())
            }
            (response::Response::Found, Some(answer)) => {
                response.answer("found", true, 200, answer.headers.clone(), &answer.body())
            }
            _ => Err("an ending without its answer".into()),
        }
    }

    /// Stores an answer for good.
    fn keep(&mut self, ending: Ending, answer: Option<&CoreAnswer>) -> Result<()> {
        let status = answer.map_or(0, |answer| answer.status);
        let whole = answer.and_then(|answer| Some((answer, answer.bytes.clone()?)));
        let (kept, body) = match whole.filter(|(_, bytes)| bytes.len() <= KEPT_BODY_BYTES) {
            Some((answer, bytes)) => (Kept::Whole { status, headers: answer.content_headers() }, Some(bytes)),
            None => (Kept::Status { status }, None),
        };
        let booked = if ending == Ending::Answered { self.attempt.booked(self.found()) } else { None };
        self.save(Phase::Done { kept, booked }, body)
    }
}
