//! Validators come and go while jobs are transcoded and judged.

use codec::{Decode, Encode};
use frame_support::traits::KeyOwnerProofSystem as _;
use livepeer_integration_tests::{create_job, keyring, Claim, Story, Turn, World, HONEST};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	traits::{Beacon as _, Chill as _},
	verdict::Verdict,
	Balance, BlockNumber, Hash, JobId, UNIT,
};
use livepeer_runtime::{
	configs::session::KeyOwners, Authorship, Babe, Beacon, ChallengeLottery, Grandpa, Header, Jobs,
	LptStaking, Runtime, RuntimeCall, RuntimeEvent, Session, SessionKeys, System,
	TranscoderElection,
};
use pallet_jobs::types::Unsuited;
use sp_consensus_babe::{
	digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
	AuthorityId, EquivocationProof, Slot, KEY_TYPE,
};
use sp_consensus_grandpa::{AuthorityId as Voter, ConsensusLog, GRANDPA_ENGINE_ID};
use sp_core::{sr25519, ByteArray as _, Pair};
use sp_keyring::{
	Ed25519Keyring,
	Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie},
};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{
	generic::{Digest, DigestItem},
	traits::Header as _,
	DispatchError, Perbill, RuntimeAppPublic,
};
use std::collections::BTreeSet;

/// The accounts of the validators in force.
fn validators(world: &mut World) -> Vec<Sr25519Keyring> {
	world.run(Session::validators).iter().map(keyring).collect()
}

/// Makes blocks until `count` more sessions have begun.
fn sessions(world: &mut World, count: u32) {
	let until = world.run(Session::current_index) + count;
	world.until(11 * count, |world| world.run(Session::current_index) >= until);
}

/// Who made the newest block.
fn author(world: &mut World) -> Sr25519Keyring {
	// The block's pre-digest is still in the state.
	keyring(&world.run(Authorship::author).expect("a block has an author"))
}

/// Makes the claim a missed verification, up to the verdict.
fn miss(story: &mut Story, claim: &Claim) {
	story.until_stage(claim, ChallengeStage::LeafReveal);
	story.until_stage(claim, ChallengeStage::Decided);
}

/// Whether the job is offered to somebody within `blocks`.
fn is_offered(world: &mut World, job: JobId, blocks: u32) -> bool {
	(0..blocks).any(|_| {
		world.next_block();
		Turn::current(world, job).is_some()
	})
}

#[test]
fn job_should_wait_until_as_many_can_judge_it_as_a_committee_has() {
	let mut world = Story::network();
	// Seeds are stored, with all five validators.
	world.blocks(25);
	world.set_election(|election| election.min_validators = 7);
	world.set_lottery(|lottery| lottery.committee_size = 5);
	let job = create_job(&mut world, Ferdie, "too large a committee", 400);
	let nobody = RuntimeEvent::Jobs(pallet_jobs::Event::NobodySuits { job, why: Unsuited::Judges });
	world.until(10, |world| world.events.iter().any(|(_, event)| *event == nobody));
	assert!(!is_offered(&mut world, job, 10), "four are left beside any transcoder");
	world.set_lottery(|lottery| lottery.committee_size = 4);
	assert!(is_offered(&mut world, job, 70));
}

/// To be chilled costs its judge; but whoever could have enough of them chilled would stop all jobs.
#[test]
fn attack_chilled_validators_should_not_stop_new_jobs() {
	let mut world = Story::network();
	world.blocks(25);
	world.set_election(|election| election.min_validators = 5);
	// As many as there are, so that a transcoder among them leaves too few; they judge for nothing, so that no
	// price is too low.
	world.set_lottery(|lottery| {
		lottery.committee_size = 5;
		lottery.verify_price = 0;
	});
	let until = world.round() + 6;
	for chilled in [Alice, Dave, Eve] {
		world.run(|| TranscoderElection::chill(&chilled.to_account_id(), until));
	}
	sessions(&mut world, 3);
	assert_eq!(validators(&mut world).len(), 5, "nobody could take their places");
	let job = create_job(&mut world, Ferdie, "after the chills", 400);
	assert!(is_offered(&mut world, job, 10));
}

#[test]
fn jailed_validator_should_leave_at_the_next_rotation_and_the_chain_goes_on() {
	let mut story = Story::begin();
	let jailed = story.transcoder;
	let claim = story.claim(8);
	miss(&mut story, &claim);
	assert!(story.is_jailed(jailed));
	let world = &mut story.world;
	assert!(validators(world).contains(&jailed), "sets change with sessions only");
	let disabled = world.run(Session::disabled_validators);
	let set = validators(world);
	assert!(disabled.iter().map(|index| set[*index as usize]).eq([jailed]), "it makes no block");
	// The other takes the job when it is offered: who lets offers pass is suspended.
	story.transcoder = Story::other(jailed);
	let current = story.world.run(|| Jobs::job(story.job)).and_then(|job| job.current);
	if current.is_none_or(|it| it.toolchain.is_none() || it.transcoder == jailed.to_account_id()) {
		story.accept();
	}
	let world = &mut story.world;
	// A set acts two rotations after it was chosen.
	sessions(world, 2);
	let left = validators(world);
	assert!(left.len() == 4 && !left.contains(&jailed));
	assert_eq!(world.run(|| Babe::authorities().len()), 4);
	// The chain goes on, and everybody who is left makes its blocks.
	let mut authors = BTreeSet::new();
	for _ in 0..20 {
		world.next_block();
		authors.insert(author(world).to_string());
	}
	assert_eq!(authors.len(), 4);
	let window = world.run(Beacon::current_window);
	let seed = world.run(|| Beacon::seed(window - 1)).expect("seeds go on");
	assert_eq!(seed.set.members.len(), 4);

	// The job goes on, judged by those who are left.
	let claim = story.claim(8);
	story.reveal(&claim);
	assert!(!story.ballot(&claim).members.contains(&jailed));
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));

	// By its own call it comes back with the next active set.
	story.world.ok(jailed, pallet_transcoder_election::Call::unjail {});
	story.world.blocks(30);
	sessions(&mut story.world, 2);
	assert_eq!(validators(&mut story.world).len(), 5);
	story.close();
}

#[test]
fn author_should_lose_its_slot_and_not_escape_when_its_own_block_would_jail_it() {
	let mut story = Story::begin();
	let guilty = story.transcoder;
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	// The next block ends the claim, and slots are those of the guilty until somebody else's.
	let grace = story.world.parameters().0.lottery.missed_grace;
	let due = story.challenge(&claim).deadline + grace;
	story.world.until(100, |world| world.number() + 1 >= due);
	let world = &mut story.world;
	let before = (world.lost_slots, world.slot());
	let index = validators(world).iter().position(|who| *who == guilty).map_or(0, |at| at as u64);
	let away = (index + 5 - (world.slot() + 1) % 5) % 5;
	world.skip_slots(away);
	world.next_block();
	assert_eq!(world.lost_slots, before.0 + 1);
	assert_eq!(world.slot(), before.1 + away + 2);
	assert_ne!(author(world), guilty);
	assert!(story.is_jailed(guilty));
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	story.close();
}

#[test]
fn set_should_not_become_empty_when_all_but_one_leave() {
	let mut world = World::local();
	for who in [Bob, Charlie, Dave, Eve] {
		world.ok(who, pallet_transcoder_election::Call::resign {});
	}
	sessions(&mut world, 2);
	assert_eq!(validators(&mut world), vec![Alice]);
	// The minimum of a local chain is one: the last one stays whatever it does.
	world.ok(Alice, pallet_transcoder_election::Call::resign {});
	world.blocks(70);
	assert_eq!(validators(&mut world), vec![Alice]);
	// With one validator its windows are valid, so that claims would be drawn.
	let window = world.run(Beacon::current_window);
	assert!(world.run(|| Beacon::seed(window - 1)).is_some());
}

#[test]
fn new_transcoder_with_keys_should_validate_and_make_blocks() {
	let mut world = World::local();
	let (keys, proof) = keys_with_verifier(Ferdie, &Ferdie.to_seed());
	let (amount, to) = (1_000 * UNIT, Ferdie.to_account_id());
	world.ok(Ferdie, pallet_lpt_staking::Call::bond { amount, to });
	let (terms, service) = (Default::default(), Default::default());
	world.ok(Ferdie, pallet_transcoder_election::Call::transcoder { terms, service });
	world.ok(Ferdie, pallet_session::Call::set_keys { keys, proof });
	assert!(!validators(&mut world).contains(&Ferdie));
	// The next election, and two sessions.
	world.until(90, |world| validators(world).contains(&Ferdie));
	assert_eq!(validators(&mut world).len(), 6);
	world.until(12, |world| author(world) == Ferdie);
	assert_eq!(world.run(Grandpa::grandpa_authorities).len(), 6);
}

/// What the newest block tells GRANDPA's voters.
fn told(world: &mut World) -> Option<ConsensusLog<BlockNumber>> {
	let digest = world.run(System::digest);
	digest.logs.iter().find_map(|log| log.consensus_try_to(&GRANDPA_ENGINE_ID))
}

/// The election replaces two of five that are gone for good; but voters hear of another set by what
/// the old one made final, and it makes nothing final any more. Governance has the next set begin by
/// itself.
#[test]
fn finality_should_come_back_by_governance_when_more_than_a_third_is_gone_for_good() {
	let mut world = World::local();
	let (last_final, set) = (world.number(), world.run(Grandpa::current_set_id));
	world.authors = vec![Alice, Bob, Charlie];
	let mut changes = Vec::new();
	world.until(120, |world| {
		changes.extend(told(world));
		validators(world).len() == 3
	});
	let is_forced =
		|change: &ConsensusLog<BlockNumber>| matches!(change, ConsensusLog::ForcedChange(..));
	assert!(!changes.is_empty() && !changes.iter().any(is_forced));

	// Sets are counted by the voters, who had none of these: without the right number nobody who votes
	// twice could be reported any more.
	assert!(world.run(Grandpa::current_set_id) > set);
	let stalled = pallet_grandpa::Call::<Runtime>::note_stalled {
		delay: 5,
		best_finalized_block_number: last_final,
	};
	let key = pallet_grandpa::CurrentSetId::<Runtime>::hashed_key().to_vec();
	let counted = frame_system::Call::<Runtime>::set_storage { items: vec![(key, set.encode())] };
	let calls: Vec<RuntimeCall> = vec![stalled.clone().into(), counted.into()];
	let both: RuntimeCall = pallet_utility::Call::<Runtime>::batch_all { calls }.into();
	let by_a_validator = world.call(Bob, stalled);
	assert_eq!(by_a_validator, Ok(Err(DispatchError::BadOrigin)));
	world.ok(Alice, pallet_sudo::Call::sudo { call: Box::new(both) });
	let mut forced = None;
	world.until(15, |world| {
		forced = told(world).filter(is_forced);
		forced.is_some()
	});
	let Some(ConsensusLog::ForcedChange(from, change)) = forced else {
		panic!("no change is forced")
	};
	assert_eq!((from, change.delay), (last_final, 5));
	let left = [Ed25519Keyring::Alice, Ed25519Keyring::Bob, Ed25519Keyring::Charlie];
	let left: BTreeSet<_> = left.into_iter().map(|who| Voter::from(who.public())).collect();
	let voters: BTreeSet<_> = change.next_authorities.iter().map(|(id, _)| id.clone()).collect();
	assert_eq!(voters, left);
	world.blocks(5);
	assert_eq!(world.run(Grandpa::grandpa_authorities), change.next_authorities);
	assert_eq!(world.run(Grandpa::current_set_id), set + 1);
	// Who was away keeps its stake, and may come back.
	assert!(stake(&mut world, Dave) > 0 && stake(&mut world, Eve) > 0);
}

/// A header of `who` for `slot`, sealed.
fn sealed(who: Sr25519Keyring, index: u32, slot: Slot, state: u8) -> Header {
	let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: index, slot });
	let mut header = Header::new(
		1_000,
		Hash::zero(),
		Hash::repeat_byte(state),
		Hash::zero(),
		Digest { logs: vec![DigestItem::babe_pre_digest(claim)] },
	);
	let signature = who.pair().sign(header.hash().as_ref());
	header.digest_mut().push(DigestItem::babe_seal(signature.into()));
	header
}

/// A report that `who` made two blocks in the newest slot, with the proof of its membership.
fn report(world: &mut World, who: Sr25519Keyring) -> pallet_babe::Call<Runtime> {
	let slot = Slot::from(world.slot());
	let offender = AuthorityId::from(who.public());
	let index = world
		.run(Babe::authorities)
		.iter()
		.position(|(authority, _)| *authority == offender)
		.expect("it validates") as u32;
	let key_owner_proof =
		world.run(|| KeyOwners::prove((KEY_TYPE, offender.clone()))).expect("it is a member");
	pallet_babe::Call::report_equivocation_unsigned {
		equivocation_proof: Box::new(EquivocationProof {
			offender,
			slot,
			first_header: sealed(who, index, slot, 1),
			second_header: sealed(who, index, slot, 2),
		}),
		key_owner_proof,
	}
}

fn stake(world: &mut World, who: Sr25519Keyring) -> Balance {
	world.run(|| LptStaking::transcoder_stake(who.to_account_id())).total
}

#[test]
fn two_blocks_in_one_slot_should_cost_stake_and_seat() {
	let mut story = Story::begin();
	let world = &mut story.world;
	let before = stake(world, Dave);
	let report = report(world, Dave);
	world.submit_bare(report.clone());
	world.deliver_ok();
	// 36 % would be the framework's share for one of five; ours caps it.
	let lost = before - stake(world, Dave);
	assert!(lost.abs_diff(Perbill::from_percent(30) * before) < 1_000, "{lost} of {before}");
	assert!(world.run(|| TranscoderElection::open_verdicts_of(Dave.to_account_id())).is_some());
	// Once is enough.
	world.submit_bare(report);
	assert!(world.deliver().iter().all(|result| result.is_err()));
	sessions(world, 2);
	assert!(!validators(world).contains(&Dave));
	world.blocks(30);
	// The job is none of its business.
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

/// A report that `who` cast two votes in `round` of the set in force, and was of that set in `session`.
fn votes(
	world: &mut World,
	who: Ed25519Keyring,
	round: u64,
	session: u32,
) -> pallet_grandpa::Call<Runtime> {
	let voter = Voter::from(who.public());
	let set = world.run(pallet_grandpa::CurrentSetId::<Runtime>::get);
	let signed = |state: u8| {
		let (prevote, target) = (0u8, (Hash::repeat_byte(state), 1u32));
		let signature = who.pair().sign(&(prevote, target, round, set).encode());
		(target, signature)
	};
	let proof = (set, 0u8, round, voter.clone(), signed(1), signed(2)).encode();
	let key = (sp_consensus_grandpa::KEY_TYPE, voter);
	let mut key_owner_proof = world.run(|| KeyOwners::prove(key)).expect("it is a member");
	key_owner_proof.session = session;
	pallet_grandpa::Call::report_equivocation_unsigned {
		equivocation_proof: Box::new(Decode::decode(&mut &proof[..]).expect("these are two votes")),
		key_owner_proof,
	}
}

#[test]
fn attack_votes_of_one_set_are_reported_in_each_of_its_sessions() {
	let mut world = World::local().without_inflation();
	let world = &mut world;
	sessions(world, 1);
	// Both sessions of genesis have one set.
	assert_eq!(world.run(|| (Session::current_index(), Grandpa::session_for_set(0))), (1, Some(1)));
	let before = stake(world, Dave);
	let report = votes(world, Ed25519Keyring::Dave, 1, 1);
	world.submit_bare(report);
	world.deliver_ok();
	let left = stake(world, Dave);
	assert!((before - left).abs_diff(Perbill::from_percent(30) * before) < 1_000);
	// Two other votes, with the session before: that is the same set, in which it has paid. No author puts that
	// into its block, and who signs it pays for it.
	let again = votes(world, Ed25519Keyring::Dave, 2, 0);
	world.submit_bare(again.clone());
	assert!(world.deliver().iter().all(|result| result.is_err()));
	let pallet_grandpa::Call::report_equivocation_unsigned { equivocation_proof, key_owner_proof } =
		again
	else {
		panic!("that is what it is")
	};
	let signed = pallet_grandpa::Call::<Runtime>::report_equivocation {
		equivocation_proof,
		key_owner_proof,
	};
	let known: DispatchError = pallet_grandpa::Error::<Runtime>::DuplicateOffenceReport.into();
	assert_eq!(world.call(Ferdie, signed), Ok(Err(known)));
	assert_eq!(stake(world, Dave), left);
}

/// Before it signs twice a validator registers other keys, which count two sessions later. Another one, which may
/// have less to lose, registers those that the first still signs with.
#[test]
fn attack_keys_changed_before_signing_twice() {
	for is_late in [false, true] {
		let mut world = World::local().without_inflation();
		let world = &mut world;
		let before = [stake(world, Dave), stake(world, Eve)];
		for (who, seed) in [(Dave, "//Other".to_string()), (Eve, Dave.to_seed())] {
			let (keys, proof) = session_keys(who, &seed, &seed);
			world.ok(who, pallet_session::Call::set_keys { keys, proof });
		}
		assert_eq!(world.run(Session::current_index), 0);
		let report = report(world, Dave);
		if is_late {
			sessions(world, 1);
		}
		world.submit_bare(report);
		world.deliver_ok();
		let lost = before[0] - stake(world, Dave);
		let due = Perbill::from_percent(30) * before[0];
		assert!(lost.abs_diff(due) < 1_000, "{lost} of {due}, late: {is_late}");
		assert_eq!(stake(world, Eve), before[1]);
	}
}

#[test]
fn late_report_should_reach_stake_that_left_since() {
	let mut story = Story::begin();
	let world = &mut story.world;
	let amount = stake(world, Dave);
	let report = report(world, Dave);
	// It leaves at once and for good; the report comes five sessions later.
	world.ok(Dave, pallet_transcoder_election::Call::resign {});
	world.ok(Dave, pallet_lpt_staking::Call::unbond { amount });
	sessions(world, 5);
	assert!(!validators(world).contains(&Dave));
	world.submit_bare(report);
	world.deliver_ok();
	let locks = world.run(|| LptStaking::locks(Dave.to_account_id()));
	let left = amount - Perbill::from_percent(30) * amount;
	assert!(locks[0].value.abs_diff(left) < 1_000, "{locks:?}");
	story.close();
}

#[test]
fn late_report_should_reach_stake_that_left_after_its_owner_was_chosen() {
	let mut world = World::local();
	// The last blocks of round 0, after the session that begins in round 1 was planned.
	world.until(30, |world| world.number() == 26);
	assert_eq!(world.round(), 0);
	let amount = stake(&mut world, Dave);
	world.ok(Dave, pallet_lpt_staking::Call::unbond { amount });
	assert_eq!(world.round(), 0);
	// It validates all the same, with nothing bonded any more.
	world.until(30, |world| world.round() == 1);
	sessions(&mut world, 1);
	assert_eq!(world.round(), 1);
	assert!(validators(&mut world).contains(&Dave));
	assert_eq!(stake(&mut world, Dave), 0);
	let report = report(&mut world, Dave);
	world.submit_bare(report);
	world.deliver_ok();
	let locks = world.run(|| LptStaking::locks(Dave.to_account_id()));
	let left = amount - Perbill::from_percent(30) * amount;
	assert!(locks[0].value.abs_diff(left) < 1_000, "{locks:?}");
}

/// The session keys of `who` with a new verifier key, and the proof that they are its own.
fn keys_with_verifier(who: Sr25519Keyring, verifier: &str) -> (SessionKeys, Vec<u8>) {
	session_keys(who, &who.to_seed(), verifier)
}

/// Session keys from `own`, with a verifier key of its own, and the proof that they are `who`'s.
fn session_keys(who: Sr25519Keyring, own: &str, verifier: &str) -> (SessionKeys, Vec<u8>) {
	let seed = |text: &str| Some(text.as_bytes().to_vec());
	let mut keystore = sp_io::TestExternalities::default();
	keystore.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	keystore.execute_with(|| {
		let mut keys = SessionKeys {
			babe: RuntimeAppPublic::generate_pair(seed(own)),
			grandpa: RuntimeAppPublic::generate_pair(seed(own)),
			authority_discovery: RuntimeAppPublic::generate_pair(seed(own)),
			beefy: RuntimeAppPublic::generate_pair(seed(own)),
			verifier: RuntimeAppPublic::generate_pair(seed(verifier)),
		};
		let proof = keys.create_ownership_proof(&who.to_account_id().encode());
		(keys, proof.expect("the keystore has them").encode())
	})
}

#[test]
fn verifier_key_should_stay_valid_for_open_challenges_when_it_is_changed() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	// All but the claimant change their verifier key; the new ones are in force when the ballot
	// opens, the old ones were when the seed was stored.
	let new = |who: Sr25519Keyring| format!("{}//verifier", who.to_seed());
	let others: Vec<_> = [Alice, Bob, Charlie, Dave, Eve]
		.into_iter()
		.filter(|who| *who != story.transcoder)
		.collect();
	for who in &others {
		let (keys, proof) = keys_with_verifier(*who, &new(*who));
		story.world.submit(*who, pallet_session::Call::set_keys { keys, proof });
	}
	story.world.deliver_ok();
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	sessions(&mut story.world, 1);
	let in_force = story.world.run(ChallengeLottery::verifiers);
	let changed = in_force
		.iter()
		.filter(|(account, key)| key.as_slice() != keyring(account).public().as_slice())
		.count();
	assert_eq!(changed, others.len());
	story.reveal(&claim);
	let mut ballot = story.ballot(&claim);
	let pair = |who: Sr25519Keyring| {
		sr25519::Pair::from_string(&new(who), None).expect("a derivation path")
	};
	let old = std::mem::replace(&mut ballot.keys[0], pair(ballot.members[0]));
	let opening = ballot.opening(0, Verdict::Valid);
	story.world.submit_authorized(ballot.commit(0, &opening));
	assert!(story.world.deliver()[0].is_err(), "the new key has no say in it");
	ballot.keys[0] = old;
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));

	// Claims that are made now are judged with the new keys.
	let claim = story.claim(8);
	story.reveal(&claim);
	let mut ballot = story.ballot(&claim);
	ballot.keys = ballot.members.iter().map(|who| pair(*who)).collect();
	let openings: Vec<_> = (0..3).map(|at| (at, ballot.opening(at, Verdict::Valid))).collect();
	story.cast(&claim, &ballot, &openings, &openings);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}
