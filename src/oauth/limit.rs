//! Under which keys a rate limiter counts requests to the endpoints.
//!
//! Before a client is known its address is counted, and after that the client. The limiter that counts them is the one
//! of `/proxy`, whose keys are the ids of credentials: no id has a colon, so that none of these keys can be one of
//! those. A client is counted apart from what it sends to `/proxy`, and each endpoint apart from the other: whoever
//! uses one of them up, with a stolen token or secret perhaps, must not keep the client from revoking its tokens.

use std::net::{IpAddr, Ipv6Addr};

use super::Endpoint;
use crate::registry::CredentialId;

/// The address that Cloudflare gives to what Workers of other zones send, whoever's they are.
const OTHER_WORKERS: Ipv6Addr = Ipv6Addr::new(0x2a06, 0x98c0, 0x3600, 0, 0, 0, 0, 0x103);
/// The longest that the name of a zone may be.
const ZONE_BYTES: usize = 253;

/// The key of a caller's address as the platform names it. Of an IPv6 address the first half counts, as a single caller
/// has all of the second; Workers of other zones count by their zone, which the platform names in `worker`.
///
/// `None` without an address. The platform always sets one. A shared key for requests without one would let them use up
/// each other's limit.
#[must_use]
pub fn by_address(endpoint: Endpoint, address: Option<&str>, worker: Option<&str>) -> Option<String> {
    let address: IpAddr = address?.parse().ok()?;
    let who = match (address.to_canonical(), worker.filter(|zone| is_zone(zone))) {
        (IpAddr::V6(OTHER_WORKERS), Some(zone)) => format!("worker:{}", zone.to_ascii_lowercase()),
        (IpAddr::V6(address), _) => format!("address:{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        (IpAddr::V4(address), _) => format!("address:{address}"),
    };
    Some(format!("{}:{who}", endpoint.path()))
}

/// The key of a client that has authenticated.
#[must_use]
pub fn by_client(endpoint: Endpoint, id: &CredentialId) -> String {
    format!("{}:client:{id}", endpoint.path())
}

fn is_zone(text: &str) -> bool {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=ZONE_BYTES).contains(&text.len()) && text.bytes().all(of_a_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(address: &str) -> Option<String> {
        by_address(Endpoint::Token, Some(address), None)
    }

    #[test]
    fn an_address_is_counted_as_it_is() {
        assert_eq!(token("203.0.113.7").as_deref(), Some("/oauth/token:address:203.0.113.7"));
        assert_eq!(token("::ffff:203.0.113.7"), token("203.0.113.7"));
    }

    #[test]
    fn of_an_ipv6_address_the_network_is_counted() {
        for address in ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2:0:0:0:0"] {
            assert_eq!(token(address).as_deref(), Some("/oauth/token:address:2001:db8:1:2::/64"));
        }
        assert_ne!(token("2001:db8:1:3::1"), token("2001:db8:1:2::1"));
    }

    #[test]
    fn what_is_no_address_is_not_counted() {
        for address in [None, Some(""), Some("client:0123456789abcDEF"), Some("203.0.113.7, 198.51.100.1"), Some("1")] {
            assert_eq!(by_address(Endpoint::Token, address, Some("example.com")), None, "{address:?}");
        }
    }

    #[test]
    fn workers_of_other_zones_are_counted_by_zone() {
        let of = |zone| by_address(Endpoint::Token, Some("2a06:98c0:3600::103"), zone);
        assert_eq!(of(Some("example.com")).as_deref(), Some("/oauth/token:worker:example.com"));
        assert_eq!(of(Some("Example.COM")), of(Some("example.com")));
        assert_ne!(of(Some("example.org")), of(Some("example.com")));
        let long = "a".repeat(ZONE_BYTES + 1);
        for zone in [None, Some(""), Some("a, b"), Some("a:b"), Some("é"), Some(&*long)] {
            assert_eq!(of(zone).as_deref(), Some("/oauth/token:address:2a06:98c0:3600::/64"), "{zone:?}");
        }
    }

    #[test]
    fn a_zone_counts_for_no_other_address() {
        for address in ["203.0.113.7", "2a06:98c0:3600::104", "2001:db8::103"] {
            assert_eq!(by_address(Endpoint::Token, Some(address), Some("example.com")), token(address));
        }
    }

    #[test]
    fn what_the_endpoints_count_is_apart() {
        let id = CredentialId::parse("0123456789abcDEF").unwrap();
        assert_ne!(by_client(Endpoint::Token, &id), by_client(Endpoint::Revocation, &id));
        let address = |endpoint| by_address(endpoint, Some("203.0.113.7"), None);
        assert_ne!(address(Endpoint::Token), address(Endpoint::Revocation));
    }

    #[test]
    fn no_key_is_the_id_of_a_credential() {
        let id = CredentialId::parse("0123456789abcDEF").unwrap();
        let client = by_client(Endpoint::Revocation, &id);
        assert_eq!(client, "/oauth/revoke:client:0123456789abcDEF");
        for key in [client, token("203.0.113.7").unwrap(), token("2001:db8::1").unwrap()] {
            assert!(CredentialId::parse(&key).is_none(), "{key}");
        }
    }
}
