//! Where a request comes from: the address of the connection, or what a proxy says that is believed.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from. Of an address of IPv6 only the network counts, of which a client has many addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(pub IpAddr);

/// The proxies that are believed: addresses and networks, such as `10.0.0.0/8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<(IpAddr, u8)>);

impl Proxies {
    /// Whether an address is that of a proxy.
    pub fn hold(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, bits)| is_within(address, *network, *bits))
    }
}

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |text: &str| {
            let wrong = || format!("\"{text}\" is neither an address nor a network such as 10.0.0.0/8");
            let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
            let address = address.parse::<IpAddr>().map_err(|_| wrong())?.to_canonical();
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
            if bits <= most { Ok((address, bits)) } else { Err(wrong()) }
        };
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl Source {
    /// Where a request comes from that came over a connection from `peer`. Each proxy adds the address before it at the end
    /// of the header, so what stands before the last address that is no proxy's could be anybody's invention.
    pub fn of(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let mut source = peer;
        let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        let mut said = lines.iter().flat_map(|line| line.split(',')).map(str::trim).rev();
        while proxies.hold(source) {
            match said.next().map(address) {
                Some(Some(before)) => source = before,
                _ => break,
            }
        }
        Self(network(source))
    }
}

/// An address as proxies write it, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let socket = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(socket).or_else(bracketed)
}

/// The address by which a source is counted.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let prefix = |value: u128, width: u8| value.checked_shr(u32::from(width - bits.min(width))).unwrap_or_default();
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            prefix(address.to_bits().into(), 32) == prefix(network.to_bits().into(), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => prefix(address.to_bits(), 128) == prefix(network.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(peer: &str, said: &[&str], proxies: &str) -> String {
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        Source::of(peer.parse().unwrap(), &headers, &proxies.parse().unwrap()).0.to_string()
    }

    #[test]
    fn only_a_proxy_that_is_named_is_believed() {
        for (peer, said, proxies, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "", "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.2", "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.0/24", "198.51.100.7"),
            ("192.0.2.1", &["203.0.113.9, 198.51.100.7"], "192.0.2.1", "198.51.100.7"),
            ("192.0.2.1", &["203.0.113.9", "198.51.100.7, 192.0.2.2"], "192.0.2.0/24", "198.51.100.7"),
            ("192.0.2.1", &["198.51.100.7:4711"], "192.0.2.1", "198.51.100.7"),
            ("192.0.2.1", &["nonsense"], "192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", &[], "192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", &["[2001:db8::1]:443"], "192.0.2.1", "2001:db8::"),
            ("2001:db8:1:2:3::4", &[], "", "2001:db8:1:2::"),
        ] {
            assert_eq!(source(peer, said, proxies), expected, "{peer} {said:?} {proxies}");
        }
    }

    #[test]
    fn networks_are_read() {
        for text in ["10.0.0.0/33", "x", "10.0.0.0/8/8", "::1/129", "10.0.0/8"] {
            assert!(text.parse::<Proxies>().is_err(), "{text}");
        }
        let all: Proxies = " 0.0.0.0/0 , ::1".parse().unwrap();
        assert!(all.hold("203.0.113.9".parse().unwrap()) && all.hold("::1".parse().unwrap()));
        assert!(!all.hold("::2".parse().unwrap()));
    }
}
