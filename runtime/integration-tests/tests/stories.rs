//! From claim to settlement, whatever transcoder and verifiers do.

use livepeer_integration_tests::{keyring, Story, HONEST};
use livepeer_primitives::{
	api::{ChallengeStage, Outcome},
	traits::Beacon as _,
	verdict::{MismatchKind, Verdict, DISPUTE},
	Balance, UNIT,
};
use livepeer_runtime::{
	Beacon, Jobs, LptStaking, RuntimeEvent, Session, TranscoderElection,
};
use sp_keyring::Sr25519Keyring::{self, BobStash, CharlieStash};

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);

fn slashes(story: &Story) -> Vec<(Sr25519Keyring, Balance)> {
	story
		.world
		.events
		.iter()
		.filter_map(|(_, event)| match event {
			RuntimeEvent::LptStaking(pallet_lpt_staking::Event::Slashed {
				transcoder,
				total,
				..
			}) => Some((keyring(transcoder), *total)),
			_ => None,
		})
		.collect()
}

fn bond(story: &mut Story, who: Sr25519Keyring) -> Balance {
	story
		.world
		.run(|| LptStaking::delegator(who.to_account_id()))
		.map_or(0, |view| view.stake)
}

fn fees(story: &mut Story, who: Sr25519Keyring) -> Balance {
	story.world.run(|| LptStaking::fees(who.to_account_id()))
}

fn delegator_of(transcoder: Sr25519Keyring) -> Sr25519Keyring {
	if transcoder == Sr25519Keyring::Bob {
		BobStash
	} else {
		CharlieStash
	}
}

/// State of our own pallets, by key.
fn state(story: &mut Story) -> Vec<Vec<u8>> {
	let prefixes = ["Jobs", "ChallengeLottery"].map(hashed);
	// What stays on purpose: counters that never run back, accepted toolchains, verifier keys.
	let lasting = [
		("Jobs", "NextJob"),
		("Jobs", "NextClaim"),
		("ChallengeLottery", "Toolchains"),
		("ChallengeLottery", "Verifiers"),
	]
	.map(|(pallet, item)| [hashed(pallet), hashed(item)].concat());
	story.world.run(|| {
		let mut keys = Vec::new();
		for prefix in prefixes {
			let mut at = prefix.clone();
			while let Some(next) = sp_io::storage::next_key(&at) {
				if !next.starts_with(&prefix) {
					break;
				}
				if !lasting.contains(&next) && !next.ends_with(b":__STORAGE_VERSION__:") {
					keys.push(next.clone());
				}
				at = next;
			}
		}
		keys
	})
}

fn hashed(name: &str) -> Vec<u8> {
	sp_core::hashing::twox_128(name.as_bytes()).to_vec()
}

#[test]
fn honest_claims_should_pay_transcoder_and_delegators_and_leave_nothing() {
	let mut story = Story::begin();
	let issuance = story.world.issuance();
	let broadcaster = Story::BROADCASTER.to_account_id();
	let before = story.world.eth(&broadcaster);
	let mut paid = 0;
	for _ in 0..2 {
		let claim = story.claim(8);
		story.reveal(&claim);
		story.vote(&claim, HONEST);
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
		paid += claim.fee;
	}
	let transcoder = story.transcoder;
	// The fees of a round are shared out when it is over.
	story.world.blocks(31);
	let earned = [transcoder, delegator_of(transcoder)].map(|who| fees(&mut story, who));
	assert!(earned.iter().all(|fee| *fee > 0), "{earned:?}");
	let all: Balance = Sr25519Keyring::iter().map(|who| fees(&mut story, who)).sum();
	assert!(all <= paid && paid - all < 100, "{all} of {paid}");
	story.close();
	assert_eq!(before - story.world.eth(&broadcaster), paid);
	assert_eq!(story.world.issuance(), issuance);
	assert_eq!(state(&mut story), Vec::<Vec<u8>>::new());
	assert_eq!(slashes(&story), vec![]);
}

#[test]
fn wrong_output_should_cost_fee_and_stake_of_transcoder_delegator_and_leaver() {
	let mut story = Story::begin();
	let issuance = story.world.issuance();
	let transcoder = story.transcoder;
	let delegator = delegator_of(transcoder);
	let before = story.world.eth(&Story::BROADCASTER.to_account_id());
	let claim = story.claim(8);
	// The delegator sees it coming and leaves with half of its stake.
	let stake = bond(&mut story, delegator);
	story.world.submit(delegator, pallet_lpt_staking::Call::unbond { amount: stake / 2 });
	story.reveal(&claim);
	let own = bond(&mut story, transcoder);
	story.vote(&claim, &|_| Some(MISMATCH));
	story.vote(&claim, &|_| Some(MISMATCH));
	let jailed = story
		.world
		.run(|| TranscoderElection::transcoder_of(transcoder.to_account_id()))
		.is_some_and(|view| view.jailed);
	assert!(jailed, "from the verdict on");
	assert_eq!(slashes(&story), vec![], "not before the deferral ends");
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let slashed = slashes(&story);
	assert_eq!(slashed.len(), 1);
	assert_eq!(slashed[0].0, transcoder);
	// Five percent of everything that stood behind the claim, that of the leaver included.
	let expected = (own + stake) / 20;
	assert!(slashed[0].1.abs_diff(expected) < 1_000, "{} and not {expected}", slashed[0].1);
	assert!(bond(&mut story, transcoder).abs_diff(own - own / 20) < 1_000);
	assert!(bond(&mut story, delegator).abs_diff((stake / 2) - stake / 40) < 1_000);
	assert_eq!(fees(&mut story, transcoder), 0);
	story.close();
	assert_eq!(story.world.eth(&Story::BROADCASTER.to_account_id()), before);
	assert_eq!(story.world.issuance(), issuance);
	assert_eq!(state(&mut story), Vec::<Vec<u8>>::new());
}

#[test]
fn silence_about_drawn_leaves_should_be_a_missed_verification() {
	let mut story = Story::begin();
	let before = story.world.eth(&Story::BROADCASTER.to_account_id());
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	let slashed = slashes(&story);
	assert_eq!(slashed.len(), 1);
	story.close();
	assert_eq!(story.world.eth(&Story::BROADCASTER.to_account_id()), before);
	assert_eq!(state(&mut story), Vec::<Vec<u8>>::new());
}

#[test]
fn finder_should_be_paid_when_it_reports_a_missed_verification() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let deadline = story.challenge(&claim).map_or(0, |view| view.deadline);
	let now = story.world.number();
	story.world.blocks(deadline - now);
	let finder = Sr25519Keyring::Ferdie;
	let before = story.world.lpt(&finder.to_account_id());
	story.world.submit(finder, pallet_challenge_lottery::Call::report_missed { claim: claim.id });
	story.world.next_block();
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	let total = slashes(&story)[0].1;
	let gained = story.world.lpt(&finder.to_account_id()) - before;
	// Less the fee of its own transaction.
	assert!(gained > total / 20 - UNIT / 10 && gained <= total / 20, "{gained} of {total}");
}

#[test]
fn nobody_convinced_should_void_the_claim_without_a_slash() {
	let mut story = Story::begin();
	let before = story.world.eth(&Story::BROADCASTER.to_account_id());
	let claim = story.claim(8);
	story.reveal(&claim);
	assert_eq!(story.settle(&claim), Some(Outcome::Void));
	assert_eq!(slashes(&story), vec![]);
	story.close();
	assert_eq!(story.world.eth(&Story::BROADCASTER.to_account_id()), before);
	assert_eq!(state(&mut story), Vec::<Vec<u8>>::new());
}

#[test]
fn false_dissent_should_lose_the_dispute_and_cost_the_dissenter() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	story.until_stage(&claim, ChallengeStage::Commit);
	let dissenter = keyring(&story.challenge(&claim).expect("open").members[0]);
	story.vote(&claim, &|who| Some(if who == dissenter { MISMATCH } else { Verdict::Valid }));
	story.until_stage(&claim, ChallengeStage::Commit);
	let view = story.challenge(&claim).expect("open");
	assert_eq!(view.tranche, DISPUTE);
	assert!(!view.members.contains(&story.transcoder.to_account_id()));
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let slashed = slashes(&story);
	assert_eq!(slashed.iter().map(|(who, _)| *who).collect::<Vec<_>>(), vec![dissenter]);
	let settled = story.world.events.iter().any(|(_, event)| {
		matches!(event, RuntimeEvent::Jobs(pallet_jobs::Event::ClaimSettled {
			settlement: livepeer_primitives::traits::Settlement::Pay, ..
		}))
	});
	assert!(settled, "the transcoder is paid");
}

#[test]
fn lone_honest_dissenter_should_win_the_dispute() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	story.until_stage(&claim, ChallengeStage::Commit);
	let honest = keyring(&story.challenge(&claim).expect("open").members[0]);
	// Two of three in the committee are bribed; a small committee can only accept, and only
	// together.
	story.vote(&claim, &|who| Some(if who == honest { MISMATCH } else { Verdict::Valid }));
	story.vote(&claim, &|_| Some(MISMATCH));
	let before = story.world.lpt(&honest.to_account_id());
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	let total = slashes(&story)
		.iter()
		.find(|(who, _)| *who == story.transcoder)
		.map_or(0, |(_, total)| *total);
	assert!(total > 0);
	let gained = story.world.lpt(&honest.to_account_id()) - before;
	assert!(gained.abs_diff(total / 20) <= 1, "the finder's fee: {gained} of {total}");
}

#[test]
fn claim_should_be_decided_and_paid_when_its_job_has_ended() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	let job = story.job;
	story.world.submit(Story::BROADCASTER, pallet_jobs::Call::end_job { job });
	story.world.next_block();
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.world.until(100, |world| world.run(|| Jobs::job(job)).is_none());
	assert_eq!(state(&mut story), Vec::<Vec<u8>>::new());
}

#[test]
fn session_change_in_mid_challenge_should_change_nothing_for_its_members() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let members = story.challenge(&claim).expect("open").members;
	let session = story.world.run(Session::current_index);
	story.world.until(30, |world| world.run(Session::current_index) > session);
	assert_eq!(story.challenge(&claim).expect("open").members, members);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
}

#[test]
fn draw_should_follow_from_the_stored_seed_in_any_later_block() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let drawn = story.challenge(&claim).expect("open").positions;
	story.world.blocks(15);
	let again = story.world.run(|| {
		let info = Jobs::claim(claim.id).expect("open");
		let seed = Beacon::seed(info.window + 1).expect("kept while the claim is open");
		livepeer_primitives::draw::positions(
			seed.hash,
			claim.id,
			info.commitment.root,
			info.commitment.total_work,
			drawn.len() as u32,
		)
	});
	assert_eq!(again, drawn);
}
