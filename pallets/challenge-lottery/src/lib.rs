//! Draw, reveal, committee verdicts and outcome of claims.
#![cfg_attr(not(feature = "std"), no_std)]
