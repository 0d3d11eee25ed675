//! What one key alone may use: a reference of the caller's own, and the refund of a transaction.
//!
//! Looking at Core whether a reference is in use, and then sending it, are two steps: two keys could pass the first at
//! the same time. Core's unique index saves single transactions then, not those with legs, whose names differ by how
//! they are booked. So a claim is taken in one place before the look. That place is one of [`SHARDS`] objects of the
//! instance, chosen by the claim's hash: an object for each reference would be 10,000 calls for a batch, and one for
//! all would stand in every create's way. A claim is kept as long as its key is remembered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fingerprint::part;

/// How many objects keep the claims of one instance.
pub const SHARDS: usize = 16;

/// How many bytes of a claim's hash are kept.
const ID_BYTES: usize = 16;

/// What an object of claims is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// Whether to take the claims, all or none; else they are given back.
    pub take: bool,
    /// The name of the key's object.
    pub owner: String,
    /// For how long, in milliseconds.
    pub keep_ms: u64,
    /// The claims, as [`shards`] names them.
    pub claims: Vec<String>,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimResponse {
    /// Whether they are the owner's now. Nothing was taken where one of them is another's.
    pub granted: bool,
}

/// The objects that keep these claims of an instance, by name, each with its part of them. Asked in this order, two
/// keys that want the same claims never hold each other up: who gets the first that both want goes on.
#[must_use]
pub fn shards(instance: &str, claims: &[String]) -> Vec<(String, Vec<String>)> {
    let mut shards: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for claim in claims {
        let hash = Sha256::digest(claim.as_bytes());
        let shard = usize::from(hash.first().copied().unwrap_or_default()) % SHARDS;
        shards.entry(shard).or_default().push(hex::encode(hash.get(..ID_BYTES).unwrap_or_default()));
    }
    shards.into_iter().map(|(shard, claims)| (object_name(instance, shard), claims)).collect()
}

/// The name of an object, which is written to storage as it is: 64 hexadecimal digits.
fn object_name(instance: &str, shard: usize) -> String {
    let mut hash = Sha256::new();
    part(&mut hash, instance.as_bytes());
    part(&mut hash, shard.to_string().as_bytes());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("reference:{number}")).collect()
    }

    #[test]
    fn a_claim_has_one_place_whatever_it_is_claimed_with() {
        let alone = shards("a", &claims(1));
        let together = shards("a", &claims(500));
        let (name, ids) = &alone[0];
        assert!(together.iter().any(|(other, claims)| other == name && claims.contains(&ids[0])));
        assert_eq!(ids[0].len(), 2 * ID_BYTES);
    }

    #[test]
    fn many_claims_are_a_few_calls_always_in_the_same_order() {
        let (all, some) = (shards("a", &claims(10_000)), shards("a", &claims(40)));
        assert_eq!(all.len(), SHARDS);
        assert_eq!(all.iter().map(|(_, claims)| claims.len()).sum::<usize>(), 10_000);
        let order = |name: &String| all.iter().position(|(other, _)| other == name).unwrap();
        let places: Vec<usize> = some.iter().map(|(name, _)| order(name)).collect();
        assert!(places.is_sorted() && places.len() > 1);
    }

    #[test]
    fn instances_do_not_meet() {
        let names =
            |instance: &str| shards(instance, &claims(100)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert!(names("a").iter().all(|name| !names("b").contains(name)));
    }
}
