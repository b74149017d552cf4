//! What a change of round, a slash, a reward and a settlement take, counted in accesses of storage and
//! in weight: the only test of its process, for it listens to all of storage. `docs/scale.md` has the
//! numbers that it prints.

use std::sync::atomic::{AtomicU64, Ordering};

use frame_support::{
	storage::{with_transaction, TransactionOutcome},
	traits::fungible::Mutate,
	weights::Weight,
};
use livepeer_integration_tests::World;
use livepeer_primitives::{
	traits::{OnNewRound, RewardSink, Slash},
	video::CANONICAL_PROFILE,
	AccountId, RoundIndex, UNIT,
};
use livepeer_runtime::{
	configs::parameters::{dynamic_params::protocol, RuntimeParameters},
	constants::block::MAXIMUM_WEIGHT,
	Balances, ChainConfig, LptStaking, Runtime, RuntimeOrigin, TranscoderElection,
};
use pallet_transcoder_election::Terms;
use sp_runtime::{DispatchError, Perbill};

static ACCESSES: AtomicU64 = AtomicU64::new(0);

/// Counts what the storage's log says: a line for each access.
struct Counter;

impl log::Log for Counter {
	fn enabled(&self, metadata: &log::Metadata) -> bool {
		metadata.target() == "state"
	}

	fn log(&self, record: &log::Record) {
		if self.enabled(record.metadata()) {
			ACCESSES.fetch_add(1, Ordering::Relaxed);
		}
	}

	fn flush(&self) {}
}

/// Accesses of what `f` does, which is taken back.
fn accesses<R>(f: impl FnOnce() -> R) -> (u64, R) {
	let counted = with_transaction(|| {
		log::set_max_level(log::LevelFilter::Trace);
		let before = ACCESSES.load(Ordering::Relaxed);
		let result = f();
		let count = ACCESSES.load(Ordering::Relaxed) - before;
		log::set_max_level(log::LevelFilter::Off);
		TransactionOutcome::Rollback(Ok::<_, DispatchError>((count, result)))
	});
	counted.expect("rolled back")
}

fn account(kind: u8, number: u32) -> AccountId {
	let mut bytes = [kind; 32];
	bytes[..4].copy_from_slice(&number.to_be_bytes());
	AccountId::new(bytes)
}

fn candidate(number: u32) -> AccountId {
	account(0xca, number)
}

fn delegator(number: u32) -> AccountId {
	account(0xde, number)
}

fn bond(who: &AccountId, amount: u128, to: &AccountId) {
	Balances::mint_into(who, amount + UNIT).expect("LPT can be minted");
	LptStaking::bond(RuntimeOrigin::signed(who.clone()), amount, to.clone()).expect("bonded");
}

/// Registers candidates, each with more stake than the one before.
fn register(numbers: core::ops::Range<u32>) {
	for number in numbers {
		let who = candidate(number);
		bond(&who, 1_000 * UNIT + u128::from(number) * UNIT, &who);
		let origin = RuntimeOrigin::signed(who);
		TranscoderElection::transcoder(origin, Terms::default(), Default::default())
			.expect("registered");
	}
}

/// So many delegators, evenly over the candidates.
fn delegate(numbers: core::ops::Range<u32>, candidates: u32) {
	for number in numbers {
		bond(&delegator(number), UNIT, &candidate(number % candidates));
	}
}

/// Everybody says that it works, so that everybody who has a seat is paid.
fn work(candidates: u32) {
	for number in 0..candidates {
		let profiles = vec![CANONICAL_PROFILE].try_into().expect("one");
		let origin = RuntimeOrigin::signed(candidate(number));
		TranscoderElection::set_available(origin, 1, profiles).expect("registered");
	}
}

/// Begins the next round as the round clock does; what that took by its weight.
fn next_round() -> Weight {
	let new = pallet_rounds::Current::<Runtime>::mutate(|round| {
		round.index += 1;
		round.index
	});
	<<Runtime as pallet_rounds::Config>::OnNewRound as OnNewRound>::on_new_round(new - 1, new)
}

fn idle(rounds: RoundIndex) {
	pallet_rounds::Current::<Runtime>::mutate(|round| round.index += rounds);
}

fn seats(active_size: u32) {
	let mut election = ChainConfig::parameters().election;
	election.active_size = active_size;
	let update = protocol::Parameters::Election(protocol::Election, Some(election.into()));
	ChainConfig::set_parameter(RuntimeOrigin::root(), RuntimeParameters::Protocol(update))
		.expect("the parameters keep every rule");
}

/// What the calls and hooks take that must not grow with the number of delegators.
fn constant() -> [u64; 4] {
	let (who, last) = (delegator(0), candidate(994));
	let settle = || LptStaking::settle(RuntimeOrigin::signed(who.clone())).expect("bonded");
	let slash =
		|| LptStaking::slash(&last, 0, Perbill::from_percent(5), std::slice::from_ref(&who));
	let round = pallet_rounds::Current::<Runtime>::get().index;
	let cut = Perbill::from_percent(10);
	let reward = || assert!(LptStaking::mint_reward(&last, round, UNIT, cut) > 0);
	let leave =
		|| LptStaking::unbond(RuntimeOrigin::signed(who.clone()), UNIT / 2).expect("bonded");
	[accesses(settle).0, accesses(slash).0, accesses(reward).0, accesses(leave).0]
}

#[test]
fn rounds_should_cost_by_candidates_and_nothing_by_delegators() {
	log::set_logger(&Counter).expect("nobody else listens");
	log::set_max_level(log::LevelFilter::Off);
	let mut world = World::local();
	world.run(|| {
		seats(144);
		let mut curve = Vec::new();
		let mut have = 0;
		for candidates in [100, 300, 995] {
			register(have..candidates);
			have = candidates;
			work(candidates);
			next_round();
			let (count, weight) = accesses(next_round);
			let share = weight.ref_time() as f64 / MAXIMUM_WEIGHT.ref_time() as f64;
			println!(
				"{} candidates, 0 delegators: {count} accesses, {:.2} % of a block",
				candidates + 5,
				100.0 * share
			);
			curve.push((candidates, count));
		}
		// By candidate, beyond what the paid seats take.
		let each = |a: (u32, u64), b: (u32, u64)| (b.1 - a.1) / u64::from(b.0 - a.0);
		assert!(each(curve[1], curve[2]) <= each(curve[0], curve[1]) + 1, "{curve:?}");

		let mut before: Option<(u64, [u64; 4])> = None;
		// Everybody has delegators of an earlier round, as on a chain that has run for a while.
		let mut delegators = 1_000;
		delegate(0..delegators, have);
		next_round();
		for more in [2_000, 10_000, 100_000] {
			delegate(delegators..more, have);
			delegators = more;
			// They count from the next round on.
			next_round();
			let (count, weight) = accesses(next_round);
			let constant = constant();
			println!(
				"{} candidates, {delegators} delegators: {count} accesses, {:.2} % of a block; settle {}, \
				 slash {}, reward {}, unbond {}",
				have + 5,
				100.0 * weight.ref_time() as f64 / MAXIMUM_WEIGHT.ref_time() as f64,
				constant[0],
				constant[1],
				constant[2],
				constant[3]
			);
			assert!(weight.ref_time() <= MAXIMUM_WEIGHT.ref_time() / 10, "{weight:?}");
			// Fifty times the delegators: not one access more, but for what a pool reads of the rounds in
			// which stake joined.
			let (least, constants) = *before.get_or_insert((count, constant));
			assert!(count <= least + 2 * 145, "{least} {count}");
			assert!(constants.iter().zip(&constant).all(|(least, now)| *now <= *least + 2));
		}

		let settled = |rounds| {
			accesses(|| {
				idle(rounds);
				LptStaking::settle(RuntimeOrigin::signed(delegator(1))).expect("bonded");
			})
		};
		assert_eq!(settled(1).0, settled(10_000).0);
		println!("settling after 10,000 idle rounds: {} accesses", settled(10_000).0);
	});
}
