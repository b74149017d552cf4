//! The toolchains that judges lack, as their verifier keys attest.
//!
//! A judge whose service does not reproduce the golden vectors of a toolchain says so on the chain.
//! This frees it of nothing: it is still seated and abstains, which costs as much as silence. If it
//! were passed over instead, a transcoder that uses a toolchain that few can judge would be judged
//! by these few alone.
//!
//! A judge whose evidence in a dispute was not that of the work is chilled until it attests that
//! its service makes that claim's toolchain again, and at least as long as by any other chill. The
//! content of an attestation is public knowledge, so by itself it would cost a judge that did not
//! do the work nothing.

use alloc::vec::Vec;
use frame_support::{ensure, traits::Get, weights::Weight};
use livepeer_primitives::{
	keys::VerifierSignature,
	refusal::NOT_YET,
	toolchain::{attestation_payload, Attestation, Lacking},
	traits::{Beacon, Chill, Claims, ProtocolClock, VerifierKeyOf, UNTIL_ATTESTED},
	AccountId, ClaimId, Hash, RoundIndex, ToolchainId, WindowIndex,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionValidityError, TransactionValidityWithRefund, ValidTransaction,
};

use crate::{
	types::Penalty, Attestations, Config, Event, Pallet, RetiringToolchains, Toolchains, Verifiers,
};

impl<T: Config> Pallet<T> {
	/// The toolchains that claims can name, ascending.
	pub(crate) fn toolchains_kept() -> Vec<ToolchainId> {
		let mut kept = Toolchains::<T>::get().into_inner();
		kept.extend(RetiringToolchains::<T>::get().iter().map(|entry| entry.toolchain));
		kept.sort_unstable();
		kept
	}

	/// The payload of an attestation.
	pub(crate) fn attestation_payload(
		verifier: &AccountId,
		window: WindowIndex,
		lacking: &Lacking,
	) -> Hash {
		attestation_payload(Self::genesis_hash(), verifier, window, lacking)
	}

	/// What the chain stores for a judge after its attestation, if that differs from before. These
	/// are the cheap checks of the call. A judge attests once in a window, and a statement is valid
	/// in its own window only. `NOT_YET` means that the window may be to come, or that the judge or
	/// the toolchain may not be listed yet.
	pub(crate) fn next_attestation(
		verifier: &AccountId,
		window: WindowIndex,
		lacking: &Lacking,
	) -> Result<Attestation, TransactionValidityError> {
		let current = T::Beacon::current_window();
		ensure!(window <= current, NOT_YET);
		ensure!(window == current, InvalidTransaction::Stale);
		let before = match Attestations::<T>::get(verifier) {
			Some(before) => {
				ensure!(before.window < window, InvalidTransaction::Stale);
				before
			}
			None => {
				ensure!(!lacking.is_empty(), InvalidTransaction::Stale);
				// Only a judge can get a first entry here.
				let judges = Verifiers::<T>::get().iter().any(|(account, _)| account == verifier);
				ensure!(judges, NOT_YET);
				Attestation::default()
			}
		};
		let ascends = lacking.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
		ensure!(ascends, InvalidTransaction::BadProof);
		ensure!(lacking.iter().all(Self::is_kept), NOT_YET);
		let lacks = |toolchain: &ToolchainId| lacking.contains(toolchain);
		let owed = before.owed.clone().filter(|owed| owed.toolchains.iter().any(lacks));
		ensure!(before.lacking != *lacking || before.owed != owed, InvalidTransaction::Stale);
		Ok(Attestation { window, lacking: lacking.clone(), owed })
	}

	/// Decides whether an attestation may enter a block.
	pub(crate) fn validate_attest(
		verifier: &AccountId,
		window: WindowIndex,
		lacking: &Lacking,
		signature: &VerifierSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		Self::next_attestation(verifier, window, lacking)?;
		let key = T::VerifierKeys::verifier_key(verifier).ok_or(InvalidTransaction::BadSigner)?;
		let payload = Self::attestation_payload(verifier, window, lacking);
		ensure!(key.verify(&payload, signature), InvalidTransaction::BadProof);
		ValidTransaction::with_tag_prefix("LivepeerAttestation")
			.priority(T::DutyPriority::get())
			.and_provides((verifier, window))
			.longevity(T::Timing::get().beacon_window.max(1).into())
			.propagate(true)
			.build()
			.map(|valid| (valid, Weight::zero()))
	}

	/// Stores what a judge lacks, and ends the chill of one that owes nothing more.
	pub(crate) fn do_attest(
		verifier: AccountId,
		window: WindowIndex,
		lacking: Lacking,
	) -> Result<(), TransactionValidityError> {
		let next = Self::next_attestation(&verifier, window, &lacking)?;
		let owed = Attestations::<T>::get(&verifier).and_then(|before| before.owed);
		if let (Some(owed), None) = (owed, &next.owed) {
			T::Chill::thaw(&verifier, owed.until);
		}
		if next.lacking.is_empty() && next.owed.is_none() {
			Attestations::<T>::remove(&verifier);
		} else {
			Attestations::<T>::insert(&verifier, next);
		}
		Self::deposit_event(Event::Attested { verifier, lacking: lacking.into_inner() });
		Ok(())
	}

	/// Chills a judge for its conduct in a claim, until round `until`. A judge that did not do the
	/// work, or that has not attested since, is chilled until it attests.
	pub(crate) fn chill(id: ClaimId, judge: &AccountId, penalty: Penalty, until: RoundIndex) {
		let unmade = match penalty {
			Penalty::WrongEvidence => T::Claims::claim(id).map(|info| info.toolchain),
			_ => None,
		};
		let mut attestation = Attestations::<T>::get(judge).unwrap_or_default();
		if unmade.is_none() && attestation.owed.is_none() {
			T::Chill::chill(judge, until);
			return;
		}
		let mut owed = attestation.owed.take().unwrap_or_default();
		owed.until = owed.until.max(until);
		if let Some(toolchain) = unmade {
			// Its attestations count from the next window on; none that is already under way does.
			attestation.window = T::Beacon::current_window();
			if !owed.toolchains.contains(&toolchain) && owed.toolchains.try_push(toolchain).is_err()
			{
				log::error!(target: crate::LOG_TARGET, "{judge:?} owes more than can be listed");
			}
		}
		attestation.owed = Some(owed);
		Attestations::<T>::insert(judge, attestation);
		T::Chill::chill(judge, UNTIL_ATTESTED);
	}
}
