//! How the pallets are configured and joined, one file per concern.

pub mod consensus;
pub mod governance;
pub mod money;
pub mod session;
pub mod system;
pub mod timing;
pub mod transactions;
