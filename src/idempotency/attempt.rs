//! One attempt: the steps from a request that is let through to an ending.
//!
//! A first attempt sends, after a look-up where the caller brought a reference of its own: Core would drop a second
//! booking of it without a word. Another attempt, after one whose outcome is unknown, looks for what the earlier one
//! booked, and only where there is nothing sends the same bytes again. What Core then says about the reference counts
//! for the earlier attempt too, so it is looked for once more.

use super::answer::{LookedUp, Verdict, stored_references};
use super::{Create, Kept, Phase};

/// How often a transaction is looked for whose booking may still be on its way: a queued one is stored after the answer.
const PATIENCE: u32 = 3;

/// An attempt under way. What is to be done next comes of [`Attempt::start`], [`Attempt::looked_up`] and
/// [`Attempt::answered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    again: bool,
    /// Under which references to look.
    references: Vec<String>,
    /// Whether nobody else can have used the reference.
    own_reference: bool,
    /// What Core said to the sending; none before that.
    verdict: Option<Verdict>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look for the transaction under [`Attempt::references`], and go on with [`Attempt::looked_up`].
    LookUp {
        /// How often at most, a second apart.
        times: u32,
    },
    /// Store that it is in flight, then send it, and go on with [`Attempt::answered`].
    Send,
    /// It is over.
    Finish(Ending),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Core's answer is the answer for good.
    Answered,
    /// Core did not act: its answer is passed on, and nothing is kept.
    NotActed,
    /// Core's answer leaves open whether it acted; it is passed on.
    Unclear,
    /// There is no answer of Core's.
    Lost,
    /// What was looked for is the answer for good.
    Found,
    /// It is booked, and cannot be shown.
    Booked,
    /// The caller's own reference was in use before: nothing was sent.
    ReferenceUsed,
    /// Whether the reference is in use could not be found out: nothing was sent.
    Unchecked,
    /// What became of it could not be found out.
    Unresolved,
}

/// What an ending leaves of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: the key is new again.
    Nothing,
    /// What it was.
    AsItWas,
    /// This state. Of [`Kept::Whole`] and [`Kept::Status`] the answer decides.
    Phase(Phase),
    /// The state `done`, with the answer.
    Answer,
}

impl Attempt {
    /// A first attempt; `create` where it is a single create.
    #[must_use]
    pub fn first(create: Option<&Create>) -> Self {
        Self::new(create, false)
    }

    /// Another attempt at a single create.
    #[must_use]
    pub fn again(create: &Create) -> Self {
        Self::new(Some(create), true)
    }

    fn new(create: Option<&Create>, again: bool) -> Self {
        Self {
            again,
            references: create.map(stored_references).unwrap_or_default(),
            own_reference: create.is_none_or(|create| create.made),
            verdict: None,
        }
    }

    /// The references under which the transaction would be stored, in the order in which to ask.
    #[must_use]
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// The first step.
    #[must_use]
    pub fn start(&self) -> Action {
        match (self.again, self.references.is_empty()) {
            (true, false) => Action::LookUp { times: PATIENCE },
            (false, false) if !self.own_reference => Action::LookUp { times: 1 },
            _ => Action::Send,
        }
    }

    /// The step after a look-up.
    #[must_use]
    pub fn looked_up(&self, looked_up: LookedUp) -> Action {
        let ending = match (looked_up, self.verdict) {
            (LookedUp::NotFound, None) => return Action::Send,
            (LookedUp::Found, None) if !self.again => Ending::ReferenceUsed,
            (LookedUp::Failed, None) if !self.again => Ending::Unchecked,
            (LookedUp::Found, _) => Ending::Found,
            (LookedUp::NotFound, Some(Verdict::Refused)) => Ending::Answered,
            (LookedUp::NotFound, Some(Verdict::Duplicate)) => Ending::Booked,
            (LookedUp::NotFound | LookedUp::Failed, _) => Ending::Unresolved,
        };
        Action::Finish(ending)
    }

    /// The step after sending; no verdict where there is no answer of Core's.
    #[must_use]
    pub fn answered(&mut self, verdict: Option<Verdict>) -> Action {
        self.verdict = verdict;
        let ending = match verdict {
            None => Ending::Lost,
            Some(Verdict::Unclear) => Ending::Unclear,
            // That Core did not act this time says nothing about the time before.
            Some(Verdict::NotActed) if self.again => Ending::Unclear,
            Some(Verdict::NotActed) => Ending::NotActed,
            Some(Verdict::Done) => Ending::Answered,
            Some(Verdict::Queued | Verdict::Duplicate | Verdict::Refused) if !self.again => Ending::Answered,
            Some(Verdict::Queued | Verdict::Duplicate) if self.references.is_empty() => Ending::Booked,
            Some(Verdict::Refused) if self.references.is_empty() => Ending::Answered,
            Some(Verdict::Queued | Verdict::Duplicate | Verdict::Refused) => {
                return Action::LookUp { times: PATIENCE };
            }
        };
        Action::Finish(ending)
    }
}

impl Ending {
    /// What it leaves of the record.
    #[must_use]
    pub fn leaves(self) -> Left {
        match self {
            Self::Answered | Self::Found => Left::Answer,
            Self::NotActed => Left::Nothing,
            Self::Unclear | Self::Lost | Self::Unresolved => Left::Phase(Phase::Unknown),
            Self::Booked => Left::Phase(Phase::Done { kept: Kept::Booked }),
            Self::ReferenceUsed | Self::Unchecked => Left::AsItWas,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Action::{Finish, LookUp, Send};
    use Ending::{Answered, Booked, Found, Lost, NotActed, ReferenceUsed, Unchecked, Unclear, Unresolved};

    fn create(reference: &str, made: bool) -> Create {
        Create { reference: Some(reference.to_owned()), made, multi_leg: false, precision_added: None }
    }

    const ANSWERS: [Option<Verdict>; 7] = [
        None,
        Some(Verdict::Done),
        Some(Verdict::Queued),
        Some(Verdict::Duplicate),
        Some(Verdict::Refused),
        Some(Verdict::NotActed),
        Some(Verdict::Unclear),
    ];

    /// What each of [`ANSWERS`] leads to.
    fn after_sending(attempt: &Attempt) -> Vec<Action> {
        ANSWERS.iter().map(|verdict| attempt.clone().answered(*verdict)).collect()
    }

    #[test]
    fn a_first_attempt_sends_at_once_unless_the_caller_brought_a_reference() {
        for attempt in [
            Attempt::first(None),
            Attempt::first(Some(&create("r", true))),
            // What cannot be read back cannot be looked for.
            Attempt::first(Some(&create("a/b", false))),
        ] {
            assert_eq!(attempt.start(), Send);
        }
        let given = Attempt::first(Some(&create("r", false)));
        assert_eq!(given.start(), LookUp { times: 1 });
        assert_eq!(given.looked_up(LookedUp::NotFound), Send);
        assert_eq!(given.looked_up(LookedUp::Found), Finish(ReferenceUsed));
        assert_eq!(given.looked_up(LookedUp::Failed), Finish(Unchecked));
    }

    #[test]
    fn every_answer_to_a_first_attempt_ends_it() {
        for attempt in
            [Attempt::first(None), Attempt::first(Some(&create("r", true))), Attempt::first(Some(&create("r", false)))]
        {
            assert_eq!(
                after_sending(&attempt),
                [Lost, Answered, Answered, Answered, Answered, NotActed, Unclear].map(Finish)
            );
        }
    }

    #[test]
    fn another_attempt_looks_before_it_sends() {
        for made in [true, false] {
            let attempt = Attempt::again(&create("r", made));
            assert_eq!(attempt.start(), LookUp { times: 3 });
            assert_eq!(attempt.looked_up(LookedUp::Found), Finish(Found));
            assert_eq!(attempt.looked_up(LookedUp::Failed), Finish(Unresolved));
            assert_eq!(attempt.looked_up(LookedUp::NotFound), Send);
        }
    }

    #[test]
    fn another_attempt_takes_core_s_word_only_where_it_covers_the_earlier_one() {
        let look = LookUp { times: 3 };
        let attempt = Attempt::again(&create("r", true));
        assert_eq!(
            after_sending(&attempt),
            [Finish(Lost), Finish(Answered), look, look, look, Finish(Unclear), Finish(Unclear)]
        );
    }

    #[test]
    fn what_a_resend_was_answered_is_settled_by_another_look() {
        for (verdict, not_found) in
            [(Verdict::Queued, Unresolved), (Verdict::Duplicate, Booked), (Verdict::Refused, Answered)]
        {
            let mut attempt = Attempt::again(&create("r", true));
            let _ = attempt.answered(Some(verdict));
            assert_eq!(attempt.looked_up(LookedUp::Found), Finish(Found), "{verdict:?}");
            assert_eq!(attempt.looked_up(LookedUp::NotFound), Finish(not_found), "{verdict:?}");
            assert_eq!(attempt.looked_up(LookedUp::Failed), Finish(Unresolved), "{verdict:?}");
        }
    }

    #[test]
    fn a_reference_that_cannot_be_read_back_is_sent_again_and_never_answered_with_a_dropped_id() {
        let attempt = Attempt::again(&create("a/b", false));
        assert_eq!(attempt.start(), Send);
        assert_eq!(after_sending(&attempt), [Lost, Answered, Booked, Booked, Answered, Unclear, Unclear].map(Finish));
    }

    #[test]
    fn every_ending_leaves_what_the_table_says() {
        let unknown = Left::Phase(Phase::Unknown);
        for (ending, left) in [
            (Answered, Left::Answer),
            (Found, Left::Answer),
            (NotActed, Left::Nothing),
            (Unclear, unknown.clone()),
            (Lost, unknown.clone()),
            (Unresolved, unknown),
            (Booked, Left::Phase(Phase::Done { kept: Kept::Booked })),
            (ReferenceUsed, Left::AsItWas),
            (Unchecked, Left::AsItWas),
        ] {
            assert_eq!(ending.leaves(), left, "{ending:?}");
        }
    }
}
