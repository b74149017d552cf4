//! The timing fixed at genesis and the one checked call that sets parameters.
#![cfg_attr(not(feature = "std"), no_std)]
