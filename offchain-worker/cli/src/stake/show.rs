//! What is printed of stake.

use anyhow::Result;
use livepeer_primitives::{
	api::{BackingView, LockInfo, PoolSeat, TermsView, TranscoderView, ValidatorView, YieldView},
	AccountId, Balance, BlockNumber, RoundIndex, UNIT,
};
use livepeer_worker_core::{
	decimal,
	ports::stakes::{StakeLimits, Stakes},
};
use serde::{Serialize, Serializer};
use sp_runtime::Perbill;

use super::in_rounds;

/// An amount in smallest units, as text: JSON's numbers are not exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amount(pub Balance);

impl Serialize for Amount {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&self.0.to_string())
	}
}

impl std::fmt::Display for Amount {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "{}", decimal(self.0))
	}
}

/// Stake that left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
	/// Its number.
	pub id: u32,
	/// Whom it left.
	pub transcoder: AccountId,
	/// In which round.
	pub round: RoundIndex,
	/// What it is worth.
	pub value: Amount,
	/// The first round in which it may be bonded elsewhere.
	pub liable_until: RoundIndex,
	/// The first round in which it can be withdrawn.
	pub release: RoundIndex,
	/// The block in which that round begins.
	pub release_block: BlockNumber,
	/// The time until then, if every slot has its block.
	pub release_in_seconds: u64,
	/// Whether an open claim or judgement holds it back.
	pub held_back: bool,
	/// The transcoder that it moves to.
	pub moves_to: Option<AccountId>,
	/// To whom it is offered.
	pub offered_to: Option<AccountId>,
}

/// A transcoder from the view of an owner of stake.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transcoder {
	/// Its account.
	pub account: AccountId,
	/// Why it has a seat, or has none.
	pub seat: Option<String>,
	/// Whether it validates in the session in force.
	pub validates: bool,
	/// Whether it is jailed.
	pub jailed: bool,
	/// Its price of a standard segment, in ETH.
	pub price: Amount,
	/// Its part of rewards, in parts of 1,000,000,000.
	pub reward_cut: u32,
	/// Its delegators' part of fees, in parts of 1,000,000,000.
	pub fee_share: u32,
	/// The price from the next round on.
	pub next_price: Amount,
	/// Its part of rewards from the next round on.
	pub next_reward_cut: u32,
	/// Its delegators' part of fees from the next round on.
	pub next_fee_share: u32,
	/// Work per second that it takes.
	pub capacity: u64,
	/// What counts in this round.
	pub counting: Amount,
	/// What counts in the next round.
	pub next_round: Amount,
	/// Its own part of that.
	pub own: Amount,
	/// How many have bonded to it.
	pub bonds: u32,
	/// What slashes have taken of a bond from the beginning, in parts of 1,000,000,000.
	pub slashed: u32,
	/// How often a slash took all.
	pub wiped: u32,
	/// Open claims and judgements, whose risk newcomers share.
	pub open: u32,
	/// What its stake gets of this round.
	pub reward: Amount,
	/// What a LPT gets of it.
	pub per_lpt: Amount,
	/// Whether it has done its duty in this round so far, and serves what it is offered.
	pub earns: bool,
	/// Jobs that it was offered in the rounds that count, and in which a claim was paid.
	pub offered: u32,
	/// How many of them it served.
	pub served: u32,
}

/// What an account has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
	/// The account.
	pub account: AccountId,
	/// The block, on the protocol's clock.
	pub block: BlockNumber,
	/// The round.
	pub round: RoundIndex,
	/// Free LPT; not told of an earlier block.
	pub free_lpt: Option<Amount>,
	/// Free ETH; not told of an earlier block.
	pub free_eth: Option<Amount>,
	/// To whom it is bonded.
	pub delegate: Option<AccountId>,
	/// What of its bond counts in the round.
	pub counting: Amount,
	/// What counts in the next round.
	pub next_round: Amount,
	/// Fees that it can withdraw, in ETH.
	pub fees: Amount,
	/// Its stake that has left.
	pub locks: Vec<Lock>,
	/// Whether it is a transcoder, and what of it; not told of an earlier block.
	pub transcoder: Option<Transcoder>,
	#[serde(skip)]
	limits: StakeLimits,
}

/// Reads what an account has, at a height or now.
pub async fn status(
	chain: &dyn Stakes,
	account: &AccountId,
	height: Option<BlockNumber>,
) -> Result<Status> {
	let limits = chain.stake_limits().await?;
	let clock = chain.clock(height).await?;
	let stake = chain.stake(height, account).await?;
	let lock = |lock: LockInfo| Lock {
		release_in_seconds: u64::from(lock.release_block.saturating_sub(clock.block))
			.saturating_mul(limits.slot_duration)
			/ 1_000,
		id: lock.id,
		transcoder: lock.transcoder,
		round: lock.round,
		value: Amount(lock.value),
		liable_until: lock.liable_until,
		release: lock.release,
		release_block: lock.release_block,
		held_back: lock.held_back,
		moves_to: lock.moves_to,
		offered_to: lock.offered_to,
	};
	let (mut free, mut transcoder) = (None, None);
	if height.is_none() {
		free = Some(chain.free(account).await?);
		if let Some(view) = chain.transcoder(account).await? {
			let pool = chain.pool().await?;
			transcoder = Some(look_at(chain, view, &pool).await?);
		}
	}
	Ok(Status {
		account: account.clone(),
		block: clock.block,
		round: clock.round,
		free_lpt: free.map(|free| Amount(free.lpt)),
		free_eth: free.map(|free| Amount(free.eth)),
		delegate: stake.delegate,
		counting: Amount(stake.counting),
		next_round: Amount(stake.next_round),
		fees: Amount(stake.fees),
		locks: stake.locks.into_iter().map(lock).collect(),
		transcoder,
		limits,
	})
}

async fn look_at(
	chain: &dyn Stakes,
	view: TranscoderView,
	pool: &[PoolSeat],
) -> Result<Transcoder> {
	let backing: BackingView = chain.backing(&view.account).await?;
	let earns: YieldView = chain.yield_of(&view.account).await?;
	let now =
		TermsView { price: view.price, reward_cut: view.reward_cut, fee_share: view.fee_share };
	let next = chain.terms_of(&view.account).await?.unwrap_or(now);
	let seat = pool.iter().find(|seat| seat.account == view.account);
	Ok(Transcoder {
		seat: seat.map(|seat| format!("{:?}", seat.reason)),
		validates: seat.is_some_and(|seat| seat.validates),
		jailed: view.jailed,
		price: Amount(view.price),
		reward_cut: view.reward_cut.deconstruct(),
		fee_share: view.fee_share.deconstruct(),
		next_price: Amount(next.price),
		next_reward_cut: next.reward_cut.deconstruct(),
		next_fee_share: next.fee_share.deconstruct(),
		capacity: view.capacity,
		counting: Amount(backing.counting),
		next_round: Amount(backing.next_round),
		own: Amount(backing.own),
		bonds: backing.bonds,
		slashed: backing.slashed.deconstruct(),
		wiped: backing.wiped,
		open: backing.open.iter().map(|(_, count)| *count).sum(),
		reward: Amount(earns.reward),
		per_lpt: Amount(earns.per_lpt),
		earns: earns.earns && earns.competitive,
		offered: earns.offered,
		served: earns.served,
		account: view.account,
	})
}

/// Every candidate, in the order of the next election.
pub async fn transcoders(chain: &dyn Stakes) -> Result<Vec<Transcoder>> {
	let (pool, views) = (chain.pool().await?, chain.transcoders().await?);
	let mut found = Vec::new();
	for seat in &pool {
		if let Some(view) = views.iter().find(|view| view.account == seat.account) {
			found.push(look_at(chain, view.clone(), &pool).await?);
		}
	}
	Ok(found)
}

fn parts(parts: u32) -> String {
	format!("{:?}", Perbill::from_parts(parts))
}

fn transcoder_lines(view: &Transcoder) -> Vec<String> {
	let seat = match view.seat.as_deref() {
		Some("Stake") => "has a seat by its stake",
		Some("Drawn") => "has the seat that was drawn",
		Some("Waits") => "waits for a seat",
		Some("New") => "is new: it can have a seat from the next round on",
		Some("Jailed") => "is jailed: it takes no stake and no jobs",
		Some("OwnBond") => {
			"has too little bonded to itself: it leaves the list at the next election"
		}
		_ => "has left the list",
	};
	let validates = if view.validates { ", and validates" } else { "" };
	let unless = if view.earns { "" } else { " if it did its duty, which it does not" };
	let terms = |price: Amount, cut, share| {
		format!(
			"{price} ETH a segment, {} of rewards are its own, {} of fees are shared",
			parts(cut),
			parts(share)
		)
	};
	let now = terms(view.price, view.reward_cut, view.fee_share);
	let next = terms(view.next_price, view.next_reward_cut, view.next_fee_share);
	let mut lines = vec![format!("transcoder: {seat}{validates}"), format!("  terms: {now}")];
	if next != now {
		lines.push(format!("  from the next round on: {next}"));
	}
	lines.extend([
		format!(
			"  stake: {} LPT count, {} in the next round, {} of it its own, {} bonds",
			view.counting, view.next_round, view.own, view.bonds
		),
		format!("  this round: {} LPT to its stake, {} to each LPT{unless}", view.reward, view.per_lpt),
		format!(
			"  record: served {} of {} jobs that it was offered, slashes took {}{}, {} claims and judgements are open",
			view.served,
			view.offered,
			parts(view.slashed),
			if view.wiped > 0 { format!(" and all {} times", view.wiped) } else { String::new() },
			view.open
		),
	]);
	lines
}

/// A status in words.
pub fn status_lines(status: &Status) -> Vec<String> {
	let mut lines =
		vec![format!("{} in round {}, block {}", status.account, status.round, status.block)];
	if let (Some(lpt), Some(eth)) = (status.free_lpt, status.free_eth) {
		lines.push(format!("free: {lpt} LPT, {eth} ETH"));
	}
	lines.push(match &status.delegate {
		Some(to) => format!(
			"bonded to {}: {} LPT count, {} in the next round",
			if *to == status.account { "itself".to_owned() } else { to.to_string() },
			status.counting,
			status.next_round
		),
		None => "bonded to nobody".to_owned(),
	});
	lines.push(format!("fees to withdraw: {} ETH", status.fees));
	for lock in &status.locks {
		let mut line =
			format!("lock {}: {} LPT that left {}", lock.id, lock.value, lock.transcoder);
		if let Some(to) = &lock.moves_to {
			line.push_str(&format!(", moves to {to}"));
		}
		if let Some(to) = &lock.offered_to {
			line.push_str(&format!(", offered to {to}"));
		}
		if lock.release > status.round {
			let rounds = lock.release - status.round;
			line.push_str(&format!(
				"; to be withdrawn in round {}, block {}, in {}",
				lock.release,
				lock.release_block,
				in_rounds(&status.limits, rounds)
			));
		} else if !lock.held_back {
			line.push_str("; can be withdrawn");
		}
		if lock.held_back {
			line.push_str("; held back by what its transcoder has open");
		} else if lock.liable_until > status.round {
			line.push_str(&format!("; liable until round {}", lock.liable_until));
		}
		lines.push(line);
	}
	if let Some(transcoder) = &status.transcoder {
		lines.extend(transcoder_lines(transcoder));
	}
	lines
}

/// The candidates in words.
pub fn transcoders_lines(found: &[Transcoder]) -> Vec<String> {
	let mut lines: Vec<String> = found
		.iter()
		.flat_map(|view| std::iter::once(view.account.to_string()).chain(transcoder_lines(view)))
		.collect();
	if lines.is_empty() {
		lines.push("nobody is registered".to_owned());
	}
	lines
}

/// A validator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Validator {
	/// Its account.
	pub account: AccountId,
	/// Its stake, with which it weighs.
	pub stake: Amount,
	/// Whether it validates now.
	pub in_force: bool,
	/// Whether it does in the newest planned session.
	pub planned: bool,
	/// Whether it would be chosen now.
	pub next: bool,
	/// Why it leaves, or is kept for want of others.
	pub leaves: Option<String>,
}

/// Who validates, and who leaves.
pub async fn validators(chain: &dyn Stakes) -> Result<Vec<Validator>> {
	let validator = |view: ValidatorView| Validator {
		account: view.account,
		stake: Amount(view.stake),
		in_force: view.in_force,
		planned: view.planned,
		next: view.next,
		leaves: view.leaves.map(|reason| format!("{reason:?}")),
	};
	Ok(chain.validators().await?.into_iter().map(validator).collect())
}

/// The validators in words.
pub fn validators_lines(found: &[Validator]) -> Vec<String> {
	let line = |view: &Validator| {
		let now = match (view.in_force, view.planned) {
			(true, true) => "validates",
			(true, false) => "validates, and no longer in the newest planned session",
			(false, true) => "will validate in the newest planned session",
			(false, false) => "would be chosen if a session were planned now",
		};
		let why = match view.leaves.as_deref() {
			Some("Jailed") => "it is jailed",
			Some("Chilled") => "it judged badly or not at all",
			Some("Offline") => "it made no blocks and sent no heartbeats",
			Some("NoSeat") => "it has no seat by its stake",
			Some("LittleStake") => "it has less stake than a validator needs",
			Some("NoKeys") => "it has no session keys",
			Some("SmallPart") => "its stake is too small a part of the validators'",
			_ => "",
		};
		let then = match (view.next, why) {
			(true, "") => String::new(),
			(true, why) => format!("; {why}, and it stays only while others are wanting"),
			(false, why) => format!("; leaves: {why}"),
		};
		let whole = view.stake.0 / UNIT;
		format!("{}: {whole} LPT, {now}{then}", view.account)
	};
	found.iter().map(line).collect()
}
