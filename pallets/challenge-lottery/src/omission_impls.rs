//! A judge's omissions. Of those in one round only the largest counts, as with transcoders.
//! Otherwise an attacker that can make many claims at once, or keep a judge from the chain for an
//! hour, could take all of the judge's stake. False verdicts that a judge has signed add up. Late
//! bytes are in between: a judge can be kept from them, but can also claim this of any claim so
//! that everybody judges it. They add up in a round to at most one false verdict, and a judge that
//! lacks bytes again and again judges no more for a while.

use livepeer_primitives::{params::LotteryParameters, traits::Rounds, AccountId, RoundIndex};
use sp_runtime::{traits::Saturating, Perbill};

use crate::{
	outcome_impls::difference,
	types::{Omissions, Penalty},
	ChilledLate, Config, Omitted, Pallet, Verifiers,
};

/// A judge is chilled from this many claims in a round on for which it lacks bytes that others have
/// and has not asked for them. Judges that have asked are exempt: otherwise a transcoder that
/// withholds its bytes from one judge after the other, at the price of a few claims, could remove
/// all validators but its accomplices. However, once such a judge has lost all that a round takes,
/// the next claim would cost it nothing; that one chills it, as far as [`CHILLED_LATE`] allows.
pub const LATE_TOO_OFTEN: u32 = 3;

/// One in this many validators, and at least one, can be chilled within the rounds that a chill
/// lasts, for bytes for which it had asked and which its fellow judges had. Such a judge cannot be
/// distinguished from one that was kept from them, so this bounds how many validators a transcoder
/// and its accomplices can exclude. A judge beyond the bound pays and keeps validating.
pub const CHILLED_LATE: u32 = 10;

impl Penalty {
	/// Whether it is for an omission: no answer, no reveal, or no evidence of the work.
	pub fn is_omission(&self) -> bool {
		!matches!(self, Penalty::FalseDissent | Penalty::MissedVariant) && !self.is_late()
	}

	/// Whether it is for bytes that others had. Such penalties add up in a round, up to a false
	/// dissent. This also applies if most of a tranche lacked the bytes and had asked: the
	/// transcoder is charged each time, and the judges may lie.
	pub fn is_late(&self) -> bool {
		matches!(self, Penalty::LateData | Penalty::LateDataAlone | Penalty::LateDataAsked)
	}
}

impl<T: Config> Pallet<T> {
	/// What a penalty of the share `wanted` takes from a judge that was seated by the snapshot of
	/// `round`, and whether it chills the judge. An omission takes what exceeds the largest one of
	/// that round so far. Late bytes take at most what is left of the round's limit, a false
	/// dissent. If nothing is left, late bytes chill the judge: always if it had not asked for
	/// them, otherwise as far as [`CHILLED_LATE`] allows. An omission of an earlier round, whose
	/// claim took longer, counts with those of the newest round.
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
			// Once in a round, so that one judge takes only one of the available places.
			Penalty::LateDataAlone if is_for_nothing && !omitted.is_chilled => {
				omitted.is_chilled = Self::chills_late(parameters.chill);
				omitted.is_chilled
			}
			_ => penalty.chills(),
		};
		Omitted::<T>::insert(judge, omitted);
		(taken, chills)
	}

	/// Whether one more judge may be chilled for bytes that its fellow judges had, and if so counts
	/// it. The count covers as many rounds as a chill lasts, because whoever is chilled in the
	/// first of them is still chilled in the last.
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

	/// A judge that had no omission was dismissed in a later round.
	pub(crate) fn forget_omissions(judge: &AccountId, round: RoundIndex) {
		if Omitted::<T>::get(judge).is_some_and(|omitted| omitted.round < round) {
			Omitted::<T>::remove(judge);
		}
	}
}
