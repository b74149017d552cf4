//! Keys that change while what they have signed is open: it convicts nobody and frees nobody.

use codec::Encode as _;
use livepeer_integration_tests::{
	changed_session_key, job, keyring, operator_key, refused, sign_by, Applied, Claim, Story,
	World, HONEST,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	keys::{Generation, OperatorKey, Purpose},
	leaf::RejectReason,
	receipt::{Receipt, TranscodeResult},
	segment::SegmentHeader,
	verdict::{MismatchKind, Verdict},
	Hash, UNIT,
};
use livepeer_runtime::{ChallengeLottery, OperatorKeys, Runtime, RuntimeEvent, SessionKeys};
use pallet_jobs::types::Scope;
use sp_core::{ByteArray as _, Pair as _};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, EveStash, FerdieStash};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};

type JobsCall = pallet_jobs::Call<Runtime>;
type JobsError = pallet_jobs::Error<Runtime>;

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
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

/// A job that a spending key has created and operator keys have agreed upon: no account's own key
/// signs for it.
fn begin() -> Story {
	let mut world = Story::network();
	for who in Story::TRANSCODERS {
		world.submit(who, announce(who, Purpose::Duties, 1));
	}
	world.submit(BROADCASTER, announce(BROADCASTER, Purpose::Segments, 1));
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

	// Nothing holds the old keys any more.
	story.world.ok(transcoder, announce(transcoder, Purpose::Duties, 3));
	let account = transcoder.to_account_id();
	let kept = story.world.run(|| OperatorKeys::keys_of(account, Purpose::Duties));
	assert_eq!(kept.iter().map(|keys| keys.generation).collect::<Vec<_>>(), [3, 2, 0]);
}

#[test]
fn attack_keys_changed_in_mid_claim_should_free_nobody() {
	let (mut story, claim) = changed_in_mid_claim();
	let transcoder = story.transcoder;
	let mut missed = story.fork();

	// Judged by the keys of then and of now, what is wrong fails.
	story.reveal(&claim);
	story.vote(&claim, &|_| Some(MISMATCH));
	story.vote(&claim, &|_| Some(MISMATCH));
	assert_eq!(story.settle(&claim), Some(Outcome::Failed));
	assert!(story.lost(transcoder) > 0);
	assert!(story.slashes().iter().all(|(_, whose, _)| *whose == transcoder));

	// Who has another key owes its reveals all the same.
	assert_eq!(missed.settle(&claim), Some(Outcome::Missed));
	assert!(missed.lost(transcoder) > 0);
}

/// A report that the transcoder has signed two results of a segment, by its keys of this generation.
fn contradiction(story: &mut Story, generation: Generation) -> JobsCall {
	let (turn, seq) = (story.turn(), 3);
	let segment = turn.segment(seq);
	let header_signature = turn.sign(seq, segment.clone());
	let header = SegmentHeader {
		genesis: turn.genesis,
		stream: turn.stream,
		job: turn.job,
		assignment: turn.assignment,
		transcoder: turn.transcoder.to_account_id(),
		seq,
		segment,
	};
	let receipts = [1u8, 2].map(|byte| Receipt {
		header: header.hash(),
		toolchain: Hash::repeat_byte(byte),
		result: TranscodeResult::Rejected(RejectReason::TooLong),
		extensions: Default::default(),
	});
	let signatures =
		receipts.each_ref().map(|receipt| sign_by(turn.transcoder, generation, &receipt.hash()));
	JobsCall::report_equivocation { header, header_signature, receipts, signatures }
}

#[test]
fn attack_contradiction_should_cost_by_the_keys_of_its_assignment_alone_after_they_changed() {
	let (mut story, _) = changed_in_mid_claim();
	let transcoder = story.transcoder;
	// With keys for something else nobody can be convicted, with those of then still.
	let by_others = contradiction(&mut story, 2);
	let refusal: Applied = Ok(Err(JobsError::WrongGeneration.into()));
	assert_eq!(story.world.call(Dave, by_others), refusal);
	assert_eq!(story.lost(transcoder), 0);
	let by_its_own = contradiction(&mut story, 1);
	story.world.ok(Dave, by_its_own);
	assert!(story.lost(transcoder) > 0);
	assert!(story.slashes().iter().all(|(_, whose, _)| *whose == transcoder));
}
