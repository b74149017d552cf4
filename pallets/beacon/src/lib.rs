//! A seed per block window that nobody can steer, with the validator set then in force.
#![cfg_attr(not(feature = "std"), no_std)]
