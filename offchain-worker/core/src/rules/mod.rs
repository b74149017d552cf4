//! The roles' rules: plain state and pure functions, with time as an argument.

pub mod claims;
pub mod h264;
pub mod playlist;
pub mod ts;
pub mod window;
