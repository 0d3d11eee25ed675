use super::*;

const LIMITS: Limits = Limits { total: 1_000, credential: 250, workspace: 500 };

fn budget() -> Budget {
    Budget::new(LIMITS)
}

fn is_empty(budget: &Budget) -> bool {
    budget.held == 0 && budget.credentials.is_empty() && budget.workspaces.is_empty()
}

#[test]
fn one_credential_has_a_share_and_others_have_theirs() {
    let mut budget = budget();
    let held = [budget.begin("a", "w", 200).unwrap(), budget.begin("a", "w", 50).unwrap()];
    assert!(budget.begin("a", "w", 1).is_none());
    let beside = budget.begin("b", "w", 250).unwrap();
    for hold in held.iter().chain([&beside]) {
        budget.release(hold);
    }
    assert!(is_empty(&budget));
}

#[test]
fn one_workspace_has_a_share_whatever_its_credentials_have() {
    let mut budget = budget();
    for credential in ["a", "b"] {
        budget.begin(credential, "w", 250).unwrap();
    }
    assert!(budget.begin("c", "w", 1).is_none());
    assert!(budget.begin("c", "x", 500).is_some());
}

#[test]
fn a_request_that_is_the_only_one_may_have_more_than_a_share() {
    let mut budget = budget();
    assert!(budget.begin("a", "w", 1_001).is_none());
    let mut only = budget.begin("a", "w", 300).unwrap();
    assert!(budget.resize(&mut only, 1_000));
    assert!(!budget.resize(&mut only, 1_001));
    assert_eq!(only.bytes(), 1_000);
    // Another of its credential waits until there is room in the share again.
    assert!(budget.begin("a", "w", 0).is_none());
    assert!(budget.resize(&mut only, 200));
    let second = budget.begin("a", "w", 50).unwrap();
    assert!(!budget.resize(&mut only, 201));
    budget.release(&second);
    assert!(budget.resize(&mut only, 251));
    budget.release(&only);
    assert!(is_empty(&budget));
}

#[test]
fn nobody_goes_over_the_whole() {
    let mut budget = budget();
    let names = ["a", "b", "c", "d"];
    let mut holds: Vec<Hold> = names.iter().map(|name| budget.begin(name, name, 250).unwrap()).collect();
    assert!(budget.begin("e", "e", 1).is_none());
    assert!(!budget.resize(&mut holds[0], 251));
    assert!(budget.resize(&mut holds[0], 0));
    assert!(budget.begin("e", "e", 250).is_some());
    assert!(budget.begin("e", "e", usize::MAX).is_none());
    assert!(!budget.resize(&mut holds[0], usize::MAX));
}

/// Requests that come, grow with what arrives, shrink to what is sent, wait and go, at random, beside a slow count of
/// them.
#[test]
fn in_any_order_no_limit_is_passed_and_nothing_is_left_behind() {
    let mut random = Random(7);
    for _ in 0..200 {
        let mut budget = budget();
        let mut holds: Vec<Hold> = Vec::new();
        let (mut granted, mut refused) = (0, 0);
        for _ in 0..300 {
            let at = random.below(holds.len().max(1));
            let done = match random.below(5) {
                0 | 1 => {
                    // Nine credentials in three workspaces.
                    let number = random.below(9);
                    let (credential, workspace) = (format!("c{number}"), format!("w{}", number % 3));
                    let held = budget.begin(&credential, &workspace, random.below(120));
                    held.map(|hold| holds.push(hold)).is_some()
                }
                2 | 3 if !holds.is_empty() => {
                    let (before, bytes) = (holds[at].bytes(), random.below(400));
                    let resized = budget.resize(&mut holds[at], bytes);
                    assert_eq!(holds[at].bytes(), if resized { bytes } else { before });
                    assert!(resized || bytes > before, "less was refused");
                    resized
                }
                _ if !holds.is_empty() => {
                    budget.release(&holds.swap_remove(at));
                    true
                }
                _ => true,
            };
            if done {
                granted += 1;
            } else {
                refused += 1;
            }
            check(&budget, &holds);
        }
        assert!(granted > 50 && refused > 20, "{granted} granted, {refused} refused");
        for hold in &holds {
            budget.release(hold);
        }
        assert!(is_empty(&budget), "something leaked");
    }
}

fn check(budget: &Budget, holds: &[Hold]) {
    assert_eq!(budget.held, holds.iter().map(Hold::bytes).sum::<usize>());
    assert!(budget.held <= LIMITS.total);
    let of = |name: &dyn Fn(&Hold) -> Rc<str>, shares: &Shares, share: usize| {
        let mut counted = Shares::new();
        for hold in holds {
            let entry = counted.entry(name(hold)).or_default();
            entry.bytes += hold.bytes;
            entry.requests += 1;
        }
        assert_eq!(counted.len(), shares.len());
        for (name, count) in counted {
            assert_eq!((shares[&name].bytes, shares[&name].requests), (count.bytes, count.requests));
            let most = if count.requests == 1 { LIMITS.total } else { share };
            assert!(count.bytes <= most, "{name} holds {} of {most}", count.bytes);
        }
    };
    of(&|hold| Rc::clone(&hold.credential), &budget.credentials, LIMITS.credential);
    of(&|hold| Rc::clone(&hold.workspace), &budget.workspaces, LIMITS.workspace);
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound
    }
}
