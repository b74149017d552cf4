//! Faults in the bonds with which a chain begins.

use crate::{Config, GenesisConfig};
use alloc::{collections::BTreeMap, string::ToString};
use core::fmt;
use livepeer_primitives::{AccountId, Balance, UNIT};
use sp_core::crypto::Ss58Codec;

/// Why a chain cannot begin with its bonds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadBond {
	/// An account has less than its bonds plus the minimum that an account keeps.
	NotCovered {
		/// The account.
		who: AccountId,
		/// The sum of its bonds.
		bonds: Balance,
		/// What it needs for them.
		needs: Balance,
		/// What it has.
		has: Balance,
	},
	/// An account bonds to more than one transcoder.
	ToSeveral(AccountId),
}

impl fmt::Display for BadBond {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::NotCovered { who, bonds, needs, has } => write!(
				f,
				"the genesis bond of {} is not covered: it bonds {} LPT and needs {} LPT, of which the \
				 account has {} LPT; {} LPT are missing",
				who.to_ss58check(),
				Lpt(*bonds),
				Lpt(*needs),
				Lpt(*has),
				Lpt(needs.saturating_sub(*has)),
			),
			Self::ToSeveral(who) => write!(
				f,
				"{} bonds to several transcoders at genesis, and an account bonds to one only",
				who.to_ss58check()
			),
		}
	}
}

/// An amount of LPT in the form for people.
struct Lpt(Balance);

impl fmt::Display for Lpt {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let fraction = alloc::format!("{:018}", self.0 % UNIT);
		let (whole, fraction) = ((self.0 / UNIT).to_string(), fraction.trim_end_matches('0'));
		match fraction {
			"" => f.write_str(&whole),
			fraction => write!(f, "{whole}.{fraction}"),
		}
	}
}

impl<T: Config> GenesisConfig<T> {
	/// Checks that a chain can begin with these bonds, if accounts have these `balances` and each
	/// keeps `minimum`.
	///
	/// # Errors
	///
	/// The fault of the first invalid bond.
	pub fn check(
		&self,
		balances: impl Fn(&AccountId) -> Balance,
		minimum: Balance,
	) -> Result<(), BadBond> {
		let mut bonded: BTreeMap<&AccountId, (&AccountId, Balance)> = BTreeMap::new();
		for (who, to, amount) in &self.bonds {
			let (first, bonds) = bonded.entry(who).or_insert((to, 0));
			if *first != to {
				return Err(BadBond::ToSeveral(who.clone()));
			}
			*bonds = bonds.saturating_add(*amount);
			let (bonds, has) = (*bonds, balances(who));
			let needs = bonds.saturating_add(minimum);
			if has < needs {
				return Err(BadBond::NotCovered { who: who.clone(), bonds, needs, has });
			}
		}
		Ok(())
	}
}
