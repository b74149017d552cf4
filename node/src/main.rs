//! The node of the Livepeer chain.
#![allow(unused_crate_dependencies)]
fn main() {}
