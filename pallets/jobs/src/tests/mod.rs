//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod create;
