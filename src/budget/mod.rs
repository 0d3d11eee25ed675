//! How many bytes of bodies an isolate holds at once, and whose they are.
//!
//! Memory is counted as it is used: a body begins with a small part and grows with what arrives, so that who sends
//! nothing takes nothing from others. Of the whole, one credential has a share and one workspace a larger one; a
//! request that is the only one of its credential or workspace may go over that share, for what it may need is limited
//! elsewhere, and else could never be sent. Plain counting: who finds no room may ask again, and gives back what it
//! has.

use std::collections::BTreeMap;
use std::rc::Rc;

/// What a body begins with, in bytes, before anything of it is there; less, where it says that it is smaller.
pub const FIRST_BYTES: usize = 16 << 10;

/// How much may be held, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// By all.
    pub total: usize,
    /// By the requests of one credential together.
    pub credential: usize,
    /// By those of one workspace.
    pub workspace: usize,
}

/// What is held just now.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    held: usize,
    credentials: Shares,
    workspaces: Shares,
}

/// By name; one that holds nothing has no entry.
type Shares = BTreeMap<Rc<str>, Share>;

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    bytes: usize,
    requests: usize,
}

/// One request's part. It is given back by [`Budget::release`], and by nothing else.
#[derive(Debug)]
pub struct Hold {
    credential: Rc<str>,
    workspace: Rc<str>,
    bytes: usize,
}

impl Budget {
    /// A budget of which nothing is used.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, held: 0, credentials: Shares::new(), workspaces: Shares::new() }
    }

    /// Begins to hold `bytes` for a request; `None` where there is no room for them.
    pub fn begin(&mut self, credential: &str, workspace: &str, bytes: usize) -> Option<Hold> {
        let fits = |shares: &Shares, name: &str, share: usize| {
            shares.get(name).is_none_or(|others| within(others.bytes, bytes, share))
        };
        let fits = within(self.held, bytes, self.limits.total)
            && fits(&self.credentials, credential, self.limits.credential)
            && fits(&self.workspaces, workspace, self.limits.workspace);
        if !fits {
            return None;
        }
        self.held += bytes;
        let credential = join(&mut self.credentials, credential, bytes);
        let workspace = join(&mut self.workspaces, workspace, bytes);
        Some(Hold { credential, workspace, bytes })
    }

    /// Holds `bytes` from now on; `false`, and no change, where there is no room for them. Less is always possible.
    #[must_use]
    pub fn resize(&mut self, hold: &mut Hold, bytes: usize) -> bool {
        if let Some(more) = bytes.checked_sub(hold.bytes).filter(|more| *more > 0) {
            let fits = |shares: &Shares, name: &str, share: usize| {
                shares.get(name).is_none_or(|all| all.requests == 1 || within(all.bytes, more, share))
            };
            let fits = within(self.held, more, self.limits.total)
                && fits(&self.credentials, &hold.credential, self.limits.credential)
                && fits(&self.workspaces, &hold.workspace, self.limits.workspace);
            if !fits {
                return false;
            }
        }
        self.held = self.held - hold.bytes + bytes;
        for (shares, name) in [(&mut self.credentials, &hold.credential), (&mut self.workspaces, &hold.workspace)] {
            if let Some(share) = shares.get_mut(name) {
                share.bytes = share.bytes - hold.bytes + bytes;
            }
        }
        hold.bytes = bytes;
        true
    }

    /// Gives back what a request held.
    pub fn release(&mut self, hold: &Hold) {
        self.held -= hold.bytes;
        leave(&mut self.credentials, &hold.credential, hold.bytes);
        leave(&mut self.workspaces, &hold.workspace, hold.bytes);
    }
}

impl Hold {
    /// How many bytes are held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn within(held: usize, more: usize, limit: usize) -> bool {
    held.checked_add(more).is_some_and(|held| held <= limit)
}

/// Counts a request more; the name is the one that is kept.
fn join(shares: &mut Shares, name: &str, bytes: usize) -> Rc<str> {
    let name = shares.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Rc::clone(name));
    let share = shares.entry(Rc::clone(&name)).or_default();
    share.bytes += bytes;
    share.requests += 1;
    name
}

fn leave(shares: &mut Shares, name: &str, bytes: usize) {
    if let Some(share) = shares.get_mut(name) {
        share.bytes -= bytes;
        share.requests -= 1;
        if share.requests == 0 {
            shares.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
