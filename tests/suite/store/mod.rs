//! The store as a whole, held against a naive model on a disk that crashes, fails, fills up and is damaged.

mod backup;
pub(crate) mod corrections;
pub(crate) mod crash;
pub(crate) mod damage;
mod erase;
mod expire;
mod faults;
mod look;
mod random;
mod threads;
pub(crate) mod workload;

use std::sync::Arc;

use quipu_engine::io::Disk;
use quipu_engine::{Options, Result, Store};

/// A store that does everything within the calls of its user, so that the same calls make the same disk.
fn options(seal_events: usize) -> Options {
    Options::default().background(false).seal_events(seal_events).reserve_bytes(0)
}

pub(crate) fn open(disk: &Arc<dyn Disk>, seal_events: usize) -> Result<Store> {
    Store::open_on(Arc::clone(disk), options(seal_events))
}
