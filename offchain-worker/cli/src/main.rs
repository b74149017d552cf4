//! The binary `livepeer-worker`.
fn main() {}
