//! What an instance's Core shows of itself, and what that means.
//!
//! Core answers 401 without a key while its secure mode is on. `GET /hooks` tells the master key, which gets 200, from
//! a scoped one, which gets 403, and from a wrong one, which gets 401. A scoped key makes Core decode and encode bodies
//! anew, which changes large numbers, so it is reported as wrong.

use crate::error::Error;
use crate::json::Writer;
use crate::json::write::{list, quoted};
use crate::proxy::{UpstreamResult, settle};
use crate::registry::{OpenError, TimeoutMs};

/// What is asked without a key.
pub const WITHOUT_KEY: &str = "/ledgers?limit=1";
/// What is asked with the instance's key.
pub const WITH_KEY: &str = "/hooks";
/// How long both answers are waited for, in milliseconds.
pub const DEADLINE_MS: u32 = 10_000;

/// The verdict; `null` stands for what could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreCheck {
    /// Whether a Core answers.
    pub reachable: bool,
    /// Whether it asks for a key.
    pub secure_mode: Option<bool>,
    /// Whether it takes the instance's.
    pub key_accepted: Option<bool>,
    /// Whether that is its master key.
    pub master_key: Option<bool>,
    /// What is wrong, in sentences; empty where all is well.
    pub problems: Vec<String>,
}

impl CoreCheck {
    /// The verdict on an instance whose Core is not looked at, as its record cannot be used.
    #[must_use]
    pub fn unusable(why: &OpenError) -> Self {
        Self { problems: vec![why.to_string()], ..Self::nothing_known() }
    }

    /// The verdict as it is answered.
    #[must_use]
    pub fn to_json(&self) -> String {
        let known = |known: Option<bool>| known.map_or("null", |known| if known { "true" } else { "false" });
        let mut verdict = Writer::new();
        verdict.truth("reachable", self.reachable).raw("secure_mode", known(self.secure_mode));
        verdict.raw("key_accepted", known(self.key_accepted)).raw("master_key", known(self.master_key));
        verdict.raw("problems", &list(self.problems.iter().map(|problem| quoted(problem)))).end()
    }

    fn nothing_known() -> Self {
        Self { reachable: false, secure_mode: None, key_accepted: None, master_key: None, problems: Vec::new() }
    }
}

/// Judges by what was seen, without a key and with it.
#[must_use]
pub fn judge(without_key: UpstreamResult, with_key: UpstreamResult) -> CoreCheck {
    let mut verdict = CoreCheck::nothing_known();
    let (Some(open), Some(keyed)) =
        (core_status(without_key, &mut verdict.problems), core_status(with_key, &mut verdict.problems))
    else {
        verdict.problems.dedup();
        return verdict;
    };
    verdict.reachable = true;
    match open {
        401 => verdict.secure_mode = Some(true),
        200..=299 => {
            verdict.secure_mode = Some(false);
            verdict.problems.push("Core takes requests without a key: set its server.secure to true".to_owned());
            // Whatever key is sent then, nothing is said about it.
            return verdict;
        }
        status => verdict
            .problems
            .push(format!("GET /ledgers without a key was answered {status}, not 401: is base_url right?")),
    }
    (verdict.key_accepted, verdict.master_key) = match keyed {
        200..=299 => (Some(true), Some(true)),
        403 => {
            let text = "core_key is a scoped key, which makes Core change large numbers: use its master key";
            verdict.problems.push(text.to_owned());
            (Some(true), Some(false))
        }
        401 => {
            verdict.problems.push("Core refuses core_key".to_owned());
            (Some(false), Some(false))
        }
        status => {
            verdict.problems.push(format!("GET /hooks with core_key was answered {status}"));
            (None, None)
        }
    };
    verdict
}

/// The status of an answer, where it is a Core's.
fn core_status(seen: UpstreamResult, problems: &mut Vec<String>) -> Option<u16> {
    let deadline = TimeoutMs::new(DEADLINE_MS).unwrap_or(TimeoutMs::DEFAULT);
    let problem = match (settle(seen, deadline), seen) {
        (Ok(()), UpstreamResult::Answered { status, .. }) => return Some(status),
        (Err(Error::CoreRedirect { upstream_status }), _) => {
            format!("base_url answers with a redirect ({upstream_status}), which is never followed")
        }
        (Err(Error::CoreTimeout { timeout_ms }), _) => format!("base_url did not answer within {timeout_ms} ms"),
        (Err(Error::CoreUnreachable { upstream_status: Some(status) }), _) => {
            format!("something else than Core answers at base_url, with {status}: a tunnel, Access or a load balancer")
        }
        _ => "base_url cannot be reached".to_owned(),
    };
    problems.push(problem);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> UpstreamResult {
        UpstreamResult::Answered { status, html: false }
    }

    fn told(verdict: &CoreCheck) -> (bool, Option<bool>, Option<bool>, Option<bool>, usize) {
        let CoreCheck { reachable, secure_mode, key_accepted, master_key, problems } = verdict;
        (*reachable, *secure_mode, *key_accepted, *master_key, problems.len())
    }

    #[test]
    fn a_secure_core_with_its_master_key_has_no_problem() {
        let verdict = judge(answered(401), answered(200));
        assert_eq!(told(&verdict), (true, Some(true), Some(true), Some(true), 0));
    }

    #[test]
    fn a_scoped_key_is_reported_as_wrong() {
        let verdict = judge(answered(401), answered(403));
        assert_eq!(told(&verdict), (true, Some(true), Some(true), Some(false), 1));
    }

    #[test]
    fn a_wrong_key_is_not_accepted() {
        let verdict = judge(answered(401), answered(401));
        assert_eq!(told(&verdict), (true, Some(true), Some(false), Some(false), 1));
    }

    #[test]
    fn a_core_without_secure_mode_says_nothing_about_the_key() {
        for keyed in [200, 401, 403] {
            assert_eq!(told(&judge(answered(200), answered(keyed))), (true, Some(false), None, None, 1));
        }
    }

    #[test]
    fn what_is_not_core_is_not_reachable() {
        let html = UpstreamResult::Answered { status: 403, html: true };
        for seen in [UpstreamResult::Failed, UpstreamResult::TimedOut, answered(302), answered(530), html] {
            assert_eq!(told(&judge(seen, seen)), (false, None, None, None, 1), "{seen:?}");
        }
        let verdict = judge(answered(401), UpstreamResult::TimedOut);
        assert_eq!(told(&verdict), (false, None, None, None, 1));
    }

    #[test]
    fn another_service_is_told_by_its_answers() {
        let verdict = judge(answered(404), answered(404));
        assert_eq!(told(&verdict), (true, None, None, None, 2));
    }
}
