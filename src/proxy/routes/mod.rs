//! Step 5: the routes, the whole of them. What has no row here cannot be reached, whatever the scope.
//!
//! Core's operator routes (`/api-keys`, `/hooks`, `/backup`, `/backup-s3`, `/transactions/recover`, `/search/reindex`,
//! `/balances-snapshots`, `/metrics`, `/mocked-account`) have none: they mint keys, divert webhooks and dump databases.

use super::Method;
use crate::enrich::Shape;
use crate::error::Error;
use crate::registry::{Profile, Scope, Scopes};

use Body::{Enriched, Nothing, Streamed, Upload};
use Method::{Delete, Get, Post, Put};
use Needs::{Either, Read, Reveal, Write};
use Profile::{Documented, Extended};

/// What a route needs of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// `proxy:read`.
    Read,
    /// `proxy:write`.
    Write,
    /// Either: a read that Core takes by POST.
    Either,
    /// `proxy:write`, though nothing is written: it shows what was hidden.
    Reveal,
}

/// What happens to a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The route takes none; one that is sent anyway is dropped.
    Nothing,
    /// It goes up as it comes.
    Streamed,
    /// The same, with the longer deadline of an upload.
    Upload,
    /// It is read whole and completed.
    Enriched(Shape),
}

/// One route of Core.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path. A segment that begins with `:` is a parameter and names what it may be.
    pub pattern: &'static str,
    /// The scope that it needs.
    pub needs: Needs,
    /// What happens to its body.
    pub body: Body,
    /// The smallest profile that has it.
    pub profile: Profile,
    slashes: usize,
}

/// Every route: first the 25 that the Proxy API documents, then the others that Core has for a ledger's users.
///
/// Parameters: `:id` is 1 to 128 of `[A-Za-z0-9_-]`; `:text` is any segment, where Core takes any; `:entity` is an id
/// of something that has metadata; `:collection` is one of those that can be searched.
pub const ROUTES: &[Route] = &[
    row(Post, "/ledgers", Write, Streamed, Documented),
    row(Post, "/balances", Write, Streamed, Documented),
    row(Post, "/transactions", Write, Enriched(Shape::Transaction), Documented),
    row(Post, "/transactions/bulk", Write, Enriched(Shape::Bulk), Documented),
    row(Put, "/transactions/inflight/:id", Write, Streamed, Documented),
    row(Post, "/refund-transaction/:id", Write, Streamed, Documented),
    row(Post, "/identities", Write, Streamed, Documented),
    row(Put, "/identities/:id", Write, Streamed, Documented),
    row(Put, "/balances/:id/identity", Write, Streamed, Documented),
    row(Post, "/:entity/metadata", Write, Streamed, Documented),
    row(Get, "/balances/:id/at", Read, Nothing, Documented),
    row(Get, "/balances/:id/lineage", Read, Nothing, Documented),
    row(Get, "/transactions/:id/lineage", Read, Nothing, Documented),
    row(Get, "/identities/:id/tokenized-fields", Read, Nothing, Documented),
    row(Get, "/identities/:id/detokenize/:text", Read, Nothing, Documented),
    row(Post, "/identities/:id/tokenize/:text", Write, Streamed, Documented),
    row(Post, "/identities/:id/tokenize", Write, Streamed, Documented),
    row(Post, "/identities/:id/detokenize", Reveal, Streamed, Documented),
    row(Post, "/reconciliation/start", Write, Streamed, Documented),
    row(Post, "/reconciliation/upload", Write, Upload, Documented),
    row(Post, "/reconciliation/matching-rules", Write, Streamed, Documented),
    row(Put, "/reconciliation/matching-rules/:id", Write, Streamed, Documented),
    row(Delete, "/reconciliation/matching-rules/:id", Write, Nothing, Documented),
    row(Get, "/reconciliation/:id", Read, Nothing, Documented),
    row(Post, "/reconciliation/start-instant", Write, Streamed, Documented),
    // The wider ledger routes.
    row(Get, "/health", Read, Nothing, Extended),
    row(Get, "/ledgers", Read, Nothing, Extended),
    row(Get, "/ledgers/:id", Read, Nothing, Extended),
    row(Put, "/ledgers/:id", Write, Streamed, Extended),
    row(Post, "/ledgers/filter", Either, Streamed, Extended),
    row(Get, "/balances", Read, Nothing, Extended),
    row(Get, "/balances/:id", Read, Nothing, Extended),
    row(Get, "/balances/indicator/:text/currency/:text", Read, Nothing, Extended),
    row(Post, "/balances/filter", Either, Streamed, Extended),
    row(Get, "/balance-monitors", Read, Nothing, Extended),
    row(Get, "/balance-monitors/:id", Read, Nothing, Extended),
    row(Get, "/balance-monitors/balances/:id", Read, Nothing, Extended),
    row(Post, "/balance-monitors", Write, Streamed, Extended),
    row(Put, "/balance-monitors/:id", Write, Streamed, Extended),
    row(Delete, "/balance-monitors/:id", Write, Nothing, Extended),
    row(Get, "/transactions", Read, Nothing, Extended),
    row(Get, "/transactions/:id", Read, Nothing, Extended),
    row(Get, "/transactions/reference/:text", Read, Nothing, Extended),
    row(Post, "/transactions/filter", Either, Streamed, Extended),
    row(Post, "/transactions/inflight/bulk/commit", Write, Streamed, Extended),
    row(Post, "/transactions/inflight/bulk/void", Write, Streamed, Extended),
    row(Get, "/identities", Read, Nothing, Extended),
    row(Get, "/identities/:id", Read, Nothing, Extended),
    row(Delete, "/identities/:id", Write, Nothing, Extended),
    row(Post, "/identities/filter", Either, Streamed, Extended),
    row(Get, "/accounts", Read, Nothing, Extended),
    row(Get, "/accounts/:id", Read, Nothing, Extended),
    row(Post, "/accounts", Write, Streamed, Extended),
    row(Post, "/accounts/filter", Either, Streamed, Extended),
    row(Post, "/search/:collection", Either, Streamed, Extended),
    row(Post, "/multi-search", Either, Streamed, Extended),
];

const fn row(method: Method, pattern: &'static str, needs: Needs, body: Body, profile: Profile) -> Route {
    let (mut slashes, mut at) = (0, 0);
    let bytes = pattern.as_bytes();
    while at < bytes.len() {
        #[expect(clippy::indexing_slicing, reason = "in bounds by the loop, and only evaluated at compile time")]
        if bytes[at] == b'/' {
            slashes += 1;
        }
        at += 1;
    }
    Route { method, pattern, needs, body, profile, slashes }
}

/// Finds the row of a method and a path that [`super::target::check_path`] has passed.
///
/// # Errors
/// [`Error::RouteNotFound`], or [`Error::MethodNotAllowed`] where only other methods have the path.
pub fn find(method: Method, path: &str) -> Result<&'static Route, Error> {
    let slashes = path.bytes().filter(|b| *b == b'/').count();
    if let Some(route) = best(method, path, slashes) {
        return Ok(route);
    }
    let has_path = |method: &Method| best(*method, path, slashes).is_some();
    let allow: Vec<Method> = [Get, Post, Put, Delete].into_iter().filter(has_path).collect();
    if allow.is_empty() { Err(Error::RouteNotFound) } else { Err(Error::MethodNotAllowed { allow }) }
}

/// The row that Core's router would take, if its parameters are what they may be. A static segment wins over a
/// parameter, the earlier ones first; a row whose parameter does not fit leaves the path unknown and is not made up for
/// by another.
fn best(method: Method, path: &str, slashes: usize) -> Option<&'static Route> {
    ROUTES
        .iter()
        .filter(|route| route.method == method && route.slashes == slashes)
        .filter_map(|route| Some((statics(route.pattern, path)?, route)))
        .max_by_key(|(statics, _)| *statics)
        .map(|(_, route)| route)
        .filter(|route| parameters_fit(route.pattern, path))
}

/// Which segments match as written, the first in the highest bit; `None` where one differs.
fn statics(pattern: &str, path: &str) -> Option<u8> {
    pattern.split('/').zip(path.split('/')).try_fold(0, |bits, (expected, segment)| {
        if expected.starts_with(':') { Some(bits << 1) } else { (expected == segment).then_some(bits << 1 | 1) }
    })
}

fn parameters_fit(pattern: &str, path: &str) -> bool {
    pattern.split('/').zip(path.split('/')).all(|(expected, segment)| match expected {
        ":id" => is_id(segment),
        // The kinds that Core's own rule names; any other word before `/metadata` is another route's, or no route's.
        ":entity" => {
            is_id(segment) && ["ldg_", "bln_", "txn_", "bulk_", "idt_"].iter().any(|kind| segment.starts_with(kind))
        }
        ":collection" => {
            matches!(segment, "ledgers" | "balances" | "transactions" | "identities" | "reconciliations")
        }
        _ => true,
    })
}

fn is_id(segment: &str) -> bool {
    (1..=128).contains(&segment.len()) && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl Route {
    /// Whether a call may change something in Core.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.needs == Write
    }

    /// Whether an instance of this profile has the route.
    #[must_use]
    pub fn is_in(&self, profile: Profile) -> bool {
        profile == Extended || self.profile == Documented
    }

    /// Whether these scopes open the route.
    ///
    /// # Errors
    /// [`Error::InsufficientScope`] with the scope that would.
    pub fn check_scope(&self, scopes: Scopes) -> Result<(), Error> {
        let needed = match self.needs {
            Either => return check_either(scopes),
            Read => Scope::Read,
            Write | Reveal => Scope::Write,
        };
        if scopes.allow(needed) { Ok(()) } else { Err(Error::InsufficientScope { needed }) }
    }
}

/// Whether these scopes open what any of the two opens.
///
/// # Errors
/// [`Error::InsufficientScope`] with the narrower one.
pub fn check_either(scopes: Scopes) -> Result<(), Error> {
    let enough = scopes.allow(Scope::Read) || scopes.allow(Scope::Write);
    if enough { Ok(()) } else { Err(Error::InsufficientScope { needed: Scope::Read }) }
}

#[cfg(test)]
mod tests;
