//! How many requests each token sends in a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many seconds' worth of requests may come at once.
const BURST: u32 = 2;

/// Counts requests by the generic cell rate algorithm: each moves its token's *due* time on by its
/// share of a second, and may run ahead of the clock by the burst.
#[derive(Debug)]
pub(super) struct Rates {
    /// 0 is any number.
    per_second: AtomicU32,
    due: Mutex<HashMap<String, Instant>>,
}

impl Rates {
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Self { per_second: per_second.unwrap_or(0).into(), due: Mutex::default() }
    }

    /// Allows that many from now on.
    pub(super) fn allow(&self, per_second: Option<u32>) {
        self.per_second.store(per_second.unwrap_or(0), Ordering::Relaxed);
    }

    /// Counts a request of `token` at `now`. The names are those of tokens that exist, so they are few.
    ///
    /// # Errors
    /// How long to wait when there were too many; this one is not counted then.
    pub(super) fn count(&self, token: &str, now: Instant) -> Result<(), Duration> {
        let per_second = self.per_second.load(Ordering::Relaxed);
        let Some(share) = Duration::from_secs(1).checked_div(per_second) else { return Ok(()) };
        let burst = Duration::from_secs(1) * BURST;
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let next = due.get(token).map_or(now, |due| (*due).max(now)) + share;
        match next.checked_duration_since(now + burst) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                due.insert(token.to_owned(), next);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let (rates, start) = (Rates::new(Some(10)), Instant::now());
        assert!((0..20).all(|_| rates.count("a", start).is_ok()));
        assert_eq!(rates.count("a", start), Err(Duration::from_millis(100)));
        assert!(rates.count("b", start).is_ok());
        let passed =
            (1..=100).filter(|step| rates.count("a", start + Duration::from_millis(step * 20)).is_ok()).count();
        assert_eq!(passed, 20);
        rates.allow(None);
        assert!((0..1000).all(|_| rates.count("a", start).is_ok()));
    }
}
