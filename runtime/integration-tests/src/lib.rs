//! Whole stories on the real runtime.
