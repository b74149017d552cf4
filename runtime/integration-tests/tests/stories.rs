//! From claim to settlement, whatever transcoder and verifiers do. Each block of each story checks
//! every invariant and the sums of all balances; each story ends with not a byte left.

use codec::{Decode, Encode};
use livepeer_integration_tests::{
	canonical, create_job, keyring, refused, Ballot, Claim, Story, Turn, Work, World, CAPACITY,
	HONEST,
};
use livepeer_primitives::{
	api::{ChallengeStage, PerformanceView},
	claim::{Outcome, PayoutReason},
	leaf::Leaf,
	receipt::RejectReason,
	traits::Settlement,
	verdict::{MismatchKind, NonConformingKind, UnavailableKind, Verdict, DISPUTE},
	Balance, UNIT,
};
use livepeer_runtime::{
	api, configs::money::CommonPool, Jobs, Runtime, RuntimeCall, RuntimeEvent, Session,
};
use pallet_challenge_lottery::types::Penalty;
use sp_keyring::Sr25519Keyring::{self, Alice, AliceStash, Bob, Charlie, Dave, Eve, EveStash};

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
const GONE: Verdict = Verdict::Unavailable(UnavailableKind::Refused);

/// How a claim's escrow was settled.
fn settlement(story: &Story, of: &Claim) -> Option<Settlement> {
	story.find(|event| match event {
		RuntimeEvent::Jobs(pallet_jobs::Event::ClaimSettled { claim, settlement, .. })
			if *claim == of.id =>
		{
			Some(*settlement)
		}
		_ => None,
	})
}

/// What was paid out of a claim's escrow for this reason.
fn paid_for(story: &Story, of: &Claim, why: PayoutReason) -> Balance {
	let amounts =
		story.world.events.iter().filter_map(|(_, event)| match event {
			RuntimeEvent::Jobs(pallet_jobs::Event::EscrowPaid {
				claim, reason, amount, ..
			}) if *claim == of.id && *reason == why => Some(*amount),
			_ => None,
		});
	amounts.sum()
}

/// What judges of a claim were paid in LPT: `who`, or all of them.
fn rewards(story: &Story, of: &Claim, who: Option<Sr25519Keyring>) -> Balance {
	let amounts = story.world.events.iter().filter_map(|(_, event)| match event {
		RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::JudgeRewarded {
			claim,
			verifier,
			amount,
		}) if *claim == of.id && who.is_none_or(|who| who.to_account_id() == *verifier) => Some(*amount),
		_ => None,
	});
	amounts.sum()
}

/// Who was penalised for a claim, and for what.
fn penalties(story: &Story, of: &Claim) -> Vec<(Sr25519Keyring, Penalty)> {
	let all = story.world.events.iter().filter_map(|(_, event)| match event {
		RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Penalised {
			claim,
			verifier,
			penalty,
			..
		}) if *claim == of.id => Some((keyring(verifier), *penalty)),
		_ => None,
	});
	all.collect()
}

fn broadcaster_eth(story: &mut Story) -> Balance {
	story.world.eth(&Story::BROADCASTER.to_account_id())
}

/// Success, speed and how much was verified: what anybody can read of a transcoder.
#[test]
fn record_of_a_transcoder_should_say_what_it_served_how_fast_and_how_much_was_judged() {
	let mut story = Story::begin();
	let record = |story: &mut Story| {
		let asked = story.transcoder.to_account_id().encode();
		let answer = story.world.run(|| api::dispatch("LivepeerApi_performance", &asked));
		PerformanceView::decode(&mut &answer.expect("it is served")[..]).expect("it is a record")
	};
	let mut expected = PerformanceView { offered: 0, served: 0, work: 0, judged: 0, blocks: 0 };
	let mut since = story.world.number();
	for pause in [7, 3] {
		story.world.blocks(pause);
		let claim = story.claim(16);
		let now = story.world.number();
		expected.blocks += u64::from(now - since);
		since = now;
		story.until_stage(&claim, ChallengeStage::LeafReveal);
		let drawn = claim.work.drawn(&story.challenge(&claim).positions);
		expected.work += claim.work.leaves.iter().map(Leaf::work).sum::<u64>();
		expected.judged +=
			drawn.iter().map(|index| claim.work.leaves[*index as usize].work()).sum::<u64>();
		story.reveal(&claim);
		story.vote(&claim, HONEST);
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
		// Each job counts once.
		(expected.offered, expected.served) = (1, 1);
		assert_eq!(record(&mut story), expected);
	}
	assert!(expected.blocks > 7 + 3 && expected.judged < expected.work);
	story.close();
}

#[test]
fn transcoder_should_keep_its_job_when_it_takes_nothing_new() {
	let mut story = Story::begin();
	let (transcoder, job) = (story.transcoder, story.job);
	let assignment = story.turn().assignment;
	story.world.ok(
		transcoder,
		pallet_transcoder_election::Call::set_available {
			capacity: 0,
			profiles: Default::default(),
		},
	);
	story.world.blocks(40);
	let turn = story.turn();
	assert_eq!((turn.transcoder, turn.assignment), (transcoder, assignment));
	// What comes now goes to the other one.
	let next = create_job(&mut story.world, Story::BROADCASTER, "another", 100);
	story.world.until(10, |world| Turn::current(world, next).is_some());
	let turn = Turn::current(&mut story.world, next).expect("it is offered");
	assert_eq!(turn.transcoder, Story::other(transcoder));
	story.world.ok(Story::BROADCASTER, pallet_jobs::Call::end_job { job: next });
	// It is still paid for what it does.
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	// And loses the job once it falls silent.
	story.world.workers.retain(|worker| *worker != transcoder);
	story.world.until(60, |world| {
		let view = world.run(|| Jobs::job(job));
		view.is_some_and(|view| view.current.is_none_or(|current| current.index > assignment))
	});
	story.close();
}

#[test]
fn honest_claims_should_pay_transcoder_and_delegators() {
	let mut story = Story::begin();
	let before = broadcaster_eth(&mut story);
	let (mut paid, mut verified) = (0, 0);
	for _ in 0..2 {
		let claim = story.claim(8);
		story.reveal(&claim);
		story.vote(&claim, HONEST);
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
		assert_eq!(settlement(&story, &claim), Some(Settlement::Pay));
		paid += claim.fee;
		verified += paid_for(&story, &claim, PayoutReason::Verification);
	}
	assert!(verified > 0, "those who judge are paid");
	let transcoder = story.transcoder;
	let delegator = Story::delegator_of(transcoder);
	let earned = [transcoder, delegator].map(|who| story.fees(who));
	assert!(earned.iter().all(|fee| *fee > 0), "{earned:?}");
	// Half of each fee is the transcoder's at once; the rest goes by stake.
	assert!(earned[0] > paid / 2 && earned[1] < paid / 10, "{earned:?} of {paid}");
	let all: Balance = Sr25519Keyring::iter().map(|who| story.fees(who)).sum();
	let owed = paid + verified;
	assert!(all <= owed && owed - all < 100, "{all} of {owed}");
	// What is owed can be had.
	for who in [transcoder, delegator] {
		let (owed, before) = (story.fees(who), story.world.eth(&who.to_account_id()));
		story.world.ok(who, pallet_lpt_staking::Call::withdraw_fees {});
		assert_eq!(story.world.eth(&who.to_account_id()) - before, owed);
	}
	story.close();
	assert_eq!(before - broadcaster_eth(&mut story), paid);
	assert_eq!(story.slashes(), vec![]);
}

#[test]
fn wrong_output_should_cost_fee_and_stake_of_transcoder_delegator_and_leaver() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let delegator = Story::delegator_of(transcoder);
	let before = broadcaster_eth(&mut story);
	let claim = story.claim(8);
	// The delegator sees it coming and leaves with half of its stake.
	let stake = story.bond(delegator);
	story.world.ok(delegator, pallet_lpt_staking::Call::unbond { amount: stake / 2 });
	story.reveal(&claim);
	let own = story.bond(transcoder);
	let pool = CommonPool::get();
	story.vote(&claim, &|_| Some(MISMATCH));
	story.vote(&claim, &|_| Some(MISMATCH));
	story.until_stage(&claim, ChallengeStage::Decided);
	assert!(story.is_jailed(transcoder), "from the verdict on");
	assert_eq!(story.slashes(), vec![], "not before the deferral ends");
	let common = story.world.lpt(&pool);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	assert_eq!(settlement(&story, &claim), Some(Settlement::Refund));
	let slashes = story.slashes();
	let [(_, slashed, total)] = slashes[..] else { panic!("one slash and not {slashes:?}") };
	assert_eq!(slashed, transcoder);
	// Five percent of everything that stood behind the claim, that of the leaver included.
	let expected = (own + stake) / 20;
	assert!(total.abs_diff(expected) < 1_000, "{total} and not {expected}");
	assert!(story.bond(transcoder).abs_diff(own - own / 20) < 1_000);
	assert!(story.bond(delegator).abs_diff(stake / 2 - stake / 40) < 1_000);
	let locks = story.world.run(|| livepeer_runtime::LptStaking::locks(delegator.to_account_id()));
	assert!(locks[0].value.abs_diff(stake / 2 - stake / 40) < 1_000, "{locks:?}");
	// Who named the fault shares the finder's fee; the rest is everybody's.
	let gained = story.world.lpt(&pool) + rewards(&story, &claim, None) - common;
	assert!(gained.abs_diff(total - total / 20) < 1_000, "{gained} of {total}");
	assert_eq!(story.fees(transcoder), 0);
	story.close();
	assert_eq!(broadcaster_eth(&mut story), before);
}

#[test]
fn silence_about_drawn_leaves_should_be_a_missed_verification() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let before = broadcaster_eth(&mut story);
	let at_stake = story.bond(transcoder) + story.bond(Story::delegator_of(transcoder));
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	assert_eq!(settlement(&story, &claim), Some(Settlement::Refund));
	assert!(story.lost(transcoder).abs_diff(at_stake / 10) < 1_000);
	assert_eq!(story.slashes().len(), 1);
	story.close();
	assert_eq!(broadcaster_eth(&mut story), before);
}

#[test]
fn finder_should_be_paid_when_it_reports_a_missed_verification() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let deadline = story.challenge(&claim).deadline;
	story.world.until(100, |world| world.number() + 1 >= deadline);
	let finder = EveStash.to_account_id();
	let before = story.world.lpt(&finder);
	story.world.ok(EveStash, pallet_challenge_lottery::Call::report_missed { claim: claim.id });
	let fee = before - story.world.lpt(&finder);
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	let total = story.lost(story.transcoder);
	assert_eq!(story.world.lpt(&finder) - (before - fee), total / 20);
	story.close();
}

#[test]
fn nobody_convinced_should_void_the_claim_at_the_cost_of_the_silent() {
	let mut story = Story::begin();
	let before = broadcaster_eth(&mut story);
	let claim = story.claim(8);
	story.reveal(&claim);
	// Nobody says a word, neither in the committee nor in the tranche after it nor in the dispute.
	assert_eq!(story.settle(&claim), Some(Outcome::Void));
	assert_eq!(settlement(&story, &claim), Some(Settlement::Refund));
	assert!(!story.is_jailed(story.transcoder));
	// Silence costs whatever the outcome; it costs those who were silent, and nobody else.
	assert_eq!(story.lost(story.transcoder), 0);
	assert_eq!(story.slashes().len(), 4, "every eligible validator was asked");
	story.close();
	assert_eq!(broadcaster_eth(&mut story), before);
}

#[test]
fn bytes_that_nobody_can_have_should_be_a_missed_verification() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, &|_| Some(Verdict::Unavailable(UnavailableKind::Refused)));
	story.vote(&claim, &|_| Some(Verdict::Unavailable(UnavailableKind::Refused)));
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	assert_eq!(story.slashes().len(), 1);
	assert!(story.lost(story.transcoder) > 0);
	story.close();
}

#[test]
fn transcoder_should_win_the_dispute_and_false_dissent_should_cost_the_dissenter() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let dissenter = story.ballot(&claim).members[0];
	let at_stake = story.bond(dissenter);
	story.vote(&claim, &|who| Some(if who == dissenter { MISMATCH } else { Verdict::Valid }));
	let dispute = story.ballot(&claim);
	assert_eq!(dispute.tranche, DISPUTE);
	assert_eq!(dispute.members.len(), 4, "all validators but the claimant");
	assert!(!dispute.members.contains(&story.transcoder));
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(settlement(&story, &claim), Some(Settlement::Pay));
	let slashed: Vec<_> = story.slashes().into_iter().map(|(_, who, _)| who).collect();
	assert_eq!(slashed, vec![dissenter]);
	// One percent; a delegator's stake, if it has one, goes with it.
	assert!(story.lost(dissenter) >= at_stake / 100);
	assert!(story.fees(story.transcoder) > 0, "the transcoder is paid");
	story.close();
}

#[test]
fn transcoder_should_lose_the_dispute_when_one_honest_member_dissents() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let honest = story.ballot(&claim).members[0];
	// Two of three in the committee are bribed; a small committee can only accept, and only
	// together.
	story.vote(&claim, &|who| Some(if who == honest { MISMATCH } else { Verdict::Valid }));
	story.vote(&claim, &|_| Some(MISMATCH));
	let before = story.world.lpt(&honest.to_account_id());
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let total = story.lost(story.transcoder);
	assert!(total > 0);
	let gained = story.world.lpt(&honest.to_account_id()) - before;
	let rewarded = rewards(&story, &claim, Some(honest));
	assert_eq!(gained, total / 20 + rewarded, "the finder's fee is all its own");
	story.close();
}

#[test]
fn claim_should_be_decided_and_paid_when_its_job_has_ended() {
	let mut story = Story::begin();
	let before = broadcaster_eth(&mut story);
	let claim = story.claim(8);
	story.end();
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
	assert_eq!(before - broadcaster_eth(&mut story), claim.fee);
}

#[test]
fn work_should_be_claimed_in_grace_and_not_after_when_the_job_has_ended() {
	let mut story = Story::begin();
	let [in_time, late] = [(); 2].map(|()| story.work(8));
	story.end();
	let toolchain = story.world.toolchain();
	let call = in_time.claim(toolchain);
	let claim = story.make_claim(in_time, call);
	let job = story.job;
	// The claim keeps the job, not its budget, beyond the grace.
	let grace = story.world.parameters().0.jobs.claim_grace;
	story.world.blocks(grace + 1);
	assert_eq!(story.world.run(|| Jobs::job(job)).map(|view| view.unreserved), Some(0));
	let result = story.world.call_authorized(late.claim(toolchain));
	assert_eq!(result, refused(pallet_jobs::Error::<Runtime>::TooLate));
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

#[test]
fn session_change_in_mid_challenge_should_change_nothing_for_its_members() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	// A member leaves for good: it is no transcoder any more and validates no longer.
	let leaver = ballot.members[0];
	story.world.ok(leaver, pallet_transcoder_election::Call::resign {});
	let openings: Vec<_> =
		(0..ballot.members.len()).map(|at| (at, ballot.opening(at, Verdict::Valid))).collect();
	let session = story.world.run(Session::current_index);
	let deadline = story.challenge(&claim).deadline;
	story.world.until(30, |world| world.run(Session::current_index) > session);
	assert!(story.world.number() + 1 < deadline, "still time to commit");
	assert_eq!(story.ballot(&claim).members, ballot.members);
	story.cast(&claim, &ballot, &openings, &openings);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let validators = story.world.run(Session::validators);
	assert!(!validators.contains(&leaver.to_account_id()), "it has left meanwhile");
	assert_eq!(story.slashes(), vec![]);
	story.close();
}

#[test]
fn duties_should_be_taken_in_the_block_that_changes_the_session() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	// A session has ten slots and began with block 1.
	story.world.until(20, |world| world.number() % 10 == 0);
	let session = story.world.run(Session::current_index);
	let positions = story.challenge(&claim).positions;

	for index in claim.work.drawn(&positions) {
		story.world.submit_authorized(claim.work.reveal(claim.id, index));
	}
	let remark = frame_system::Call::remark { remark: vec![] };
	story.world.submit(Dave, RuntimeCall::System(remark));
	let results = story.world.next_block();
	assert_eq!(story.world.run(Session::current_index), session + 1);
	// All but the remark, which is for everybody.
	assert_eq!(results.len(), claim.work.drawn(&positions).len());
	assert!(results.iter().all(|result| *result == Ok(Ok(()))), "{results:?}");
	assert_eq!(story.world.deliver(), vec![Ok(Ok(()))]);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

#[test]
fn claim_should_be_drawn_by_a_later_seed_when_one_author_made_its_window_alone() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	let window = story.world.run(|| Jobs::claim(claim.id)).map_or(0, |info| info.window);
	// The blocks of the window whose seed would draw it.
	let length = story.world.parameters().1.beacon_window;
	let first = (window + 1) * length;
	story.world.until(30, |world| world.number() + 1 >= first);
	story.world.authors = vec![Alice];
	story.world.until(30, |world| world.number() + 1 >= first + length);
	story.world.authors.clear();
	story.world.blocks(1);
	let invalid = story.find(|event| match event {
		RuntimeEvent::Beacon(pallet_beacon::Event::WindowInvalid { window }) => Some(*window),
		_ => None,
	});
	assert_eq!(invalid, Some(window + 1));
	assert_eq!(story.challenge(&claim).stage, ChallengeStage::AwaitingSeed);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	assert_eq!(story.world.number(), first + 2 * length, "when the next window's seed is stored");
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

#[test]
fn second_failure_in_a_round_should_cost_its_fee_only() {
	let mut story = Story::begin();
	let before = broadcaster_eth(&mut story);
	let claims = [(); 2].map(|()| story.claim(4));
	let rounds = claims
		.each_ref()
		.map(|claim| story.world.run(|| Jobs::claim(claim.id)).map(|info| info.round));
	assert_eq!(rounds[0], rounds[1]);
	// Neither is revealed.
	for claim in &claims {
		assert_eq!(story.settle(claim), Some(Outcome::Missed));
	}
	let slashes: Vec<_> = story.slashes().into_iter().map(|(_, who, _)| who).collect();
	assert_eq!(slashes, vec![story.transcoder]);
	story.close();
	assert_eq!(broadcaster_eth(&mut story), before);
}

#[test]
fn governance_should_cancel_a_verdict_before_its_execution() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, &|_| Some(MISMATCH));
	story.vote(&claim, &|_| Some(MISMATCH));
	story.until_stage(&claim, ChallengeStage::Decided);
	let transcoder = story.transcoder;
	let unjail = || pallet_transcoder_election::Call::unjail {};
	assert!(matches!(story.world.call(transcoder, unjail()), Ok(Err(_))), "a verdict is open");
	let cancel = pallet_challenge_lottery::Call::cancel { claim: claim.id, case: None };
	story.world.ok(Alice, pallet_sudo::Call::sudo { call: Box::new(cancel.into()) });
	assert_eq!(settlement(&story, &claim), Some(Settlement::Pay));
	story.world.ok(transcoder, unjail());
	assert!(story.fees(transcoder) > 0);
	story.world.blocks(20);
	assert_eq!(story.slashes(), vec![]);
	story.close();
}

#[test]
fn job_should_go_on_with_the_next_transcoder_when_the_first_is_jailed() {
	let mut story = Story::begin();
	let first = story.transcoder;
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	story.until_stage(&claim, ChallengeStage::Decided);
	story.accept();
	assert_eq!(story.transcoder, Story::other(first));
	let next = story.claim(8);
	assert_eq!(next.work.turn.assignment, 1);
	story.reveal(&next);
	story.vote(&next, HONEST);
	assert_eq!(story.settle(&next), Some(Outcome::Accepted));
	// After its punishment the first one can come back.
	story.world.ok(first, pallet_transcoder_election::Call::unjail {});
	story.world.ok(
		first,
		pallet_transcoder_election::Call::set_available {
			capacity: CAPACITY,
			profiles: canonical(),
		},
	);
	story.close();
}

#[test]
fn both_transcoders_should_be_paid_when_the_broadcaster_hands_its_job_on() {
	let mut story = Story::begin();
	let first = story.transcoder;
	let work = story.work(8);
	let (job, assignment) = (story.job, 0);
	story.world.ok(Story::BROADCASTER, pallet_jobs::Call::next_transcoder { job, assignment });
	story.accept();
	let second = story.transcoder;
	assert_eq!(second, Story::other(first));
	// What the first one did it claims in its grace.
	let call = work.claim(story.world.toolchain());
	let claim = story.make_claim(work, call);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let next = story.claim(8);
	assert_eq!(next.work.turn.assignment, 1);
	story.reveal(&next);
	story.vote(&next, HONEST);
	assert_eq!(story.settle(&next), Some(Outcome::Accepted));
	assert!(story.fees(first) > 0 && story.fees(second) > 0);
	assert_eq!(story.slashes(), vec![]);
	story.close();
}

#[test]
fn rejected_segments_should_be_claimed_and_paid_as_decoded() {
	let mut story = Story::begin();
	let turn = story.turn();
	let factors = story.world.run(|| Jobs::job(story.job)).expect("it runs").factors;
	let reason = RejectReason::Undecodable { reason: 7, packet: 3 };
	// As all pictures of the job's longest segment.
	assert_eq!(factors.rejected, 1280 * 720 * 76 / 4);
	// So many that they are worth a claim, and no more than one of a new transcoder may have.
	let leaves: Vec<_> = (0..24)
		.map(|seq| Leaf::Rejected {
			segment: turn.segment(seq),
			reason,
			work: factors.rejected,
			extensions: Default::default(),
		})
		.collect();
	let signatures = (0..24).map(|seq| turn.sign(seq, turn.segment(seq))).collect();
	let work = Work::new(&turn, 0, leaves, signatures);
	let call = work.claim(story.world.toolchain());
	let claim = story.make_claim(work, call);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.fees(story.transcoder) > 0);
	story.close();
}

#[test]
fn failure_over_the_input_alone_should_cost_the_dispute_and_no_stake() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let verdict = Verdict::NonConforming(NonConformingKind::Input);
	story.vote(&claim, &|_| Some(verdict));
	story.vote(&claim, &|_| Some(verdict));
	let transcoder = story.transcoder;
	let (account, pool) = (transcoder.to_account_id(), CommonPool::get());
	let before = [&account, &pool].map(|who| story.world.eth(who));
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let [own, common] = [&account, &pool].map(|who| story.world.eth(who));
	assert!(common > before[1], "the dispute is not for nothing");
	// What its prepayment did not need has come back meanwhile.
	let back = paid_for(&story, &claim, PayoutReason::Prepayment);
	assert_eq!(before[0] + back - own, common - before[1]);
	assert_eq!(story.world.run(|| Jobs::debt_of(account)), 0);
	assert_eq!((story.lost(transcoder), story.fees(transcoder)), (0, 0));
	assert!(!story.is_jailed(transcoder));
	story.close();
}

#[test]
fn operator_duties_should_be_free() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	let operators = [Alice, Bob, Charlie, Dave, Eve].map(|who| who.to_account_id());
	let before = operators.each_ref().map(|who| story.world.lpt(who));
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let heartbeats = story
		.world
		.events
		.iter()
		.filter(|(_, event)| {
			matches!(
				event,
				RuntimeEvent::TranscoderElection(
					pallet_transcoder_election::Event::HeartbeatReceived { .. }
				)
			)
		})
		.count();
	assert!(heartbeats > 2);
	assert_eq!(operators.each_ref().map(|who| story.world.lpt(who)), before);
	story.close();
}

#[test]
fn claim_should_be_judged_and_paid_when_governance_closes_the_chain_meanwhile() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	let sudo = |call: RuntimeCall| pallet_sudo::Call::sudo { call: Box::new(call) };
	story.world.ok(Alice, sudo(pallet_safe_mode::Call::force_enter {}.into()));
	let job = story.job;
	let refused = story.world.call(Story::BROADCASTER, pallet_jobs::Call::end_job { job });
	assert_eq!(refused, Ok(Err(frame_system::Error::<Runtime>::CallFiltered.into())));
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.fees(story.transcoder) > 0);
	story.world.ok(Alice, sudo(pallet_safe_mode::Call::force_exit {}.into()));
	story.close();
}

#[test]
fn only_validator_should_judge_alone() {
	for (verdict, outcome) in [(Verdict::Valid, Outcome::Accepted), (MISMATCH, Outcome::Failed)] {
		let world = Story::working(World::development(), &Story::TRANSCODERS);
		let mut story = Story::begin_on(world);
		let claim = story.claim(8);
		story.reveal(&claim);
		assert_eq!(story.ballot(&claim).members, vec![Alice]);
		story.vote(&claim, &|_| Some(verdict));
		if outcome == Outcome::Failed {
			// A committee only accepts, so even the one is asked again.
			story.vote(&claim, &|_| Some(verdict));
		}
		assert_eq!(story.settle(&claim), Some(outcome));
		assert_eq!(story.lost(story.transcoder) > 0, outcome == Outcome::Failed);
		story.close();
	}
}

#[test]
fn claim_should_be_void_when_nobody_else_could_judge_it() {
	let world = Story::working(World::development(), &[Alice]);
	let mut story = Story::begin_on(world);
	assert_eq!(story.transcoder, Alice);
	let before = broadcaster_eth(&mut story);
	let claim = story.claim(8);
	assert_eq!(story.settle(&claim), Some(Outcome::Void));
	assert_eq!(settlement(&story, &claim), Some(Settlement::Refund));
	assert_eq!(story.slashes(), vec![]);
	story.close();
	assert_eq!(broadcaster_eth(&mut story), before);
}

/// The one member of a committee that judges finds a fault, and its fellows are silent: everybody judges, the
/// fault is its own find, and whoever was silent pays. It fails where a tranche counts only if it agrees.
#[test]
fn attack_lone_mismatch_should_not_be_outvoted_by_silence() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let committee = story.ballot(&claim).members;
	let lone = committee[1];
	story.vote(&claim, &|who| (who == lone).then_some(MISMATCH));
	let dispute = story.ballot(&claim);
	assert_eq!(dispute.tranche, DISPUTE);
	let before = story.world.lpt(&lone.to_account_id());
	story.vote(&claim, &|_| Some(MISMATCH));
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let total = story.lost(story.transcoder);
	let gained = story.world.lpt(&lone.to_account_id()) - before;
	assert!(total > 0);
	assert_eq!(gained, total / 20 + rewards(&story, &claim, Some(lone)), "it alone found it");
	for who in dispute.members {
		let was_silent = committee.contains(&who) && who != lone;
		assert_eq!(story.lost(who) > 0, was_silent, "{who:?}");
	}
	story.close();
}

/// A validator that holds a third of what may judge says that all is right, whatever the others do: nothing is
/// accepted by it, and where the others name a fault its word costs it stake. It fails where a dispute accepts
/// what less than half of the stake passes.
#[test]
fn attack_third_of_the_stake_should_accept_nothing_alone() {
	let mut story = Story::begin();
	let (third, amount) = (Dave, 6_000 * UNIT);
	let to = third.to_account_id();
	story.world.ok(AliceStash, pallet_lpt_staking::Call::bond { amount, to });
	// It counts from the next round on, in the sets that are planned in it, a session later.
	let round = story.world.round();
	story.world.until(80, |world| world.round() > round);
	let window = story.world.parameters().1.beacon_window;
	story.world.blocks(2 * window + 2);
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, &|_| Some(GONE));
	let dispute = story.ballot(&claim);
	assert_eq!(dispute.tranche, DISPUTE);
	let stakes: Vec<Balance> = {
		let view = story.world.run(|| livepeer_runtime::ChallengeLottery::judgement(claim.id));
		let ballots = view.expect("it is judged").ballots;
		let everybody = ballots.into_iter().find(|ballot| ballot.tranche == DISPUTE);
		everybody.expect("all judge").judges.into_iter().map(|judge| judge.stake).collect()
	};
	let own = dispute.members.iter().position(|who| *who == third).expect("it may judge");
	assert!(3 * stakes[own] > stakes.iter().sum::<Balance>(), "{stakes:?}");
	for others in [None, Some(GONE), Some(MISMATCH)] {
		let mut story = story.fork();
		story.vote(&claim, &|who| if who == third { Some(Verdict::Valid) } else { others });
		assert_eq!(story.settle(&claim), Some(Outcome::Void), "{others:?}");
		assert_eq!(settlement(&story, &claim), Some(Settlement::Refund));
		assert_eq!(story.lost(story.transcoder), 0, "nor is it convicted without two thirds");
		let is_false = penalties(&story, &claim).contains(&(third, Penalty::FalseDissent));
		assert_eq!(is_false, others == Some(MISMATCH), "{others:?}");
		story.close();
	}
}

/// A whole committee says that an honest output is wrong. Everybody judges, its transcoder is paid, and each of
/// the committee pays for everybody's work as for a false word, though it tells the truth then.
#[test]
fn attack_lying_tranche_should_pay_for_everybodys_work() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let liars = story.ballot(&claim).members;
	let at_stake = liars.clone().into_iter().map(|who| story.bond(who)).collect::<Vec<_>>();
	story.vote(&claim, &|_| Some(MISMATCH));
	assert_eq!(story.ballot(&claim).tranche, DISPUTE);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(settlement(&story, &claim), Some(Settlement::Pay));
	let mut paid = penalties(&story, &claim);
	paid.sort_by_key(|(who, _)| liars.iter().position(|liar| liar == who));
	let expected: Vec<_> = liars.iter().map(|liar| (*liar, Penalty::FalseDissent)).collect();
	assert_eq!(paid, expected);
	for (liar, stake) in liars.into_iter().zip(at_stake) {
		assert!(story.lost(liar) >= stake / 100, "{liar:?}");
	}
	assert_eq!(story.lost(story.transcoder), 0);
	assert!(story.fees(story.transcoder) > 0);
	story.close();
}

/// What was claimed once is claimed no more: not again, not in part, not with what follows, and not when it is
/// paid. It fails where the cursor of an assignment does not move on.
#[test]
fn segments_should_not_be_claimed_twice() {
	let mut story = Story::begin();
	let before = broadcaster_eth(&mut story);
	let toolchain = story.world.toolchain();
	let work = story.work(8);
	let turn = work.turn.clone();
	let again = work.claim(toolchain);
	let claim = story.make_claim(work, again.clone());
	let twice = || refused(pallet_jobs::Error::<Runtime>::ClaimNotAscending);
	assert_eq!(story.world.call_authorized(again.clone()), twice());
	for (first, count) in [(0, 4), (4, 8), (7, 1)] {
		let overlapping = turn.work(first, count).claim(toolchain);
		assert_eq!(story.world.call_authorized(overlapping), twice(), "{count} from {first} on");
	}
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(story.world.call_authorized(again), twice());
	let next = story.claim(8);
	assert_eq!(next.work.first, 8);
	story.reveal(&next);
	story.vote(&next, HONEST);
	assert_eq!(story.settle(&next), Some(Outcome::Accepted));
	story.close();
	assert_eq!(before - broadcaster_eth(&mut story), claim.fee + next.fee);
}

/// A transcoder lets a small claim fail so that a large one of the same round is missed for little: it pays what
/// is between them, as if the large one had been missed alone, and each loses its escrow. It fails where the
/// first verdict of a round is the only one that counts.
#[test]
fn attack_small_failure_should_not_shield_a_large_one() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let before = broadcaster_eth(&mut story);
	let at_stake = story.bond(transcoder) + story.bond(Story::delegator_of(transcoder));
	let (small, large) = (story.claim(4), story.claim(16));
	let round = |story: &mut Story, claim: &Claim| {
		story.world.run(|| Jobs::claim(claim.id)).map(|info| info.round)
	};
	assert_eq!(round(&mut story, &small), round(&mut story, &large));
	story.reveal(&small);
	story.vote(&small, &|_| Some(MISMATCH));
	story.vote(&small, &|_| Some(MISMATCH));
	assert_eq!(story.settle(&small), Some(Outcome::Failed));
	assert!(story.lost(transcoder).abs_diff(at_stake / 20) < 1_000);
	assert_eq!(story.settle(&large), Some(Outcome::Missed));
	// Shares are rounded up to parts of 1,000,000,000.
	let lost = story.lost(transcoder);
	assert!(lost.abs_diff(at_stake / 10) < at_stake / 100_000_000, "{lost} of {at_stake}");
	assert_eq!(story.slashes().len(), 2);
	for claim in [&small, &large] {
		assert_eq!(settlement(&story, claim), Some(Settlement::Refund));
	}
	story.close();
	assert_eq!(broadcaster_eth(&mut story), before);
}

/// The set changes when all have committed and nobody has revealed: a judge that validates no longer reveals by
/// the key that was stored with the seed. It fails where members or keys are read of the set in force.
#[test]
fn set_that_changes_between_commit_and_reveal_should_change_nothing_for_its_members() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	// A judge leaves for good. When it validates no longer is seen on a second chain.
	let leaver = keyring(&story.challenge(&claim).members[0]);
	story.world.ok(leaver, pallet_transcoder_election::Call::resign {});
	let validates =
		|world: &mut World| world.run(Session::validators).contains(&leaver.to_account_id());
	let mut ahead = story.fork();
	ahead.world.until(30, |world| !validates(world));
	let change = ahead.world.number();
	story.world.until(20, |world| world.number() + 8 >= change);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	story.world.until(10, |world| world.number() + 3 >= change);
	let openings: Vec<_> = (0..ballot.members.len())
		.map(|member| (member, ballot.opening(member, Verdict::Valid)))
		.collect();
	for (member, opening) in &openings {
		story.world.submit_authorized(ballot.commit(*member, opening));
	}
	story.world.deliver_ok();
	assert_eq!(story.challenge(&claim).stage, ChallengeStage::VerdictReveal);
	let session = story.world.run(Session::current_index);
	assert!(validates(&mut story.world));
	story.world.until(10, |world| !validates(world));
	assert!(story.world.run(Session::current_index) > session);
	let view = story.challenge(&claim);
	assert_eq!(view.stage, ChallengeStage::VerdictReveal);
	assert!(view.revealed.iter().all(|revealed| !revealed));
	assert!(story.world.number() + 1 < view.deadline, "still time to reveal");
	let open = Ballot::open(&mut story.world, claim.id).expect("it is voted on");
	assert_eq!(open.members, ballot.members);
	for (member, opening) in &openings {
		story.world.submit_authorized(ballot.reveal(*member, opening));
	}
	story.world.deliver_ok();
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(story.slashes(), vec![]);
	story.close();
}

/// A transcoder serves one judge alone. Who asked for the bytes has them of that fellow and judges like it; who
/// did not ask, and says that there are none, pays what it costs that everybody judges. The transcoder pays
/// nothing of it, for the chain sees that there were bytes. It fails where it costs nothing not to ask.
#[test]
fn starved_member_should_judge_with_a_fellows_bytes_and_pay_where_it_did_not_ask() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let [_, asks, is_silent] = ballot.members[..] else { panic!("a committee of three") };
	story.world.ok_authorized(ballot.ask(1));
	let id = claim.id;
	let asking = story.world.run(|| livepeer_runtime::ChallengeLottery::asking(id));
	assert_eq!(asking, vec![asks.to_account_id()], "whoever has the bytes sees who lacks them");
	story.vote(&claim, &|who| Some(if who == is_silent { GONE } else { Verdict::Valid }));
	assert_eq!(story.ballot(&claim).tranche, DISPUTE);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(penalties(&story, &claim), vec![(is_silent, Penalty::LateData)]);
	assert_eq!((story.lost(asks), story.lost(claim.transcoder)), (0, 0));
	let charged = story.find(|event| match event {
		RuntimeEvent::Jobs(pallet_jobs::Event::VerificationCharged { .. }) => Some(()),
		_ => None,
	});
	assert_eq!(charged, None);
	story.close();
}
