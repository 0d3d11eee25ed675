//! Asking Core what there is: the questions are [`LookUp`]'s.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Uint8Array;
use worker::Delay;

use super::Place;
use super::bindings::exchange;
use super::exchange::{CoreAnswer, answer};
use crate::edge::now;
use crate::edge::state::{Memory, Reservation};
use crate::idempotency::Work;
use crate::idempotency::attempt::Attempt;
use crate::idempotency::look_up::{Finding, LookUp, NotAnswered, Purpose};
use crate::idempotency::message::CoreAddress;
use crate::log::CORE_REFUSED_KEY;
use crate::outcome::Extent;

/// How long one question may take, in milliseconds.
const QUESTION_MS: u32 = 5_000;
/// How long all questions of one look may take, in milliseconds: this, and something for each row that is looked for.
const LOOK_MS: u64 = 30_000;
const LOOK_ROW_MS: u64 = 5;
/// The wait between two looks, in milliseconds.
const BETWEEN_LOOKS_MS: u32 = 1_000;
/// The most of one answer that is read, in bytes. A larger page is asked for in smaller ones.
const PAGE_BYTES: usize = 2 << 20;
/// How much of an answer is made room for first, for each row that may come, in bytes.
const ROW_BYTES: usize = 16 << 10;

/// What a row is kept as, in bytes.
const KEPT_ROW_BYTES: usize = 512;

/// The most that the looks of an attempt take, in seconds: before, after, and after sending again, each patiently.
pub fn looks_seconds(work: &Work) -> u64 {
    3 * 3 * (look_ms(work) + u64::from(BETWEEN_LOOKS_MS)) / 1_000
}

fn look_ms(work: &Work) -> u64 {
    LOOK_MS + LOOK_ROW_MS * work.rows() as u64
}

/// Who asks Core, and for how long it took.
pub struct Looking<'a> {
    pub place: Place<'a>,
    pub core: &'a CoreAddress,
    pub core_ms: &'a Cell<Option<u64>>,
}

impl Looking<'_> {
    /// Looks, as often as it pays.
    ///
    /// # Errors
    /// Why nothing is known, for the log: Core cannot be asked, or there is no room for its answers.
    pub async fn look(&self, attempt: &Attempt, work: &Work, purpose: Purpose, times: u32) -> Result<Finding, String> {
        let mut found = self.look_once(work, purpose).await?;
        for _ in 1..times {
            if !attempt.looks_again(&found) {
                break;
            }
            Delay::from(Duration::from_millis(BETWEEN_LOOKS_MS.into())).await;
            found = self.look_once(work, purpose).await?;
        }
        Ok(found)
    }

    async fn look_once(&self, work: &Work, purpose: Purpose) -> Result<Finding, String> {
        let mut look = LookUp::new(work, purpose).ok_or("nothing to look for")?;
        let _rows =
            self.room(Memory::Rows, work.rows() * KEPT_ROW_BYTES).await.ok_or("no room for the rows of a look-up")?;
        let (began, most_ms) = (now(), look_ms(work));
        while let Some(question) = look.question() {
            if now().since(began) > most_ms {
                return Err(format!("the look-up took more than {most_ms} ms"));
            }
            let (body, small) = (question.body(), (question.rows() * ROW_BYTES).min(PAGE_BYTES));
            let mut answer = self.ask(&body, small).await?;
            if answer.status == 200 && answer.bytes.is_none() && small < PAGE_BYTES {
                answer = self.ask(&body, PAGE_BYTES).await?;
            }
            let CoreAnswer { status, bytes, .. } = answer;
            look.answered(status, bytes.as_deref()).map_err(|NotAnswered| match status {
                401 => CORE_REFUSED_KEY.to_owned(),
                status => format!("Core's answer of {status} to the look-up is none"),
            })?;
        }
        let found = look.finding();
        // The row that is the answer was there a moment ago.
        let is_whole = purpose == Purpose::Before || found.parts.extent() != Extent::All || found.answer.is_some();
        if is_whole { Ok(found) } else { Err("the row that was found is not there any more".to_owned()) }
    }

    /// Asks one question, and reads up to `keep` bytes of the answer.
    async fn ask(&self, body: &str, keep: usize) -> Result<CoreAnswer, String> {
        // What comes in, and what is made of it.
        let _held = self.room(Memory::Answers, 2 * keep).await.ok_or("no room for the answer to a look-up")?;
        let url = [self.core.base_url.as_str(), "/transactions/filter"].concat();
        let keep = u32::try_from(keep).unwrap_or(u32::MAX);
        let body = Some(Uint8Array::from(body.as_bytes()));
        let asked = exchange(&url, "POST", self.core.look_up_headers(), body, QUESTION_MS, keep);
        answer(timed(self.core_ms, asked).await, QUESTION_MS)
            .map_err(|error| format!("the look-up failed: {}", error.code()))
    }

    /// Waits a moment for room: what holds it is mostly given back within milliseconds. It is the asking workspace's,
    /// in whose share each of its Cores has one like a credential's.
    async fn room(&self, memory: Memory, bytes: usize) -> Option<Reservation> {
        let core = [self.place.workspace, " ", self.core.base_url.as_str()].concat();
        self.place.state.hold_in_turn(memory, &core, self.place.workspace, bytes).await
    }
}

/// Adds up how long Core takes.
pub async fn timed<T>(core_ms: &Cell<Option<u64>>, asking: impl Future<Output = T>) -> T {
    let asked = now();
    let answered = asking.await;
    core_ms.set(Some(core_ms.get().unwrap_or(0) + now().since(asked)));
    answered
}
