//! No code: see `scripts/features.py`.
#![no_std]
