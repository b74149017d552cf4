//! The rules that the roles apply: plain state and functions of their arguments, time included.

pub mod claims;
pub mod h264;
pub mod playlist;
pub mod ts;
pub mod window;
