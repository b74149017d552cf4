//! Attacks of the protocol's list that only the whole runtime can refuse.

use std::{
	cell::RefCell,
	collections::{BTreeMap, BTreeSet},
};

use livepeer_integration_tests::{
	attestation, canonical, create_job, job, keyring, output, refused, Claim, Story, Turn, Work,
	HONEST,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::{Outcome, WorkClaim},
	leaf::Leaf,
	refusal::NOT_YET,
	sum_tree::Commitment,
	traits::UNTIL_ATTESTED,
	verdict::{MismatchKind, Opening, UnavailableKind, Verdict, DISPUTE},
	Balance, BlockNumber, ClaimId, Hash, UNIT,
};
use livepeer_runtime::{
	configs::video::LotteryAgenda, ChainConfig, ChallengeLottery, Jobs, LptStaking, Runtime,
	RuntimeEvent, TransactionPayment, TranscoderElection,
};
use pallet_challenge_lottery::{
	types::{Class, Penalty},
	WeightInfo as _,
};
use pallet_jobs::types::Unsuited;
use pallet_transcoder_election::Terms;
use proptest::{
	prelude::{any, prop, Just, ProptestConfig, Strategy},
	prop_oneof,
	test_runner::{TestRng, TestRunner},
};
use sp_keyring::Sr25519Keyring::{
	self, Alice, AliceStash, Bob, Charlie, Dave, Eve, EveStash, Ferdie, FerdieStash,
};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
const UNAVAILABLE: Verdict = Verdict::Unavailable(UnavailableKind::Refused);

type Lottery = pallet_challenge_lottery::Call<Runtime>;
type LotteryEvent = pallet_challenge_lottery::Event<Runtime>;
type LotteryError = pallet_challenge_lottery::Error<Runtime>;
type LotteryWeights = <Runtime as pallet_challenge_lottery::Config>::WeightInfo;
type StakingError = pallet_lpt_staking::Error<Runtime>;

/// A refusal before the block.
fn invalid(error: InvalidTransaction) -> livepeer_integration_tests::Applied {
	Err(TransactionValidityError::Invalid(error))
}

/// Has everybody find the claim wrong, up to the verdict.
fn fail(story: &mut Story, claim: &Claim) {
	story.reveal(claim);
	story.vote(claim, &|_| Some(MISMATCH));
	story.vote(claim, &|_| Some(MISMATCH));
	story.until_stage(claim, ChallengeStage::Decided);
}

fn locked(story: &mut Story, who: Sr25519Keyring) -> Balance {
	let locks = story.world.run(|| LptStaking::locks(who.to_account_id()));
	locks.iter().map(|lock| lock.value).sum()
}

// Failing on purpose.

/// A transcoder whose delegators hold 50,000 times its own bond misses a verification on purpose
/// and has an accomplice report it.
#[test]
fn attack_missing_on_purpose_should_not_pay_when_own_bond_is_tiny_beside_delegated() {
	let mut story = Story::begin();
	let (thief, accomplice) = (story.transcoder, FerdieStash);
	let to = thief.to_account_id();
	let bond = pallet_lpt_staking::Call::bond { amount: 500_000 * UNIT, to };
	story.world.ok(AliceStash, bond);
	// Its own bond goes a round before the claim, but for the smallest part.
	let amount = story.bond(thief) - 10 * UNIT;
	story.world.ok(thief, pallet_lpt_staking::Call::unbond { amount });
	let round = story.world.round();
	story.world.until(40, |world| world.round() > round);
	let claim = story.claim(8);
	let own = story.bond(thief);
	let before = story.world.lpt(&accomplice.to_account_id());
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let deadline = story.challenge(&claim).deadline;
	story.world.until(40, |world| world.number() + 1 >= deadline);
	story.world.ok(accomplice, Lottery::report_missed { claim: claim.id });
	let paid = before - story.world.lpt(&accomplice.to_account_id());
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	assert!(story.lost(thief) > 50_000 * UNIT, "its delegators pay for it");
	let lost = own - story.bond(thief);
	let won = story.world.lpt(&accomplice.to_account_id()) - (before - paid);
	assert_eq!((lost, won), (UNIT, UNIT / 2));
	story.close();
}

/// What a coalition has its transcoder do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Offence {
	/// It reveals nothing, and the reporter says so.
	Missed,
	/// It reveals nothing, and nobody says so.
	MissedInSilence,
	/// Its outputs are wrong.
	Failed,
	/// It signs two results for a segment, which the reporter shows.
	Contradiction,
}

/// Who is in it besides the transcoder and the reporter, and what is bonded.
#[derive(Clone, Debug)]
struct Coalition {
	/// What the transcoder keeps bonded, in LPT.
	own: u32,
	/// What AliceStash delegates to it, in LPT; where that is nothing, its first delegator leaves too.
	delegated: u32,
	/// Its delegators.
	delegators: bool,
	/// The broadcaster.
	broadcaster: bool,
	/// Validators, by bit.
	judges: u8,
	/// Who reports.
	reporter: usize,
}

fn coalition() -> impl Strategy<Value = Coalition> {
	let own = prop_oneof![2 => Just(10u32), 1 => Just(10_000u32), 2 => 11u32..10_000];
	let delegated = prop_oneof![1 => Just(0u32), 2 => Just(500_000u32), 2 => 1u32..500_000];
	let parties = (prop::bool::weighted(0.3), any::<bool>(), any::<u8>(), 0usize..4);
	(own, delegated, parties).prop_map(
		|(own, delegated, (delegators, broadcaster, judges, reporter))| Coalition {
			own,
			delegated,
			delegators,
			broadcaster,
			judges,
			reporter,
		},
	)
}

/// What these have together, in LPT: on their accounts, bonded and leaving, and their ETH by the chain's
/// rate.
fn purse(story: &mut Story, members: &BTreeSet<Sr25519Keyring>) -> Balance {
	let (mut lpt, mut eth) = (0, 0);
	for who in members.iter().copied() {
		let account = who.to_account_id();
		lpt += story.world.lpt(&account) + story.bond(who) + locked(story, who);
		eth += story.world.eth(&account) + story.fees(who);
	}
	lpt + story.world.parameters().0.money.in_lpt(eth)
}

/// Has everybody do what is right, up to the claim's settlement.
fn accept(story: &mut Story, claim: &Claim) {
	story.reveal(claim);
	story.vote(claim, HONEST);
	assert_eq!(story.settle(claim), Some(Outcome::Accepted));
}

/// Has the coalition err on purpose, up to the claim's settlement.
fn err(story: &mut Story, claim: &Claim, offence: Offence, reporter: Sr25519Keyring) {
	match offence {
		Offence::Missed => {
			story.until_stage(claim, ChallengeStage::LeafReveal);
			let deadline = story.challenge(claim).deadline;
			story.world.until(40, |world| world.number() + 1 >= deadline);
			story.world.ok(reporter, Lottery::report_missed { claim: claim.id });
			assert_eq!(story.settle(claim), Some(Outcome::Missed));
		}
		Offence::MissedInSilence => {
			assert_eq!(story.settle(claim), Some(Outcome::Missed));
		}
		Offence::Failed => {
			fail(story, claim);
			assert_eq!(story.settle(claim), Some(Outcome::Failed));
		}
		Offence::Contradiction => {
			story.world.ok(reporter, claim.work.turn.contradiction(1_000_000));
			accept(story, claim);
		}
	}
}

/// Transcoder, reporter, and whoever else is with them (delegators, broadcaster, judges, who are paid out
/// of the slash) are one purse: whatever share of the pool is the transcoder's own, the purse holds less
/// after an offence on purpose than where nobody erred. It fails without the finder's fee's limit of half
/// of what the offender itself loses, for the fee is a share of what its delegators lose too.
#[test]
fn attack_failing_on_purpose_should_pay_no_coalition_with_the_offender() {
	let base = RefCell::new(Story::begin());
	// Each offence by a coalition of its own, four times.
	let config = ProptestConfig {
		cases: 4,
		max_shrink_iters: 16,
		failure_persistence: None,
		..ProptestConfig::default()
	};
	let rng = TestRng::deterministic_rng(config.rng_algorithm);
	let mut runner = TestRunner::new_with_rng(config, rng);
	let each = (coalition(), coalition(), coalition(), coalition());
	let played = runner.run(&each, |(one, two, three, four)| {
		for (coalition, offence) in [
			(one, Offence::Missed),
			(two, Offence::MissedInSilence),
			(three, Offence::Failed),
			(four, Offence::Contradiction),
		] {
			let story = base.borrow_mut().fork();
			try_offence(story, &coalition, offence);
		}
		Ok(())
	});
	played.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Plays a story in which `coalition` errs, and the same in which nobody does: the coalition is poorer.
fn try_offence(mut story: Story, coalition: &Coalition, offence: Offence) {
	let thief = story.transcoder;
	let delegator = Story::delegator_of(thief);
	// It is bonded a round before the claim, and what leaves has left then.
	if coalition.delegated > 0 {
		let (amount, to) = (Balance::from(coalition.delegated) * UNIT, thief.to_account_id());
		story.world.ok(AliceStash, pallet_lpt_staking::Call::bond { amount, to });
	} else {
		let amount = story.bond(delegator);
		story.world.ok(delegator, pallet_lpt_staking::Call::unbond { amount });
	}
	let amount = story.bond(thief).saturating_sub(Balance::from(coalition.own) * UNIT);
	if amount > 0 {
		story.world.ok(thief, pallet_lpt_staking::Call::unbond { amount });
	}
	let round = story.world.round();
	story.world.until(40, |world| world.round() > round);
	let claim = story.claim(8);
	assert_eq!(claim.work.turn.transcoder, thief);

	let reporter = [FerdieStash, thief, delegator, Dave][coalition.reporter];
	let judges = [Alice, Bob, Charlie, Dave, Eve].into_iter().enumerate();
	let members: BTreeSet<Sr25519Keyring> = judges
		.filter(|(bit, _)| coalition.judges >> bit & 1 == 1)
		.map(|(_, judge)| judge)
		.chain([thief, reporter])
		.chain([delegator, AliceStash].into_iter().filter(|_| coalition.delegators))
		.chain(coalition.broadcaster.then_some(Story::BROADCASTER))
		.collect();

	let mut honest = story.fork();
	accept(&mut honest, &claim);
	err(&mut story, &claim, offence, reporter);
	assert!(story.lost(thief) > 0);
	// Whoever is still to be paid is paid.
	honest.world.blocks(3);
	story.world.blocks(3);
	let (kept, had) = (purse(&mut story, &members), purse(&mut honest, &members));
	assert!(kept < had, "{offence:?} brings {members:?} {} more: {coalition:?}", kept - had);
}

// Slash escape.

#[test]
fn slash_escape_by_exit_should_fail_when_all_stake_leaves_after_the_claim() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let delegator = Story::delegator_of(transcoder);
	let claim = story.claim(8);
	let parties = [transcoder, delegator];
	let stakes = parties.map(|who| story.bond(who));
	for (who, amount) in parties.into_iter().zip(stakes) {
		story.world.ok(who, pallet_lpt_staking::Call::unbond { amount });
		assert_eq!(story.bond(who), 0);
		// Neither can it be had at once, nor count for somebody else.
		let withdraw = pallet_lpt_staking::Call::withdraw_stake { lock: 0 };
		let refused = story.world.call(who, withdraw);
		assert_eq!(refused, Ok(Err(StakingError::StillUnbonding.into())));
	}
	fail(&mut story, &claim);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let all: Balance = stakes.iter().sum();
	assert!(story.lost(transcoder).abs_diff(all / 20) < 1_000);
	// What the slash has left can be had when the unbonding period is over, and no sooner.
	let staking = story.world.parameters().0.staking;
	let rounds = story.world.parameters().0.rounds.length;
	story.world.blocks(staking.unbonding_period * rounds);
	for (who, amount) in parties.into_iter().zip(stakes) {
		let left = locked(&mut story, who);
		assert!(left.abs_diff(amount - amount / 20) < 1_000);
		let pot = pallet_lpt_staking::asset::pot::<Runtime>();
		let before = story.world.lpt(&pot);
		story.world.ok(who, pallet_lpt_staking::Call::withdraw_stake { lock: 0 });
		assert_eq!(before - story.world.lpt(&pot), left);
	}
	story.close();
}

/// A transcoder and a broadcaster in league report an invented segment first: it costs what left the
/// stake since the acceptance as much as the true contradiction would, so that one report is enough.
#[test]
fn attack_self_report_should_not_spare_who_left_since_the_true_contradiction() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let delegator = Story::delegator_of(transcoder);
	let claim = story.claim(8);
	let amount = story.bond(delegator) / 2;
	story.world.ok(delegator, pallet_lpt_staking::Call::unbond { amount });
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let left = story.world.round();
	story.world.until(40, |world| world.round() > left);
	let (own, before) = (story.bond(transcoder), locked(&mut story, delegator));
	let turn = story.turn();
	story.world.ok(FerdieStash, turn.contradiction(1_000_000));
	assert!(own - story.bond(transcoder) >= own * 29 / 100);
	let cut = before - locked(&mut story, delegator);
	assert!(cut.abs_diff(before * 3 / 10) < 1_000, "{cut} of {before}");
	// Nobody pays twice.
	for seq in [3, 4] {
		let again = story.world.call(AliceStash, turn.contradiction(seq));
		assert_eq!(again, Ok(Err(pallet_jobs::Error::<Runtime>::AlreadyReported.into())));
	}
	story.close();
}

#[test]
fn stake_that_left_before_the_claims_round_should_be_spared() {
	let mut story = Story::begin();
	let delegator = Story::delegator_of(story.transcoder);
	let amount = story.bond(delegator);
	story.world.ok(delegator, pallet_lpt_staking::Call::unbond { amount });
	let round = story.world.round();
	story.world.until(40, |world| world.round() > round);
	let claim = story.claim(8);
	fail(&mut story, &claim);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	assert!(story.lost(story.transcoder) > 0);
	assert_eq!(locked(&mut story, delegator), amount);
	story.close();
}

#[test]
fn slash_should_not_be_diluted_by_a_top_up_after_the_claim() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let claim = story.claim(8);
	let (before, amount) = (story.bond(transcoder), 50_000 * UNIT);
	let to = transcoder.to_account_id();
	story.world.ok(transcoder, pallet_lpt_staking::Call::bond { amount, to });
	fail(&mut story, &claim);
	story.settle(&claim);
	// What joins shares the risk of claims that are open; the old stake pays no less for it.
	let expected = (before + amount) - (before + amount) / 20;
	assert!(story.bond(transcoder).abs_diff(expected) < 1_000);
	story.close();
}

// Innocent newcomers.

#[test]
fn newcomer_should_be_refused_while_jailed_and_spared_afterwards() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let to = transcoder.to_account_id();
	let claim = story.claim(8);
	fail(&mut story, &claim);
	let bond = || pallet_lpt_staking::Call::bond { amount: 100 * UNIT, to: to.clone() };
	let refused = Ok(Err(StakingError::TranscoderJailed.into()));
	assert_eq!(story.world.call(AliceStash, bond()), refused);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	assert_eq!(story.world.call(AliceStash, bond()), refused, "jail ends by its own call");
	story.world.ok(transcoder, pallet_transcoder_election::Call::unjail {});
	story.world.ok(AliceStash, bond());
	story.world.blocks(60);
	assert_eq!(story.bond(AliceStash), 100 * UNIT);
	story.close();
}

// The draw.

/// What the claim's draw brought.
fn drawn(story: &Story, of: &Claim) -> (Vec<u64>, Vec<livepeer_primitives::AccountId>) {
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
		.unwrap_or_default()
}

#[test]
fn draw_should_be_the_same_when_it_is_late() {
	let mut story = Story::begin();
	let claim = story.claim(16);
	let mut late = story.fork();
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let on_time = drawn(&story, &claim);
	assert!(!on_time.0.is_empty() && on_time.1.len() == 3);

	// In the second world blocks are so full that the agenda does not come to it, while stakes,
	// validators and windows change.
	late.world.run(|| {
		use pallet_challenge_lottery::{
			types::{Class, Task},
			Agenda, Challenges,
		};
		let mut challenge = Challenges::<Runtime>::get(claim.id).expect("open");
		let task = || Task::Challenge(claim.id);
		Agenda::<Runtime>::remove((Class::Urgent, challenge.due, task()));
		challenge.due += 130;
		Agenda::<Runtime>::insert((Class::Urgent, challenge.due, task()), ());
		Challenges::<Runtime>::insert(claim.id, challenge);
	});
	let draw = Lottery::draw { claim: claim.id };
	let early = late.world.call(EveStash, draw.clone());
	assert_eq!(early, Ok(Err(LotteryError::TooEarly.into())));
	late.until_stage(&claim, ChallengeStage::AwaitingSeed);
	let start = story.world.number();
	late.world.until(40, |world| world.number() >= start);
	let to = Dave.to_account_id();
	late.world.ok(Dave, pallet_lpt_staking::Call::bond { amount: 500_000 * UNIT, to });
	late.world.ok(Sr25519Keyring::Eve, pallet_transcoder_election::Call::resign {});
	late.world.skip_slots(3);
	// Longer than seeds are kept that no claim waits for.
	late.world.blocks(110);
	assert!(late.world.run(livepeer_runtime::Session::validators).len() < 5);
	assert_eq!(late.challenge(&claim).stage, ChallengeStage::AwaitingSeed);
	late.world.ok(EveStash, draw.clone());
	assert_eq!(drawn(&late, &claim), on_time);
	let again = late.world.call(FerdieStash, draw);
	assert_eq!(again, Ok(Err(LotteryError::AlreadyDrawn.into())), "and nobody can repeat it");
	late.reveal(&claim);
	late.vote(&claim, HONEST);
	assert_eq!(late.settle(&claim), Some(Outcome::Accepted));
	late.close();
}

// Ballots.

#[test]
fn commit_should_be_refused_when_it_is_replayed() {
	let mut story = Story::begin();
	let claims = [(); 2].map(|()| story.claim(8));
	for claim in &claims {
		story.reveal(claim);
	}
	let [one, two] = claims.each_ref().map(|claim| story.ballot(claim));
	// With four to choose three from, two committees share somebody.
	let (here, there) = (0..3)
		.find_map(|here| {
			Some((here, two.members.iter().position(|who| *who == one.members[here])?))
		})
		.expect("somebody sits in both");
	let opening = one.opening(here, Verdict::Valid);
	let commit = one.commit(here, &opening);
	story.world.submit_authorized(commit.clone());
	story.world.deliver_ok();
	let mut refused = |call: Lottery, refusal: TransactionValidityError| {
		story.world.submit_authorized(call);
		assert_eq!(story.world.deliver(), vec![Err(refusal)]);
	};
	// The same again, in the other claim, and in the dispute that may follow.
	refused(commit.clone(), InvalidTransaction::Stale.into());
	let Lottery::commit_verdict { commitment, signature, .. } = commit else { unreachable!() };
	let moved = |claim, tranche, member: usize| Lottery::commit_verdict {
		claim,
		tranche,
		member: member as u16,
		commitment,
		signature: signature.clone(),
	};
	refused(moved(two.claim, 0, there), InvalidTransaction::BadProof.into());
	refused(moved(one.claim, DISPUTE, here), NOT_YET.into());
	// A commitment is bound to its claim, even when its member signs it again.
	refused(one.reveal(here, &opening), NOT_YET.into());
	story.world.submit_authorized(two.commit_to(there, commitment));
	story.world.deliver_ok();
	let others: Vec<(usize, Opening)> = (0..3)
		.filter(|member| *member != there)
		.map(|member| (member, two.opening(member, Verdict::Valid)))
		.collect();
	story.cast(&claims[1], &two, &others, &others);
	story.world.submit_authorized(two.reveal(there, &opening));
	assert_eq!(story.world.deliver(), vec![invalid(InvalidTransaction::BadProof)]);
	for claim in &claims {
		story.settle(claim);
	}
	story.close();
}

#[test]
fn duties_should_be_refused_when_a_reorg_gives_the_ballot_another_seed() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let committee = story.ballot(&claim).members;
	story.vote(&claim, &|_| Some(UNAVAILABLE));
	story.until_stage(&claim, ChallengeStage::AwaitingDispute);
	// Two futures: the same dispute of the same members, with evidence by different seeds.
	let mut kept = story.fork();
	kept.world.skip_slots(1);
	let (lost, ballot) = (story.ballot(&claim), kept.ballot(&claim));
	assert_eq!((lost.tranche, ballot.tranche), (DISPUTE, DISPUTE));
	assert_eq!(lost.members, ballot.members);
	assert_ne!(lost.seed, ballot.seed);
	let refused = vec![invalid(InvalidTransaction::BadProof)];
	let openings: Vec<_> = (0..ballot.members.len())
		.map(|member| (member, ballot.opening(member, Verdict::Valid)))
		.collect();
	// Somebody carries the first member's commit over from the lost future.
	kept.world.submit_authorized(lost.commit(0, &openings[0].1));
	assert_eq!(kept.world.deliver(), refused);
	kept.cast(&claim, &ballot, &openings, &[]);
	kept.world.submit_authorized(lost.reveal(0, &openings[0].1));
	assert_eq!(kept.world.deliver(), refused);
	for (member, opening) in &openings {
		kept.world.submit_authorized(ballot.reveal(*member, opening));
	}
	kept.world.deliver_ok();
	assert_eq!(kept.settle(&claim), Some(Outcome::Accepted));
	let paid: Vec<_> = kept
		.world
		.events
		.iter()
		.filter_map(|(_, event)| match event {
			RuntimeEvent::ChallengeLottery(LotteryEvent::Penalised {
				verifier, penalty, ..
			}) => Some((keyring(verifier), *penalty)),
			_ => None,
		})
		.collect();
	// Nobody is taken for a no-show. Who could not have what everybody had later pays for that.
	let late: Vec<_> = committee.into_iter().map(|who| (who, Penalty::LateData)).collect();
	assert_eq!(paid, late);
	kept.close();
}

#[test]
fn duties_should_be_refused_when_somebody_else_signs_them() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	// An impostor fills in its own name where the member's stands.
	let mut forged = ballot.clone();
	forged.members[0] = EveStash;
	forged.keys[0] = EveStash.pair();
	let opening = forged.opening(0, MISMATCH);
	story.world.submit_authorized(forged.commit(0, &opening));
	assert_eq!(story.world.deliver(), vec![invalid(InvalidTransaction::BadProof)]);
	// Nor is there a fourth member.
	let mut forged = ballot.clone();
	forged.members.push(EveStash);
	forged.keys.push(EveStash.pair());
	story.world.submit_authorized(forged.commit(3, &opening));
	assert_eq!(story.world.deliver(), vec![invalid(InvalidTransaction::BadSigner)]);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

#[test]
fn evidence_should_be_of_no_use_when_it_is_copied() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let copier = ballot.members[1];
	let at_stake = story.world.run(|| LptStaking::transcoder_stake(copier.to_account_id()));
	let original = ballot.opening(0, Verdict::Valid);
	let third = ballot.opening(2, Verdict::Valid);
	story.world.submit_authorized(ballot.commit(0, &original));
	// It has no verdict of its own and commits to the commitment that it sees in the pool.
	story.world.submit_authorized(ballot.commit_to(1, ballot.commitment(0, &original)));
	story.world.submit_authorized(ballot.commit(2, &third));
	story.world.deliver_ok();
	story.until_stage(&claim, ChallengeStage::VerdictReveal);
	story.world.submit_authorized(ballot.reveal(0, &original));
	story.world.submit_authorized(ballot.reveal(1, &original));
	story.world.submit_authorized(ballot.reveal(2, &third));
	let results = story.world.deliver();
	assert_eq!(
		results,
		vec![Ok(Ok(())), invalid(InvalidTransaction::BadProof), Ok(Ok(()))],
		"a commitment names its account"
	);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	// It committed and did not reveal, while the others did: the worst wrong side.
	let share = story.world.parameters().0.lottery.false_dissent_slash;
	assert!(story.lost(copier).abs_diff(share * at_stake.total) < 1_000);
	assert_eq!(story.slashes().len(), 1);
	story.close();
}

#[test]
fn verdict_without_work_should_cost_a_no_show_when_its_evidence_differs() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let lazy = story.ballot(&claim).members[2];
	for _ in 0..2 {
		let ballot = story.ballot(&claim);
		let openings: Vec<_> = ballot
			.members
			.iter()
			.enumerate()
			.map(|(member, who)| {
				let mut opening = ballot.opening(member, Verdict::Valid);
				if *who == lazy {
					opening.evidence.hash = Hash::repeat_byte(1);
				}
				(member, opening)
			})
			.collect();
		story.cast(&claim, &ballot, &openings, &openings);
	}
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let slashed: Vec<_> = story.slashes().into_iter().map(|(_, who, _)| who).collect();
	assert_eq!(slashed, vec![lazy]);
	story.close();
}

/// A judge that did not do the work in a dispute validates again when its service makes the golden vectors, and
/// no sooner than whoever is chilled for something else.
#[test]
fn judge_without_work_should_validate_again_when_it_has_attested() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let members = story.ballot(&claim).members;
	let (liar, lazy) = (members[0], members[2]);
	let lies = |who: Sr25519Keyring| Some(if who == liar { UNAVAILABLE } else { Verdict::Valid });
	story.vote(&claim, &lies);
	let ballot = story.ballot(&claim);
	let judged = ballot.members.iter().enumerate().map(|(member, who)| {
		let mut opening = ballot.opening(member, Verdict::Valid);
		if *who == lazy {
			opening.evidence.hash = Hash::repeat_byte(1);
		}
		(member, opening)
	});
	let openings: Vec<_> = judged.collect();
	story.cast(&claim, &ballot, &openings, &openings);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let account = lazy.to_account_id();
	let until =
		|story: &mut Story| story.world.run(|| TranscoderElection::chilled_until(account.clone()));
	assert_eq!(until(&mut story), Some(UNTIL_ATTESTED));
	let rounds = story.world.parameters().0.lottery.chill + 2;
	let round = story.world.round();
	story.world.until(200, |world| world.round() >= round + rounds);
	assert_eq!(until(&mut story), Some(UNTIL_ATTESTED), "nothing but its own word ends it");
	let toolchains = story.world.run(ChallengeLottery::toolchains);
	// It says that it lacks what it is chilled for, and in the next window that it does not.
	for lacking in [toolchains, Vec::new()] {
		assert_eq!(until(&mut story), Some(UNTIL_ATTESTED));
		let call = attestation(&mut story.world, lazy, lacking);
		story.world.ok_authorized(call);
		story.world.blocks(10);
	}
	assert_eq!(until(&mut story), None);
	story.close();
}

#[test]
fn commit_without_reveal_should_stop_nothing_and_cost_a_no_show() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let silent = ballot.members[0];
	let openings: Vec<_> =
		(0..3).map(|member| (member, ballot.opening(member, Verdict::Valid))).collect();
	story.cast(&claim, &ballot, &openings, &openings[1..]);
	// Nobody accuses: the next of the order is asked, who is the last that may judge.
	let next = story.ballot(&claim);
	assert_eq!((next.tranche, next.members.len()), (1, 1));
	assert!(!ballot.members.contains(&next.members[0]));
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let slashed: Vec<_> = story.slashes().into_iter().map(|(_, who, _)| who).collect();
	assert_eq!(slashed, vec![silent]);
	story.close();
}

// Claims.

/// Claims `work` under `stated`, shows that no drawn leaf can be revealed for `error`, and that the
/// claim is a missed verification.
fn overstate(story: &mut Story, work: Work, stated: Commitment, error: LotteryError) {
	let stated = work.stated(stated, story.world.toolchain());
	overstate_as(story, work, stated, error);
}

/// The same of a claim in its own words.
fn overstate_as(story: &mut Story, work: Work, stated: WorkClaim, error: LotteryError) {
	let call = work.sign_claim(stated);
	let claim = story.make_claim(work, call);
	let (transcoder, error) = (story.transcoder, refused(error));
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	for position in story.challenge(&claim).positions {
		// Nothing may fall in a leaf at all where the stated total is beyond the true one.
		let index = claim.work.tree.leaf_at(position).unwrap_or(0);
		let result = story.world.call_authorized(claim.work.reveal(claim.id, index));
		assert_eq!(result, error);
	}
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	assert!(story.lost(transcoder) > 0);
	assert_eq!(story.fees(transcoder), 0);
	story.close();
}

#[test]
fn leaf_count_inflation_should_be_a_missed_verification() {
	let mut story = Story::begin();
	let work = story.work(8);
	let stated = Commitment { leaf_count: 16, ..work.tree.commitment() };
	overstate(&mut story, work, stated, LotteryError::BadProof);
}

#[test]
fn leaf_count_deflation_should_be_a_missed_verification() {
	// Fewer leaves would mean fewer draws.
	let mut story = Story::begin();
	let work = story.work(8);
	let stated = Commitment { leaf_count: 7, ..work.tree.commitment() };
	overstate(&mut story, work, stated, LotteryError::BadProof);
}

#[test]
fn work_inflation_should_be_a_missed_verification() {
	let mut story = Story::begin();
	let work = story.work(8);
	let true_one = work.tree.commitment();
	let stated = Commitment { total_work: true_one.total_work * 3 / 2, ..true_one };
	overstate(&mut story, work, stated, LotteryError::BadProof);
}

#[test]
fn work_inflation_should_be_a_missed_verification_when_one_leaf_holds_it_all() {
	let mut story = Story::begin();
	let honest = story.work(8);
	let turn = story.turn();
	let job = story.job;
	let max = story.world.run(|| Jobs::job(job)).map_or(0, |view| view.max_leaf_work);
	let mut leaves = vec![Leaf::Empty; 8];
	leaves[0] = Leaf::Transcoded {
		segment: turn.segment(0),
		outputs: vec![Some(output(0))].try_into().expect("one"),
		work: max * 8,
		extensions: Default::default(),
	};
	let work = Work::new(&turn, honest.first, leaves, honest.signatures);
	let stated = work.tree.commitment();
	// It says so, and the claim is refused; or it does not, and the leaf counts as not revealed.
	let toolchain = story.world.toolchain();
	let WorkClaim { root, total_work, .. } = work.stated(stated, toolchain);
	let open = WorkClaim { largest_leaf: max * 8, ..work.stated(stated, toolchain) };
	let hidden = WorkClaim { largest_leaf: max, ..open.clone() };
	assert_eq!((root, total_work), (stated.root, max * 8));
	assert_eq!(
		story.world.call_authorized(work.sign_claim(open)),
		refused(pallet_jobs::Error::<Runtime>::LeafTooLarge)
	);
	overstate_as(&mut story, work, hidden, LotteryError::AboveLargestLeaf);
}

#[test]
fn segments_of_another_stream_should_not_be_claimed() {
	// The transcoder pays itself for what nobody sent: it signs the headers in B's place.
	let mut story = Story::begin();
	let turn = Turn { broadcaster: story.transcoder, ..story.turn() };
	let work = turn.work(0, 8);
	let stated = work.tree.commitment();
	overstate(&mut story, work, stated, LotteryError::WrongSigner);
}

#[test]
fn claims_should_not_squat_on_a_successors_segments() {
	let mut story = Story::begin();
	let first = story.transcoder;
	let own = story.turn();
	// It falls silent, and the job goes on with the next.
	story.world.workers.retain(|worker| *worker != first);
	story.accept();
	assert_eq!(story.transcoder, Story::other(first));
	let toolchain = story.world.toolchain();
	let work = story.turn().work(0, 8);
	// In its grace it claims what the successor has done, as its own.
	let squatted = Work { turn: own, ..work.clone() };
	story.world.ok_authorized(squatted.claim(toolchain));
	let id = story.world.run(|| Jobs::claims_of(first.to_account_id()))[0];
	let squat = Claim { id, fee: 0, transcoder: first, work: squatted };
	let call = work.claim(toolchain);
	let claim = story.make_claim(work, call);
	assert_eq!(claim.work.first, 0, "each assignment has its own cursor");
	// What the broadcaster signed for the successor is of no use to the squatter: its claim waits
	// for leaves that it cannot reveal.
	story.until_stage(&squat, ChallengeStage::LeafReveal);
	let positions = story.challenge(&squat).positions;
	let index = squat.work.drawn(&positions)[0];
	let result = story.world.call_authorized(squat.work.reveal(id, index));
	assert_eq!(result, refused(LotteryError::BadSignature));
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.fees(claim.transcoder) > 0);
	// It may have judged the successor's claim, for which it is paid.
	let fees = story.fees(first);
	assert_eq!(story.settle(&squat), Some(Outcome::Missed));
	assert!(story.lost(first) > 0);
	assert_eq!(story.fees(first), fees);
	story.close();
}

#[test]
fn signatures_should_be_of_no_use_when_a_reorg_changes_the_assignee() {
	let mut world = Story::network();
	let job = create_job(&mut world, Ferdie, "reorg", 300);
	// Two futures, told apart by who makes the blocks; in some two the job goes to different
	// transcoders.
	let futures: Vec<_> = (0..12)
		.map(|skipped| {
			let mut world = world.fork();
			world.skip_slots(skipped);
			world.until(10, |world| Turn::current(world, job).is_some());
			let turn = Turn::current(&mut world, job).expect("assigned");
			(world, turn)
		})
		.collect();
	let lost = futures[0].1.clone();
	let (mut world, kept) = futures
		.into_iter()
		.find(|(_, turn)| turn.transcoder != lost.transcoder)
		.expect("chance decides");
	assert_eq!((lost.assignment, lost.stream), (kept.assignment, kept.stream));
	let toolchain = world.toolchain();
	world.ok_authorized(kept.accept(toolchain));
	// Signed for the assignee of the lost future.
	let work = lost.work(0, 8);
	let result = world.call_authorized(work.claim(toolchain));
	assert_eq!(result, refused(pallet_jobs::Error::<Runtime>::NotTranscoder));
	// Nor can the one that holds the job now claim with them.
	let taken = Work { turn: kept.clone(), ..work.clone() };
	world.ok_authorized(taken.claim(toolchain));
	let claim = world.run(|| Jobs::claims_of(kept.transcoder.to_account_id()))[0];
	world.until(40, |world| {
		world.challenge(claim).is_some_and(|view| view.stage == ChallengeStage::LeafReveal)
	});
	let positions = world.challenge(claim).map_or(Vec::new(), |view| view.positions);
	let index = work.drawn(&positions)[0];
	let result = world.call_authorized(work.reveal(claim, index));
	assert_eq!(result, refused(LotteryError::BadSignature));
	world.ok(Ferdie, pallet_jobs::Call::end_job { job });
	world.until(100, |world| world.leftovers().is_empty());
}

// Money.

#[test]
fn deposit_should_not_be_spent_twice_over_many_jobs() {
	let mut world = Story::network();
	let has = world.eth(&Ferdie.to_account_id());
	let budget = has * 6 / 10;
	let first = job(&world, "one", 100, budget);
	world.ok(Ferdie, first);
	let second = job(&world, "two", 100, budget);
	let refused = world.call(Ferdie, second);
	assert_eq!(refused, Ok(Err(pallet_jobs::Error::<Runtime>::InsufficientEth.into())));
	// Nor sent away while it is promised.
	let away = pallet_assets::Call::transfer {
		id: livepeer_primitives::ETH.into(),
		target: EveStash.to_account_id().into(),
		amount: budget,
	};
	assert!(matches!(world.call(Ferdie, livepeer_runtime::RuntimeCall::Assets(away)), Ok(Err(_))));
	assert_eq!(world.eth(&Ferdie.to_account_id()), has);
}

#[test]
fn verification_should_not_be_had_for_nothing() {
	// The transcoder works for nothing, for a broadcaster that is itself: validators would judge
	// its claims for free.
	let mut world = Story::network();
	for who in Story::TRANSCODERS {
		let old = world.run(|| TranscoderElection::terms_of(who.to_account_id()));
		let terms = Terms { price: 0, ..old.expect("it is registered") };
		let service = world.run(|| TranscoderElection::service_of(who.to_account_id()));
		let service = service.expect("it is registered");
		world.ok(who, pallet_transcoder_election::Call::transcoder { terms, service });
	}
	let round = world.round();
	world.until(40, |world| world.round() > round);
	let job = create_job(&mut world, Charlie, "for nothing", 100);
	let why = Unsuited::BelowVerification;
	let nobody = RuntimeEvent::Jobs(pallet_jobs::Event::NobodySuits { job, why });
	world.until(10, |world| world.events.iter().any(|(_, event)| *event == nobody));
	assert!(Turn::current(&mut world, job).is_none());
	// Nor could a job that pays nothing be opened.
	let mut call = livepeer_integration_tests::job(&world, "for nothing at all", 100, UNIT);
	if let pallet_jobs::Call::create_job { max_price, .. } = &mut call {
		*max_price = 0;
	}
	let result = world.call(Charlie, call);
	assert_eq!(result, Ok(Err(pallet_jobs::Error::<Runtime>::PriceBelowVerification.into())));
	world.ok(Charlie, pallet_jobs::Call::end_job { job });
	world.until(100, |world| world.leftovers().is_empty());
}

/// Whoever has more stake puts a transcoder off a full list, and a small slash does it at the next election. Where
/// its judges find it was forgotten with its registration, so that each of its open claims was missed.
#[test]
fn attack_transcoder_that_is_off_the_list_should_still_be_found_by_its_judges() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	let last = story.work(4);
	let who = story.transcoder;
	let account = who.to_account_id();
	let service = move |story: &mut Story| {
		let account = account.clone();
		story.world.run(move || TranscoderElection::service_of(account))
	};
	let before = service(&mut story);
	assert!(before.is_some());
	story.world.ok(who, pallet_transcoder_election::Call::resign {});
	// What is claimed in the grace is judged too.
	let call = last.claim(story.world.toolchain());
	let last = story.make_claim(last, call);
	for claim in [&claim, &last] {
		story.reveal(claim);
		story.ballot(claim);
		assert_eq!(service(&mut story), before);
		story.vote(claim, HONEST);
	}
	for claim in [&claim, &last] {
		assert_eq!(story.settle(claim), Some(Outcome::Accepted));
	}
	story.close();
	let round = story.world.round();
	story.world.until(40, |world| world.round() > round);
	assert_eq!(service(&mut story), None);
}

#[test]
fn starving_one_verifier_should_cost_it_its_part_of_the_dispute_that_brings_the_bytes() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let starved = story.ballot(&claim).members[1];
	story.vote(&claim, &|who| Some(if who == starved { UNAVAILABLE } else { Verdict::Valid }));
	// Whoever got the bytes serves them.
	story.vote(&claim, HONEST);
	let views = story.world.run(TranscoderElection::transcoders);
	let account = starved.to_account_id();
	let stake = views.iter().find(|view| view.account == account).map_or(0, |view| view.stake);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.slashes().iter().all(|(_, who, _)| *who == starved));
	let lost = story.lost(starved);
	let most = story.world.parameters().0.lottery.false_dissent_slash;
	assert!(lost > 0 && lost <= most.mul_ceil(stake), "{lost} of {stake}");
	story.close();
}

#[test]
fn starving_one_verifier_to_the_end_should_cost_it_no_more_than_a_no_show() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let starved = story.ballot(&claim).members[1];
	let says = |who| Some(if who == starved { UNAVAILABLE } else { Verdict::Valid });
	story.vote(&claim, &says);
	story.vote(&claim, &says);
	let views = story.world.run(TranscoderElection::transcoders);
	let account = starved.to_account_id();
	let stake = views.iter().find(|view| view.account == account).map_or(0, |view| view.stake);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let lost = story.lost(starved);
	let no_show = story.world.parameters().0.lottery.no_show_slash;
	assert!(lost > 0 && lost <= no_show.mul_ceil(stake), "{lost} of {stake}");
	story.close();
}

#[test]
fn transcoder_that_delivers_nothing_should_lose_the_job_and_earn_nothing() {
	let mut story = Story::begin();
	let lazy = story.transcoder;
	let before = story.world.eth(&Ferdie.to_account_id());
	story.world.workers.retain(|worker| *worker != lazy);
	let (assignment, start) = (story.turn().assignment, story.world.number());
	story.accept();
	assert!(story.turn().assignment > assignment);
	let election = story.world.parameters().0.election;
	let patience = 3 * election.heartbeat_interval + 10;
	assert!(story.world.number() - start <= patience, "within {patience} blocks");
	let views = story.world.run(TranscoderElection::transcoders);
	assert!(views.iter().all(|view| !view.jailed), "nothing was proved against it");
	story.close();
	assert_eq!(story.world.eth(&Ferdie.to_account_id()), before);
	assert_eq!(story.fees(lazy), 0);
}

#[test]
fn permanent_dissenter_should_pay_each_time_until_nothing_comes_of_it() {
	let mut story = Story::begin();
	let (mut dissenter, mut dissents) = (None, 0);
	for _ in 0..6 {
		let claim = story.claim(8);
		story.reveal(&claim);
		let members = story.ballot(&claim).members;
		let who = *dissenter.get_or_insert(members[0]);
		let says = |member| Some(if member == who { MISMATCH } else { Verdict::Valid });
		let before = story.lost(who);
		story.vote(&claim, &says);
		let is_seated = members.contains(&who);
		if is_seated {
			story.vote(&claim, &says);
			dissents += 1;
		}
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
		assert_eq!(story.lost(who) > before, is_seated, "it pays each time that it is asked");
		if dissents == 2 {
			break;
		}
	}
	let who = dissenter.expect("somebody dissented");
	assert_eq!(dissents, 2, "it is seated again when it has been chilled");
	assert_eq!(story.slashes().len(), 2);
	assert!(story.slashes().iter().all(|(_, whose, _)| *whose == who));
	assert!(story.fees(story.transcoder) > 0, "the transcoder is paid all the same");
	story.close();
}

// Volume.

/// A transcoder sends as many claims of its own job as it may have open, each as small as a claim may be.
/// A claim weighs what it causes later, so blocks take no more of them than their agendas serve, it pays for
/// that, and everybody's claims are drawn in the block in which they can be.
#[test]
fn attack_blocks_full_of_tiny_claims_should_keep_nobodys_draw_waiting() {
	const CLAIMS: u32 = 120;
	let mut story = Story::begin();
	let thief = story.transcoder;
	// It takes nothing new, so the next job goes to somebody else.
	let (capacity, profiles) = (0, canonical());
	story.world.ok(thief, pallet_transcoder_election::Call::set_available { capacity, profiles });
	let job = create_job(&mut story.world, EveStash, "honest", 600);
	story.world.until(20, |world| Turn::current(world, job).is_some());
	let turn = Turn::current(&mut story.world, job).expect("it is offered");
	assert_ne!(turn.transcoder, thief);
	let toolchain = story.world.toolchain();
	story.world.ok_authorized(turn.accept(toolchain));

	let before = story.world.lpt(&thief.to_account_id());
	for _ in 0..CLAIMS {
		let work = story.work(3);
		story.world.submit_authorized(work.claim(toolchain));
	}
	story.world.submit_authorized(turn.work(0, 8).claim(toolchain));
	let mut taken = 0;
	for _ in 0..20 {
		for result in story.world.next_block() {
			result.expect("it is valid").expect("it is taken");
			taken += 1;
		}
	}
	assert_eq!(taken, CLAIMS + 1);

	let mut made = BTreeMap::<BlockNumber, u64>::new();
	let mut due = BTreeMap::<ClaimId, BlockNumber>::new();
	for (block, event) in &story.world.events {
		if let RuntimeEvent::ChallengeLottery(LotteryEvent::ChallengeOpened { claim, draw_at }) =
			event
		{
			*made.entry(*block).or_default() += 1;
			due.insert(*claim, *draw_at);
		}
	}
	let members = story.world.parameters().0.lottery.committee_size;
	let caused =
		LotteryWeights::draw(5, members).saturating_add(LotteryWeights::agenda_decide(members));
	let most = made.values().max().copied().unwrap_or_default();
	let part = LotteryAgenda::get() / 4 * 3;
	println!("{most} claims in a block cause {} of {part}", caused.saturating_mul(most));
	assert!(caused.saturating_mul(most).all_lte(part));
	let each = story.world.run(|| TransactionPayment::weight_to_fee(Jobs::claim_weight(members)));
	let paid = before - story.world.lpt(&thief.to_account_id());
	assert!(paid >= each * Balance::from(CLAIMS), "{paid} for {CLAIMS} of {each}");

	// The chain's blocks and the protocol's, by which draws are due.
	let ahead = story.world.number() - story.world.run(ChainConfig::clock);
	let last = due.values().max().copied().unwrap_or_default() + ahead;
	story.world.until(40, |world| world.number() >= last);
	let drawn: BTreeMap<ClaimId, BlockNumber> = story
		.world
		.events
		.iter()
		.filter_map(|(block, event)| match event {
			RuntimeEvent::ChallengeLottery(LotteryEvent::Drawn { claim, .. }) => {
				Some((*claim, *block - ahead))
			}
			_ => None,
		})
		.collect();
	assert_eq!(drawn, due, "nobody waits for its draw");
	let backlog =
		story.world.run(|| pallet_challenge_lottery::Backlog::<Runtime>::get(Class::Urgent));
	assert_eq!(backlog, None);
}
