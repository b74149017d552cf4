//! The worker's roles.

pub mod audit;
pub mod broadcast;
pub mod follow;
pub mod transcode;
pub mod verify;
