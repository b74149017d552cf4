//! Registration, terms, availability, the active set and the validator set.
#![cfg_attr(not(feature = "std"), no_std)]
