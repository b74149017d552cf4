//! Reads, the list of toolchains, and what the pallet is to others: receiver of claims and of
//! session keys.

use alloc::vec::Vec;
use frame_support::{
	traits::{Get, OneSessionHandler},
	BoundedVec,
};
use livepeer_primitives::{
	api::{ChallengeStage, ChallengeView},
	keys::VerifierId,
	traits::{ClaimInfo, OnClaim},
	verdict::Phase,
	AccountId, ClaimId, ToolchainId,
};
use sp_runtime::{BoundToRuntimeAppPublic, DispatchError, DispatchResult};

use crate::{
	types::{Answer, Stage},
	Ballots, Challenges, Config, Error, Event, Members, Pallet, Toolchains, Verifiers,
};

impl<T: Config> Pallet<T> {
	/// An open challenge as applications show it.
	pub(crate) fn challenge_view(id: ClaimId) -> Option<ChallengeView> {
		let challenge = Challenges::<T>::get(id)?;
		let ballot = Ballots::<T>::get(id);
		let voting = match ballot.as_ref().map(|ballot| ballot.phase) {
			Some(Phase::Reveal) => ChallengeStage::VerdictReveal,
			_ => ChallengeStage::Commit,
		};
		let (stage, deadline, outcome) = match &challenge.stage {
			Stage::AwaitingSeed => (ChallengeStage::AwaitingSeed, challenge.due, None),
			Stage::LeafReveal { deadline, .. } => (ChallengeStage::LeafReveal, *deadline, None),
			Stage::Voting => (voting, challenge.due, None),
			Stage::AwaitingDispute => (ChallengeStage::AwaitingDispute, challenge.due, None),
			Stage::Decided(decision) => {
				(ChallengeStage::Decided, decision.execute_at, Some(decision.outcome))
			}
		};
		let tranche = ballot.map_or(0, |ballot| ballot.tranche);
		let mut members: Vec<_> = Members::<T>::iter_prefix((id, tranche)).collect();
		members.sort_by_key(|(index, _)| *index);
		Some(ChallengeView {
			claim: id,
			stage,
			deadline,
			tranche,
			positions: challenge.samples.iter().map(|sample| sample.position).collect(),
			answered: challenge.samples.iter().map(|sample| sample.leaf.is_some()).collect(),
			committed: members.iter().map(|(_, m)| m.answer != Answer::Silent).collect(),
			revealed: members
				.iter()
				.map(|(_, m)| matches!(m.answer, Answer::Revealed { .. }))
				.collect(),
			members: members.into_iter().map(|(_, member)| member.account).collect(),
			outcome,
		})
	}

	/// The toolchains that claims may name.
	pub(crate) fn toolchains_accepted() -> Vec<ToolchainId> {
		Toolchains::<T>::get().into_inner()
	}

	pub(crate) fn do_accept_toolchain(toolchain: ToolchainId) -> DispatchResult {
		Toolchains::<T>::try_mutate(|list| {
			let Err(at) = list.binary_search(&toolchain) else {
				return Err(Error::<T>::AlreadyAccepted);
			};
			list.try_insert(at, toolchain).map_err(|_| Error::<T>::TooManyToolchains)
		})?;
		Self::deposit_event(Event::ToolchainAccepted { toolchain });
		Ok(())
	}

	pub(crate) fn do_retire_toolchain(toolchain: ToolchainId) -> DispatchResult {
		Toolchains::<T>::try_mutate(|list| {
			let at = list.binary_search(&toolchain).map_err(|_| Error::<T>::UnknownToolchain)?;
			list.remove(at);
			Ok::<_, Error<T>>(())
		})?;
		Self::deposit_event(Event::ToolchainRetired { toolchain });
		Ok(())
	}

	fn store_verifiers<'a>(validators: impl Iterator<Item = (&'a AccountId, VerifierId)>) {
		let verifiers = validators.map(|(account, key)| (account.clone(), key)).collect();
		Verifiers::<T>::put(BoundedVec::truncate_from(verifiers));
	}
}

impl<T: Config> OnClaim for Pallet<T> {
	fn max_leaves(_transcoder: &AccountId) -> u32 {
		T::Parameters::get().max_leaves()
	}

	fn accepts_toolchain(toolchain: &ToolchainId) -> bool {
		Toolchains::<T>::get().binary_search(toolchain).is_ok()
	}

	fn on_claim(id: ClaimId, info: &ClaimInfo) -> Result<(), DispatchError> {
		Self::do_open(id, info)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_toolchain() -> ToolchainId {
		let toolchain = ToolchainId::repeat_byte(0xbe);
		Toolchains::<T>::put(BoundedVec::truncate_from(alloc::vec![toolchain]));
		toolchain
	}
}

impl<T: Config> BoundToRuntimeAppPublic for Pallet<T> {
	type Public = VerifierId;
}

impl<T: Config> OneSessionHandler<T::AccountId> for Pallet<T> {
	type Key = VerifierId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: Iterator<Item = (&'a T::AccountId, VerifierId)>,
	{
		Self::store_verifiers(validators);
	}

	fn on_new_session<'a, I>(_changed: bool, validators: I, _queued_validators: I)
	where
		I: Iterator<Item = (&'a T::AccountId, VerifierId)>,
	{
		Self::store_verifiers(validators);
	}

	fn on_disabled(_validator_index: u32) {
		// A disabled validator is left out of disputes through its jail.
	}
}
