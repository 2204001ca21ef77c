//! What Quipu's tests share: the simulated disk.

mod careless;
pub mod sim_disk;

pub use careless::{CarelessDisk, Omission};
pub use sim_disk::{Crash, Fault, SimDisk};
