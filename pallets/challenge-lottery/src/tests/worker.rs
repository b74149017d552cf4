//! The off-chain worker against a fake verify service, pool and keystore.

use std::cell::Cell;

use codec::{Decode, Encode};
use frame_support::{
	storage::{with_transaction, TransactionOutcome},
	traits::Hooks,
};
use livepeer_primitives::{
	api::ChallengeStage,
	keys::{VerifierSignature, VERIFIER},
	offchain::{
		Finalized, ToolchainsAnswer, ToolchainsQuestion, VerifyEndpoint, VerifyLeaf, VerifyStatus,
		VerifyTask, FINALIZED, VERIFY_ENDPOINT,
	},
	toolchain::{Attestation, Owed},
	traits::{ServiceDirectory, UNTIL_ATTESTED},
	verdict::{Evidence, Opening, Pass, Verdict},
	Hash,
};
use sp_core::{
	offchain::{
		testing::{PendingRequest, TestOffchainExt, TestTransactionPoolExt},
		Duration, Externalities, HttpError, HttpRequestId, HttpRequestStatus, OffchainDbExt,
		OffchainWorkerExt, OpaqueNetworkState, StorageKind, Timestamp, TransactionPoolExt,
	},
	OpaquePeerId,
};
use sp_keystore::{testing::MemoryKeystore, Keystore, KeystoreExt};
use sp_runtime::{BoundedVec, DispatchError};

use crate::{
	mock::*,
	offchain::{recorded, Asked, Duty, DutyId},
	types::Answer,
	Attestations, Ballots, Call, Verifiers,
};

/// Where the node's runs keep their lock.
const LOCK: &[u8] = b"livepeer/lottery/lock";
const HOUR_MS: u64 = 3_600_000;

/// What happens to requests to the verify service.
#[derive(Clone, Copy, PartialEq)]
enum Line {
	/// They are answered.
	Up,
	/// Nobody listens there.
	Refused,
	/// Nobody answers.
	Silent,
	/// It breaks off.
	Broken,
}

thread_local! {
	static LINE: Cell<Line> = const { Cell::new(Line::Up) };
	static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// The connection to the verify service, which may be down. Waiting takes time.
struct Wire(TestOffchainExt);

impl Externalities for Wire {
	fn is_validator(&self) -> bool {
		self.0.is_validator()
	}
	fn network_state(&self) -> Result<OpaqueNetworkState, ()> {
		self.0.network_state()
	}
	fn timestamp(&mut self) -> Timestamp {
		self.0.timestamp()
	}
	fn sleep_until(&mut self, deadline: Timestamp) {
		self.0.sleep_until(deadline)
	}
	fn random_seed(&mut self) -> [u8; 32] {
		self.0.random_seed()
	}
	fn http_request_start(
		&mut self,
		method: &str,
		uri: &str,
		meta: &[u8],
	) -> Result<HttpRequestId, ()> {
		ASKED.set(ASKED.get() + 1);
		match LINE.get() {
			Line::Refused => Err(()),
			_ => self.0.http_request_start(method, uri, meta),
		}
	}
	fn http_request_add_header(
		&mut self,
		id: HttpRequestId,
		name: &str,
		value: &str,
	) -> Result<(), ()> {
		self.0.http_request_add_header(id, name, value)
	}
	fn http_request_write_body(
		&mut self,
		id: HttpRequestId,
		chunk: &[u8],
		deadline: Option<Timestamp>,
	) -> Result<(), HttpError> {
		self.0.http_request_write_body(id, chunk, deadline)
	}
	fn http_response_wait(
		&mut self,
		ids: &[HttpRequestId],
		deadline: Option<Timestamp>,
	) -> Vec<HttpRequestStatus> {
		let status = match LINE.get() {
			Line::Silent => HttpRequestStatus::DeadlineReached,
			Line::Broken => HttpRequestStatus::IoError,
			Line::Up | Line::Refused => return self.0.http_response_wait(ids, deadline),
		};
		self.0.sleep_until(deadline.expect("it does not wait for ever"));
		ids.iter().map(|_| status).collect()
	}
	fn http_response_headers(&mut self, id: HttpRequestId) -> Vec<(Vec<u8>, Vec<u8>)> {
		self.0.http_response_headers(id)
	}
	fn http_response_read_body(
		&mut self,
		id: HttpRequestId,
		buffer: &mut [u8],
		deadline: Option<Timestamp>,
	) -> Result<usize, HttpError> {
		self.0.http_response_read_body(id, buffer, deadline)
	}
	fn set_authorized_nodes(&mut self, nodes: Vec<OpaquePeerId>, authorized_only: bool) {
		self.0.set_authorized_nodes(nodes, authorized_only)
	}
}

/// A node with the verifier keys of `verifiers`. The second value holds what is in its pool.
fn run_node(
	verifiers: &[usize],
	test: impl FnOnce(&TestOffchainExt, &dyn Fn() -> Vec<Call<Test>>),
) {
	run_node_of(vec![], verifiers, test);
}

/// The same, with a verify service that has a libp2p peer.
fn run_node_of(
	peer_id: Vec<u8>,
	verifiers: &[usize],
	test: impl FnOnce(&TestOffchainExt, &dyn Fn() -> Vec<Call<Test>>),
) {
	let (offchain, _) = TestOffchainExt::new();
	let (pool, pool_state) = TestTransactionPoolExt::new();
	let keystore = MemoryKeystore::new();
	for i in verifiers {
		let made = keystore.sr25519_generate_new(VERIFIER, Some(&verifier_uri(*i))).unwrap();
		assert_eq!(made, verifier(*i).into());
	}
	let mut ext = new_test_ext();
	ext.register_extension(OffchainDbExt::new(offchain.clone()));
	ext.register_extension(OffchainWorkerExt::new(Wire(offchain.clone())));
	LINE.set(Line::Up);
	ext.register_extension(TransactionPoolExt::new(pool));
	ext.register_extension(KeystoreExt::new(keystore));
	let take = || {
		let sent = std::mem::take(&mut pool_state.write().transactions);
		sent.iter()
			.map(|bytes| match Extrinsic::decode(&mut &bytes[..]).unwrap().function {
				RuntimeCall::Lottery(call) => call,
				other => panic!("a call of the lottery, not {other:?}"),
			})
			.collect()
	};
	ext.execute_with(|| {
		put(
			VERIFY_ENDPOINT,
			&VerifyEndpoint {
				url: b"http://127.0.0.1:7936".to_vec(),
				token: b"secret".to_vec(),
				peer_id,
			},
		);
		test(&offchain, &take);
		check();
	});
}

fn put(key: &[u8], value: &impl Encode) {
	sp_io::offchain::local_storage_set(StorageKind::PERSISTENT, key, &value.encode());
}

fn finalize(number: u32) {
	put(FINALIZED, &Finalized { number, hash: Hash::zero() });
}

fn is_stored(key: &[u8]) -> bool {
	sp_io::offchain::local_storage_get(StorageKind::PERSISTENT, key).is_some()
}

fn duty(claim: u64, member: usize) -> DutyId {
	let ballot = Ballots::<Test>::get(claim).unwrap();
	DutyId {
		claim,
		tranche: ballot.tranche,
		seed: ballot.seed,
		judged: ballot.judged,
		key: verifier(member),
	}
}

fn duty_key(claim: u64, member: usize) -> Vec<u8> {
	duty(claim, member).storage_key()
}

fn worker() {
	Lottery::offchain_worker(System::block_number());
}

/// The task that `verifier` must judge.
fn task(claim: &TestClaim, verifier: usize, patience_ms: u64) -> VerifyTask {
	let ballot = Ballots::<Test>::get(claim.id).unwrap();
	let leaves = drawn(claim)
		.into_iter()
		.map(|index| VerifyLeaf {
			index,
			seq: claim.info.first + u64::from(index),
			header: claim.leaves[index as usize]
				.header_hash(claim.info.place(System::block_hash(0), index))
				.unwrap(),
			leaf: claim.leaves[index as usize].clone(),
		})
		.collect();
	VerifyTask {
		genesis: System::block_hash(0),
		claim: claim.id,
		tranche: ballot.tranche,
		verifier: validator(verifier),
		pass: None,
		job: claim.info.job,
		transcoder: transcoder(),
		service: Fake::service(&transcoder()).unwrap(),
		toolchain: toolchain(),
		ladder: claim.info.ladder.clone(),
		limits: claim.info.limits,
		factors: claim.info.factors,
		seed: ballot.seed,
		leaves,
		patience_ms,
		variants: !Parameters::get().variant_rate.is_zero(),
	}
}

fn expect(node: &TestOffchainExt, task: &VerifyTask, answer: impl Encode) {
	node.0.write().expect_request(PendingRequest {
		method: "POST".into(),
		uri: "http://127.0.0.1:7936/v1/verify".into(),
		headers: vec![("Authorization".into(), "Bearer secret".into())],
		body: task.encode(),
		sent: true,
		response: Some(answer.encode()),
		..Default::default()
	});
}

fn done(claim: &TestClaim) -> VerifyStatus {
	let count = drawn(claim).len();
	VerifyStatus::Done {
		verdicts: vec![Verdict::Valid; count].try_into().unwrap(),
		evidence: Evidence { recipe: 1, hash: Hash::repeat_byte(1) },
	}
}

/// An answer that is no status.
#[derive(Encode)]
struct RefusedAnswer;

/// Patience of a request in the first block of a dev commit phase: half of 12 blocks of 2 s.
const PATIENCE: u64 = 12_000;

/// Patience of a request now: half of the phase's remaining time after the work.
fn patience_left(claim: &TestClaim) -> u64 {
	let ballot = Ballots::<Test>::get(claim.id).unwrap();
	PATIENCE - u64::from((Lottery::now() - ballot.opened).div_ceil(2)) * 2_000
}

/// A claim in its commit phase and the number of its first committee member.
fn judged() -> (TestClaim, usize) {
	let claim = claim(8);
	to_commit(&claim);
	let member = number_of(&members(claim.id, 0)[0]);
	(claim, member)
}

/// The first member of the committee over the first claim, which the draw fixes.
fn first_member() -> usize {
	let mut member = 0;
	build_and_execute(|| member = judged().1);
	member
}

#[test]
fn worker_should_ask_commit_and_reveal_when_all_goes_well() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		// Still working: nothing is sent.
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
		worker();
		assert!(take().is_empty());
		// The request is the same, with the patience that is left.
		skip(2);
		expect(node, &task(&claim, me, patience_left(&claim)), done(&claim));
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::commit_verdict { member: 0, tranche: 0, .. }]));
		// Not on chain yet: sent again unchanged, without a request.
		skip(1);
		worker();
		let again = take();
		assert_eq!(again.encode(), sent.encode());
		apply(again[0].clone()).unwrap();
		let committed = System::block_number();
		worker();
		assert!(take().is_empty(), "it waits for the others");

		for (i, account) in members(claim.id, 0).iter().enumerate() {
			if number_of(account) != me {
				commit(claim.id, 0, i as u16, &opening(claim.id, Verdict::Valid)).unwrap();
			}
		}
		assert_eq!(Lottery::challenge(claim.id).unwrap().stage, ChallengeStage::VerdictReveal);
		finalize(committed - 1);
		worker();
		assert!(take().is_empty(), "its commit is not final");
		finalize(committed);
		worker();
		assert!(take().is_empty(), "others may lack the block with which the phase has begun");
		skip(1);
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::reveal_verdict { member: 0, tranche: 0, .. }]));
		worker();
		assert_eq!(take().encode(), sent.encode());
		apply(sent[0].clone()).unwrap();
		worker();
		assert!(take().is_empty());
	});
}

/// What the node stored of a duty.
fn stored(claim: &TestClaim, member: usize) -> Duty {
	let key = duty_key(claim.id, member);
	let bytes = sp_io::offchain::local_storage_get(StorageKind::PERSISTENT, &key).unwrap();
	Duty::decode(&mut &bytes[..]).unwrap()
}

/// What it stored of a request.
fn stored_pass(claim: &TestClaim, member: usize) -> (Vec<u8>, Option<VerifierSignature>) {
	match stored(claim, member) {
		Duty::Asked(asked) => (asked.peer_id, asked.pass),
		other => panic!("it asks still, and has not {other:?}"),
	}
}

/// What it will reveal.
fn fixed(claim: &TestClaim, member: usize) -> Vec<Verdict> {
	match stored(claim, member) {
		Duty::Answered { opening, .. } => opening.verdicts.into_inner(),
		other => panic!("it has an answer, and not {other:?}"),
	}
}

/// The members of the committee except the first commit to Valid for everything.
fn others_commit(claim: &TestClaim) {
	for place in 1..members(claim.id, 0).len() {
		commit(claim.id, 0, place as u16, &opening(claim.id, Verdict::Valid)).unwrap();
	}
}

#[test]
fn worker_should_sign_one_pass_for_the_peer_of_its_service() {
	use sp_application_crypto::RuntimeAppPublic;
	let me = first_member();
	run_node_of(b"peer of the service".to_vec(), &[me], |node, take| {
		let (claim, _) = judged();
		// The request is stored with its pass before it is sent, and fails because there is no
		// service.
		node.0.write().expect_request(PendingRequest {
			method: "POST".into(),
			uri: "http://127.0.0.1:7936/v1/verify".into(),
			headers: vec![("Authorization".into(), "Bearer secret".into())],
			body: vec![],
			sent: true,
			response: Some(VerifyStatus::Working.encode()),
			..Default::default()
		});
		let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(worker));
		assert!(asked.is_err(), "the stand-in expected another body");
		let (peer_id, pass) = stored_pass(&claim, me);
		let pass = pass.unwrap();
		let said = Pass {
			genesis: System::block_hash(0),
			claim: claim.id,
			tranche: 0,
			account: validator(me),
			peer_id: peer_id.try_into().unwrap(),
		};
		assert_eq!(&said.peer_id[..], b"peer of the service");
		assert!(verifier(me).verify(&said.payload(), &pass));
		// The key signs differently each time, but the request stays the same.
		node.0.write().requests.clear();
		sp_io::offchain::local_storage_clear(StorageKind::PERSISTENT, LOCK);
		let mut question = task(&claim, me, PATIENCE);
		question.pass = Some(pass.clone());
		expect(node, &question, VerifyStatus::Working);
		worker();
		skip(1);
		question.patience_ms = patience_left(&claim);
		expect(node, &question, VerifyStatus::Working);
		worker();
		assert_eq!(stored_pass(&claim, me).1, Some(pass));
		assert!(take().is_empty());
	});
}

#[test]
fn worker_should_renew_service_record_and_patience_alone_when_it_asks_again() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		let first = task(&claim, me, PATIENCE);
		expect(node, &first, VerifyStatus::Working);
		worker();
		// The transcoder moves in each block, and parameters change.
		for url in ["https://one", "https://two"] {
			skip(1);
			SERVICE_URL.put(url.into());
			Parameters::mutate(|parameters| parameters.verify_rate += 1);
			let mut again = VerifyTask { patience_ms: patience_left(&claim), ..first.clone() };
			again.service.url = url.as_bytes().to_vec().try_into().unwrap();
			assert_ne!(again, first);
			expect(node, &again, VerifyStatus::Working);
			worker();
		}
		assert!(take().is_empty());
	});
}

#[test]
fn worker_should_go_on_with_other_duties_when_one_is_refused() {
	run_node(&[0, 1, 2, 3, 4], |node, take| {
		let claims = [claim(8), claim(4)];
		for claim in &claims {
			to_commit(claim);
		}
		// The first claim's time is over first.
		let mut asked = Vec::new();
		for claim in &claims {
			for (_, member) in crate::Members::<Test>::iter_prefix((claim.id, 0)) {
				asked.push((claim, number_of(&member.account)));
			}
		}
		for (i, (claim, me)) in asked.into_iter().enumerate() {
			let task = task(claim, me, PATIENCE);
			if i < 3 {
				// It answers at once, with no verdict.
				expect(node, &task, RefusedAnswer);
			} else {
				expect(node, &task, done(claim));
			}
		}
		worker();
		let sent = take();
		let of_the_other = |call: &Call<Test>| matches!(call, Call::commit_verdict { claim, .. } if *claim == claims[1].id);
		assert!(sent.len() == 3 && sent.iter().all(of_the_other));
	});
}

/// Somebody has many claims judged, so that verifiers notice or request others too late. However
/// many ballots there are, a node finds all of its own, and first requests those with the earliest
/// deadline.
#[test]
fn attack_ballots_hidden_by_many_others() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		let ballot = Ballots::<Test>::get(claim.id).unwrap();
		let member = crate::Members::<Test>::get((claim.id, 0, 0)).unwrap();
		let tranche = ballot.tranche;
		// Others' ballots and some of this node's, the newest of which has the earliest deadline.
		for id in 10_000..12_000u64 {
			Ballots::<Test>::insert(id, &ballot);
		}
		for (late, id) in (10_500..10_520u64).rev().enumerate() {
			let deadline = ballot.deadline + 1 + late as u32;
			Ballots::<Test>::insert(id, crate::types::Ballot { deadline, ..ballot.clone() });
			crate::Members::<Test>::insert((id, tranche, 0), &member);
		}
		// Only the first is of a claim that can be read, and so requested.
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		assert!(matches!(take()[..], [Call::commit_verdict { claim: id, .. }] if id == claim.id));
		let index =
			sp_io::offchain::local_storage_get(StorageKind::PERSISTENT, b"livepeer/lottery/index");
		let index: Vec<(DutyId, Option<u32>)> = Decode::decode(&mut &index.unwrap()[..]).unwrap();
		let found: Vec<u64> = index.iter().map(|(duty, _)| duty.claim).collect();
		let wanted: Vec<u64> = core::iter::once(claim.id).chain((10_500..10_520).rev()).collect();
		assert_eq!(found, wanted);
		for id in 10_000..12_000u64 {
			Ballots::<Test>::remove(id);
			crate::Members::<Test>::remove((id, tranche, 0));
		}
	});
}

#[test]
fn run_should_ask_only_for_what_is_taken_when_the_service_has_enough_to_do() {
	run_node(&[], |node, _| {
		let mut run =
			crate::offchain::Run { now: 1, height: 1, finalized: None, until: None, full: false };
		assert!(run.may_ask(false));
		run.full = true;
		assert!(run.may_ask(true) && !run.may_ask(false));
		// And no longer than a run may take.
		run.full = false;
		let later = run.until.unwrap();
		node.0.write().timestamp = Timestamp::from_unix_millis(later.unix_millis() - 1);
		assert!(run.may_ask(false));
		node.0.write().timestamp = later;
		assert!(!run.may_ask(false) && !run.may_ask(true));
	});
}

#[test]
fn worker_should_reveal_in_the_second_half_when_finality_stalls() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		apply(take()[0].clone()).unwrap();
		run_to(challenge(claim.id).due);
		let opened = System::block_number();
		run_to(opened + 4);
		worker();
		assert!(take().is_empty());
		run_to(opened + 5);
		worker();
		apply(take()[0].clone()).unwrap();
	});
}

#[test]
fn worker_should_store_the_opening_before_it_sends_and_survive_a_restart() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		let sent = take();
		assert!(is_stored(&duty_key(claim.id, me)));
		// The service and its address are gone; what was fixed is still sent.
		sp_io::offchain::local_storage_clear(StorageKind::PERSISTENT, VERIFY_ENDPOINT);
		worker();
		assert_eq!(take().encode(), sent.encode());
	});
}

/// The opening of a commitment is nowhere but in the record, and a ballot may be open while the
/// runtime is upgraded. Another form of the record is a further variant; what fails here would be
/// lost with every upgrade.
#[test]
fn records_should_have_the_bytes_that_later_runtimes_read() {
	let signed = |byte: u8| VerifierSignature::decode(&mut &[byte; 64][..]).unwrap();
	let forms = [
		(
			(0u8, true, (8u8, *b"me"), (1u8, [3u8; 64])).encode(),
			Duty::Asked(Asked { taken: true, peer_id: b"me".to_vec(), pass: Some(signed(3)) }),
		),
		(
			(1u8, (8u8, 0u8, 5u8, 1u8), ([4u8; 32], [5u8; 32], [6u8; 32]), [7u8; 64], [8u8; 64])
				.encode(),
			Duty::Answered {
				opening: Opening {
					verdicts: vec![Verdict::Valid, Verdict::Abstain].try_into().unwrap(),
					evidence: Evidence { recipe: 1, hash: Hash::repeat_byte(4) },
					salt: [5; 32],
				},
				commitment: Hash::repeat_byte(6),
				commit_signature: signed(7),
				reveal_signature: signed(8),
			},
		),
	];
	for (bytes, form) in forms {
		assert_eq!(Duty::decode(&mut &bytes[..]).unwrap(), form);
		assert_eq!(form.encode(), bytes);
	}
	let [seed, judged] = [1, 2].map(Hash::repeat_byte);
	let id = DutyId { claim: 9, tranche: 3, seed, judged, key: verifier(0) };
	let name = (9u64, 3u8, [1u8; 32], [2u8; 32], verifier(0)).encode();
	assert_eq!(id.storage_key(), [&b"\x58livepeer/lottery/duty/"[..], &name].concat());
}

#[test]
fn worker_should_say_so_and_ask_anew_when_it_cannot_read_its_record() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		// A form that this runtime does not know.
		let spoil = || put(&duty_key(claim.id, me), &9u8);
		spoil();
		let duty = duty(claim.id, me);
		assert!(recorded(&duty).is_err_and(|reason| reason.contains("another version")));
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::commit_verdict { member: 0, tranche: 0, .. }]));
		assert!(matches!(recorded(&duty), Ok(Some(Duty::Answered { .. }))));
		apply(sent[0].clone()).unwrap();
		others_commit(&claim);
		finalize(System::block_number());
		skip(1);
		let kept = stored(&claim, me);
		spoil();
		worker();
		assert!(take().is_empty(), "nothing else opens the commitment");
		put(&duty_key(claim.id, me), &kept);
		worker();
		assert!(matches!(take()[..], [Call::reveal_verdict { member: 0, .. }]));
	});
}

#[test]
fn worker_should_remove_its_records_when_the_ballot_is_closed_for_good() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		take();
		let key = duty_key(claim.id, me);
		run_to(challenge(claim.id).due);
		assert!(!Ballots::<Test>::contains_key(claim.id));
		finalize(System::block_number() - 3);
		worker();
		assert!(is_stored(&key), "a reorganisation may open the ballot again");
		finalize(System::block_number());
		worker();
		assert!(!is_stored(&key) && !is_stored(b"livepeer/lottery/index"));
	});
}

#[test]
fn worker_should_serve_every_local_key_and_several_challenges() {
	run_node(&[0, 1, 2, 3, 4], |node, take| {
		let claims = [claim(8), claim(4)];
		for claim in &claims {
			to_commit(claim);
		}
		for claim in &claims {
			for (_, member) in crate::Members::<Test>::iter_prefix((claim.id, 0)) {
				let me = number_of(&member.account);
				expect(node, &task(claim, me, PATIENCE), done(claim));
			}
		}
		worker();
		let mut committed = 0;
		for call in take() {
			apply(call).unwrap();
			committed += 1;
		}
		assert_eq!(committed, 6);
		for claim in &claims {
			assert_eq!(Lottery::challenge(claim.id).unwrap().stage, ChallengeStage::VerdictReveal);
		}
		finalize(System::block_number());
		skip(1);
		worker();
		let sent = take();
		assert_eq!(sent.len(), 6);
		for call in sent {
			apply(call).unwrap();
		}
		skip(1);
		for claim in &claims {
			let outcome = Lottery::challenge(claim.id).unwrap().outcome;
			assert_eq!(outcome, Some(livepeer_primitives::claim::Outcome::Accepted));
		}
	});
}

#[test]
fn worker_should_stay_silent_at_first_when_the_service_cannot_judge() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		let wrong_count = VerifyStatus::Done {
			verdicts: vec![Verdict::Valid; 16].try_into().unwrap(),
			evidence: Evidence { recipe: 1, hash: Hash::zero() },
		};
		let unable = VerifyStatus::Unable { reason: b"another toolchain".to_vec() };
		for answer in [wrong_count.encode(), unable.encode(), b"?".to_vec(), vec![]] {
			node.0.write().requests.clear();
			node.0.write().expect_request(PendingRequest {
				method: "POST".into(),
				uri: "http://127.0.0.1:7936/v1/verify".into(),
				headers: vec![("Authorization".into(), "Bearer secret".into())],
				body: task(&claim, me, PATIENCE).encode(),
				sent: true,
				response: Some(answer),
				..Default::default()
			});
			worker();
			assert!(take().is_empty());
		}
	});
}

#[test]
fn worker_should_abstain_when_the_service_still_cannot_judge_after_half_of_the_time() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		let unable = || VerifyStatus::Unable { reason: b"another toolchain".to_vec() };
		expect(node, &task(&claim, me, PATIENCE), unable());
		worker();
		assert!(take().is_empty());
		skip(Ballots::<Test>::get(claim.id).unwrap().asking_until() - Lottery::now());
		expect(node, &task(&claim, me, patience_left(&claim)), unable());
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::commit_verdict { tranche: 0, member: 0, .. }]));
		apply(sent[0].clone()).unwrap();
		for member in 1..3 {
			commit(claim.id, 0, member, &opening(claim.id, Verdict::Valid)).unwrap();
		}
		finalize(System::block_number());
		skip(1);
		worker();
		let sent = take();
		let [Call::reveal_verdict { opening, .. }] = &sent[..] else { panic!("a reveal") };
		assert!(opening.verdicts.iter().all(|verdict| *verdict == Verdict::Abstain));
		apply(sent[0].clone()).unwrap();
	});
}

fn expect_toolchains(node: &TestOffchainExt, anew: Option<u32>, answer: ToolchainsAnswer) {
	node.0.write().expect_request(PendingRequest {
		method: "POST".into(),
		uri: "http://127.0.0.1:7936/v1/toolchains".into(),
		headers: vec![("Authorization".into(), "Bearer secret".into())],
		body: ToolchainsQuestion { anew }.encode(),
		sent: true,
		response: Some(answer.encode()),
		..Default::default()
	});
}

#[test]
fn worker_should_attest_once_in_a_window_what_its_service_lacks() {
	run_node(&[2], |node, take| {
		let all = (0..3).map(|i| (validator(i), verifier(i))).collect();
		Verifiers::<Test>::put(BoundedVec::truncate_from(all));
		run_to(10);
		expect_toolchains(node, None, ToolchainsAnswer::Made { toolchains: vec![] });
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::attest { window: 1, .. }]));
		apply(sent[0].clone()).unwrap();
		assert_eq!(Lottery::attestation(validator(2)).unwrap().lacking[..], [toolchain()]);
		// The service is not even asked.
		skip(1);
		worker();
		assert!(take().is_empty());
		let made = || ToolchainsAnswer::Made { toolchains: vec![Hash::zero(), toolchain()] };
		for window in [2, 3] {
			run_to(10 * window);
			expect_toolchains(node, None, made());
			worker();
			let sent = take();
			// In the second one there is nothing to attest.
			assert_eq!(sent.len(), usize::from(window == 2));
			sent.into_iter().for_each(|call| apply(call).unwrap());
			assert_eq!(Lottery::attestation(validator(2)), None);
		}
	});
}

#[test]
fn worker_should_have_golden_vectors_made_anew_when_its_judge_is_chilled_until_it_attests() {
	run_node(&[2], |node, take| {
		let toolchains = BoundedVec::truncate_from(vec![toolchain()]);
		let owed = Some(Owed { toolchains, until: 1 });
		let attestation = Attestation { owed, ..Default::default() };
		// Of another node's judge it says nothing.
		for i in [2, 3] {
			Attestations::<Test>::insert(validator(i), attestation.clone());
			CHILLED.mutate(|all| all.insert(validator(i), UNTIL_ATTESTED));
		}
		run_to(10);
		expect_toolchains(node, Some(0), ToolchainsAnswer::Making);
		worker();
		assert!(take().is_empty());
		skip(1);
		let toolchains = vec![toolchain()];
		expect_toolchains(node, Some(0), ToolchainsAnswer::Made { toolchains });
		worker();
		let sent = take();
		assert_eq!(sent.len(), 1);
		apply(sent[0].clone()).unwrap();
		assert_eq!(CHILLED.get().get(&validator(2)), Some(&1));
		assert_eq!(CHILLED.get().get(&validator(3)), Some(&UNTIL_ATTESTED));
	});
}

#[test]
fn worker_should_ask_on_the_chain_for_what_its_service_lacks() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Lacking);
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::ask_data { tranche: 0, member: 0, .. }]));
		apply(sent[0].clone()).unwrap();
		assert_eq!(Lottery::asking(claim.id), [validator(me)]);
		// Once.
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Lacking);
		worker();
		assert!(take().is_empty());
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		assert!(matches!(take()[..], [Call::commit_verdict { .. }]));
	});
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
		worker();
		// Too late for the holders of the bytes.
		skip(Ballots::<Test>::get(claim.id).unwrap().asking_until() - Lottery::now());
		expect(node, &task(&claim, me, patience_left(&claim)), VerifyStatus::Lacking);
		worker();
		assert!(take().is_empty());
	});
}

/// A service that restarted has forgotten what it took. With its whole patience again it would wait
/// for bytes that never come until its verdict is too late, and be fined for its silence.
#[test]
fn attack_bytes_withheld_while_the_service_restarts() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
		worker();
		// Half of the phase is over.
		skip(6);
		expect(node, &task(&claim, me, PATIENCE / 2), VerifyStatus::Working);
		worker();
		assert!(take().is_empty());
	});
}

#[test]
fn worker_should_do_nothing_when_it_has_no_duty_or_another_run_is_at_work() {
	run_node(&[], |_, take| {
		judged();
		worker();
		assert!(take().is_empty());
	});
	run_node(&[9], |_, take| {
		judged();
		worker();
		assert!(take().is_empty());
	});
	let me = first_member();
	run_node(&[me], |_, take| {
		judged();
		let far = sp_io::offchain::timestamp().add(Duration::from_millis(9_000));
		put(LOCK, &far);
		worker();
		assert!(take().is_empty());
	});
}

#[test]
fn worker_should_not_reveal_when_another_node_committed_with_its_key() {
	let me = first_member();
	run_node(&[me], |_, take| {
		let (claim, _) = judged();
		for member in 0..3 {
			commit(claim.id, 0, member, &opening(claim.id, Verdict::Valid)).unwrap();
		}
		finalize(System::block_number());
		skip(1);
		worker();
		assert!(take().is_empty());
	});
}

#[test]
fn worker_should_ask_anew_when_a_dispute_opens() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		let index = members(claim.id, 255).iter().position(|a| number_of(a) == me).unwrap();
		// Half of 20 blocks of 2 s.
		expect(node, &task(&claim, me, 20_000), done(&claim));
		worker();
		let sent = take();
		let Call::commit_verdict { tranche: 255, member, .. } = sent[0] else { panic!("a commit") };
		assert_eq!(usize::from(member), index);
		apply(sent[0].clone()).unwrap();
	});
}

/// The clock of a judge's machine is hours off, or jumps by hours before each of its steps. Its
/// answers, and the blocks of its answers, are the same as with the right time.
#[test]
fn clock_that_is_off_or_jumps_should_change_nothing_that_a_judge_says() {
	const NOW_MS: u64 = 1_700_000_000_000;
	let me = first_member();
	let story = |clock: &[u64]| {
		let mut said = Vec::new();
		run_node(&[me], |node, take| {
			let mut clock = clock.iter().cycle();
			let mut run = || {
				let now = Timestamp::from_unix_millis(*clock.next().unwrap());
				node.0.write().timestamp = now;
				worker();
				take()
			};
			let (claim, _) = judged();
			expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
			assert!(run().is_empty());
			skip(2);
			expect(node, &task(&claim, me, patience_left(&claim)), done(&claim));
			let sent = run();
			let [Call::commit_verdict { commitment, .. }] = &sent[..] else { panic!("a commit") };
			said.push((System::block_number(), commitment.encode()));
			apply(sent[0].clone()).unwrap();
			others_commit(&claim);
			assert!(run().is_empty(), "its commit is not final");
			finalize(System::block_number());
			skip(1);
			let sent = run();
			let [Call::reveal_verdict { opening, .. }] = &sent[..] else { panic!("a reveal") };
			said.push((System::block_number(), opening.encode()));
			apply(sent[0].clone()).unwrap();
		});
		said
	};
	let right = story(&[NOW_MS]);
	assert_eq!(right.len(), 2);
	for clock in [
		&[0][..],
		&[NOW_MS - 5 * HOUR_MS],
		&[NOW_MS + 5 * HOUR_MS],
		&[NOW_MS, NOW_MS + 5 * HOUR_MS, NOW_MS - 5 * HOUR_MS],
		&[2 * NOW_MS, NOW_MS, 0, NOW_MS + 60_000],
	] {
		assert_eq!(story(clock), right, "{clock:?}");
	}
}

/// A node was killed in the middle of a run while its clock was ahead, and the clock was then
/// corrected. If what that run left were believed, the judge would be silent for hours.
#[test]
fn lock_of_a_clock_that_was_ahead_should_hold_nobody_up() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		let now = sp_io::offchain::timestamp();
		put(LOCK, &now.add(Duration::from_millis(3 * HOUR_MS)));
		expect(node, &task(&claim, me, PATIENCE), done(&claim));
		worker();
		assert!(matches!(take()[..], [Call::commit_verdict { .. }]));
		assert!(!is_stored(LOCK));
		// Nor does a run that began before the clock was set back ask for hours.
		let mut run =
			crate::offchain::Run { now: 1, height: 1, finalized: None, until: None, full: false };
		node.0.write().timestamp = now.add(Duration::from_millis(3 * HOUR_MS));
		assert!(run.may_ask(false));
		node.0.write().timestamp = now;
		assert!(!run.may_ask(false));
	});
}

/// Node and service are killed at each point of a duty: after the request; once the answer is
/// fixed, before anybody has it; when the commit is in no block yet; after that; and in the middle
/// of the reveal phase. What was in the pool is lost, and the holder of the lock does not come
/// back. The judge says what it had fixed, in time, and requests nothing anew.
#[test]
fn judge_killed_at_any_point_of_a_duty_should_say_one_thing_and_in_time() {
	let me = first_member();
	for killed in 0..5 {
		run_node(&[me], |node, take| {
			let (claim, _) = judged();
			let kill = |point: u32| {
				if point != killed {
					return;
				}
				take();
				let now = sp_io::offchain::timestamp();
				put(LOCK, &now.add(Duration::from_millis(10_000)));
				worker();
				assert!(take().is_empty(), "nobody knows yet that the run is dead");
				node.0.write().timestamp = now.add(Duration::from_millis(10_001));
			};
			expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
			worker();
			kill(0);
			skip(1);
			expect(node, &task(&claim, me, patience_left(&claim)), done(&claim));
			worker();
			let sent = take();
			assert!(matches!(sent[..], [Call::commit_verdict { .. }]));
			kill(1);
			for point in [2, 3] {
				skip(1);
				worker();
				assert_eq!(take().encode(), sent.encode());
				if point == 3 {
					apply(sent[0].clone()).unwrap();
				}
				kill(point);
			}
			worker();
			assert!(take().is_empty(), "it is committed");
			others_commit(&claim);
			finalize(System::block_number());
			skip(1);
			worker();
			let revealed = take();
			assert!(matches!(revealed[..], [Call::reveal_verdict { .. }]));
			kill(4);
			skip(1);
			worker();
			assert_eq!(take().encode(), revealed.encode());
			apply(revealed[0].clone()).unwrap();
			let member = crate::Members::<Test>::get((claim.id, 0, 0)).unwrap();
			let Answer::Revealed { verdicts, .. } = member.answer else { panic!("it revealed") };
			assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Valid));
		});
	}
}

/// The best chain changes in the middle of a duty: to one without the commit, to one whose ballot
/// has another seed, and back.
#[test]
fn judge_should_say_on_each_fork_what_it_has_said_there() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let on_a_fork = |steps: &dyn Fn()| {
			let left: Result<(), DispatchError> = with_transaction(|| {
				steps();
				TransactionOutcome::Rollback(Ok(()))
			});
			left.unwrap();
		};
		let (claim, _) = judged();
		let first = std::cell::RefCell::new(Vec::new());
		on_a_fork(&|| {
			expect(node, &task(&claim, me, PATIENCE), done(&claim));
			worker();
			*first.borrow_mut() = take();
			apply(first.borrow()[0].clone()).unwrap();
			worker();
			assert!(take().is_empty());
		});
		worker();
		assert_eq!(take().encode(), first.borrow().encode(), "it is not in this chain");
		on_a_fork(&|| {
			Ballots::<Test>::mutate(claim.id, |ballot| {
				ballot.as_mut().unwrap().seed = Hash::repeat_byte(0xf0)
			});
			expect(node, &task(&claim, me, PATIENCE), done(&claim));
			worker();
			let sent = take();
			assert_ne!(sent.encode(), first.borrow().encode());
			apply(sent[0].clone()).unwrap();
		});
		worker();
		let sent = take();
		assert_eq!(sent.encode(), first.borrow().encode(), "and nothing is asked anew");
		apply(sent[0].clone()).unwrap();
	});
}

/// Several blocks of a phase arrive at once, as after a lost connection, so the worker runs in few
/// of them.
#[test]
fn duty_should_be_done_by_a_node_that_misses_nearly_all_of_each_phase() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
		worker();
		run_to(challenge(claim.id).due - 1);
		// The last block: what patience there is at the least.
		expect(node, &task(&claim, me, 2_000), done(&claim));
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::commit_verdict { .. }]));
		apply(sent[0].clone()).unwrap();
		run_to(challenge(claim.id).due);
		run_to(challenge(claim.id).due - 1);
		worker();
		let sent = take();
		assert!(matches!(sent[..], [Call::reveal_verdict { .. }]));
		apply(sent[0].clone()).unwrap();
	});
	// A run that misses a whole phase says nothing in the next one.
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		expect(node, &task(&claim, me, PATIENCE), VerifyStatus::Working);
		worker();
		for place in 1..members(claim.id, 0).len() {
			commit(claim.id, 0, place as u16, &opening(claim.id, Verdict::Valid)).unwrap();
		}
		run_to(challenge(claim.id).due);
		worker();
		assert!(take().is_empty());
	});
}

/// Whatever keeps the service from answering: a run finds out with one request, in the time of one.
/// When the service answers, all duties are done.
#[test]
fn judge_should_wait_for_a_service_that_is_out_of_reach_and_answer_when_it_is_back() {
	run_node(&[0, 1, 2, 3, 4], |node, take| {
		let claims = [claim(8), claim(4)];
		for claim in &claims {
			to_commit(claim);
		}
		for line in [Line::Refused, Line::Silent, Line::Broken] {
			LINE.set(line);
			ASKED.set(0);
			let before = sp_io::offchain::timestamp();
			worker();
			assert!(take().is_empty());
			assert_eq!(ASKED.get(), 1, "to ask for the other duties is as vain");
			let waited = sp_io::offchain::timestamp().diff(&before);
			assert!(waited <= Duration::from_millis(500), "{waited:?}");
		}
		LINE.set(Line::Up);
		for claim in &claims {
			for (_, member) in crate::Members::<Test>::iter_prefix((claim.id, 0)) {
				expect(node, &task(claim, number_of(&member.account), PATIENCE), done(claim));
			}
		}
		worker();
		assert_eq!(take().len(), 6);
	});
}

/// What a service that could not have the bytes of the first leaf answers.
fn without_the_first(claim: &TestClaim) -> VerifyStatus {
	let mut verdicts = vec![Verdict::Valid; drawn(claim).len()];
	verdicts[0] = UNAVAILABLE;
	let evidence = Evidence { recipe: 1, hash: Hash::repeat_byte(2) };
	VerifyStatus::Done { verdicts: verdicts.try_into().unwrap(), evidence }
}

/// Services of judges are down, or at capacity with others' claims, until a phase is almost over.
/// Then there is no time to get anything, even from a transcoder that serves as it should. If they
/// called that Unavailable, two thirds of them would convict a transcoder that did nothing wrong.
#[test]
fn attack_judges_kept_busy_until_there_is_no_time_for_the_bytes() {
	let me = first_member();
	run_node(&[me], |node, take| {
		let (claim, _) = judged();
		skip(Ballots::<Test>::get(claim.id).unwrap().asking_until() - Lottery::now());
		let question = task(&claim, me, patience_left(&claim));
		expect(node, &question, without_the_first(&claim));
		worker();
		assert!(matches!(take()[..], [Call::commit_verdict { .. }]));
		let said = fixed(&claim, me);
		assert_eq!(said[0], Verdict::Abstain);
		assert!(said[1..].iter().all(|verdict| *verdict == Verdict::Valid));
	});
	// A judge that has asked anybody for the bytes says that nobody gave them, even if its service
	// gave up before that was in a block.
	let lacking: fn(&TestClaim) -> VerifyStatus = |_| VerifyStatus::Lacking;
	for status in [lacking, without_the_first] {
		run_node(&[me], |node, take| {
			let (claim, _) = judged();
			expect(node, &task(&claim, me, PATIENCE), status(&claim));
			worker();
			let sent = take();
			assert!(matches!(sent[..], [Call::ask_data { .. }]));
			apply(sent[0].clone()).unwrap();
			skip(6);
			expect(node, &task(&claim, me, patience_left(&claim)), without_the_first(&claim));
			worker();
			assert!(matches!(take()[..], [Call::commit_verdict { .. }]));
			assert_eq!(fixed(&claim, me)[0], UNAVAILABLE);
		});
	}
}
