//! Exit codes, which tell a service manager whether a restart helps.

use std::process::ExitCode;

use livepeer_worker_core::{
	key::NoKeyFor,
	ports::{advice::is_unpaid, chain::ChainError, store::StoreError},
	reporting::ReportError,
	roles::{broadcast::BroadcastError, transcode::TranscodeError},
};

/// Why a command ended. 0 is success, and 2 a wrong command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
	/// Something else.
	Failed = 1,
	/// The node is away, or belongs to another chain: try again, or check `--node`.
	Node = 3,
	/// Something costs more than an account has.
	Funds = 4,
	/// A key is missing, or lacks the right that it needs.
	Keys = 5,
	/// The account is jailed or not registered.
	Account = 6,
	/// The folder is full, at its quota, damaged or in use.
	Store = 7,
	/// The stream cannot continue as requested: trying again does not help.
	Stream = 8,
	/// The input of `verify`, `audit` or `report` was found to be wrong.
	Wrong = 9,
}

/// The exit codes of the chain's refusals, by pallet and error.
const REFUSALS: [(&str, Exit); 10] = [
	("Jobs.InsufficientEth", Exit::Funds),
	("Jobs.BudgetTooSmall", Exit::Funds),
	("Jobs.CapExceeded", Exit::Funds),
	("LptStaking.NotEnoughFree", Exit::Funds),
	("TranscoderElection.NotEnoughSelfBond", Exit::Funds),
	("Jobs.NoSpendingKey", Exit::Keys),
	("Jobs.KeyExpired", Exit::Keys),
	("Jobs.OutOfScope", Exit::Keys),
	("TranscoderElection.Jailed", Exit::Account),
	("TranscoderElection.NotRegistered", Exit::Account),
];

/// Why the input was found to be wrong, in words.
#[derive(Debug)]
pub struct Wrong(pub String);

impl std::fmt::Display for Wrong {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.write_str(&self.0)
	}
}

impl std::error::Error for Wrong {}

impl From<Exit> for ExitCode {
	fn from(exit: Exit) -> Self {
		ExitCode::from(exit as u8)
	}
}

/// The exit code of an error.
pub fn code_of(error: &anyhow::Error) -> Exit {
	error.chain().find_map(code).unwrap_or(Exit::Failed)
}

fn code(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
	if let Some(error) = cause.downcast_ref::<ChainError>() {
		return of_chain(error);
	}
	if cause.is::<StoreError>() {
		return Some(Exit::Store);
	}
	if cause.is::<Wrong>() {
		return Some(Exit::Wrong);
	}
	if cause.is::<NoKeyFor>() {
		return Some(Exit::Keys);
	}
	if let Some(error) = cause.downcast_ref::<ReportError>() {
		return match error {
			ReportError::Chain(error) => of_chain(error),
			ReportError::Store(_) => Some(Exit::Store),
		};
	}
	if let Some(error) = cause.downcast_ref::<BroadcastError>() {
		return match error {
			BroadcastError::Chain(error) => of_chain(error),
			BroadcastError::Store(_) => Some(Exit::Store),
			BroadcastError::Key(_) | BroadcastError::Origin(_) => Some(Exit::Keys),
			BroadcastError::Lost(_)
			| BroadcastError::OtherSource(_)
			| BroadcastError::NotTaken { .. }
			| BroadcastError::BadName
			| BroadcastError::TooCheap { .. }
			| BroadcastError::BadFormat(_)
			| BroadcastError::BadSegment { .. } => Some(Exit::Stream),
			_ => None,
		};
	}
	match cause.downcast_ref::<TranscodeError>()? {
		TranscodeError::Chain(error) => of_chain(error),
		TranscodeError::Store(_) => Some(Exit::Store),
		TranscodeError::Key(_) | TranscodeError::Vrf(_) | TranscodeError::Terms(_) => {
			Some(Exit::Keys)
		}
		_ => None,
	}
}

fn of_chain(error: &ChainError) -> Option<Exit> {
	match error {
		ChainError::Unreachable { .. }
		| ChainError::NotWebSocket { .. }
		| ChainError::WrongGenesis { .. } => Some(Exit::Node),
		ChainError::NoKey => Some(Exit::Keys),
		ChainError::NotIncluded { reason, .. } if is_unpaid(reason) => Some(Exit::Funds),
		ChainError::Refused { refused, .. } => {
			let refused = refused.to_string();
			REFUSALS.iter().find(|(known, _)| *known == refused).map(|(_, exit)| *exit)
		}
		_ => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use anyhow::Context;
	use livepeer_worker_core::ports::{advice::ADVICE, chain::Refused};

	#[test]
	fn exit_code_should_say_what_kind_of_thing_is_wrong() {
		let away = || ChainError::Unreachable { url: "ws://x".into(), reason: "no".into() };
		let refused = |pallet: &str, name: &str| ChainError::Refused {
			call: "Jobs.create_job",
			refused: Refused::named(pallet, name),
		};
		let of = |error: anyhow::Error| code_of(&error.context("while it started"));
		assert_eq!(of(away().into()), Exit::Node);
		assert_eq!(of(BroadcastError::Chain(away()).into()), Exit::Node);
		assert_eq!(of(TranscodeError::Store(StoreError::Conflict).into()), Exit::Store);
		assert_eq!(of(refused("Jobs", "InsufficientEth").into()), Exit::Funds);
		assert_eq!(of(refused("TranscoderElection", "Jailed").into()), Exit::Account);
		assert_eq!(of(BroadcastError::Lost("x".into()).into()), Exit::Stream);
		assert_eq!(of(anyhow::anyhow!("something")), Exit::Failed);
		let read: anyhow::Result<()> = Err(StoreError::Conflict).context("reading");
		assert_eq!(read.map_err(|error| code_of(&error)), Err(Exit::Store));
	}

	#[test]
	fn refusal_should_come_with_advice_when_it_has_an_exit_code() {
		for (refused, _) in REFUSALS {
			assert!(ADVICE.iter().any(|(known, _)| *known == refused), "{refused}");
		}
	}
}
