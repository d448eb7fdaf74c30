//! How many connections there are, in all and of each source.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::source::{Proxies, network};

/// The places that there are for connections.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    total: usize,
    per_source: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A place; it is free again when dropped.
pub struct Place {
    places: Places,
    source: IpAddr,
}

impl Places {
    /// So many in all, and of one source.
    pub fn new(total: usize, per_source: usize) -> Self {
        Self(Arc::new(Inner { total, per_source, taken: Mutex::default() }))
    }

    /// Takes a place for a connection from an address, if there is one. A proxy stands for many.
    pub fn take(&self, address: IpAddr, proxies: &Proxies) -> Option<Place> {
        let source = network(address);
        let limit = if proxies.hold(address) { self.0.total } else { self.0.per_source };
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.0.total {
            return None;
        }
        let own = taken.entry(source).or_default();
        if *own >= limit {
            return None;
        }
        *own += 1;
        Some(Place { places: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.source) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_does_not_take_all_places() {
        let places = Places::new(5, 2);
        let proxies: Proxies = "192.0.2.9".parse().unwrap();
        let take = |address: &str| places.take(address.parse().unwrap(), &proxies);
        let own = [take("192.0.2.1"), take("192.0.2.1")];
        assert!(own.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none(), "a third of one source");
        let [first, _] = own;
        drop(first);
        let again = take("192.0.2.1");
        assert!(again.is_some());
        let proxied = [take("192.0.2.9"), take("192.0.2.9"), take("192.0.2.9")];
        assert!(proxied.iter().all(Option::is_some), "a proxy stands for many");
        assert!(take("198.51.100.7").is_none(), "all places are taken");
        drop(proxied);
        assert!(take("198.51.100.7").is_some());
    }
}
