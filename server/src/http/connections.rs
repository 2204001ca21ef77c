//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    slots: Arc<Semaphore>,
    per_address: usize,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that is counted, until dropped.
#[derive(Debug)]
pub(super) struct Counted {
    address: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _slot: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(all: usize, per_address: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(all)), per_address, by_address: Arc::default() }
    }

    /// Waits until there is room for one more.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so there always comes a slot.
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Counts a connection; `None` when there are too many from its address.
    pub(super) fn count(&self, address: IpAddr, slot: OwnedSemaphorePermit) -> Option<Counted> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Counted { address, by_address: Arc::clone(&self.by_address), _slot: slot })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_cannot_take_the_place_of_all() {
        let connections = Connections::new(3, 2);
        let [one, two] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let mut counted = Vec::new();
        for (address, room) in [(one, true), (one, true), (one, false), (two, true)] {
            let slot = connections.slot().await.expect("room");
            let taken = connections.count(address, slot);
            assert_eq!(taken.is_some(), room, "{address}");
            counted.extend(taken);
        }
        counted.remove(0);
        let slot = connections.slot().await.expect("room");
        assert!(connections.count(one, slot).is_some());
        counted.clear();
        assert!(connections.by_address.lock().expect("no panic").is_empty());
        assert_eq!(connections.slots.available_permits(), 3);
    }
}
