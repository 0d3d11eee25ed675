//! The Worker's variables and secrets, parsed once into a [`Config`], every fault at once.

use crate::admin::access::AdminAccess;
use crate::budget;
use crate::log::Keep;
use crate::registry::CacheLimits;
use crate::registry::seal::{Sealer, SealingKey};
use crate::store::trail;
use crate::token::{Signer, SigningKey};

/// The names of the settings, as they stand in `wrangler.toml`, `.dev.vars` and among the Worker's secrets.
pub mod names {
    /// Secret: the administrators' tokens. Without it `/admin` answers 404.
    pub const ADMIN_TOKEN: &str = "ADMIN_TOKEN";
    /// Variable: the one host name on which `/admin` answers.
    pub const ADMIN_HOST: &str = "ADMIN_HOST";
    /// Secret: base64 of the 32 bytes that Core's keys are sealed with.
    pub const SEALING_KEY: &str = "SEALING_KEY";
    /// Secret: the sealing key before it, which still opens.
    pub const SEALING_KEY_PREVIOUS: &str = "SEALING_KEY_PREVIOUS";
    /// Secret: base64 of the 32 bytes that access tokens are signed with. Without it there are none.
    pub const SIGNING_KEY: &str = "SIGNING_KEY";
    /// Secret: the signing key before it, which still verifies.
    pub const SIGNING_KEY_PREVIOUS: &str = "SIGNING_KEY_PREVIOUS";
    /// Variable: `true` allows plain http and bare addresses as a Core's `base_url`.
    pub const ALLOW_INSECURE_CORE: &str = "ALLOW_INSECURE_CORE";
    /// Variable: the largest body of any route but the upload, in bytes; of a transaction as sent and as forwarded.
    pub const MAX_TRANSACTION_BYTES: &str = "MAX_TRANSACTION_BYTES";
    /// Variable: how many records of each kind an isolate caches.
    pub const CACHE_ENTRIES: &str = "CACHE_ENTRIES";
    /// Variable: for how many seconds a cached record is used.
    pub const CACHE_FOUND_SECONDS: &str = "CACHE_FOUND_SECONDS";
    /// Variable: for how many seconds a missing id is remembered.
    pub const CACHE_MISSING_SECONDS: &str = "CACHE_MISSING_SECONDS";
    /// Variable: for how many seconds more a good record serves on while KV fails.
    pub const CACHE_STALE_SECONDS: &str = "CACHE_STALE_SECONDS";
    /// Variable: which requests leave a log line.
    pub const LOG: &str = "LOG";
    /// Variable: for how many hours an `Idempotency-Key` is remembered; a fraction is allowed.
    pub const IDEMPOTENCY_HOURS: &str = "IDEMPOTENCY_HOURS";
    /// Variable: how many lines the audit trail has at most, once they were exported.
    pub const AUDIT_ROWS: &str = "AUDIT_ROWS";
    /// Variable: for how many days a line of the audit trail is kept that was exported.
    pub const AUDIT_DAYS: &str = "AUDIT_DAYS";
    /// Variable: how many requests of one credential may be under way at Core, in each isolate.
    pub const MAX_IN_FLIGHT: &str = "MAX_IN_FLIGHT";
    /// Variable: how many bytes of bodies an isolate holds at once.
    pub const BODY_BUDGET_BYTES: &str = "BODY_BUDGET_BYTES";
    /// Variable: the share of them that one credential may have.
    pub const BODY_SHARE_CREDENTIAL: &str = "BODY_SHARE_CREDENTIAL";
    /// Variable: the share of them that one workspace may have.
    pub const BODY_SHARE_WORKSPACE: &str = "BODY_SHARE_WORKSPACE";
    /// Variable: for how many seconds nothing of a body that is held may come.
    pub const BODY_IDLE_SECONDS: &str = "BODY_IDLE_SECONDS";
    /// KV namespace: the published credentials.
    pub const CREDENTIALS: &str = "CREDENTIALS";
    /// KV namespace: the published instances.
    pub const INSTANCES: &str = "INSTANCES";
    /// Durable Object: the registry.
    pub const REGISTRY: &str = "REGISTRY";
    /// Durable Object: one for each idempotency key.
    pub const IDEMPOTENCY: &str = "IDEMPOTENCY";
    /// Durable Object: what one idempotency key alone may use, some for each instance.
    pub const CLAIMS: &str = "CLAIMS";
    /// Rate limiter, which may be missing: how many requests a credential has, and an address at the OAuth endpoints.
    pub const RATE_LIMITER: &str = "RATE_LIMITER";

    /// The variables, which `wrangler.toml` names with their defaults (`ADMIN_HOST` as a comment: it has none).
    pub const VARIABLES: [&str; 16] = [
        ADMIN_HOST,
        ALLOW_INSECURE_CORE,
        MAX_TRANSACTION_BYTES,
        MAX_IN_FLIGHT,
        BODY_BUDGET_BYTES,
        BODY_SHARE_CREDENTIAL,
        BODY_SHARE_WORKSPACE,
        BODY_IDLE_SECONDS,
        CACHE_ENTRIES,
        CACHE_FOUND_SECONDS,
        CACHE_MISSING_SECONDS,
        CACHE_STALE_SECONDS,
        IDEMPOTENCY_HOURS,
        AUDIT_ROWS,
        AUDIT_DAYS,
        LOG,
    ];
    /// The secrets, which no committed file holds.
    pub const SECRETS: [&str; 5] = [ADMIN_TOKEN, SEALING_KEY, SEALING_KEY_PREVIOUS, SIGNING_KEY, SIGNING_KEY_PREVIOUS];
    /// The bindings that the Worker cannot do without.
    pub const BINDINGS: [&str; 5] = [CREDENTIALS, INSTANCES, REGISTRY, IDEMPOTENCY, CLAIMS];
}

/// Where settings come from: the Worker's environment, or a map in tests.
pub trait Vars {
    /// The text of a variable or secret; `None` where it is not set.
    fn text(&self, name: &str) -> Option<String>;
    /// The same where it was set as a text; `None` where it was set as JSON, which [`Vars::text`] gives as such.
    fn string(&self, name: &str) -> Option<String>;
    /// Whether a binding of this name is there.
    fn has_binding(&self, name: &str) -> bool;
}

/// Everything that can be set, parsed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may administer, and where: a token that is missing or too short is no fault, but closes `/admin`.
    pub admin: AdminAccess,
    /// The keys that seal and open Core's keys.
    pub sealer: Sealer,
    /// The keys that sign and verify access tokens, where there are any.
    pub signer: Option<Signer>,
    /// Whether plain http and bare addresses may be a Core's `base_url`.
    pub allow_insecure_core: bool,
    /// The largest body of any route but the upload, in bytes. Core's own default limit is 5 MiB.
    pub max_transaction_bytes: usize,
    /// How many requests of one credential may be under way at Core, in each isolate; 0 for any number.
    pub max_in_flight: u32,
    /// How many bytes of bodies may be held.
    pub bodies: budget::Limits,
    /// For how long nothing of a body that is held may come, in milliseconds.
    pub body_idle_ms: u32,
    /// The bounds of the isolate's caches.
    pub cache: CacheLimits,
    /// How long an idempotency key is remembered, in milliseconds.
    pub idempotency_ms: u64,
    /// How large the audit trail may be.
    pub audit: trail::Limits,
    /// Which requests leave a log line.
    pub log: Keep,
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// One sentence for each setting that is missing or wrong, beginning with its name. Values are not shown.
    pub fn from_vars(vars: &impl Vars) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        for binding in names::BINDINGS {
            if !vars.has_binding(binding) {
                faults.push(format!("{binding} is not bound"));
            }
        }
        let signer = signer(vars, &mut faults);
        let current = key(vars, names::SEALING_KEY, SealingKey::from_base64, &mut faults);
        if current.is_none() && faults.iter().all(|fault| !fault.starts_with("SEALING_KEY ")) {
            faults.push(format!("{} is not set", names::SEALING_KEY));
        }
        let previous = key(vars, names::SEALING_KEY_PREVIOUS, SealingKey::from_base64, &mut faults);
        let allow_insecure_core = match text(vars, names::ALLOW_INSECURE_CORE).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                faults.push(format!("{} must be true or false", names::ALLOW_INSECURE_CORE));
                false
            }
        };
        let mut number = |name, default, range| number(vars, name, default, range, &mut faults);
        // A Worker has 128 MB: two bodies of this size and their copies must fit beside each other.
        let max_transaction_bytes = number(names::MAX_TRANSACTION_BYTES, 5 << 20, 1_024..=16 << 20);
        let max_in_flight = number(names::MAX_IN_FLIGHT, 200, 0..=100_000);
        let max_in_flight = u32::try_from(max_in_flight).unwrap_or_default();
        let total = number(names::BODY_BUDGET_BYTES, 32 << 20, 1 << 20..=64 << 20);
        let idle_seconds = number(names::BODY_IDLE_SECONDS, 10, 1..=300);
        let cache = CacheLimits {
            entries: number(names::CACHE_ENTRIES, 10_000, 0..=100_000),
            found_seconds: number(names::CACHE_FOUND_SECONDS, 30, 0..=3_600) as u64,
            missing_seconds: number(names::CACHE_MISSING_SECONDS, 5, 0..=3_600) as u64,
            stale_seconds: number(names::CACHE_STALE_SECONDS, 300, 0..=3_600) as u64,
        };
        let audit = trail::Limits {
            rows: number(names::AUDIT_ROWS, 100_000, 1_000..=1_000_000) as u64,
            days: number(names::AUDIT_DAYS, 400, 1..=3_650) as u64,
        };
        let log = text(vars, names::LOG).map_or(Some(Keep::All), |rule| Keep::parse(&rule)).unwrap_or_else(|| {
            faults.push(format!("{} must be all, errors or a rate from 0 to 1", names::LOG));
            Keep::All
        });
        let bodies = bodies(vars, total, max_transaction_bytes, &mut faults);
        let idempotency_ms = milliseconds(vars, names::IDEMPOTENCY_HOURS, 24.0, &mut faults);
        match current {
            Some(current) if faults.is_empty() => Ok(Self {
                // What is no text is no token: its JSON could be guessed.
                admin: AdminAccess::from_settings(
                    vars.string(names::ADMIN_TOKEN).as_deref(),
                    vars.string(names::ADMIN_HOST).filter(|host| !host.is_empty()),
                ),
                sealer: Sealer::new(current, previous),
                signer,
                allow_insecure_core,
                max_transaction_bytes,
                max_in_flight,
                bodies,
                body_idle_ms: u32::try_from(idle_seconds * 1_000).unwrap_or(u32::MAX),
                cache,
                idempotency_ms,
                audit,
                log,
            }),
            _ => Err(faults),
        }
    }
}

/// A setting's text; one that is empty counts as not set.
fn text(vars: &impl Vars, name: &str) -> Option<String> {
    vars.text(name).filter(|text| !text.is_empty())
}

fn signer(vars: &impl Vars, faults: &mut Vec<String>) -> Option<Signer> {
    let current = key(vars, names::SIGNING_KEY, SigningKey::from_base64, faults);
    let previous = key(vars, names::SIGNING_KEY_PREVIOUS, SigningKey::from_base64, faults);
    if previous.is_some() && text(vars, names::SIGNING_KEY).is_none() {
        faults.push(format!("{} is set without {}", names::SIGNING_KEY_PREVIOUS, names::SIGNING_KEY));
    }
    Some(Signer::new(current?, previous))
}

fn key<K>(vars: &impl Vars, name: &str, read: fn(&str) -> Option<K>, faults: &mut Vec<String>) -> Option<K> {
    let key = read(text(vars, name)?.trim());
    if key.is_none() {
        faults.push(format!("{name} must be the base64 of 32 bytes"));
    }
    key
}

fn number(
    vars: &impl Vars,
    name: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
    faults: &mut Vec<String>,
) -> usize {
    let Some(text) = text(vars, name) else { return default };
    match text.parse() {
        Ok(value) if range.contains(&value) => value,
        _ => {
            faults.push(format!("{name} must be a number from {} to {}", range.start(), range.end()));
            default
        }
    }
}

/// How the memory for bodies is shared.
fn bodies(vars: &impl Vars, total: usize, largest: usize, faults: &mut Vec<String>) -> budget::Limits {
    if total < 2 * largest {
        // Or the largest body, with what the object of a key is told beside it, could be one that never finds room.
        faults.push(format!("{} must be twice {} or more", names::BODY_BUDGET_BYTES, names::MAX_TRANSACTION_BYTES));
    }
    let credential = share(vars, names::BODY_SHARE_CREDENTIAL, 0.25, total, faults);
    let workspace = share(vars, names::BODY_SHARE_WORKSPACE, 0.5, total, faults);
    budget::Limits { total, credential, workspace }
}

/// A share of so many bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "within the bounds, positive and small"
)]
fn share(vars: &impl Vars, name: &str, default: f64, of: usize, faults: &mut Vec<String>) -> usize {
    let share = text(vars, name).map_or(Some(default), |text| lexical_core::parse::<f64>(text.as_bytes()).ok());
    let share = share.filter(|share| (0.01..=1.0).contains(share)).unwrap_or_else(|| {
        faults.push(format!("{name} must be a share from 0.01 to 1"));
        default
    });
    (of as f64 * share) as usize
}

/// A number of hours, in milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds, positive and small")]
fn milliseconds(vars: &impl Vars, name: &str, default: f64, faults: &mut Vec<String>) -> u64 {
    /// From about a third of a second, for tests, to 30 days.
    const BOUNDS: std::ops::RangeInclusive<f64> = 0.000_1..=720.0;
    let hours = text(vars, name).map_or(Some(default), |text| lexical_core::parse::<f64>(text.as_bytes()).ok());
    let hours = hours.filter(|hours| BOUNDS.contains(hours)).unwrap_or_else(|| {
        faults.push(format!("{name} must be a number of hours from 0.0001 to 720"));
        default
    });
    (hours * 3_600_000.0) as u64
}

#[cfg(test)]
mod tests;
