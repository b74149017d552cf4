//! The length of a ballot's commit phase: a judge that works without pause must be able to finish
//! everything that it owes by then.
//!
//! Each judge has a queue of the ballots that it has not answered yet. One number of it is stored:
//! when the judge will finish them at `verify_rate`. A ballot is open until the last of its members
//! will have finished, however many ballots begin at once. A claim's patience bounds how much other
//! ballots can lengthen the claim's own. A member whose queue is longer than that is not asked for
//! more than it can do: its silence in that ballot costs nothing, and its queue stays as it was.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::{ConstU32, Get};
use livepeer_primitives::{
	params::LotteryParameters, verdict::Tranche, AccountId, BlockNumber, ClaimId, MAX_VALIDATORS,
};
use scale_info::TypeInfo;
use sp_runtime::BoundedBTreeMap;

use crate::{
	types::{Answer, Challenge, Member},
	Config, Members, Pallet, Queues,
};

/// Parts of a block in which work is counted, because many small ballots fit into one block.
const PARTS: u64 = 1_000;

/// The least time that a ballot takes a judge, however little its work: to ask for its bytes, to
/// fetch them and to answer.
const LEAST: u64 = PARTS / 2;

/// Beacon windows by which what its judges owe elsewhere can lengthen all of a claim's ballots
/// together. [`LotteryParameters::longest_judgement`] includes them.
const PATIENCE: BlockNumber = 2;

/// Most judges that can have pending work at once.
pub type MaxQueues = ConstU32<{ 4 * MAX_VALIDATORS }>;

/// The queues of all judges that owe an answer.
pub type AllQueues = BoundedBTreeMap<AccountId, Queue, MaxQueues>;

/// A judge's pending work.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Queue {
	/// When it will finish, in thousandths of a block, if it works without pause.
	pub until: u64,
	/// Ballots that it has not answered.
	pub owed: u32,
}

/// The time that a ballot over `work` takes a judge, in parts of a block; never more than sampled
/// work may add.
fn parts_of(parameters: &LotteryParameters, work: u64) -> u64 {
	let parts = u128::from(work)
		.saturating_mul(PARTS.into())
		.div_ceil(u128::from(parameters.verify_rate).max(1));
	let most = u64::from(parameters.max_work_blocks).saturating_mul(PARTS);
	u64::try_from(parts).unwrap_or(u64::MAX).max(LEAST).min(most)
}

impl<T: Config> Pallet<T> {
	/// Blocks by which the ballots of a new claim can exceed the time of its own work.
	pub(crate) fn patience() -> BlockNumber {
		T::Timing::get().beacon_window.saturating_mul(PATIENCE)
	}

	/// Puts the ballot of a tranche into the queues of its members, and returns how many blocks it
	/// takes until all of them have finished. What exceeds the ballot's own time is taken from the
	/// claim's patience.
	pub(crate) fn enqueue(id: ClaimId, challenge: &mut Challenge, tranche: Tranche) -> BlockNumber {
		let parameters = &challenge.parameters;
		let most = parameters.max_work_blocks.saturating_add(challenge.patience);
		let work = parts_of(parameters, challenge.sampled_work);
		let now = u64::from(Self::now()).saturating_mul(PARTS);
		let limit = now.saturating_add(u64::from(most).saturating_mul(PARTS));
		let mut last = now;
		let members: Vec<(u16, Member)> = Members::<T>::iter_prefix((id, tranche)).collect();
		let mut queues = Queues::<T>::get();
		for (index, mut member) in members {
			let Queue { until, owed } = queues.get(&member.account).copied().unwrap_or_default();
			let through = until.max(now).saturating_add(work);
			last = last.max(through.min(limit));
			// A ballot that it need not answer takes no time in its queue, and none away from what
			// it owes elsewhere.
			let until = if through > limit { until } else { through };
			let queue = Queue { until, owed: owed.saturating_add(1) };
			// There is room for more judges than can sit in open ballots.
			let _ = queues.try_insert(member.account.clone(), queue);
			if through > limit {
				member.overloaded = true;
				Members::<T>::insert((id, tranche, index), member);
			}
		}
		Queues::<T>::put(queues);
		let blocks = last.saturating_sub(now).div_ceil(PARTS);
		let blocks = BlockNumber::try_from(blocks).unwrap_or(most);
		let waited = blocks.saturating_sub(parameters.max_work_blocks);
		challenge.patience = challenge.patience.saturating_sub(waited);
		blocks
	}

	/// Takes an answered or closed ballot out of the queues of these judges. A judge that owes
	/// nothing more has an empty queue, however early it has finished.
	pub(crate) fn dequeue<'a>(judges: impl Iterator<Item = &'a AccountId>) {
		let mut queues = Queues::<T>::get();
		for account in judges {
			let Some(queue) = queues.get_mut(account) else { continue };
			queue.owed = queue.owed.saturating_sub(1);
			if queue.owed == 0 {
				queues.remove(account);
			}
		}
		if queues.is_empty() {
			Queues::<T>::kill();
		} else {
			Queues::<T>::put(queues);
		}
	}

	/// A ballot has been counted: it leaves all queues.
	pub(crate) fn dequeue_silent(members: &[Member]) {
		let silent: Vec<_> = members
			.iter()
			.filter(|member| member.answer == Answer::Silent)
			.map(|member| &member.account)
			.collect();
		if !silent.is_empty() {
			Self::dequeue(silent.into_iter());
		}
	}
}
