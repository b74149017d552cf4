//! What a judge left undone: among all of one round the largest counts, as with transcoders. Else
//! whoever can make many claims at once, or keep a judge from the chain for an hour, could take all of
//! its stake. What a judge has signed that is false adds up.

use livepeer_primitives::{AccountId, RoundIndex};
use sp_runtime::Perbill;

use crate::{outcome_impls::difference, types::Penalty, Config, Omitted, Pallet};

impl Penalty {
	/// Whether it is for what was not done: neither answer, nor word, nor the bytes or the evidence for
	/// it.
	pub fn is_omission(&self) -> bool {
		!matches!(self, Penalty::FalseDissent | Penalty::MissedVariant)
	}
}

impl<T: Config> Pallet<T> {
	/// What a penalty of the share `wanted` takes of a judge that was seated by the snapshot of
	/// `round`: of an omission what it is more than the largest one of that round has taken. One of an
	/// earlier round, whose claim took longer, counts with those of the newest.
	pub(crate) fn counted_once(
		judge: &AccountId,
		round: RoundIndex,
		penalty: Penalty,
		wanted: Perbill,
	) -> Perbill {
		if !penalty.is_omission() || wanted.is_zero() {
			return wanted;
		}
		let (newest, taken) = Omitted::<T>::get(judge).unwrap_or_default();
		let before = if newest < round { Perbill::zero() } else { taken };
		Omitted::<T>::insert(judge, (newest.max(round), before.max(wanted)));
		difference(before, wanted)
	}

	/// A judge of a later round was dismissed that left nothing undone.
	pub(crate) fn forget_omissions(judge: &AccountId, round: RoundIndex) {
		if Omitted::<T>::get(judge).is_some_and(|(newest, _)| newest < round) {
			Omitted::<T>::remove(judge);
		}
	}
}
