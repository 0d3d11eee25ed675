//! Asking Core what there is: the questions are [`Look`]'s.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Uint8Array;

use super::exchange::answer;
use super::platform::exchange;
use crate::edge::now;
use crate::edge::promises::{settled, sleep};
use crate::edge::state::State;
use crate::idempotency::Work;
use crate::idempotency::attempt::Attempt;
use crate::idempotency::look_up::{Finding, Look, Purpose};
use crate::idempotency::message::CoreAddress;

/// How long one question may take, in milliseconds.
const QUESTION_MS: u32 = 5_000;
/// How long all questions of one look may take, in milliseconds.
const LOOK_MS: u64 = 30_000;
/// The wait between two looks, in milliseconds.
const BETWEEN_LOOKS_MS: u32 = 1_000;
/// The most of one answer that is read, in bytes. A larger page is asked for in smaller ones.
const PAGE_BYTES: usize = 2 << 20;

/// The most that the looks of an attempt take, in seconds: before, after, and after sending again.
pub const LOOKS_SECONDS: u64 = 3 * 3 * (LOOK_MS + BETWEEN_LOOKS_MS as u64) / 1_000;

/// Who asks Core, and for how long it took.
pub struct Looking<'a> {
    pub state: &'a Rc<State>,
    pub core: &'a CoreAddress,
    pub core_ms: &'a Cell<Option<u64>>,
}

impl Looking<'_> {
    /// Looks, as often as it pays. None where Core cannot be asked, or there is no room for its answers.
    pub async fn look(&self, attempt: &Attempt, work: &Work, purpose: Purpose, times: u32) -> Option<Finding> {
        let mut found = None;
        for look in 0..times {
            if look > 0 {
                let _ = settled(sleep(BETWEEN_LOOKS_MS)).await;
            }
            found = Some(self.look_once(work, purpose).await?);
            if !found.as_ref().is_some_and(|found| attempt.looks_again(found)) {
                break;
            }
        }
        found
    }

    async fn look_once(&self, work: &Work, purpose: Purpose) -> Option<Finding> {
        let mut look = Look::new(work, purpose)?;
        // What comes in, and what is made of it.
        let _held = self.state.reserve(2 * PAGE_BYTES)?;
        let began = now();
        let url = [self.core.base_url.as_str(), "/transactions/filter"].concat();
        let keep = u32::try_from(PAGE_BYTES).unwrap_or(u32::MAX);
        while let Some(question) = look.question() {
            if now().since(began) > LOOK_MS {
                return None;
            }
            let body = Some(Uint8Array::from(question.as_bytes()));
            let asked = exchange(&url, "POST", self.core.look_up_headers(), body, QUESTION_MS, keep);
            let answer = answer(timed(self.core_ms, asked).await, QUESTION_MS).ok()?;
            look.answered(answer.status, answer.bytes.as_deref()).ok()?;
        }
        Some(look.finding())
    }
}

/// Adds up how long Core takes.
pub async fn timed<T>(core_ms: &Cell<Option<u64>>, asking: impl Future<Output = T>) -> T {
    let asked = now();
    let answered = asking.await;
    core_ms.set(Some(core_ms.get().unwrap_or(0) + now().since(asked)));
    answered
}
