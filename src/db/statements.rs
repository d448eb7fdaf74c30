//! Which statements a connection keeps prepared.
//!
//! A prepared statement is worth its memory when it comes again, on this connection and soon. What clients ask for can give
//! statements many shapes: which filters, in which order, from which side of a page. So a shape is kept only when it comes
//! often, and a connection that keeps many is closed when it is given back.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How many statements a connection keeps, before another connection takes its place.
pub const MAX_KEPT: usize = 200;
/// When a shape comes for this time, it is kept.
const OFTEN: u8 = 3;
/// Of how many shapes it is known how often they came.
const KNOWN: usize = 4_096;

/// How often shapes of statements came lately, in all connections.
#[derive(Default)]
struct Shapes(HashMap<u64, u8>);

impl Shapes {
    fn comes_often(&mut self, shape: u64) -> bool {
        if self.0.len() >= KNOWN && !self.0.contains_key(&shape) {
            // Whatever did not come twice since the last time is forgotten, and of the others half of the times.
            self.0.retain(|_, times| {
                *times /= 2;
                *times > 0
            });
        }
        let times = self.0.entry(shape).or_default();
        *times = times.saturating_add(1);
        *times >= OFTEN
    }
}

/// Counts a statement of this shape, and says whether it is worth keeping.
pub fn comes_often(shape: u64) -> bool {
    static SHAPES: LazyLock<Mutex<Shapes>> = LazyLock::new(Mutex::default);
    SHAPES.lock().unwrap_or_else(PoisonError::into_inner).comes_often(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_told_from_what_comes_once() {
        let mut shapes = Shapes::default();
        assert_eq!([(); 4].map(|()| shapes.comes_often(7)), [false, false, true, true]);
        let kept: Vec<bool> = (0..100_000_u64)
            .filter_map(|n| {
                assert!(!shapes.comes_often(1_000 + n), "each of these comes once");
                assert!(shapes.0.len() <= KNOWN);
                (n % 100 == 0).then(|| shapes.comes_often(7))
            })
            .collect();
        assert!(kept.iter().all(|kept| *kept), "what others send does not make it forgotten");
    }
}
