//! Under which keys a rate limiter counts requests to the endpoints.
//!
//! Before a client is known its address is counted, and after that the client. The limiter that counts them is the one of
//! `/proxy`, whose keys are the ids of credentials: no id has a colon, so that none of these keys can be one of those. A
//! client is counted apart from what it sends to `/proxy`: whoever uses that up, with a stolen token perhaps, must not keep
//! the client from revoking the token.

use std::net::{IpAddr, Ipv6Addr};

use crate::registry::CredentialId;

/// The key of a caller's address as the platform names it. Of an IPv6 address the first half counts, as a single caller has
/// all of the second. All callers whose address is not known share a key.
#[must_use]
pub fn by_address(address: Option<&str>) -> String {
    match address.and_then(|address| address.parse().ok()).map(|address: IpAddr| address.to_canonical()) {
        Some(IpAddr::V4(address)) => format!("address:{address}"),
        Some(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            format!("address:{network}/64")
        }
        None => "address:unknown".to_owned(),
    }
}

/// The key of a client that has authenticated.
#[must_use]
pub fn by_client(id: &CredentialId) -> String {
    format!("client:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_as_it_is() {
        assert_eq!(by_address(Some("203.0.113.7")), "address:203.0.113.7");
        assert_eq!(by_address(Some("::ffff:203.0.113.7")), "address:203.0.113.7");
    }

    #[test]
    fn of_an_ipv6_address_the_network_is_counted() {
        for address in ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2:0:0:0:0"] {
            assert_eq!(by_address(Some(address)), "address:2001:db8:1:2::/64");
        }
        assert_ne!(by_address(Some("2001:db8:1:3::1")), by_address(Some("2001:db8:1:2::1")));
    }

    #[test]
    fn what_is_no_address_cannot_choose_its_key() {
        for address in [None, Some(""), Some("client:0123456789abcDEF"), Some("203.0.113.7, 198.51.100.1"), Some("1")] {
            assert_eq!(by_address(address), "address:unknown", "{address:?}");
        }
    }

    #[test]
    fn no_key_is_the_id_of_a_credential() {
        let id = CredentialId::parse("0123456789abcDEF").unwrap();
        assert_eq!(by_client(&id), "client:0123456789abcDEF");
        for key in [by_client(&id), by_address(None), by_address(Some("203.0.113.7")), by_address(Some("2001:db8::1"))]
        {
            assert!(CredentialId::parse(&key).is_none(), "{key}");
        }
    }
}
