//! Segments, receipts, claims and job logic of the worker, without I/O.
pub mod transcoder;
