//! What verification costs and pays, forced variants, bytes that come late, and broadcasters without LPT: on
//! the real runtime, with every invariant and the sums of all balances checked in each block.

use livepeer_integration_tests::{create_job, job, Claim, Story, Work, World, HONEST};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	leaf::Leaf,
	verdict::{MismatchKind, Opening, UnavailableKind, Verdict, DISPUTE},
	work::fee,
	Balance, ETH, UNIT,
};
use livepeer_runtime::{
	configs::money::CommonPool, Assets, ChallengeLottery, Jobs, Runtime, RuntimeEvent,
};
use pallet_challenge_lottery::types::Penalty;
use sp_keyring::Sr25519Keyring::{self, Ferdie, One};
use sp_runtime::Perbill;

/// The committee of a claim whose ballot is open.
fn committee(story: &mut Story, claim: &Claim) -> Vec<Sr25519Keyring> {
	story.ballot(claim).members
}

/// What the work of one judge on a claim is worth, in ETH.
fn price(story: &mut Story, claim: &Claim) -> Balance {
	let id = claim.id;
	story.world.run(|| {
		let challenge =
			pallet_challenge_lottery::Challenges::<Runtime>::get(id).expect("it is open");
		fee(challenge.sampled_work, challenge.parameters.verify_price)
	})
}

/// What each judge of a claim was penalised for.
fn penalties(story: &Story, of: &Claim) -> Vec<(Sr25519Keyring, Penalty)> {
	let mut all = Vec::new();
	for (_, event) in &story.world.events {
		if let RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Penalised {
			claim,
			verifier,
			penalty,
			..
		}) = event
		{
			if *claim == of.id {
				all.push((livepeer_integration_tests::keyring(verifier), *penalty));
			}
		}
	}
	all
}

#[test]
fn committee_should_be_paid_by_the_claim_that_it_judges() {
	let mut story = Story::begin();
	let transcoder = story.transcoder;
	let account = transcoder.to_account_id();
	let before = story.world.eth(&account);
	let broadcaster = story.world.eth(&Story::BROADCASTER.to_account_id());
	let claim = story.claim(8);
	assert!(story.world.eth(&account) < before, "its verification is prepaid");
	story.reveal(&claim);
	let (judges, price) = (committee(&mut story, &claim), price(&mut story, &claim));
	assert!(price > 0);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	for judge in &judges {
		// Its share of the fee, should it delegate to the transcoder, is another matter.
		assert!(story.fees(*judge) >= price, "{judge:?}");
	}
	// What was not needed came back: it has paid for the work that was done.
	let cost = price * judges.len() as Balance;
	assert_eq!(before - story.world.eth(&account), cost);
	// The broadcaster pays its fee and nothing else.
	story.close();
	let left = story.world.eth(&Story::BROADCASTER.to_account_id());
	assert_eq!(broadcaster - left, claim.fee);
}

#[test]
fn dispute_should_be_paid_out_of_the_slash_of_who_caused_it() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let mismatch = Verdict::Mismatch(MismatchKind::Video);
	let pool = CommonPool::get();
	story.vote(&claim, &|_| Some(mismatch));
	let judges = committee(&mut story, &claim);
	story.vote(&claim, &|_| Some(mismatch));
	let before: Vec<_> =
		judges.iter().map(|judge| story.world.lpt(&judge.to_account_id())).collect();
	let common = story.world.lpt(&pool);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let rewarded: Balance = story
		.world
		.events
		.iter()
		.filter_map(|(_, event)| match event {
			RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::JudgeRewarded {
				amount,
				..
			}) => Some(*amount),
			_ => None,
		})
		.sum();
	assert!(rewarded > 0);
	for (judge, before) in judges.iter().zip(before) {
		assert!(story.world.lpt(&judge.to_account_id()) > before, "{judge:?} judged for nothing");
	}
	// Out of what the slash brought, and no more.
	let total = story.lost(story.transcoder);
	assert!(rewarded < total);
	assert!(story.world.lpt(&pool) > common);
	story.close();
}

#[test]
fn newcomer_should_be_looked_at_more_until_enough_of_its_claims_were_accepted() {
	let mut story = Story::begin();
	story.world.set_lottery(|lottery| lottery.new_claims = 1);
	let account = story.transcoder.to_account_id();
	let mut claims = 0;
	while story.world.run(|| ChallengeLottery::accepted(account.clone())) == 0 {
		claims += 1;
		assert!(claims < 7, "it is new for ever");
		let claim = story.claim(25);
		story.until_stage(&claim, ChallengeStage::LeafReveal);
		assert_eq!(story.challenge(&claim).positions.len(), 16);
		story.reveal(&claim);
		story.vote(&claim, HONEST);
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	}
	// Its leaves are a third of a standard segment.
	assert!(claims > 2, "small claims count as little as they are");
	// The next assignment's claims are as large as others'.
	story.end();
	let next = create_job(&mut story.world, Story::BROADCASTER, "next", 300);
	let mut story = Story::resume(story.world, next);
	story.accept();
	let view = story.world.run(|| Jobs::job(next)).and_then(|view| view.current);
	let leaves = view.map(|current| current.max_leaves);
	let expected = if story.transcoder == Sr25519Keyring::Bob { [64, 25] } else { [25, 64] };
	assert!(expected.map(Some).contains(&leaves), "{leaves:?}");
	story.close();
}

/// One of its segments is four times as large as the others, and is not drawn: what it prepaid for that one
/// comes back, as all that verification did not cost.
#[test]
fn attack_one_large_segment_should_not_cost_an_honest_transcoder_its_prepayment() {
	// Nobody is new, so that few leaves are drawn.
	let mut world = Story::network();
	world.set_lottery(|lottery| lottery.new_claims = 0);
	let mut story = Story::begin_on(world);
	let who = story.transcoder.to_account_id();
	for _ in 0..8 {
		let small = story.work(64);
		let (turn, first) = (small.turn.clone(), small.first);
		let leaves: Vec<_> = small
			.leaves
			.iter()
			.enumerate()
			.map(|(index, leaf)| match leaf {
				Leaf::Transcoded { segment, outputs, work, extensions } => Leaf::Transcoded {
					segment: segment.clone(),
					outputs: outputs.clone(),
					work: if index == 0 { *work } else { *work / 4 },
					extensions: extensions.clone(),
				},
				other => other.clone(),
			})
			.collect();
		let work = Work::new(&turn, first, leaves, small.signatures.clone());
		let call = work.claim(story.world.toolchain());
		let before = story.world.eth(&who);
		let claim = story.make_claim(work, call);
		let prepaid = before - story.world.eth(&who);
		assert!(prepaid > 0);
		story.reveal(&claim);
		let positions = story.challenge(&claim).positions;
		let cost = price(&mut story, &claim) * committee(&mut story, &claim).len() as u128;
		story.vote(&claim, HONEST);
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
		assert_eq!(story.world.eth(&who), before - cost, "no more than verification cost");
		if !claim.work.drawn(&positions).contains(&0) {
			return;
		}
	}
	panic!("the large one is drawn each time");
}

/// Half of all segments are forced.
const HALF: Perbill = Perbill::from_percent(50);

/// A story with forced variants, and a claim of its of which some drawn leaves are forced and some not.
fn forced() -> (Story, Claim, Vec<u32>) {
	let mut world = Story::network();
	world.set_lottery(|lottery| lottery.variant_rate = HALF);
	let mut story = Story::begin_on(world);
	for _ in 0..8 {
		let claim = story.claim(16);
		story.reveal(&claim);
		let positions = story.challenge(&claim).positions;
		let drawn = claim.work.drawn(&positions);
		let forced = drawn.iter().filter(|index| claim.work.is_forced(**index, HALF)).count();
		if forced > 0 && forced < drawn.len() {
			return (story, claim, drawn);
		}
		story.settle(&claim);
	}
	panic!("half of them are forced");
}

/// What an honest judge says of a claim whose variants are where they are due.
fn truth(claim: &Claim, drawn: &[u32], opening: Opening) -> Opening {
	claim.work.truth(drawn, HALF, opening)
}

/// The members of the open ballot vote, each as `says`; then the transcoder opens its variants if `opens`.
fn vote(
	story: &mut Story,
	claim: &Claim,
	drawn: &[u32],
	opens: bool,
	says: &dyn Fn(Sr25519Keyring, Opening) -> Opening,
) {
	let ballot = story.ballot(claim);
	let openings: Vec<_> = ballot
		.members
		.iter()
		.enumerate()
		.map(|(member, who)| (member, says(*who, ballot.opening(member, Verdict::Valid))))
		.collect();
	story.cast(claim, &ballot, &openings, &openings);
	if opens {
		story.world.ok_authorized(claim.work.open(claim.id, ballot.seed, drawn));
	}
}

#[test]
fn forced_variants_should_be_accepted_where_they_are_due_and_named() {
	let (mut story, claim, drawn) = forced();
	vote(&mut story, &claim, &drawn, true, &|_, opening| truth(&claim, &drawn, opening));
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(penalties(&story, &claim), vec![]);
	story.close();
}

#[test]
fn rate_of_variants_should_stay_as_it_was_when_the_assignment_was_offered() {
	let mut story = Story::begin();
	story.world.set_lottery(|lottery| lottery.variant_rate = HALF);
	// What was transcoded before could not know.
	let claim = story.claim(16);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

#[test]
fn attack_forced_variant_unopened_should_be_a_missed_verification() {
	let (mut story, claim, drawn) = forced();
	vote(&mut story, &claim, &drawn, false, &|_, opening| truth(&claim, &drawn, opening));
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	assert!(story.lost(claim.transcoder) > 0);
	assert_eq!(penalties(&story, &claim), vec![]);
	story.close();
}

#[test]
fn attack_forced_variant_omitted_where_it_is_due_should_cost_no_judge() {
	let (mut story, claim, drawn) = forced();
	// Every output is plain, as everybody sees.
	vote(&mut story, &claim, &drawn, true, &|_, opening| opening);
	vote(&mut story, &claim, &drawn, false, &|_, opening| opening);
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	assert_eq!(penalties(&story, &claim), vec![]);
	let total = story.lost(claim.transcoder);
	assert!(total > 0);
	// Nobody has found it.
	let fee = story.find(|event| match event {
		RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Executed {
			claim: id,
			finders_fee,
			..
		}) if *id == claim.id => Some(*finders_fee),
		_ => None,
	});
	assert_eq!(fee, Some(0));
	story.close();
}

#[test]
fn attack_lazy_and_copying_verifiers_should_pay_for_a_forced_variant() {
	let (mut story, claim, drawn) = forced();
	let lazy = story.ballot(&claim).members[0];
	vote(&mut story, &claim, &drawn, true, &|who, opening| {
		if who == lazy {
			opening
		} else {
			truth(&claim, &drawn, opening)
		}
	});
	vote(&mut story, &claim, &drawn, false, &|_, opening| truth(&claim, &drawn, opening));
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(penalties(&story, &claim), vec![(lazy, Penalty::MissedVariant)]);
	assert!(story.lost(lazy) > 0);
	story.close();
}

/// Two judges of one committee that agree on invented evidence, of which no majority says that it is wrong: what
/// they called valid was a variant.
#[test]
fn attack_two_lazy_judges_that_agree_should_both_pay_for_a_forced_variant() {
	let (mut story, claim, drawn) = forced();
	let lazy = story.ballot(&claim).members[..2].to_vec();
	vote(&mut story, &claim, &drawn, true, &|who, mut opening| {
		if lazy.contains(&who) {
			opening.evidence.hash = livepeer_primitives::Hash::repeat_byte(0xee);
			opening
		} else {
			truth(&claim, &drawn, opening)
		}
	});
	vote(&mut story, &claim, &drawn, false, &|_, opening| truth(&claim, &drawn, opening));
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let paid = penalties(&story, &claim);
	assert_eq!(paid.len(), 2);
	assert!(paid.iter().all(|(who, why)| lazy.contains(who) && *why == Penalty::MissedVariant));
	assert!(lazy.iter().all(|who| story.lost(*who) > 0));
	story.close();
}

#[test]
fn attack_variant_claimed_where_none_is_due_should_fail() {
	let (mut story, claim, drawn) = forced();
	let variants = |opening: Opening| {
		let verdicts = vec![Verdict::Variant { rendition: 0 }; drawn.len()];
		Opening { verdicts: verdicts.try_into().expect("few leaves"), ..opening }
	};
	vote(&mut story, &claim, &drawn, true, &|_, opening| variants(opening));
	vote(&mut story, &claim, &drawn, false, &|_, opening| variants(opening));
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	story.close();
}

#[test]
fn attack_starved_members_that_asked_should_share_the_dispute_with_the_transcoder() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let starved = ballot.members[..2].to_vec();
	for member in 0..2 {
		story.world.ok_authorized(ballot.ask(member));
	}
	let id = claim.id;
	assert_eq!(story.world.run(|| ChallengeLottery::asking(id)).len(), 2);
	let gone = Verdict::Unavailable(UnavailableKind::Refused);
	story.vote(&claim, &|who| Some(if starved.contains(&who) { gone } else { Verdict::Valid }));
	let in_dispute = story.ballot(&claim);
	assert_eq!(in_dispute.tranche, DISPUTE);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let mut paid = penalties(&story, &claim);
	paid.sort_by_key(|(who, _)| starved.iter().position(|other| other == who));
	let expected: Vec<_> = starved.iter().map(|who| (*who, Penalty::LateDataAsked)).collect();
	assert_eq!(paid, expected);
	let charged = story.find(|event| match event {
		RuntimeEvent::Jobs(pallet_jobs::Event::VerificationCharged { transcoder, .. }) => {
			Some(transcoder.clone())
		}
		_ => None,
	});
	assert_eq!(charged, Some(claim.transcoder.to_account_id()));
	story.close();
}

/// Who asked and was served then, by whomever, judges like anybody else, and nobody pays for it.
#[test]
fn starved_members_that_are_served_after_asking_should_judge_and_cost_nobody() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let id = claim.id;
	for member in 0..2 {
		story.world.ok_authorized(ballot.ask(member));
	}
	// Everybody can read who lacks bytes.
	let asking = story.world.run(|| ChallengeLottery::asking(id));
	let mut starved: Vec<_> =
		ballot.members[..2].iter().map(|member| member.to_account_id()).collect();
	starved.sort();
	let mut listed = asking;
	listed.sort();
	assert_eq!(listed, starved);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(penalties(&story, &claim), vec![]);
	assert!(story.slashes().is_empty());
	story.close();
}

#[test]
fn attack_liar_about_missing_bytes_should_pay_the_dispute() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let liar = story.ballot(&claim).members[0];
	let gone = Verdict::Unavailable(UnavailableKind::Unreachable);
	story.vote(&claim, &|who| Some(if who == liar { gone } else { Verdict::Valid }));
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(penalties(&story, &claim), vec![(liar, Penalty::LateData)]);
	assert!(story.lost(liar) > 0 && story.lost(claim.transcoder) == 0);
	story.close();
}

/// A network on which `One` has ETH and not one LPT.
fn without_lpt() -> World {
	let mut world = Story::network();
	let one = One.to_account_id();
	let transfer = pallet_assets::Call::transfer {
		id: ETH.into(),
		target: one.clone().into(),
		amount: 200 * UNIT,
	};
	world.ok(Ferdie, transfer);
	world.eth_payers = vec![One];
	world
}

#[test]
fn broadcaster_should_need_no_lpt() {
	let mut world = without_lpt();
	let one = One.to_account_id();
	assert_eq!((world.lpt(&one), world.eth(&one)), (0, 200 * UNIT));
	let pool = CommonPool::get();
	let call = job(&world, "eth", 300, 100 * UNIT);
	world.ok(One, call);
	let paid = world.eth(&pool);
	assert!(paid > 0, "fees go to the common pool");
	assert_eq!(world.eth(&one), 200 * UNIT - paid);
	// The price in ETH is that in LPT at governance's rate.
	let money = world.parameters().0.money;
	let call = pallet_jobs::Call::top_up { job: 0, amount: UNIT };
	world.ok(One, call);
	let second = world.eth(&pool) - paid;
	let in_lpt = world
		.events
		.iter()
		.rev()
		.find_map(|(_, event)| match event {
			RuntimeEvent::AssetTxPayment(pallet_asset_tx_payment::Event::AssetTxFeePaid {
				actual_fee,
				asset_id,
				..
			}) => {
				assert_eq!(*asset_id, Some(ETH));
				Some(*actual_fee)
			}
			_ => None,
		})
		.expect("the fee was paid in ETH");
	assert_eq!(second, in_lpt);
	assert!(money.in_lpt(second) > 0);
	world.ok(One, pallet_jobs::Call::end_job { job: 0 });
	world.until(100, |world| world.run(|| Jobs::job(0)).is_none());
	assert_eq!(world.lpt(&one), 0);
	assert_eq!(world.eth(&one) + world.eth(&pool), 200 * UNIT);
	let stays = world.run(|| Assets::balance(ETH, &one));
	assert_eq!(stays, world.eth(&one), "nothing is held any more");
}
