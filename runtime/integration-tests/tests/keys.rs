//! Keys that change, or are revoked, while what they have signed is open: it convicts nobody and frees
//! nobody.

use codec::Encode as _;
use livepeer_integration_tests::{
	changed_session_key, job, keyring, operator_key, refused, sign_by, Applied, Claim, Story, Turn,
	World, HONEST,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	keys::{Generation, OperatorKey, Purpose},
	segment::SegmentInfo,
	verdict::{MismatchKind, Verdict},
	UNIT,
};
use livepeer_runtime::{ChallengeLottery, Jobs, OperatorKeys, Runtime, RuntimeEvent, SessionKeys};
use pallet_jobs::types::Scope;
use sp_core::{ByteArray as _, Pair as _};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, EveStash, FerdieStash};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::Perbill;

type JobsCall = pallet_jobs::Call<Runtime>;
type JobsError = pallet_jobs::Error<Runtime>;
type LotteryError = pallet_challenge_lottery::Error<Runtime>;

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
/// Half of all segments are forced.
const HALF: Perbill = Perbill::from_percent(50);
const BROADCASTER: Sr25519Keyring = Story::BROADCASTER;
const VALIDATORS: [Sr25519Keyring; 5] = [Alice, Bob, Charlie, Dave, Eve];
/// Who spends the broadcaster's ETH first, and who does later.
const SPENDERS: [Sr25519Keyring; 2] = [EveStash, FerdieStash];

/// An account uses the keys of this generation from now on.
fn announce(
	who: Sr25519Keyring,
	purpose: Purpose,
	generation: Generation,
) -> pallet_operator_keys::Call<Runtime> {
	let key = operator_key(who, generation).public();
	pallet_operator_keys::Call::set_keys {
		purpose,
		keys: vec![OperatorKey::Sr25519(key)].try_into().expect("one key"),
		vrf: (purpose == Purpose::Duties).then_some(key),
	}
}

/// Lets `key` do everything with the broadcaster's ETH.
fn may_spend(world: &World, key: Sr25519Keyring) -> JobsCall {
	JobsCall::set_spending_key {
		key: key.to_account_id(),
		cap: 200 * UNIT,
		expiry: world.number() + 1_000,
		scope: Scope { create: true, top_up: true, end: true },
	}
}

fn may_spend_no_more(key: Sr25519Keyring) -> JobsCall {
	let (broadcaster, key) = (BROADCASTER.to_account_id(), key.to_account_id());
	JobsCall::remove_spending_key { broadcaster, key }
}

/// A job of the broadcaster, whoever creates it.
fn job_of_broadcaster(world: &World, name: &str) -> JobsCall {
	let mut call = job(world, name, 600, 100 * UNIT);
	if let JobsCall::create_job { broadcaster, .. } = &mut call {
		*broadcaster = Some(BROADCASTER.to_account_id());
	}
	call
}

/// Everybody who has a part in the story names operator keys, in the next block.
fn name_keys(world: &mut World) {
	for who in Story::TRANSCODERS {
		world.submit(who, announce(who, Purpose::Duties, 1));
	}
	world.submit(BROADCASTER, announce(BROADCASTER, Purpose::Segments, 1));
}

/// A job that a spending key has created and operator keys have agreed upon: no account's own key
/// signs for it.
fn begin() -> Story {
	let mut world = Story::network();
	name_keys(&mut world);
	let spends = may_spend(&world, SPENDERS[0]);
	world.submit(BROADCASTER, spends);
	world.deliver_ok();
	let create = job_of_broadcaster(&world, "keys");
	world.ok(SPENDERS[0], create);
	let created = world.events.iter().rev().find_map(|(_, event)| match event {
		RuntimeEvent::Jobs(pallet_jobs::Event::JobCreated { job, .. }) => Some(*job),
		_ => None,
	});
	let mut story = Story::resume(world, created.expect("the job was created"));
	story.accept();
	let turn = story.turn();
	assert_eq!((turn.transcoder_keys, turn.broadcaster_keys), (1, 1));
	story
}

/// New session keys of a validator, all of them, with the proof that they are its own.
fn new_session_keys(who: Sr25519Keyring) -> (SessionKeys, Vec<u8>) {
	let seed = format!("{}//session", who.to_seed()).into_bytes();
	let mut keystore = sp_io::TestExternalities::default();
	keystore.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	let made =
		keystore.execute_with(|| SessionKeys::generate(&who.to_account_id().encode(), Some(seed)));
	assert_eq!(made.keys.verifier.as_slice(), changed_session_key(who).public().as_slice());
	(made.keys, made.proof.encode())
}

/// Every key that has a part in the story changes: operator keys, spending key, session keys.
fn change_all_keys(world: &mut World) {
	for who in Story::TRANSCODERS {
		world.submit(who, announce(who, Purpose::Duties, 2));
	}
	world.submit(BROADCASTER, announce(BROADCASTER, Purpose::Segments, 2));
	world.submit(BROADCASTER, may_spend_no_more(SPENDERS[0]));
	let spends = may_spend(world, SPENDERS[1]);
	world.submit(BROADCASTER, spends);
	for who in VALIDATORS {
		let (keys, proof) = new_session_keys(who);
		world.submit(who, pallet_session::Call::set_keys { keys, proof });
	}
	world.deliver_ok();
}

/// Whether every validator in force has its new verifier key.
fn session_keys_are_new(world: &mut World) -> bool {
	world.run(ChallengeLottery::verifiers).iter().all(|(account, key)| {
		key.as_slice() == changed_session_key(keyring(account)).public().as_slice()
	})
}

/// A claim of eight segments is open, all keys have changed, and the validators' new ones are in force.
fn changed_in_mid_claim() -> (Story, Claim) {
	let mut story = begin();
	let claim = story.claim(8);
	change_all_keys(&mut story.world);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	story.world.until(15, session_keys_are_new);
	(story, claim)
}

#[test]
fn keys_changed_in_mid_claim_should_convict_nobody() {
	let (mut story, claim) = changed_in_mid_claim();
	let (transcoder, job) = (story.transcoder, story.job);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));

	// The assignment goes on by the keys with which it was accepted, and by no others.
	let toolchain = story.world.toolchain();
	let work = story.work(8);
	let stated = work.stated(work.tree.commitment(), toolchain);
	let signature = sign_by(transcoder, 2, &stated.hash());
	let by_the_new_key = JobsCall::claim_work { claim: stated, signature };
	assert_eq!(story.world.call_authorized(by_the_new_key), refused(JobsError::WrongGeneration));
	let call = work.claim(toolchain);
	let second = story.make_claim(work, call);
	story.reveal(&second);
	story.vote(&second, HONEST);
	assert_eq!(story.settle(&second), Some(Outcome::Accepted));
	assert_eq!(story.slashes(), vec![]);
	assert!(story.fees(transcoder) > 0);

	// The spending key that has begun it can do no more; the one that has come for it can.
	let another = job_of_broadcaster(&story.world, "another");
	let refusal: Applied = Ok(Err(JobsError::NoSpendingKey.into()));
	assert_eq!(story.world.call(SPENDERS[0], another), refusal);
	story.world.ok(SPENDERS[1], JobsCall::end_job { job });
	story.world.ok(BROADCASTER, may_spend_no_more(SPENDERS[1]));
	story.close();

	nothing_holds_the_first_keys(&mut story.world, transcoder);
}

/// The third generation of a transcoder's keys takes the place of the first.
fn nothing_holds_the_first_keys(world: &mut World, transcoder: Sr25519Keyring) {
	world.ok(transcoder, announce(transcoder, Purpose::Duties, 3));
	let account = transcoder.to_account_id();
	let kept = world.run(|| OperatorKeys::keys_of(account, Purpose::Duties));
	assert_eq!(kept.iter().map(|keys| keys.generation).collect::<Vec<_>>(), [3, 2, 0]);
}

/// What is wrong fails, and what is not answered is missed: who made the claim pays, and nobody else.
fn frees_nobody(mut story: Story, claim: &Claim) {
	let transcoder = claim.transcoder;
	let mut missed = story.fork();
	story.reveal(claim);
	story.vote(claim, &|_| Some(MISMATCH));
	story.vote(claim, &|_| Some(MISMATCH));
	assert_eq!(story.settle(claim), Some(Outcome::Failed));
	assert_eq!(missed.settle(claim), Some(Outcome::Missed));
	for story in [story, missed] {
		assert!(story.lost(transcoder) > 0);
		assert!(story.slashes().iter().all(|(_, whose, _)| *whose == transcoder));
	}
}

#[test]
fn attack_keys_changed_in_mid_claim_should_free_nobody() {
	// Judges judge by the keys of then and of now, and who has another key owes its reveals all the same.
	let (story, claim) = changed_in_mid_claim();
	frees_nobody(story, &claim);
}

#[test]
fn attack_contradiction_should_cost_by_the_keys_of_its_assignment_alone_after_they_changed() {
	let (mut story, claim) = changed_in_mid_claim();
	let (transcoder, turn) = (claim.transcoder, claim.work.turn);
	// With keys for something else nobody can be convicted, with those of then still.
	let by_others = Turn { transcoder_keys: 2, ..turn.clone() }.contradiction(3);
	let refusal: Applied = Ok(Err(JobsError::WrongGeneration.into()));
	assert_eq!(story.world.call(Dave, by_others), refusal);
	assert_eq!(story.lost(transcoder), 0);
	story.world.ok(Dave, turn.contradiction(3));
	assert!(story.lost(transcoder) > 0);
	assert!(story.slashes().iter().all(|(_, whose, _)| *whose == transcoder));
}

/// `who` revokes its only key, which a stranger may have, and uses another from now on.
fn revoke(world: &mut World, who: Sr25519Keyring, purpose: Purpose) {
	let (generation, key) = (1, 0);
	let revoked = pallet_operator_keys::Call::<Runtime>::revoke_key { purpose, generation, key };
	world.submit(who, revoked);
	world.submit(who, announce(who, purpose, 2));
	world.deliver_ok();
}

/// The assignment of the claim is ended, as it was agreed upon, and the other transcoder takes the job.
fn is_handed_on(story: &mut Story, claim: &Claim) {
	story.accept();
	let Turn { job, assignment, .. } = claim.work.turn;
	let ended = story.world.run(|| Jobs::assignment(job, assignment)).expect("it is kept");
	assert!(ended.claimable_until.is_some());
	assert_eq!((ended.transcoder_keys, ended.broadcaster_keys), (1, 1));
	let next = story.turn();
	assert_eq!(next.assignment, assignment + 1);
	assert_eq!(next.transcoder, Story::other(claim.transcoder));
}

/// A claim of eight segments is open. The key by which its transcoder signs duties, or its broadcaster
/// segments, has been revoked since, so that somebody else has the job.
fn revoked_in_mid_claim(purpose: Purpose) -> (Story, Claim) {
	let mut world = Story::network();
	name_keys(&mut world);
	world.deliver_ok();
	let mut story = Story::begin_on(world);
	let claim = story.claim(8);
	let who = match purpose {
		Purpose::Duties => claim.transcoder,
		Purpose::Segments => BROADCASTER,
	};
	revoke(&mut story.world, who, purpose);
	is_handed_on(&mut story, &claim);
	(story, claim)
}

#[test]
fn transcoders_key_revoked_in_mid_claim_should_cost_it_the_job_and_nothing_that_it_claimed() {
	let mut world = Story::network();
	world.set_lottery(|lottery| lottery.variant_rate = HALF);
	name_keys(&mut world);
	world.deliver_ok();
	let mut story = Story::begin_on(world);
	let transcoder = story.transcoder;
	let claim = story.claim(16);
	let unclaimed = story.work(8);
	revoke(&mut story.world, transcoder, Purpose::Duties);

	// Nothing new is taken from the key, whoever has it.
	let by_the_revoked = unclaimed.claim(story.world.toolchain());
	assert_eq!(story.world.call_authorized(by_the_revoked), refused(JobsError::KeyRevoked));
	is_handed_on(&mut story, &claim);

	// Leaves are revealed as ever, and what is owed in its own name it signs by the key that it uses now.
	story.reveal(&claim);
	let (drawn, ballot) = story.vote_variants(&claim, HALF);
	let by_the_revoked = claim.work.open(claim.id, ballot.seed, &drawn);
	assert_eq!(story.world.call_authorized(by_the_revoked), refused(LotteryError::WrongSigner));
	story.world.ok_authorized(claim.work.open_by(2, claim.id, ballot.seed, &drawn));
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(story.slashes(), vec![]);
	assert!(story.fees(transcoder) > 0);
	story.close();
	nothing_holds_the_first_keys(&mut story.world, transcoder);
}

#[test]
fn attack_transcoders_key_revoked_in_mid_claim_should_free_nobody() {
	let (story, claim) = revoked_in_mid_claim(Purpose::Duties);
	frees_nobody(story, &claim);
}

#[test]
fn segments_key_revoked_in_mid_claim_should_cost_an_honest_transcoder_nothing_that_it_claimed() {
	let (mut story, claim) = revoked_in_mid_claim(Purpose::Segments);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.fees(claim.transcoder) > 0);

	// Whoever has the old key signs nothing for who has the job now.
	let next = story.claim(8);
	assert_eq!((next.transcoder, next.work.turn.broadcaster_keys), (story.transcoder, 2));
	story.until_stage(&next, ChallengeStage::LeafReveal);
	let stolen = Turn { broadcaster_keys: 1, ..next.work.turn.clone() }.work(next.work.first, 8);
	let index = next.work.drawn(&story.challenge(&next).positions)[0];
	let by_the_revoked = stolen.reveal(next.id, index);
	assert_eq!(story.world.call_authorized(by_the_revoked), refused(LotteryError::WrongSigner));
	story.reveal(&next);
	story.vote(&next, HONEST);
	assert_eq!(story.settle(&next), Some(Outcome::Accepted));
	assert!(story.fees(next.transcoder) > 0);
	assert_eq!(story.slashes(), vec![]);
	story.close();
}

#[test]
fn attack_segments_key_revoked_in_mid_claim_should_free_nobody() {
	let (story, claim) = revoked_in_mid_claim(Purpose::Segments);
	frees_nobody(story, &claim);
}

#[test]
fn attack_contradiction_should_cost_after_the_keys_that_signed_it_were_revoked() {
	let (mut story, claim) = revoked_in_mid_claim(Purpose::Duties);
	let (transcoder, turn) = (claim.transcoder, claim.work.turn.clone());
	revoke(&mut story.world, BROADCASTER, Purpose::Segments);
	// Two results of a segment, and two segments in one place: each account answers for its keys.
	story.world.ok(Dave, turn.contradiction(3));
	assert!(story.lost(transcoder) > 0);
	let lengths = [1, 2];
	let headers = lengths.map(|in_len| turn.header(4, SegmentInfo { in_len, ..turn.segment(4) }));
	let signatures = headers.each_ref().map(|header| turn.sign(header.seq, header.segment.clone()));
	story.world.ok(Dave, JobsCall::report_broadcaster { headers, signatures });
	let forfeited = story.find(|event| match event {
		RuntimeEvent::Jobs(pallet_jobs::Event::BroadcasterEquivocated { forfeited, .. }) => {
			Some(*forfeited)
		}
		_ => None,
	});
	assert!(forfeited.is_some_and(|forfeited| forfeited > 0));

	// The claim goes on as if nothing had happened.
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.fees(transcoder) > 0);
	assert!(story.slashes().iter().all(|(_, whose, _)| *whose == transcoder));
	story.close();
}
