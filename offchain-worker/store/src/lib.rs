//! The content-addressed store of the worker.
