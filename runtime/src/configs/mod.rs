//! The configuration of the pallets and the connections between them, one file per concern.

pub mod bridge;
pub mod consensus;
pub mod governance;
pub mod money;
pub mod parameters;
pub mod priority;
pub mod session;
pub mod staking;
pub mod system;
pub mod timing;
pub mod transactions;
pub mod video;
