//! Bonding, delegation, exit pools, earnings and slashing of LPT.
#![cfg_attr(not(feature = "std"), no_std)]
