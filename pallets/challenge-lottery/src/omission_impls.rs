//! What a judge left undone: among all of one round the largest counts, as with transcoders. Else
//! whoever can make many claims at once, or keep a judge from the chain for an hour, could take all of
//! its stake. What a judge has signed that is false adds up. Bytes that came late stand between the two:
//! a judge can be kept from them, and can say so of any claim, to have everybody judge it. They add up,
//! to as much as one false word in a round, and whoever lacks them again and again judges no more for a
//! while.

use livepeer_primitives::{params::LotteryParameters, traits::Rounds, AccountId, RoundIndex};
use sp_runtime::{traits::Saturating, Perbill};

use crate::{
	outcome_impls::difference,
	types::{Omissions, Penalty},
	ChilledLate, Config, Omitted, Pallet, Verifiers,
};

/// Claims of a round in which a judge lacks bytes that others have and has not asked for them, from which
/// on it is chilled. Who has asked never is: else a transcoder that keeps its bytes from one judge after
/// the other, at the price of a few claims, could empty the set of validators but for its friends. But
/// where it has lost all that a round takes of it, the next would cost it nothing, and chills it, as far as
/// [`CHILLED_LATE`] allows.
pub const LATE_TOO_OFTEN: u32 = 3;

/// Of so many validators one, and one at least, can be chilled within the rounds that a chill lasts, for
/// bytes for which it had asked and which its fellows had. It cannot be told from one that was kept from
/// them, so this bounds how many a transcoder and its friends can keep from validating; who is beyond it
/// pays and validates on.
pub const CHILLED_LATE: u32 = 10;

impl Penalty {
	/// Whether it is for what was not done: neither answer, nor word, nor the evidence for it.
	pub fn is_omission(&self) -> bool {
		!matches!(self, Penalty::FalseDissent | Penalty::MissedVariant) && !self.is_late()
	}

	/// Whether it is for bytes that others had: it adds up in a round, up to a false dissent. So it does
	/// where most of a tranche lacked them and had asked, for it is charged to the transcoder each time, and
	/// they may lie.
	pub fn is_late(&self) -> bool {
		matches!(self, Penalty::LateData | Penalty::LateDataAlone | Penalty::LateDataAsked)
	}
}

impl<T: Config> Pallet<T> {
	/// What a penalty of the share `wanted` takes of a judge that was seated by the snapshot of
	/// `round`, and whether it chills it: of an omission what it is more than the largest one of that
	/// round has taken; of bytes that came late what all of the round may take, a false dissent, has left,
	/// and one of which it leaves nothing chills: whoever had not asked for them, and of the others as many
	/// as [`CHILLED_LATE`] says. One of an earlier round, whose claim took longer, counts with those of the
	/// newest.
	pub(crate) fn counted(
		judge: &AccountId,
		round: RoundIndex,
		penalty: Penalty,
		wanted: Perbill,
		parameters: &LotteryParameters,
	) -> (Perbill, bool) {
		let is_late = penalty.is_late();
		if !is_late && (!penalty.is_omission() || wanted.is_zero()) {
			return (wanted, penalty.chills());
		}
		let mut omitted = Omitted::<T>::get(judge)
			.filter(|omitted| omitted.round >= round)
			.unwrap_or(Omissions { round, ..Default::default() });
		let mut is_for_nothing = false;
		let taken = if is_late {
			let before = omitted.late;
			let most = parameters.false_dissent_slash.max(parameters.no_show_slash);
			is_for_nothing = before >= most && !wanted.is_zero();
			omitted.late = before.saturating_add(wanted).min(most.max(before));
			difference(before, omitted.late)
		} else {
			let before = omitted.largest;
			omitted.largest = before.max(wanted);
			difference(before, omitted.largest)
		};
		let chills = match penalty {
			Penalty::LateData => {
				omitted.times_late = omitted.times_late.saturating_add(1);
				omitted.times_late >= LATE_TOO_OFTEN || is_for_nothing
			}
			// Once in a round, so that it takes one place of those that there are.
			Penalty::LateDataAlone if is_for_nothing && !omitted.is_chilled => {
				omitted.is_chilled = Self::chills_late(parameters.chill);
				omitted.is_chilled
			}
			_ => penalty.chills(),
		};
		Omitted::<T>::insert(judge, omitted);
		(taken, chills)
	}

	/// Whether one more judge may be chilled for bytes that its fellows had, which is counted then: over as
	/// many rounds as it lasts, for whoever is chilled in the first of them is still in the last.
	fn chills_late(chill: RoundIndex) -> bool {
		let now = T::Rounds::current();
		let (since, count) = match ChilledLate::<T>::get() {
			Some((since, count)) if now <= since.saturating_add(chill) => (since, count),
			_ => (now, 0),
		};
		let validators = Verifiers::<T>::decode_len().unwrap_or_default() as u32;
		if count >= (validators / CHILLED_LATE).max(1) {
			return false;
		}
		ChilledLate::<T>::put((since, count.saturating_add(1)));
		true
	}

	/// A judge of a later round was dismissed that left nothing undone.
	pub(crate) fn forget_omissions(judge: &AccountId, round: RoundIndex) {
		if Omitted::<T>::get(judge).is_some_and(|omitted| omitted.round < round) {
			Omitted::<T>::remove(judge);
		}
	}
}
