//! What Quipu's tests share: the simulated disk, and the naive model that a store is held against.

mod assigned;
mod careless;
mod corrected;
mod erased;
pub mod model;
pub mod sim_disk;

pub use assigned::Assigned;
pub use careless::{CarelessDisk, Omission};
pub use corrected::CorrectionFate;
pub use erased::{ErasureFate, Left};
pub use model::{Fate, Model, OutcomeFate};
pub use sim_disk::{Crash, Fault, SimDisk};
