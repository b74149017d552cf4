//! The rules that the roles apply: plain state and functions of their arguments, time included.

pub mod claims;
pub mod playlist;
pub mod window;
