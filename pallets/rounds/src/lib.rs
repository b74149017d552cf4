//! The round clock.
#![cfg_attr(not(feature = "std"), no_std)]
