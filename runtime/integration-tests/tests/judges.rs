//! Who judges a claim, and what judging badly costs: rules that need the whole runtime.

use std::cell::{Cell, RefCell};

use codec::Encode as _;
use livepeer_integration_tests::{canonical, operator_key, sign_by, Claim, Story, World, CAPACITY};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	draw, duty,
	keys::{OperatorKey, Purpose},
	traits::{Beacon as _, Seed, Stake as _},
	verdict::{MismatchKind, Verdict},
	AccountId, Balance, BlockNumber, Hash, WindowIndex, UNIT,
};
use livepeer_runtime::{Beacon, Jobs, LptStaking, OperatorKeys, RuntimeEvent, SessionKeys};
use pallet_lpt_staking::Call as Staking;
use pallet_transcoder_election::{Call as Election, Terms};
use proptest::{
	prelude::{any, prop, ProptestConfig, Strategy},
	prop_oneof,
	test_runner::{TestRng, TestRunner},
};
use sp_core::Pair as _;
use sp_keyring::Sr25519Keyring::{
	self, Alice, AliceStash, Bob, BobStash, Charlie, CharlieStash, Dave, Eve, EveStash, FerdieStash,
};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::Perbill;

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
const VALIDATORS: [Sr25519Keyring; 5] = [Alice, Bob, Charlie, Dave, Eve];
/// Who moves stake.
const STAKERS: [Sr25519Keyring; 10] =
	[Alice, Bob, Charlie, Dave, Eve, BobStash, CharlieStash, AliceStash, EveStash, FerdieStash];

/// The positions and the committee that a claim's draw brought.
fn drawn(story: &Story, of: &Claim) -> (Vec<u64>, Vec<AccountId>) {
	story
		.find(|event| match event {
			RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Drawn {
				claim,
				positions,
				committee,
				..
			}) if *claim == of.id => Some((positions.clone(), committee.clone())),
			_ => None,
		})
		.expect("drawn")
}

/// The seed of a window that is over.
fn seed_of(world: &mut World, window: WindowIndex) -> Seed {
	world.run(|| Beacon::seed(window).expect("stored"))
}

/// Who judges a claim if validators weigh so: the first of the order that are no party.
fn judges_by(
	story: &mut Story,
	claim: &Claim,
	seed: Hash,
	stakes: &[(AccountId, Balance)],
) -> Vec<AccountId> {
	let size = story.world.parameters().0.lottery.committee_size as usize;
	let transcoder = claim.transcoder.to_account_id();
	draw::committee_order(seed, claim.id, stakes.iter().map(|(who, stake)| (who, *stake)))
		.into_iter()
		.map(|index| stakes[index as usize].0.clone())
		.filter(|account| *account != transcoder)
		.take(size)
		.collect()
}

/// Whoever makes the last block of a window knows its seed before it makes the block. Nothing that
/// it puts into that block, and nothing that others do from the claim on, changes positions or
/// committee.
#[test]
fn judges_picked_by_a_live_input_should_fail() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let claim = story.claim(16);
	let window = story.world.run(|| Jobs::claim(claim.id)).expect("open").window;
	let timing = story.world.parameters().1;
	let last = (window + 2) * timing.beacon_window - 1;
	story.world.until(40, |world| world.number() + 1 == last);

	let mut fair = story.fork();
	fair.world.next_block();
	fair.until_stage(&claim, ChallengeStage::LeafReveal);
	let expected = drawn(&fair, &claim);
	let seed = seed_of(&mut fair.world, window + 1);
	// What the seed says: the first of the order that is no party.
	let order = draw::committee_order(
		seed.hash,
		claim.id,
		seed.set.members.iter().map(|member| (&member.account, member.stake)),
	);
	let size = fair.world.parameters().0.lottery.committee_size as usize;
	let judges: Vec<AccountId> = order
		.into_iter()
		.map(|index| seed.set.members[index as usize].account.clone())
		.filter(|account| *account != transcoder.to_account_id())
		.take(size)
		.collect();
	assert_eq!(expected.1, judges);

	let other = Story::other(transcoder);
	let helper = Story::delegator_of(other);
	type Act = fn(&mut Story, Sr25519Keyring, Sr25519Keyring);
	let acts: [(&str, Act); 5] = [
		("a delegator of a validator unbonds a little", |story, helper, _| {
			story.world.submit(helper, pallet_lpt_staking::Call::unbond { amount: 7 });
		}),
		("a delegator of a validator leaves", |story, helper, _| {
			let amount = story.bond(helper);
			story.world.submit(helper, pallet_lpt_staking::Call::unbond { amount });
		}),
		("somebody bonds to a validator", |story, _, other| {
			let call =
				pallet_lpt_staking::Call::bond { amount: 90_000 * UNIT, to: other.to_account_id() };
			story.world.submit(AliceStash, call);
		}),
		("a validator resigns", |story, _, other| {
			story.world.submit(other, pallet_transcoder_election::Call::resign {});
		}),
		("a validator takes no work", |story, _, other| {
			let call = pallet_transcoder_election::Call::set_available {
				capacity: 0,
				profiles: Default::default(),
			};
			story.world.submit(other, call);
		}),
	];
	for (name, act) in acts {
		let mut steered = story.fork();
		act(&mut steered, helper, other);
		for result in steered.world.next_block() {
			result.expect(name).expect(name);
		}
		assert_eq!(steered.world.number(), last);
		steered.until_stage(&claim, ChallengeStage::LeafReveal);
		assert_eq!(drawn(&steered, &claim), expected, "{name}");
	}
}

/// Something that somebody does between a claim and its draw. It may well fail.
#[derive(Clone, Debug)]
enum Act {
	Bond { who: usize, to: usize, amount: u32 },
	Unbond { who: usize, share: u8 },
	Move { who: usize, to: usize },
	Register { who: usize, price: u8 },
	Resign { who: usize },
	Available { who: usize, capacity: u8 },
	Announce { who: usize, capacity: u8 },
	Silence { who: usize },
	DutiesKeys { who: usize },
	SessionKeys { who: usize },
}

fn act() -> impl Strategy<Value = Act> {
	let any_index = || 0usize..10;
	prop_oneof![
		4 => (any_index(), any_index(), 1u32..500_000)
			.prop_map(|(who, to, amount)| Act::Bond { who, to, amount }),
		4 => (any_index(), any::<u8>()).prop_map(|(who, share)| Act::Unbond { who, share }),
		1 => (any_index(), any_index()).prop_map(|(who, to)| Act::Move { who, to }),
		1 => (any_index(), any::<u8>()).prop_map(|(who, price)| Act::Register { who, price }),
		1 => any_index().prop_map(|who| Act::Resign { who }),
		2 => (any_index(), 0u8..4)
			.prop_map(|(who, capacity)| Act::Available { who, capacity }),
		1 => (any_index(), 0u8..4)
			.prop_map(|(who, capacity)| Act::Announce { who, capacity }),
		1 => any_index().prop_map(|who| Act::Silence { who }),
		1 => any_index().prop_map(|who| Act::DutiesKeys { who }),
		1 => any_index().prop_map(|who| Act::SessionKeys { who }),
	]
}

/// Queues what `act` says for the next block. `changed` says whose duties keys have changed already.
fn play(story: &mut Story, act: &Act, changed: &mut Vec<Sr25519Keyring>) {
	let staker = |who: usize| STAKERS[who % STAKERS.len()];
	let validator = |who: usize| VALIDATORS[who % VALIDATORS.len()];
	let world = &mut story.world;
	match *act {
		Act::Bond { who, to, amount } => {
			let (amount, to) = (Balance::from(amount) * UNIT, validator(to).to_account_id());
			world.submit(staker(who), Staking::bond { amount, to });
		}
		Act::Unbond { who, share } => {
			let who = staker(who);
			let stake = story.bond(who);
			// The top of the range leaves nothing.
			let amount = if share > 240 { stake } else { stake / 256 * Balance::from(share) };
			story.world.submit(who, Staking::unbond { amount });
		}
		Act::Move { who, to } => {
			let to = validator(to).to_account_id();
			world.submit(staker(who), Staking::move_bond { to });
		}
		Act::Register { who, price } => {
			let terms = Terms {
				price: (Balance::from(price) + 1) * UNIT / 10_000_000,
				reward_cut: Perbill::from_percent(10),
				fee_share: Perbill::from_percent(price.into()),
			};
			let service = Default::default();
			world.submit(validator(who), Election::transcoder { terms, service });
		}
		Act::Resign { who } => world.submit(validator(who), Election::resign {}),
		Act::Available { who, capacity } => {
			let capacity = CAPACITY / 4 * u64::from(capacity);
			let profiles = canonical();
			world.submit(validator(who), Election::set_available { capacity, profiles });
		}
		Act::Announce { who, capacity } => {
			let who = validator(who);
			let (genesis, at) = (world.genesis(), world.number());
			let generation =
				world.run(|| OperatorKeys::current_of(who.to_account_id(), Purpose::Duties));
			let capacity = CAPACITY / 4 * u64::from(capacity);
			let availability = duty::Availability { genesis, at, capacity, profiles: canonical() };
			let signature = sign_by(who, generation, &availability.hash());
			world.submit_authorized(Election::announce { availability, signature });
		}
		Act::Silence { who } => {
			let who = validator(who);
			world.workers.retain(|worker| *worker != who);
		}
		Act::DutiesKeys { who } => {
			let who = validator(who);
			if !changed.contains(&who) {
				changed.push(who);
				let key = operator_key(who, 1).public();
				let keys = vec![OperatorKey::Sr25519(key)].try_into().expect("one key");
				let purpose = Purpose::Duties;
				let call = pallet_operator_keys::Call::set_keys { purpose, keys, vrf: Some(key) };
				world.submit(who, call);
			}
		}
		Act::SessionKeys { who } => {
			let who = validator(who);
			let seed = format!("{}//session", who.to_seed()).into_bytes();
			let mut keystore = sp_io::TestExternalities::default();
			keystore.register_extension(KeystoreExt::new(MemoryKeystore::new()));
			let owner = who.to_account_id().encode();
			let made = keystore.execute_with(|| SessionKeys::generate(&owner, Some(seed)));
			let (keys, proof) = (made.keys, made.proof.encode());
			world.submit(who, pallet_session::Call::set_keys { keys, proof });
		}
	}
}

/// Whatever calls stand in whatever blocks between a claim and its draw, positions and committee are
/// those of the chain in which nobody does anything. It fails as soon as the draw, or the set that is
/// stored with the seed, reads stake, registration, availability or keys live: with the stakes of the
/// draw's block the committee would be another one, which is counted.
///
/// Only a conviction does more, and is not among the calls: it strikes its validator out, and reorders
/// nobody.
#[test]
fn judges_should_be_the_same_whatever_calls_stand_in_the_blocks_after_the_claim() {
	let base = RefCell::new(Story::begin());
	let (others, cases) = (Cell::new(0u32), 16);
	let config = ProptestConfig {
		cases,
		max_shrink_iters: 32,
		failure_persistence: None,
		..ProptestConfig::default()
	};
	let rng = TestRng::deterministic_rng(config.rng_algorithm);
	let mut runner = TestRunner::new_with_rng(config, rng);
	let acts = prop::collection::vec((0u32..20, act()), 4..24);
	let played = runner.run(&(0u32..25, acts), |(wait, acts)| {
		let mut story = base.borrow_mut().fork();
		story.world.blocks(wait);
		let claim = story.claim(16);
		let window = story.world.run(|| Jobs::claim(claim.id)).expect("open").window;
		let mut fair = story.fork();
		fair.until_stage(&claim, ChallengeStage::LeafReveal);
		let expected = drawn(&fair, &claim);
		let seed = seed_of(&mut fair.world, window + 1);

		// With every slot a block, whose sessions are as long as windows are, the set that judges was
		// planned with the claim's window.
		let timing = story.world.parameters().1;
		assert_eq!(story.world.lost_slots, 0);
		assert_eq!(timing.session_length, u64::from(timing.beacon_window));
		let start = story.world.number();
		let last: BlockNumber = (window + 2) * timing.beacon_window - 1;
		let mut changed = Vec::new();
		while story.world.number() < last {
			let offset = story.world.number() - start;
			for (at, act) in &acts {
				if at % (last - start) == offset {
					play(&mut story, act, &mut changed);
				}
			}
			story.world.next_block();
		}
		let live = |account: &AccountId| (account.clone(), LptStaking::next_stake(account));
		let members = seed.set.members.iter().map(|member| &member.account);
		let stakes: Vec<_> = story.world.run(|| members.map(live).collect());
		story.until_stage(&claim, ChallengeStage::LeafReveal);

		assert_eq!(story.world.lost_slots, 0);
		assert_eq!(seed_of(&mut story.world, window + 1).hash, seed.hash);
		assert_eq!(drawn(&story, &claim), expected);
		if judges_by(&mut story, &claim, seed.hash, &stakes) != expected.1 {
			others.set(others.get() + 1);
		}
		Ok(())
	});
	played.unwrap_or_else(|failure| panic!("{failure}"));
	println!("stakes that are read live would choose others in {} of {cases}", others.get());
	assert!(others.get() > 0, "the calls could not have changed anything");
}

/// Stakes do choose: what was bonded in time before a claim seats its validator where it would not sit
/// otherwise. It fails if the order forgets stakes, or if sets are chosen without those of the round.
#[test]
fn stake_of_before_the_claim_should_choose_its_judges() {
	let mut story = Story::begin();
	let (amount, to) = (500_000 * UNIT, Dave.to_account_id());
	story.world.ok(AliceStash, Staking::bond { amount, to: to.clone() });
	// It counts from the next round on, in the sets that are planned in it, a session later.
	let round = story.world.round();
	story.world.until(80, |world| world.round() > round);
	let window = story.world.parameters().1.beacon_window;
	story.world.blocks(2 * window + 2);
	let mut others = 0;
	for skipped in 0..8 {
		let mut story = story.fork();
		story.world.skip_slots(skipped);
		let claim = story.claim(16);
		let window = story.world.run(|| Jobs::claim(claim.id)).expect("open").window;
		story.until_stage(&claim, ChallengeStage::LeafReveal);
		let (_, committee) = drawn(&story, &claim);
		let seed = seed_of(&mut story.world, window + 1);
		let stakes: Vec<(AccountId, Balance)> =
			seed.set.members.iter().map(|member| (member.account.clone(), member.stake)).collect();
		assert!(stakes.iter().any(|(account, stake)| *account == to && *stake > amount));
		assert_eq!(committee, judges_by(&mut story, &claim, seed.hash, &stakes));
		let without: Vec<(AccountId, Balance)> = stakes
			.into_iter()
			.map(|(account, stake)| {
				let more = if account == to { amount } else { 0 };
				(account, stake - more)
			})
			.collect();
		if judges_by(&mut story, &claim, seed.hash, &without) != committee {
			others += 1;
		}
	}
	assert!(others > 0, "with other stakes others would sit");
}

/// A transcoder whose own bond is small beside its pool misses a verification on purpose, and an
/// accomplice reports it.
#[test]
fn self_reporting_should_not_pay_when_the_own_bond_is_tiny_beside_delegated() {
	let mut story = Story::begin();
	let thief = story.transcoder;
	let accomplice = FerdieStash;
	let to = thief.to_account_id();
	story
		.world
		.ok(AliceStash, pallet_lpt_staking::Call::bond { amount: 500_000 * UNIT, to: to.clone() });
	let amount = story.bond(thief) - 60 * UNIT;
	story.world.ok(thief, pallet_lpt_staking::Call::unbond { amount });
	let round = story.world.round();
	story.world.until(40, |world| world.round() > round);

	let claim = story.claim(8);
	let own_before = story.bond(thief);
	let before = story.world.lpt(&accomplice.to_account_id());
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let deadline = story.challenge(&claim).deadline;
	story.world.until(40, |world| world.number() + 1 >= deadline);
	story.world.ok(accomplice, pallet_challenge_lottery::Call::report_missed { claim: claim.id });
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	let lost = own_before - story.bond(thief);
	let after = story.world.lpt(&accomplice.to_account_id());
	assert!(lost > 0);
	assert!(after <= before + lost / 2, "the fee is at most half of what the offender itself lost");
}

/// A third of the stake stays silent in a dispute and turns a proven failure into a void claim: it
/// pays for its silence all the same.
#[test]
fn silence_in_a_dispute_should_cost_whatever_the_outcome() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, &|_| Some(MISMATCH));
	let silent: Vec<Sr25519Keyring> = story.ballot(&claim).members[..2].to_vec();
	story.vote(&claim, &|who| (!silent.contains(&who)).then_some(MISMATCH));
	assert_eq!(story.settle(&claim), Some(Outcome::Void));
	for who in silent {
		assert!(story.lost(who) > 0, "{who} did not answer and pays nothing");
	}
	assert_eq!(story.lost(story.transcoder), 0);
}

/// Who says Valid about what two thirds of all stake find wrong pays as a false dissenter does.
#[test]
fn false_word_should_cost_when_the_claim_failed() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let liar = story.ballot(&claim).members[0];
	let says = |who| Some(if who == liar { Verdict::Valid } else { MISMATCH });
	story.vote(&claim, &says);
	story.vote(&claim, &says);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	assert!(story.lost(liar) > 0, "{liar} said Valid twice about a wrong output");
}

/// A judge takes its stake away between being seated and judging badly: the exit pool still answers.
#[test]
fn judge_that_unbonds_before_it_judges_should_still_pay() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let judge = ballot.members[0];
	let amount = story.bond(judge) - 60 * UNIT;
	story.world.ok(judge, pallet_lpt_staking::Call::unbond { amount });
	let says = |who| Some(if who == judge { MISMATCH } else { Verdict::Valid });
	story.vote(&claim, &says);
	story.vote(&claim, &says);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let share = story.world.parameters().0.lottery.false_dissent_slash;
	assert!(story.lost(judge) >= share * amount, "what left answers too");
}
