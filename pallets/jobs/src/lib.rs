//! Budgets, jobs, assignment, claims, escrow and settlement.
#![cfg_attr(not(feature = "std"), no_std)]
