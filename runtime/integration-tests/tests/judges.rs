//! Who judges a claim, and what judging badly costs: rules that need the whole runtime.

use livepeer_integration_tests::{Claim, Story};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	draw,
	verdict::{MismatchKind, Verdict},
	AccountId, UNIT,
};
use livepeer_runtime::{Beacon, Jobs, RuntimeEvent};
use sp_keyring::Sr25519Keyring::{self, AliceStash, FerdieStash};

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);

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
	let seed = fair.world.run(|| {
		use livepeer_primitives::traits::Beacon as _;
		Beacon::seed(window + 1).expect("stored")
	});
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
