//! The steps of an attempt, as its object takes them.

use super::callers::Running;
use super::requests::Request;
use super::runs::{Job, error};
use super::{CLAIM, KEEP, World};
use crate::clock::Timestamp;
use crate::idempotency::attempt::{Claimed, NextStep};
use crate::idempotency::ending::{Ending, Left, Release};
use crate::idempotency::look_up::LookUp;
use crate::idempotency::verdict::{Verdict, verdict};
use crate::idempotency::work::refund_claim;
use crate::idempotency::{Kept, Phase, Work};

impl World {
    /// The attempt under way takes its next step.
    pub(super) fn go_on(&mut self, at: usize) {
        let late = self.keys[at].under_way.as_ref().is_some_and(|under_way| under_way.until.millis() <= self.now);
        if late && self.engine.faults {
            return self.crash(at);
        }
        let Some(mut running) = self.keys[at].running.take() else { return };
        match running.action {
            NextStep::Claim => {
                let claimed = self.claim(at, &running.record.work.claims());
                running.action = running.attempt.claimed(claimed);
            }
            NextStep::ClaimRows => {
                let meant = running.found.as_ref().unwrap().meant.iter();
                let claimed = self.claim(at, &meant.map(|id| refund_claim(id)).collect::<Vec<_>>());
                running.action = running.attempt.claimed_rows(claimed);
            }
            NextStep::Look { .. } => self.look(&mut running),
            NextStep::Send if running.run.is_none() => self.send(at, &mut running),
            NextStep::Send => self.wait(&mut running),
            NextStep::Finish(ending) => return self.finish(at, running, ending),
        }
        self.keys[at].running = Some(running);
    }

    fn claim(&mut self, at: usize, claims: &[String]) -> Claimed {
        let now = self.now;
        self.claims.retain(|_, (_, until)| now < *until);
        if self.engine.faults && self.dice.one_in(15) {
            return Claimed::Failed;
        }
        if claims.iter().any(|claim| self.claims.get(claim).is_some_and(|(owner, _)| *owner != at)) {
            return Claimed::Taken;
        }
        self.claims.extend(claims.iter().map(|claim| (claim.clone(), (at, now + CLAIM))));
        Claimed::Granted
    }

    /// One question, or what they all tell.
    fn look(&mut self, running: &mut Running) {
        let NextStep::Look { purpose, times } = running.action else { return };
        let rows = self.engine.core.rows.len();
        // Core may read from a copy that is behind; here it is only while that can do no harm.
        let may_be_behind = matches!(running.record.phase, Phase::Partial(_)) && self.engine.faults;
        let behind = may_be_behind && self.dice.one_in(8);
        let began = || (LookUp::new(running.record.work.clone(), purpose).unwrap(), rows, behind);
        let (mut look, rows_before, behind) = running.look.take().unwrap_or_else(began);
        while let Some(question) = look.question() {
            let answer = self.engine.core.answer(&question.body());
            let (status, body) = match self.dice.roll(40) {
                _ if !self.engine.faults => (200, answer.as_slice()),
                0 => (500, answer.as_slice()),
                1 => (200, b"<html>".as_slice()),
                _ if behind => (200, br#"{"data":[]}"#.as_slice()),
                _ => (200, answer.as_slice()),
            };
            if look.answered(status, Some(body)).is_err() {
                self.note("not answered");
                running.found = None;
                running.looks = 0;
                running.action = running.attempt.looked(None);
                return;
            }
            if self.dice.one_in(6) {
                running.look = Some((look, rows_before, behind));
                return;
            }
        }
        let found = look.finding();
        if !behind {
            self.check_finding(&running.record.work, purpose, &found, rows == rows_before);
        }
        running.looks += 1;
        if running.looks < times && running.attempt.looks_again(&found) {
            return;
        }
        running.looks = 0;
        running.action = running.attempt.looked(Some(&found));
        running.found = Some(found);
    }

    /// It is stored, and then it goes out: where it arrives, now, later or never.
    fn send(&mut self, at: usize, running: &mut Running) {
        self.store(at, running, Phase::InFlight, None);
        self.check_sending(at, &running.record.work);
        if self.keys[at].sent.is_empty() {
            self.keys[at].since = self.engine.core.rows.len();
        }
        self.keys[at].sent.push(running.record.work.clone());
        if running.attempt.is_again() {
            self.note("resent");
        }
        let wire = &self.keys[at].wires[running.wire.unwrap()];
        let request = Request::read(wire, &running.completed);
        let refused = match self.dice.roll(40) {
            _ if !self.engine.faults => None,
            0 => return self.lose(running, None),
            1..=5 => {
                self.engine.later(at, Job::Arrive(request), &mut self.dice);
                return self.lose(running, None);
            }
            6 => Some((429, "GEN_RATE_LIMITED")),
            7 => Some((401, "AUTH_INVALID_API_KEY")),
            8 => Some((503, "QUEUE_BACKPRESSURE")),
            _ => None,
        };
        match refused {
            Some((status, code)) => self.said(running, status, error(code)),
            None => running.run = Some(self.engine.start(at, request, &mut self.dice)),
        }
    }

    /// Core's answer comes, or it is lost.
    fn wait(&mut self, running: &mut Running) {
        let number = running.run.unwrap();
        let run = self.engine.runs.iter().find(|run| run.number == number);
        let answer = run.and_then(|run| run.answer.clone());
        let faults = self.engine.faults;
        match answer {
            _ if run.is_none() => self.lose(running, None),
            _ if faults && self.dice.one_in(14) => {
                let cut = self.dice.one_in(2).then_some(number);
                self.lose(running, cut);
            }
            None => {}
            Some(_) if faults && self.dice.one_in(12) => self.said(running, 502, "bad gateway".to_owned()),
            Some((status, body)) => self.said(running, status, body),
        }
    }

    fn lose(&mut self, running: &mut Running, cut: Option<usize>) {
        self.note(if cut.is_some() { "cut" } else { "lost" });
        if let Some(number) = cut {
            self.engine.cut(number);
        }
        running.action = running.attempt.answered(None);
    }

    fn said(&mut self, running: &mut Running, status: u16, body: String) {
        let verdict = verdict(status, &running.record.work, Some(body.as_bytes()));
        self.note(match verdict {
            Verdict::Duplicate => "duplicate",
            Verdict::Refunded => "already refunded, says Core",
            Verdict::Refused | Verdict::Stopped => "refused",
            Verdict::Unclear => "unclear",
            Verdict::NotActed => "not acted",
            Verdict::Done | Verdict::Previewed | Verdict::Queued => "taken in",
        });
        running.said = Some((status, body));
        running.action = running.attempt.answered(Some(verdict));
    }

    fn store(&mut self, at: usize, running: &mut Running, phase: Phase, body: Option<(u16, String)>) {
        running.record.phase = phase;
        if running.wire.is_some() {
            running.record.expires_at = Timestamp::from_millis(self.now + KEEP);
        }
        self.keys[at].record = Some(running.record.clone());
        self.keys[at].body = body;
    }

    fn finish(&mut self, at: usize, mut running: Running, ending: Ending) {
        self.keys[at].under_way = None;
        let was_partial = matches!(running.record.phase, Phase::Partial(_));
        let parts = running.found.as_ref().map(|found| found.parts.clone()).unwrap_or_default();
        match ending.leaves() {
            Left::Nothing => {
                self.keys[at].record = None;
            }
            Left::AsItWas => {}
            Left::Unknown if was_partial => {}
            Left::Unknown => self.store(at, &mut running, Phase::Unknown, None),
            Left::Partial => {
                self.keys[at].was_partial = true;
                self.store(at, &mut running, Phase::Partial(parts), None);
            }
            Left::Answer => {
                let found = running.found.as_ref().and_then(|found| found.answer.clone());
                let answer =
                    if ending == Ending::Found { (200, found.unwrap()) } else { running.said.clone().unwrap() };
                let booked = running.attempt.booked(running.found.as_ref()).filter(|_| ending == Ending::Answered);
                if booked.as_ref().is_some_and(|booked| !booked.starts_with('0') && booked != "unknown") {
                    self.note("refused with booked parts");
                }
                self.check_answer(&running.record.work, running.attempt.is_again(), ending, &answer);
                let kept = Kept::Whole { status: answer.0, headers: Vec::new() };
                self.store(at, &mut running, Phase::Done { kept, booked }, Some(answer));
                if ending == Ending::Found && !running.attempt.is_again() && running.said.is_some() {
                    self.note("found behind a refusal");
                }
                if was_partial {
                    self.note("partial, then done");
                }
            }
        }
        self.release(at, &running, ending);
        if running.wire.is_some() {
            self.got(at, ending_name(ending));
        }
    }

    fn release(&mut self, at: usize, running: &Running, ending: Ending) {
        let work = &running.record.work;
        let held = self.claims.iter().filter(|(_, (owner, _))| *owner == at).map(|(claim, _)| claim.clone());
        let claims: Vec<String> = match (running.attempt.releases(ending), &running.found) {
            (Release::Nothing, _) | (Release::Absent, None) => return,
            (Release::All, _) => held.collect(),
            (Release::Absent, Some(found)) if matches!(work, Work::Refund { .. }) => {
                held.filter(|_| !found.absent.is_empty()).collect()
            }
            (Release::Absent, Some(found)) => work.claims_on(&found.absent),
        };
        for claim in claims {
            if self.claims.get(&claim).is_some_and(|(owner, _)| *owner == at) {
                self.claims.remove(&claim);
                self.note("given back");
            }
        }
    }
}

fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Answered => "answered",
        Ending::NotActed => "nothing done",
        Ending::Unclear => "answer passed on",
        Ending::Lost => "no answer",
        Ending::Found => "found",
        Ending::Partial => "partial",
        Ending::ReferenceUsed => "reference used",
        Ending::AlreadyRefunded => "already refunded",
        Ending::RefundInFlight => "refund in flight",
        Ending::Unchecked => "unchecked",
        Ending::Unresolved => "unresolved",
        Ending::OutcomeUnknown => "outcome unknown",
    }
}
