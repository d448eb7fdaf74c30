//! Where connections come from: one client's address or network, or a proxy that stands for many clients.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The proxies that stand for many clients: addresses and networks, such as `10.0.0.0/8`.
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

/// The address by which a source is counted. Of IPv6 only the network counts, of which a client has many addresses.
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

    #[test]
    fn a_source_is_an_address_or_a_network_of_ipv6() {
        for (address, expected) in
            [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::")]
        {
            assert_eq!(network(address.parse().unwrap()).to_string(), expected);
        }
        let proxies: Proxies = "192.0.2.0/24".parse().unwrap();
        assert!(proxies.hold("::ffff:192.0.2.1".parse().unwrap()) && !proxies.hold("192.0.3.1".parse().unwrap()));
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
