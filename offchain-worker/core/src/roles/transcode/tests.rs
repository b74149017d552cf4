#![allow(clippy::unwrap_used)]
use std::{cell::Cell, rc::Rc};

use super::{
	claiming::{REFUSALS, RESEND_BLOCKS},
	*,
};
use crate::{
	fakes::{
		rendition, segment_info, simulate, FakeChain, FakeEngine, FakeNet, FakeOpening,
		MemoryStore, Recorder, Sim, GENESIS, PLENTY,
	},
	key::Key,
	lock,
	ports::{
		chain::{At, Call, Refused, Wait},
		events::{Event, Warning},
		store::{Claims, Receipts},
		transport::SegmentRecord,
	},
};
use livepeer_primitives::{
	api::ClaimTerms,
	claim::Outcome,
	keys::{Purpose, VerifierPair},
	leaf::Leaf,
	params::VerificationTerms,
	receipt::{Receipt, TranscodeResult},
	segment::{stream_id, SegmentHeader},
	variant::{choice, VariantPlace},
	verdict::Pass,
	video::{SourceLimits, LONGEST_SEGMENT},
	work::fee,
	BlockNumber, Hash, UNIT,
};

struct Story {
	chain: FakeChain,
	store: MemoryStore,
	events: Recorder,
	broadcaster: Key,
	key: Key,
	job: JobId,
	sim: Sim,
}

impl Story {
	async fn new(sim: &Sim) -> Self {
		let story = Self {
			sim: sim.clone(),
			chain: FakeChain::default(),
			store: MemoryStore::default(),
			events: Recorder::default(),
			broadcaster: Key::from_uri("//Broadcaster").unwrap(),
			key: Key::from_uri("//Transcoder").unwrap(),
			job: 1,
		};
		story.role(FakeEngine::default()).register(&FakeNet::record("t")).await.unwrap();
		let call = Call::CreateJob {
			broadcaster: story.broadcaster.account(),
			name: "demo".into(),
			ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
			limits: SourceLimits::new(128, 72, 30),
			max_price: UNIT,
			end: 100,
			budget: PLENTY,
		};
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(call, Wait::InBlock).await.unwrap();
		story.role(FakeEngine::default()).registration.refresh().await.unwrap();
		story
	}

	/// The role over the same store, as after a restart.
	fn role(&self, engine: FakeEngine) -> TranscodeRole {
		let config = TranscodeConfig {
			price: UNIT / 1000,
			reward_cut: Perbill::from_percent(10),
			fee_share: Perbill::from_percent(50),
			capacity: 2,
			parallel: 2,
			queue: 2,
			claim_leaves: 4,
			claim_wait_ms: 3_600_000,
			claim_worth: 20,
			gap_wait_ms: 3_600_000,
		};
		self.role_with(Keyring::own(self.key.clone()), Some(self.key.clone()), engine, config)
	}

	fn role_with(
		&self,
		keys: Keyring,
		own: Option<Key>,
		engine: FakeEngine,
		config: TranscodeConfig,
	) -> TranscodeRole {
		TranscodeRole::new(
			keys,
			Arc::new(self.chain.client(own)),
			Arc::new(self.store.clone()),
			Arc::new(engine),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
			config,
		)
	}

	/// The role over a copy of the folder.
	fn over(&self, store: &MemoryStore) -> TranscodeRole {
		let own = Some(self.key.clone());
		TranscodeRole::new(
			Keyring::own(self.key.clone()),
			Arc::new(self.chain.client(own)),
			Arc::new(store.clone()),
			Arc::new(FakeEngine::default()),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
			self.role(FakeEngine::default()).parts.config.clone(),
		)
	}

	/// Opens another job of the same broadcaster.
	async fn another_job(&self, name: &str) {
		let call = Call::CreateJob {
			broadcaster: self.broadcaster.account(),
			name: name.into(),
			ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
			limits: SourceLimits::new(128, 72, 30),
			max_price: UNIT,
			end: 10_000,
			budget: PLENTY,
		};
		let client = self.chain.client(Some(self.broadcaster.clone()));
		client.submit(call, Wait::InBlock).await.unwrap();
	}

	/// A segment of another of its jobs.
	fn signed_for(&self, job: JobId, name: &str, seq: Seq) -> SignedHeader {
		let mut signed = self.signed(seq, &bytes(seq));
		signed.header.stream = stream_id(&self.broadcaster.account(), name);
		signed.header.job = job;
		let own = Signing::own(self.broadcaster.clone());
		signed.signature = own.sign(&signed.header.hash());
		signed
	}

	fn warned(&self, what: Warning) -> Vec<String> {
		let text = |event| match event {
			Event::Warned { what: warned, text } if warned == what => Some(text),
			_ => None,
		};
		self.events.events().into_iter().filter_map(text).collect()
	}

	fn signed(&self, seq: Seq, bytes: &[u8]) -> SignedHeader {
		let header = SegmentHeader {
			genesis: GENESIS,
			stream: stream_id(&self.broadcaster.account(), "demo"),
			job: self.job,
			assignment: 0,
			transcoder: self.key.account(),
			seq,
			segment: segment_info(bytes),
		};
		let signature = Signing::own(self.broadcaster.clone()).sign(&header.hash());
		SignedHeader { header, signature }
	}

	async fn send(&self, role: &TranscodeRole, seq: Seq) -> PushReply {
		let bytes = bytes(seq);
		role.push(self.signed(seq, &bytes), bytes).await
	}

	fn head(&self) -> Head {
		*self.chain.client(None).heads().borrow()
	}

	/// What a role does with a new head.
	async fn duties(&self, role: &TranscodeRole) {
		role.claiming.claim_duties(self.head()).await.unwrap();
		for claim in self.store.claims().unwrap() {
			if let Some(id) = claim.id {
				role.claiming.answer(self.head(), id, &claim).await.unwrap();
			}
		}
	}
}

fn bytes(seq: Seq) -> Vec<u8> {
	vec![seq as u8, 5, 6, 7]
}

fn receipt(reply: PushReply) -> Receipt {
	match reply {
		PushReply::Done { receipt, .. } => *receipt,
		other => panic!("{other:?}"),
	}
}

#[test]
fn segment_should_be_transcoded_and_receipted_when_everything_is_right() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let signed = story.signed(0, &bytes(0));
		let PushReply::Done { receipt, signature } = role.push(signed.clone(), bytes(0)).await
		else {
			panic!("not done")
		};
		let record = SegmentRecord { signed, receipt: *receipt, signature };
		let stream = record.header().stream;
		let book = KeyBook::new(Arc::new(story.chain.client(None)), Arc::new(sim.clock.clone()));
		let owner = story.broadcaster.account();
		book.check_record(&record, &stream, &owner, 1).await.unwrap().unwrap();
		let output = record.outputs()[0].unwrap();
		assert_eq!(role.fetch(output.hash).await.unwrap().len() as u32, output.len);
		assert!(
			role.fetch(record.header().segment.in_hash).await.is_some(),
			"the source is kept as well"
		);
	})
}

#[test]
fn receipt_should_be_the_stored_one_when_a_segment_is_sent_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let first = receipt(story.send(&role, 0).await);
		// An engine that would now answer otherwise: only the stored receipt can be the same.
		let restarted = story.role(FakeEngine { black: true, ..Default::default() });
		// A new signature over the same header, as sr25519 makes them.
		let second = receipt(story.send(&restarted, 0).await);
		assert_eq!(first, second);
		let other = [9, 9, 9];
		let reply = restarted.push(story.signed(0, &other), other.to_vec()).await;
		assert_eq!(reply, PushReply::Refused(Refusal::Conflict));
	})
}

#[test]
fn streams_should_stay_in_time_beside_a_legal_job_of_the_largest_pictures() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let mut largest = vec![rendition(4096, 4096, 1_000); 8];
		(0u32..).zip(&mut largest).for_each(|(i, rendition)| rendition.kbps -= i);
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		let small = vec![rendition(64, 36, 100)];
		let names = ["large", "one", "two"];
		for (name, ladder, limits) in [
			(names[0], largest, SourceLimits::new(4096, 4096, 1)),
			(names[1], small.clone(), SourceLimits::new(128, 72, 30)),
			(names[2], small, SourceLimits::new(128, 72, 30)),
		] {
			let call = Call::CreateJob {
				broadcaster: story.broadcaster.account(),
				name: name.into(),
				ladder: ladder.try_into().unwrap(),
				limits,
				max_price: UNIT,
				end: 100,
				budget: PLENTY,
			};
			broadcaster.submit(call, Wait::InBlock).await.unwrap();
		}
		const LARGE: u8 = 0xee;
		let engine = FakeEngine {
			takes: Some((sim.clock.clone(), 300)),
			slow: Some((LARGE, 20_000)),
			..Default::default()
		};
		let config = TranscodeConfig {
			parallel: 2,
			queue: 8,
			capacity: 1_000_000_000,
			claim_leaves: 64,
			..story.role(engine.clone()).parts.config.clone()
		};
		let keys = Keyring::own(story.key.clone());
		let role = Rc::new(story.role_with(keys, None, engine, config));
		role.registration.refresh().await.unwrap();
		let sent = |job: JobId, seq: Seq, bytes: &[u8]| {
			let mut signed = story.signed(seq, bytes);
			let name = names[job as usize - 2];
			signed.header.stream = stream_id(&story.broadcaster.account(), name);
			signed.header.job = job;
			let own = Signing::own(story.broadcaster.clone());
			signed.signature = own.sign(&signed.header.hash());
			signed
		};
		let done = Rc::new(Cell::new(0));
		// As many as its broadcaster may have outstanding, and they come first.
		for seq in 0..6 {
			let bytes = vec![LARGE, seq, 1];
			let signed = sent(2, seq.into(), &bytes);
			let (role, done) = (role.clone(), done.clone());
			sim.spawn(async move {
				if matches!(role.push(signed, bytes).await, PushReply::Done { .. }) {
					done.set(done.get() + 1);
				}
			});
		}
		sim.sleep(1).await;
		for seq in 0..10u8 {
			let start = sim.clock.now_ms();
			for job in [3, 4] {
				let bytes = vec![seq, job as u8];
				let reply = role.push(sent(job, seq.into(), &bytes), bytes).await;
				assert!(matches!(reply, PushReply::Done { .. }), "{reply:?}");
			}
			assert!(sim.clock.now_ms() - start <= 600, "segment {seq} of a stream waited");
			sim.sleep(2_000 - (sim.clock.now_ms() - start)).await;
		}
		// And the large one is served, in its share: none is turned away but those beyond its half of
		// the queue.
		sim.sleep(60_000).await;
		assert_eq!(done.get(), 5);
	})
}

#[test]
fn job_that_makes_the_engine_fail_should_be_left_alone_for_longer_each_time() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let failing = FakeEngine {
			fails_on: Some(7),
			takes: Some((sim.clock.clone(), 1)),
			..Default::default()
		};
		let role = story.role(failing);
		let internal = PushReply::Refused(Refusal::Internal);
		let mut tried = 0;
		let start = sim.clock.now_ms();
		while sim.clock.now_ms() - start < 3_600_000 {
			let before = sim.clock.now_ms();
			assert_eq!(story.send(&role, 7).await, internal);
			tried += u32::from(sim.clock.now_ms() > before);
			sim.sleep(400).await;
		}
		// Nine times within the first 5 minutes or so, then every 5 minutes.
		assert!((15..25).contains(&tried), "{tried}");
		// Another segment that can be made ends it.
		sim.sleep(300_000).await;
		receipt(story.send(&role, 8).await);
		receipt(story.send(&role, 9).await);
	})
}

#[test]
fn segment_should_be_refused_when_a_check_fails() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let good = story.signed(0, &bytes(0));
		let signed = |change: &dyn Fn(&mut SegmentHeader)| {
			let mut header = good.header.clone();
			change(&mut header);
			let signature = Signing::own(story.broadcaster.clone()).sign(&header.hash());
			SignedHeader { header, signature }
		};
		let cases: Vec<(SignedHeader, Vec<u8>, Refusal)> = vec![
			(signed(&|h| h.genesis = Hash::zero()), bytes(0), Refusal::WrongChain),
			(signed(&|h| h.job = 77), bytes(0), Refusal::NotAssigned),
			(signed(&|h| h.assignment = 1), bytes(0), Refusal::NotAssigned),
			(signed(&|h| h.stream = Hash::zero()), bytes(0), Refusal::NotAssigned),
			(
				signed(&|h| h.transcoder = story.broadcaster.account()),
				bytes(0),
				Refusal::NotAssigned,
			),
			(signed(&|h| h.segment.duration = 0), bytes(0), Refusal::BadBytes),
			(signed(&|h| h.segment.duration = LONGEST_SEGMENT + 1), bytes(0), Refusal::BadBytes),
			(signed(&|h| h.segment.track = 1), bytes(0), Refusal::BadBytes),
			(signed(&|h| h.segment.chunk_root = Hash::zero()), bytes(0), Refusal::BadBytes),
			(good.clone(), bytes(1), Refusal::BadBytes),
			(good.clone(), vec![0], Refusal::BadBytes),
		];
		for (signed, bytes, refusal) in cases {
			let header = signed.header.clone();
			let reply = role.push(signed, bytes).await;
			assert_eq!(reply, PushReply::Refused(refusal), "{header:?}");
		}
		let mut forged = good;
		forged.signature = Signing::own(story.key.clone()).sign(&forged.header.hash());
		let reply = role.push(forged, bytes(0)).await;
		assert_eq!(reply, PushReply::Refused(Refusal::BadSignature));
	})
}

/// Strangers ask without end for assignments that are none: a segment of one that is not known yet has its
/// turn among them.
#[test]
fn attack_assignments_of_strangers_looked_up_without_end() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.slow_jobs(&sim.clock, 100);
		let own = story.signed(0, &bytes(0));
		let mut asked: Vec<_> = (0..8).map(|n| story.signed_for(1_000 + n, "x", 0)).collect();
		asked.push(own);
		let answers =
			futures::future::join_all(asked.iter().map(|signed| role.admit(signed))).await;
		let (own, strangers) = answers.split_last().unwrap();
		assert_eq!(*own, Ok(()));
		assert!(strangers.iter().all(|answer| *answer == Err(Refusal::NotAssigned)));
	})
}

#[test]
fn segment_of_an_offer_should_be_transcoded_at_once_and_signed_for_when_it_is_accepted() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.offer(story.job, 1, &story.key.account());
		let (bytes, mut signed) = (bytes(0), story.signed(0, &bytes(0)));
		signed.header.assignment = 1;
		signed.signature = Signing::own(story.broadcaster.clone()).sign(&signed.header.hash());
		let pushed = role.push(signed, bytes);
		let accepted = async {
			sim.sleep(3_000).await;
			let stored = story.store.receipts(story.job, 1, 0, 10).unwrap();
			assert!(stored.is_empty(), "nothing is signed for what is only offered");
			role.registration.refresh().await.unwrap();
		};
		let (reply, ()) = futures::join!(pushed, accepted);
		receipt(reply);
		assert_eq!(story.store.receipts(story.job, 1, 0, 10).unwrap().len(), 1);
	})
}

/// Who is lost leaves many jobs behind, and each offer lapses after a few blocks.
#[test]
fn offers_should_be_accepted_side_by_side() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		for name in ["b", "c", "d", "e", "f", "g", "h", "i"] {
			story.another_job(name).await;
		}
		let role = story.role(FakeEngine::default());
		story.chain.slow_jobs(&sim.clock, 1_000);
		// A look before and one after, for all of them.
		sim.within(2_500, role.registration.refresh()).await.unwrap().unwrap();
		assert_eq!(lock(&role.intake.assigned).len(), 9);
		let accepted = |event: &Event| matches!(event, Event::Accepted { .. });
		assert_eq!(story.events.events().iter().filter(|event| accepted(event)).count(), 9);
	})
}

/// What was made for another rate of variants may lack one.
#[test]
fn segment_of_an_offer_should_be_sent_again_when_it_is_accepted_with_another_rate_of_variants() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.offer(story.job, 1, &story.key.account());
		let (bytes, mut signed) = (bytes(0), story.signed(0, &bytes(0)));
		signed.header.assignment = 1;
		signed.signature = Signing::own(story.broadcaster.clone()).sign(&signed.header.hash());
		let pushed = role.push(signed, bytes);
		let accepted = async {
			sim.sleep(3_000).await;
			role.registration.refresh().await.unwrap();
			let mut assigned = lock(&role.intake.assigned);
			assigned.values_mut().for_each(|one| one.variant_rate = Perbill::from_percent(50));
		};
		let (reply, ()) = futures::join!(pushed, accepted);
		assert!(matches!(reply, PushReply::Busy { .. }), "{reply:?}");
		assert!(story.store.receipts(story.job, 1, 0, 10).unwrap().is_empty());
	})
}

#[test]
fn segment_should_wait_when_all_places_are_taken() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { takes: Some((sim.clock.clone(), 200)), ..Default::default() };
		let role = story.role(engine);
		let replies = futures::future::join_all((0..8).map(|seq| story.send(&role, seq))).await;
		let done = replies.iter().filter(|r| matches!(r, PushReply::Done { .. })).count();
		let busy = replies.iter().filter(|r| matches!(r, PushReply::Busy { .. })).count();
		assert_eq!((done, busy), (4, 4));
	})
}

#[test]
fn segment_should_be_refused_when_the_disk_is_full() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		story.store.fill(true);
		assert_eq!(story.send(&role, 1).await, PushReply::Refused(Refusal::Internal));
		let warned = |event: &Event| matches!(event, Event::Warned { what: Warning::Store, .. });
		assert!(story.events.events().iter().any(warned), "its operator is told");
		story.store.fill(false);
		receipt(story.send(&role, 1).await);
		assert_eq!(story.store.receipts(1, 0, 0, 10).unwrap().len(), 2);
	})
}

#[test]
fn segment_should_be_refused_when_the_allowance_is_used_up() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		role.registration.refresh().await.unwrap();
		{
			let mut assigned = lock(&role.intake.assigned);
			let assigned = assigned.values_mut().next().unwrap();
			assigned.allowance = fee(assigned.view.max_leaf_work, assigned.price) * 2;
		}
		receipt(story.send(&role, 0).await);
		receipt(story.send(&role, 1).await);
		assert_eq!(story.send(&role, 2).await, PushReply::Refused(Refusal::Allowance));
	})
}

#[test]
fn claim_should_be_made_answered_and_closed() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..5 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
		assert_eq!(story.store.cursor(1, 0).unwrap(), 5);
		let claims = story.chain.claims();
		let (id, claim) = claims.iter().next().unwrap();
		assert_eq!((claim.info.first, claim.info.commitment.leaf_count), (0, 5));
		story.chain.draw(*id, H256::repeat_byte(3), 8);
		// Restarted in between: everything needed is in the store.
		let role = story.role(FakeEngine::default());
		story.duties(&role).await;
		let revealed = story.chain.claims()[id].revealed.len();
		assert!(revealed > 1);
		story.duties(&role).await;
		let calls = story.chain.calls();
		let reveals = calls.iter().filter(|c| matches!(c, Call::RevealLeaf { .. })).count();
		assert_eq!(reveals, revealed, "nothing is revealed twice");
		story.chain.decide(*id, Outcome::Accepted);
		story.duties(&role).await;
		story.chain.close(*id);
		story.duties(&role).await;
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0, "nothing is kept of a closed claim");
		let closed = story.events.events().into_iter().any(|event| {
			event == Event::ClaimClosed { claim: *id, outcome: Some("Accepted".into()) }
		});
		assert!(closed);
		// The cursor outlives the claim.
		let late = story.send(&role, 3).await;
		assert_eq!(late, PushReply::Refused(Refusal::TooLate));
	})
}

/// A story with two claims that are final, and the role that made them.
async fn two_claims(sim: &Sim) -> (Story, TranscodeRole, [livepeer_primitives::ClaimId; 2]) {
	let story = Story::new(sim).await;
	let role = story.role(FakeEngine::default());
	for first in [0, 4] {
		for seq in first..first + 4 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
	}
	// Their numbers are noted.
	story.duties(&role).await;
	let claims = story.store.claims().unwrap();
	let ids: Vec<_> = claims.iter().filter_map(|claim| claim.id).collect();
	(story, role, ids.try_into().unwrap())
}

/// Whether something of a claim is revealed.
fn is_revealed(story: &Story, claim: livepeer_primitives::ClaimId) -> bool {
	!story.chain.claims()[&claim].revealed.is_empty()
}

#[test]
fn claims_should_be_answered_side_by_side() {
	simulate(|sim| async move {
		let (story, role, ids) = two_claims(&sim).await;
		for id in ids {
			story.chain.draw(id, H256::repeat_byte(3), 8);
		}
		story.chain.slow_challenges(&sim.clock, 1_000);
		assert!(sim.within(1_500, role.claiming.answer_claims()).await.is_none());
		assert!(ids.iter().all(|id| is_revealed(&story, *id)), "none waits for the other");
	})
}

#[test]
fn claim_should_be_answered_while_another_ones_transactions_hang() {
	simulate(|sim| async move {
		let (story, role, [hanging, other]) = two_claims(&sim).await;
		story.chain.hang(hanging, &sim.clock, 120_000);
		story.chain.draw(hanging, H256::repeat_byte(3), 8);
		serve(&story, role);
		sim.sleep(5_000).await;
		// Drawn while the first one's transactions are on their way.
		story.chain.draw(other, H256::repeat_byte(4), 8);
		sim.sleep(5_000).await;
		assert!(is_revealed(&story, other));
		assert!(!is_revealed(&story, hanging));
		// And the first one is answered when they have come to nothing.
		story.chain.hang_no_more();
		sim.sleep(120_000).await;
		assert!(is_revealed(&story, hanging));
	})
}

#[test]
fn transcoder_should_register_when_the_node_comes_back() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let before = story.chain.calls().len();
		let away = ChainError::Unreachable { url: "ws://node".into(), reason: "restart".into() };
		story.chain.fail_next(away);
		role.register(&FakeNet::record("elsewhere")).await.unwrap();
		assert!(story.chain.calls().len() > before);
		// What the node refuses is no matter of time.
		let refused = ChainError::NotIncluded { call: "x", reason: "no funds".into() };
		story.chain.fail_next(refused);
		assert!(role.register(&FakeNet::record("elsewhere")).await.is_err());
	})
}

#[test]
fn claim_should_be_sent_again_only_when_it_is_not_on_chain() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		let lost = ChainError::NotIncluded { call: "Jobs.claim_work", reason: "dropped".into() };
		story.chain.fail_next(lost);
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		for _ in 0..RESEND_BLOCKS {
			story.chain.block();
		}
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
		// A restart forgets what was sent; the chain remembers.
		let restarted = story.role(FakeEngine::default());
		story.duties(&restarted).await;
		story.duties(&restarted).await;
		assert_eq!(story.chain.claims().len(), 1);
	})
}

#[test]
fn rest_should_be_claimed_when_the_assignment_ends() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		receipt(story.send(&role, 2).await);
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: 1 }, Wait::InBlock).await.unwrap();
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claim = claims.values().next().unwrap();
		assert_eq!((claim.info.first, claim.info.commitment.leaf_count), (0, 3));
		assert_eq!(story.store.claims().unwrap()[0].leaves[1], Leaf::Empty);
	})
}

#[test]
fn claim_should_not_be_made_when_its_fee_is_below_the_smallest() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: 1 }, Wait::InBlock).await.unwrap();
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		assert!(story.store.claims().unwrap().is_empty());
		story.chain.remove_job(1);
		story.duties(&role).await;
		assert_eq!(story.store.blob_count(), 0);
	})
}

/// What a claim of one segment costs to verify, as a part of what it is worth, in percent.
fn set_cost(story: &Story, percent: u128) {
	let mut terms = story.chain.terms();
	let VerificationTerms { committee_size, fee_ratio, .. } = terms.terms;
	let parts = u128::from(committee_size) * u128::from(fee_ratio) * 100;
	terms.terms.verify_price = UNIT / 1000 * percent / parts;
	story.chain.set_terms(terms);
}

#[test]
fn claim_should_wait_until_it_is_worth_its_verification_and_no_longer() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		// A quarter of a long claim's leaves is drawn, and each costs three times what it is worth.
		set_cost(&story, 300);
		for seq in 0..2 {
			receipt(story.send(&role, seq).await);
		}
		sim.clock.sleep_until(sim.clock.now_ms() + 3_600_000).await;
		story.duties(&role).await;
		assert!(
			story.store.claims().unwrap().is_empty(),
			"nothing is signed that would be refused"
		);
		for seq in 2..8 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claim = claims.values().next().unwrap();
		assert_eq!((claim.info.first, claim.info.commitment.leaf_count), (0, 8));
		// The last one is taken at the end, however small.
		for seq in 8..10 {
			receipt(story.send(&role, seq).await);
		}
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: story.job }, Wait::InBlock).await.unwrap();
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 2);
	});
}

/// A broadcaster numbers its segments so that they never come together: none of them is a claim that
/// would be worth its verification alone.
#[test]
fn attack_segments_far_from_each_other_should_be_claimed_for_what_they_are_worth() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		// A pair is worth its verification, but not twice over, as the chain asks of its mean leaf.
		let mut terms = story.chain.terms();
		terms.terms.fee_ratio = 2;
		story.chain.set_terms(terms);
		set_cost(&story, 300);
		for seq in [0, 1, 1_000, 1_001] {
			receipt(story.send(&role, seq).await);
		}
		sim.clock.sleep_until(sim.clock.now_ms() + 3_600_000).await;
		story.duties(&role).await;
		let claims = story.chain.claims();
		let claim = claims.values().next().expect("it does not stand before the other");
		let terms = story.chain.terms().terms;
		let (first, leaves) = (claim.info.first, claim.info.commitment.leaf_count);
		// As long as one leaf of it is drawn.
		assert_eq!((first, leaves), (0, terms.leaves_of(1)));
	});
}

/// What a segment is worth.
fn worth_of_one(story: &Story) -> Balance {
	let leaf = story.store.receipts(1, 0, 0, 1).unwrap()[0].leaf.work();
	fee(leaf, UNIT / 1000)
}

fn set_call_fee(story: &Story, call_fee: Balance) {
	story.chain.set_terms(ClaimTerms { call_fee, ..story.chain.terms() });
}

#[test]
fn claim_should_wait_until_its_call_is_a_small_part_of_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..6 {
			receipt(story.send(&role, seq).await);
		}
		// Half of the fee is its own, and that of seven is more than twenty times what the call costs.
		set_call_fee(&story, worth_of_one(&story) * 13 / 80);
		sim.clock.sleep_until(sim.clock.now_ms() + 3_600_000).await;
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty(), "however long it has waited");
		receipt(story.send(&role, 6).await);
		story.duties(&role).await;
		let claimed = |story: &Story| -> Vec<_> {
			let claims = story.chain.claims();
			claims.values().map(|claim| claim.info.commitment.leaf_count).collect()
		};
		assert_eq!(claimed(&story), [7]);
		// The last one is made as long as it pays its call.
		for seq in 7..9 {
			receipt(story.send(&role, seq).await);
		}
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: story.job }, Wait::InBlock).await.unwrap();
		for _ in 0..3 {
			story.duties(&role).await;
		}
		assert_eq!(claimed(&story), [7, 2]);
	});
}

#[test]
fn claim_should_wait_for_nothing_when_its_operator_says_so() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let config = story.role(FakeEngine::default()).parts.config.clone();
		let config = TranscodeConfig { claim_worth: 0, ..config };
		let keys = Keyring::own(story.key.clone());
		let role = story.role_with(keys, Some(story.key.clone()), FakeEngine::default(), config);
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		set_call_fee(&story, PLENTY);
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	});
}

/// At a price that never pays for the calls a stream must not stop for want of an allowance.
#[test]
fn claim_that_is_not_worth_its_call_should_be_made_before_the_allowance_is_used_up() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		set_call_fee(&story, worth_of_one(&story));
		let view = story.chain.client(None).job(At::Best, 1).await.unwrap().unwrap();
		let largest = fee(view.max_leaf_work, UNIT / 1000);
		story.chain.set_allowance(1, largest * 8);
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty(), "as many may come yet");
		story.chain.set_allowance(1, largest * 7);
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	});
}

#[test]
fn claim_that_does_not_pay_its_call_should_be_given_up_when_the_assignment_ends() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..3 {
			receipt(story.send(&role, seq).await);
		}
		set_call_fee(&story, worth_of_one(&story) * 2);
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: story.job }, Wait::InBlock).await.unwrap();
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0, "nothing is kept of it");
	});
}

#[test]
fn claim_should_wait_until_the_own_bond_backs_it_and_say_so() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let all = story.chain.terms();
		story.chain.set_terms(ClaimTerms { exposed: UNIT, backing: UNIT, ..all });
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
		assert!(
			story.store.claims().unwrap().is_empty(),
			"nothing is signed that would be refused"
		);
		let said = |event: &Event| matches!(event, Event::Warned { text, .. } if text.contains("own bond backs"));
		assert!(story.events.events().iter().any(said));
		// Another claim is decided.
		story.chain.set_terms(ClaimTerms { exposed: 0, backing: UNIT, ..all });
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	});
}

#[test]
fn claim_should_be_given_up_when_the_chain_refuses_it_again_and_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		for refusal in 0..REFUSALS {
			assert_eq!(story.store.claims().unwrap().len(), usize::from(refusal > 0));
			let (call, refused) = ("Jobs.claim_work", Refused::WorkTooLarge);
			story.chain.fail_next(ChainError::Refused { call, refused });
			story.duties(&role).await;
			for _ in 0..RESEND_BLOCKS {
				story.chain.block();
			}
		}
		assert!(story.store.claims().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0);
	})
}

#[test]
fn claim_should_be_kept_when_the_refusal_can_pass() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		for _ in 0..REFUSALS + 1 {
			let refused = Refused::named("System", "CallFiltered");
			story.chain.fail_next(ChainError::Refused { call: "Jobs.claim_work", refused });
			story.duties(&role).await;
			for _ in 0..RESEND_BLOCKS {
				story.chain.block();
			}
		}
		assert!(story.chain.claims().is_empty());
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
	})
}

#[test]
fn claims_should_arrive_in_order_when_the_first_is_lost() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		let lost = ChainError::NotIncluded { call: "Jobs.claim_work", reason: "dropped".into() };
		story.chain.fail_next(lost);
		story.duties(&role).await;
		for seq in 4..8 {
			receipt(story.send(&role, seq).await);
		}
		// The chain would take no claim behind a later one: the first must be there before.
		story.duties(&role).await;
		assert!(story.chain.claims().is_empty());
		for _ in 0..RESEND_BLOCKS {
			story.chain.block();
		}
		for _ in 0..3 {
			story.duties(&role).await;
		}
		let firsts: Vec<Seq> = story.chain.claims().values().map(|c| c.info.first).collect();
		assert_eq!(firsts, [0, 4]);
	})
}

#[test]
fn claim_should_not_be_forgotten_when_the_node_is_behind() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		for seq in 0..4 {
			receipt(story.send(&story.role(FakeEngine::default()), seq).await);
		}
		let role = story.role(FakeEngine::default());
		story.duties(&role).await;
		story.duties(&role).await;
		let height = story.head().finalized;
		let id = story.store.claims().unwrap()[0].id.unwrap();
		// A node that was restored, and the worker restarted beside it.
		story.chain.rewind(1);
		story.chain.close(id);
		let restarted = story.role(FakeEngine::default());
		story.duties(&restarted).await;
		assert_eq!(story.store.claims().unwrap().len(), 1);
		while story.head().finalized < height {
			story.chain.block();
		}
		story.duties(&restarted).await;
		assert!(story.store.claims().unwrap().is_empty());
	})
}

#[test]
fn receipt_should_be_given_again_when_a_claim_covers_the_segment() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let first = receipt(story.send(&role, 0).await);
		for seq in 1..4 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
		role.registration.refresh().await.unwrap();
		// The broadcaster never had the answer, and asks again.
		assert_eq!(receipt(story.send(&role, 0).await), first);
	})
}

#[test]
fn segment_should_be_refused_when_what_it_makes_is_too_large() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let bytes = vec![1; 100_000];
		let reply = role.push(story.signed(0, &bytes), bytes).await;
		assert_eq!(reply, PushReply::Refused(Refusal::TooLarge));
		assert!(story.store.receipts(1, 0, 0, 1).unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0, "nothing is kept before everything is checked");
	})
}

#[test]
fn receipts_should_be_dropped_when_the_job_is_gone() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		story.chain.remove_job(1);
		story.duties(&role).await;
		assert!(story.store.assignments().unwrap().is_empty());
		assert_eq!(story.store.blob_count(), 0);
	})
}

#[test]
fn role_should_not_register_when_its_toolchain_is_not_accepted() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { toolchain: Hash::repeat_byte(1), ..Default::default() };
		let error = story.role(engine).register(&FakeNet::record("t")).await.unwrap_err();
		assert!(matches!(error, TranscodeError::Toolchain(_)));
	})
}

#[test]
fn heartbeat_should_be_sent_in_every_interval() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = Arc::new(story.role(FakeEngine::default()));
		let stop = watch::Sender::new(false);
		let (running, stopped) = (role.clone(), stop.subscribe());
		let task = Rc::new(Cell::new(false));
		let ended = task.clone();
		sim.spawn(async move {
			running.run(stopped).await;
			ended.set(true);
		});
		for _ in 0..40 {
			sim.sleep(2_000).await;
			story.chain.block();
		}
		stop.send(true).unwrap();
		sim.sleep(1).await;
		assert!(task.get());
		let calls = story.chain.calls();
		let beats = calls.iter().filter(|call| matches!(call, Call::Heartbeat(..))).count();
		assert!((5..=8).contains(&beats), "{beats} heartbeats in 40 blocks with an interval of 10");
		let accepted = calls.iter().filter(|call| matches!(call, Call::AcceptJob(..))).count();
		assert_eq!(accepted, 1);
	})
}

#[test]
fn segment_should_be_answered_by_a_signed_rejection_when_it_cannot_be_transcoded() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in 0..3 {
			receipt(story.send(&role, seq).await);
		}
		let damaged = vec![0xff, 1];
		let rejection = receipt(role.push(story.signed(3, &damaged), damaged).await);
		assert!(matches!(rejection.result, TranscodeResult::Rejected(_)));
		story.duties(&role).await;
		story.duties(&role).await;
		let claim = story.store.claims().unwrap().remove(0);
		let rejected =
			livepeer_primitives::params::ProtocolParameters::development().jobs.factors.rejected;
		assert_eq!(claim.leaves[3].work(), rejected, "small, and the same for all");
		// The chain can check what the broadcaster signed, and judges get the bytes.
		story.chain.draw(claim.id.unwrap(), H256::repeat_byte(3), 16);
		story.duties(&role).await;
		let revealed = story.chain.claims()[&claim.id.unwrap()].revealed.clone();
		assert!(revealed.contains_key(&3) || revealed.len() == 3, "{:?}", revealed.keys());
		assert!(role.fetch(segment_info(&[0xff, 1]).in_hash).await.is_some());
	})
}

#[test]
fn duties_should_be_done_when_the_account_is_cold() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let cold = Key::from_uri("//Transcoder").unwrap();
		let [old, new] = ["//Old", "//New"].map(|uri| Key::from_uri(uri).unwrap());
		let account = cold.account();
		let config = || TranscodeConfig {
			claim_leaves: 2,
			..story.role(FakeEngine::default()).parts.config.clone()
		};
		let role = |keys: Vec<Key>| {
			let ring = Keyring::new(account.clone(), keys);
			story.role_with(ring, None, FakeEngine::default(), config())
		};
		let nobody = role(vec![old.clone()]).register(&FakeNet::record("t")).await.unwrap_err();
		assert!(matches!(nobody, TranscodeError::Key(_)), "no key was announced: {nobody}");
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&old]), 1);
		let moved = role(vec![old.clone()]).register(&FakeNet::record("u")).await.unwrap_err();
		assert!(matches!(moved, TranscodeError::Terms(_)), "{moved}");
		role(vec![old.clone()]).register(&FakeNet::record("t")).await.unwrap();

		// Accepted under the first generation, and judged by it to the end.
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		story.chain.remove_job(1);
		let owner = story.broadcaster.account();
		let job = |name: &str| Call::CreateJob {
			broadcaster: owner.clone(),
			name: name.into(),
			ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
			limits: SourceLimits::new(128, 72, 30),
			max_price: UNIT,
			end: 100,
			budget: PLENTY,
		};
		broadcaster.submit(job("demo"), Wait::InBlock).await.unwrap();
		let first = role(vec![old.clone()]);
		first.registration.refresh().await.unwrap();
		let story = Story { job: 2, ..story };
		let generation = |reply| match reply {
			PushReply::Done { signature, .. } => signature.signer.generation,
			other => panic!("{other:?}"),
		};
		assert_eq!(generation(story.send(&first, 0).await), 1);
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&new]), 2);
		let ring = Keyring::new(account.clone(), vec![new, old]);
		let config = TranscodeConfig { claim_leaves: 2, ..first.parts.config.clone() };
		let both = story.role_with(ring, None, FakeEngine::default(), config);
		both.registration.refresh().await.unwrap();
		assert_eq!(generation(story.send(&both, 1).await), 1, "rotated in mid-assignment");
		story.duties(&both).await;
		let claims = story.chain.claims();
		assert_eq!(claims.values().next().map(|claim| claim.info.transcoder_keys), Some(1));
		// The next assignment is accepted under the keys that are new then.
		broadcaster.submit(job("next"), Wait::InBlock).await.unwrap();
		both.registration.refresh().await.unwrap();
		let view = story.chain.client(None).job(crate::ports::chain::At::Best, 3).await.unwrap();
		assert_eq!(view.and_then(|view| view.current).map(|c| c.transcoder_keys), Some(2));
	})
}

/// In a reorganised chain the assignment is accepted after its transcoder has named other keys: what was
/// made before has the variants of another VRF.
#[test]
fn segment_made_by_an_earlier_generation_should_come_into_no_claim_of_a_later_one() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let new = Key::from_uri("//New").unwrap();
		let account = story.key.account();
		let ring = Keyring::new(account.clone(), vec![story.key.clone(), new.clone()]);
		let config = story.role(FakeEngine::default()).parts.config.clone();
		let role = story.role_with(ring, None, FakeEngine::default(), config);
		role.registration.refresh().await.unwrap();
		for seq in 0..2 {
			receipt(story.send(&role, seq).await);
		}
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&new]), 1);
		story.chain.accept_again(story.job);
		role.registration.refresh().await.unwrap();
		for seq in 0..2 {
			assert_eq!(story.send(&role, seq).await, PushReply::Refused(Refusal::Conflict));
		}
		for seq in 2..6 {
			receipt(story.send(&role, seq).await);
		}
		for _ in 0..3 {
			story.duties(&role).await;
			story.chain.block();
		}
		let claims: Vec<_> = story.chain.claims().into_values().map(|claim| claim.info).collect();
		let [claim] = &claims[..] else { panic!("{claims:?}") };
		assert_eq!((claim.first, claim.commitment.leaf_count, claim.transcoder_keys), (2, 4, 1));
		assert_eq!(story.warned(Warning::ClaimLost).len(), 1);
	})
}

/// The same of the broadcaster's keys, which a claim does not name: it would be taken, and its leaves could
/// not be revealed.
#[test]
fn claim_should_not_be_sent_with_leaves_that_are_signed_by_other_keys_than_the_assignments() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		role.registration.refresh().await.unwrap();
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		// The claim is fixed, and does not come through.
		let reason = "the pool is full".to_owned();
		let call = "Jobs.claim_work";
		story.chain.fail_next(ChainError::NotIncluded { call, reason });
		story.duties(&role).await;
		assert_eq!(story.store.claims().unwrap().len(), 1);
		let new = Key::from_uri("//NewBroadcaster").unwrap();
		story.chain.set_keys(&story.broadcaster.account(), Purpose::Segments, &[&new]);
		story.chain.accept_again(story.job);
		for _ in 0..RESEND_BLOCKS {
			story.chain.block();
		}
		story.duties(&role).await;
		assert_eq!(story.store.claims().unwrap(), vec![]);
		assert!(story.chain.claims().is_empty());
		assert_eq!(story.warned(Warning::ClaimLost).len(), 1);
	})
}

/// Has half of all segments forced in what is offered from now on.
fn force_half(story: &Story) {
	let terms = story.chain.terms();
	let variant_rate = Perbill::from_percent(50);
	let terms = VerificationTerms { variant_rate, ..terms.terms };
	story.chain.set_terms(ClaimTerms { terms, ..story.chain.terms() });
}

/// A story whose job 2 has forced variants, and its role.
async fn with_variants(sim: &Sim) -> (Story, TranscodeRole) {
	let story = Story::new(sim).await;
	force_half(&story);
	story.another_job("varied").await;
	let role = story.role(FakeEngine::default());
	role.registration.refresh().await.unwrap();
	(story, role)
}

/// Sends a segment of job 2, and says which variant its output is.
async fn varied(story: &Story, role: &TranscodeRole, seq: Seq) -> Option<u8> {
	let sent = role.push(story.signed_for(2, "varied", seq), bytes(seq)).await;
	let TranscodeResult::Transcoded(outputs) = receipt(sent).result else { panic!("good input") };
	let output = role.fetch(outputs[0].unwrap().hash).await.unwrap();
	// The fake's variants have one byte more, which names the start.
	let plain = bytes(seq).len() + 1;
	output.get(plain).map(|start| start - 0xf0)
}

#[test]
fn forced_segments_should_be_made_with_their_variant_and_no_others() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let stream = stream_id(&story.broadcaster.account(), "varied");
		let ring = Keyring::own(story.key.clone());
		let drawing = ring.drawing(&[], 0).unwrap();
		let mut forced = 0;
		for seq in 0..16 {
			let place = VariantPlace { genesis: GENESIS, stream, job: 2, assignment: 0, seq };
			let choice = choice(&drawing.x(&place).unwrap());
			let due = choice.due(1, Perbill::from_percent(50)).map(|_| choice.start % 4);
			assert_eq!(varied(&story, &role, seq).await, due, "segment {seq}");
			forced += usize::from(due.is_some());
		}
		assert!((1..16).contains(&forced), "{forced}");
		// What was offered before variants were asked for has none.
		let mut plain = receipt(story.send(&role, 0).await);
		for seq in 1..8 {
			let TranscodeResult::Transcoded(outputs) = &plain.result else { panic!("good input") };
			assert_eq!(outputs[0].unwrap().len as usize, bytes(0).len() + 1);
			plain = receipt(story.send(&role, seq).await);
		}
	})
}

/// A claim in job 2 of which some leaves are drawn and revealed.
async fn claim_to_open(story: &Story, role: &TranscodeRole) -> livepeer_primitives::ClaimId {
	for seq in 0..4 {
		varied(story, role, seq).await;
	}
	story.duties(role).await;
	let (id, claim) = story.chain.claims().into_iter().next().unwrap();
	assert_eq!(claim.info.job, 2);
	story.chain.draw(id, H256::repeat_byte(3), 8);
	story.duties(role).await;
	id
}

fn openings(story: &Story) -> usize {
	let calls = story.chain.calls();
	calls.iter().filter(|call| matches!(call, Call::OpenVariants { .. })).count()
}

#[test]
fn variants_should_be_opened_once_it_is_final_that_nobody_commits() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let id = claim_to_open(&story, &role).await;
		let deadline = story.head().best + 1_000;
		let awaited = |is_final| FakeOpening::Awaited { deadline, is_final };
		story.duties(&role).await;
		assert_eq!(openings(&story), 0, "judges can still say something");
		story.chain.await_opening(id, awaited(false));
		for _ in 0..10 {
			story.duties(&role).await;
			story.chain.block();
		}
		assert_eq!(openings(&story), 0, "and could again, were the chain reorganised");
		story.chain.await_opening(id, awaited(true));
		// Restarted in between: nothing else is needed.
		let role = story.role(FakeEngine::default());
		story.duties(&role).await;
		assert_eq!(openings(&story), 1);
		let claim = story.chain.claims().remove(&id).unwrap();
		let FakeOpening::Opened(opened) = &claim.opening else { panic!("{:?}", claim.opening) };
		assert_eq!(opened.len(), claim.drawn_leaves());
		story.duties(&role).await;
		assert_eq!(openings(&story), 1, "once is enough");
		// A reorg takes it back: it is sent again, after a while, and reported once.
		story.chain.await_opening(id, awaited(true));
		story.duties(&role).await;
		assert_eq!(openings(&story), 1, "it may be on its way");
		for _ in 0..RESEND_BLOCKS {
			story.chain.block();
		}
		story.duties(&role).await;
		assert_eq!(openings(&story), 2);
		let events = story.events.events();
		let told =
			|event: &&Event| matches!(event, Event::VariantsOpened { claim, .. } if *claim == id);
		assert_eq!(events.iter().filter(told).count(), 1);
	})
}

#[test]
fn variants_should_be_opened_in_the_second_half_of_the_time_though_nothing_is_final() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let id = claim_to_open(&story, &role).await;
		let deadline = story.head().best + 21;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: false });
		while openings(&story) == 0 {
			assert!(story.head().best < deadline);
			story.duties(&role).await;
			story.chain.block();
		}
		let left = deadline - story.head().best;
		assert!((6..=10).contains(&left), "{left} blocks before the deadline");
	})
}

#[test]
fn opening_that_fails_should_be_tried_again() {
	simulate(|sim| async move {
		let (story, role) = with_variants(&sim).await;
		let id = claim_to_open(&story, &role).await;
		let deadline = story.head().best + 100;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: true });
		let reason = "the pool is full".to_owned();
		let call = "ChallengeLottery.open_variants";
		story.chain.fail_next(ChainError::NotIncluded { call, reason });
		story.duties(&role).await;
		assert_eq!(openings(&story), 0);
		for _ in 0..RESEND_BLOCKS {
			story.chain.block();
		}
		story.duties(&role).await;
		assert_eq!(openings(&story), 1);
		// What the chain refuses is said.
		story.chain.await_opening(id, FakeOpening::Awaited { deadline: 0, is_final: true });
		for _ in 0..RESEND_BLOCKS {
			story.chain.block();
		}
		story.duties(&role).await;
		let said = story.warned(Warning::Refused);
		assert!(said.iter().any(|text| text.contains("open_variants")), "{said:?}");
	})
}

#[test]
fn operator_should_be_told_when_the_key_is_gone_by_which_a_claim_is_to_be_opened() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let [shared, one] = ["//Shared", "//One"].map(|uri| Key::from_uri(uri).unwrap());
		let account = story.key.account();
		let config = story.role(FakeEngine::default()).parts.config.clone();
		let role = |keys: Vec<Key>| {
			let ring = Keyring::new(account.clone(), keys);
			story.role_with(ring, None, FakeEngine::default(), config.clone())
		};
		story.chain.set_keys(&account, Purpose::Duties, &[&shared, &one]);
		force_half(&story);
		story.another_job("varied").await;
		let with = role(vec![one.clone(), shared.clone()]);
		with.registration.refresh().await.unwrap();
		let id = claim_to_open(&story, &with).await;
		let deadline = story.head().best + 1_000;
		story.chain.await_opening(id, FakeOpening::Awaited { deadline, is_final: true });
		story.duties(&role(vec![one])).await;
		assert_eq!(openings(&story), 0);
		let said = story.warned(Warning::Refused);
		assert!(said.iter().any(|text| text.contains("cannot be opened")), "{said:?}");
		// Its file is given again.
		story.duties(&role(vec![shared])).await;
		assert_eq!(openings(&story), 1);
	})
}

/// A pool's machine that lacks the key of variants would make segments that are missed.
#[test]
fn nothing_should_be_accepted_without_the_key_that_draws_variants() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let [shared, one] = ["//Shared", "//One"].map(|uri| Key::from_uri(uri).unwrap());
		let account = story.key.account();
		let config = story.role(FakeEngine::default()).parts.config.clone();
		let role = |keys: Vec<Key>| {
			let ring = Keyring::new(account.clone(), keys);
			story.role_with(ring, None, FakeEngine::default(), config.clone())
		};
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&shared, &one]), 1);
		let without = role(vec![one.clone()]);
		without.register(&FakeNet::record("t")).await.unwrap();
		force_half(&story);
		let missing = without.register(&FakeNet::record("t")).await.unwrap_err();
		assert!(matches!(missing, TranscodeError::Vrf(_)), "{missing}");
		story.another_job("varied").await;
		without.registration.refresh().await.unwrap();
		let toolchain = async || {
			let view = story.chain.client(None).job(At::Best, 2).await.unwrap();
			view.and_then(|view| view.current?.toolchain)
		};
		assert_eq!(toolchain().await, None, "it is not accepted");
		let said = story.warned(Warning::Refused);
		assert!(said.iter().any(|text| text.contains("job 2 is not accepted")), "{said:?}");
		// With it, it signs as its own key and draws by the shared one.
		let with = role(vec![one, shared]);
		with.register(&FakeNet::record("t")).await.unwrap();
		with.registration.refresh().await.unwrap();
		assert!(toolchain().await.is_some());
		// The key is gone: what cannot be forced is not transcoded.
		let reply = without.push(story.signed_for(2, "varied", 0), bytes(0)).await;
		assert_eq!(reply, PushReply::Refused(Refusal::Internal));
		let mut found = 0;
		for seq in 0..8 {
			found += usize::from(varied(&story, &with, seq).await.is_some());
		}
		assert!(found > 0);
	})
}

#[test]
fn segment_should_be_refused_when_it_is_signed_as_another_generation() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let operator = Key::from_uri("//Operator").unwrap();
		let owner = story.broadcaster.account();
		story.chain.set_keys(&owner, Purpose::Segments, &[&operator]);
		let views =
			story.chain.client(None).operator_keys(&owner, Purpose::Segments).await.unwrap();
		let signing = Keyring::new(owner, vec![operator]).signing(&views, 1).unwrap();
		let mut signed = story.signed(0, &bytes(0));
		signed.signature = signing.sign(&signed.header.hash());
		// The assignment was accepted when the account itself signed.
		let reply = role.push(signed, bytes(0)).await;
		assert_eq!(reply, PushReply::Refused(Refusal::BadSignature));
	})
}

fn verifier(uri: &str) -> VerifierPair {
	<VerifierPair as sp_core::Pair>::from_string(uri, None).unwrap()
}

/// The pass of a judge as `uri` signs it.
fn pass(claim: livepeer_primitives::ClaimId, account: &AccountId, uri: &str) -> SignedPass {
	let pass = Pass {
		genesis: GENESIS,
		claim,
		tranche: 0,
		account: account.clone(),
		peer_id: Default::default(),
	};
	let signature = sp_core::Pair::sign(&verifier(uri), pass.payload().as_bytes());
	SignedPass { pass, signature }
}

/// A story with a claim that is final and has a judge, and the role that made it.
async fn judged(sim: &Sim) -> (Story, TranscodeRole, livepeer_primitives::ClaimId, AccountId) {
	let story = Story::new(sim).await;
	let role = story.role(FakeEngine::default());
	for seq in 0..4 {
		receipt(story.send(&role, seq).await);
	}
	story.duties(&role).await;
	story.duties(&role).await;
	let claim = story.store.claims().unwrap()[0].id.unwrap();
	let judge = AccountId::new([5; 32]);
	let public = sp_core::Pair::public(&verifier("//Judge"));
	story.chain.seat(claim, vec![(judge.clone(), public)]);
	(story, role, claim, judge)
}

#[test]
fn judges_should_all_get_the_true_answer_while_who_judges_is_looked_up() {
	simulate(|sim| async move {
		let (story, role, claim, judge) = judged(&sim).await;
		story.chain.slow_challenges(&sim.clock, 500);
		let shown = pass(claim, &judge, "//Judge");
		let asked = futures::future::join_all((0..8).map(|_| role.is_judge(&shown))).await;
		assert_eq!(asked, [true; 8]);
		assert!(!role.is_judge(&pass(claim, &judge, "//Stranger")).await);
		// A node that gives no answer is no sign that nobody judges.
		story.chain.slow_challenges(&sim.clock, 60_000);
		sim.sleep(10_000).await;
		let (before, asked) = (sim.clock.now_ms(), role.is_judge(&shown).await);
		assert!(asked, "who judged a moment ago still does");
		assert!(sim.clock.now_ms() - before <= 2_000, "the wait is bounded");
		// Nor is one that is away when a claim's judges are not known yet.
		let restarted = story.role(FakeEngine::default());
		story.chain.cut(true);
		assert!(!restarted.is_judge(&shown).await);
		story.chain.cut(false);
		story.chain.slow_challenges(&sim.clock, 0);
		sim.sleep(2_000).await;
		assert!(restarted.is_judge(&shown).await, "it comes again, and is let in");
	})
}

#[test]
fn strangers_should_not_be_able_to_have_the_store_searched() {
	simulate(|sim| async move {
		let (story, role, claim, judge) = judged(&sim).await;
		assert!(role.is_judge(&pass(claim, &judge, "//Judge")).await);
		let stream = stream_id(&story.broadcaster.account(), "demo");
		let before = story.store.scans();
		for unknown in 0..50 {
			assert!(!role.is_judge(&pass(1_000 + unknown, &judge, "//Judge")).await);
			assert_eq!(role.newest(Hash::repeat_byte(unknown as u8)).await, None);
			assert!(role.fetch(H256::repeat_byte(unknown as u8)).await.is_none());
		}
		assert_eq!(role.newest(stream).await.map(|signed| signed.header.seq), Some(3));
		assert_eq!(story.store.scans(), before);
		// Also of what is claimed and closed: a broadcaster that lost its store asks for it.
		story.chain.close(claim);
		story.duties(&role).await;
		assert_eq!(role.newest(stream).await.map(|signed| signed.header.seq), Some(3));
		let closed = story.store.scans();
		assert!(!role.is_judge(&pass(claim, &judge, "//Judge")).await, "no longer open");
		assert_eq!(story.store.scans(), closed);
	})
}

#[test]
fn place_should_be_kept_for_judges_of_open_claims_only() {
	simulate(|sim| async move {
		let (_story, role, claim, judge) = judged(&sim).await;
		let shown = |change: &dyn Fn(&mut Pass), by: &str| {
			let mut pass = Pass {
				genesis: GENESIS,
				claim,
				tranche: 0,
				account: judge.clone(),
				peer_id: Default::default(),
			};
			change(&mut pass);
			let signature = sp_core::Pair::sign(&verifier(by), pass.payload().as_bytes());
			SignedPass { pass, signature }
		};
		assert!(role.is_judge(&shown(&|_| (), "//Judge")).await);
		assert!(!role.is_judge(&shown(&|_| (), "//Stranger")).await);
		assert!(!role.is_judge(&shown(&|pass| pass.claim += 1, "//Judge")).await);
		assert!(!role.is_judge(&shown(&|pass| pass.tranche = 1, "//Judge")).await);
		assert!(!role.is_judge(&shown(&|pass| pass.genesis = Hash::zero(), "//Judge")).await);
		let other = AccountId::new([6; 32]);
		assert!(!role.is_judge(&shown(&|pass| pass.account = other.clone(), "//Judge")).await);
	})
}

/// Runs a role as its process does, with a block every 2 s.
fn serve(story: &Story, role: TranscodeRole) -> Rc<Cell<Option<bool>>> {
	let ended = Rc::new(Cell::new(None));
	let (slot, sim, chain) = (ended.clone(), story.sim.clone(), story.chain.clone());
	story.sim.spawn(async move {
		let stop = watch::Sender::new(false);
		let result = role.serve(&FakeNet::record("t"), stop.subscribe()).await;
		slot.set(Some(result.is_ok()));
	});
	story.sim.spawn(async move {
		loop {
			sim.sleep(2_000).await;
			chain.block();
		}
	});
	ended
}

#[test]
fn claims_and_reveals_should_start_at_once_when_registering_waits() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let before = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&before, seq).await);
		}
		story.duties(&before).await;
		story.duties(&before).await;
		let id = story.store.claims().unwrap()[0].id.unwrap();
		for seq in 4..8 {
			receipt(story.send(&before, seq).await);
		}
		// Restarted in the lock period with other terms, while the draw of its claim runs.
		story.chain.lock_terms(true);
		let ring = Keyring::own(story.key.clone());
		let config = TranscodeConfig { price: UNIT / 500, ..before.parts.config.clone() };
		let own = Some(story.key.clone());
		let role = story.role_with(ring, own, FakeEngine::default(), config);
		story.chain.draw(id, H256::repeat_byte(3), 8);
		let ended = serve(&story, role);
		sim.sleep(9_000).await;
		assert!(!story.chain.claims()[&id].revealed.is_empty(), "revealed");
		assert_eq!(story.chain.claims().len(), 2, "claimed");
		let view = |story: &Story| {
			let (chain, account) = (story.chain.client(None), story.key.account());
			async move { chain.transcoder(&account).await.unwrap().unwrap() }
		};
		assert_eq!(view(&story).await.price, UNIT / 1_000);
		let waits =
			|event: &Event| matches!(event, Event::Waits { text } if text.contains("locked"));
		assert!(story.events.events().iter().any(waits));
		story.chain.lock_terms(false);
		sim.sleep(30_000).await;
		assert_eq!(view(&story).await.price, UNIT / 500, "registered when it can be");
		assert_eq!(ended.get(), None);
	})
}

#[test]
fn role_should_end_when_it_cannot_register_and_is_not_needed() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { toolchain: Hash::repeat_byte(1), ..Default::default() };
		let ended = serve(&story, story.role(engine.clone()));
		sim.sleep(5_000).await;
		assert_eq!(ended.get(), Some(false));
		// With a claim it stays for as long as that is open.
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
		story.duties(&role).await;
		let ended = serve(&story, story.role(engine));
		sim.sleep(60_000).await;
		assert_eq!(ended.get(), None);
		story.chain.close(story.store.claims().unwrap()[0].id.unwrap());
		sim.sleep(60_000).await;
		assert_eq!(ended.get(), Some(false));
	})
}

#[test]
fn operator_should_be_told_of_jail_slash_and_a_low_balance() {
	use crate::ports::chain::Free;
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let account = story.key.account();
		let _role = serve(&story, story.role(FakeEngine::default()));
		let warned = |what: Warning| {
			let is = |event: &Event| matches!(event, Event::Warned { what: w, .. } if *w == what);
			story.events.events().iter().any(is)
		};
		sim.sleep(30_000).await;
		assert!(!warned(Warning::Jailed) && !warned(Warning::LowBalance));
		story.chain.jail(&account, true);
		story.chain.leave(&account, Free::default());
		sim.sleep(30_000).await;
		for what in [Warning::Jailed, Warning::StakeFell, Warning::LowBalance] {
			assert!(warned(what), "{what:?}");
		}
		let capacity = || async {
			story.chain.client(None).transcoder(&account).await.unwrap().unwrap().capacity
		};
		assert_eq!(capacity().await, 0);
		story.chain.jail(&account, false);
		sim.sleep(30_000).await;
		assert_eq!(capacity().await, 2, "announced again once it is free");
	})
}

#[test]
fn operator_should_be_told_once_the_toolchain_retires() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine::default();
		let toolchain = engine.toolchain;
		let ended = serve(&story, story.role(engine));
		sim.sleep(30_000).await;
		assert!(story.warned(Warning::Toolchain).is_empty());
		story.chain.retire_toolchain(toolchain);
		sim.sleep(30_000).await;
		assert_eq!(story.warned(Warning::Toolchain).len(), 1);
		assert_eq!(ended.get(), None, "what is open is still answered");
	})
}

#[test]
fn operator_should_be_told_how_a_claim_ended_badly() {
	use crate::ports::events::Warning;
	for (outcome, what) in [
		(Outcome::Failed, Warning::ClaimFailed),
		(Outcome::Missed, Warning::ClaimMissed),
		(Outcome::Void, Warning::ClaimVoid),
	] {
		simulate(move |sim| async move {
			let story = Story::new(&sim).await;
			let role = story.role(FakeEngine::default());
			for seq in 0..4 {
				receipt(story.send(&role, seq).await);
			}
			story.duties(&role).await;
			story.duties(&role).await;
			let id = story.store.claims().unwrap()[0].id.unwrap();
			story.chain.decide(id, outcome);
			story.duties(&role).await;
			story.chain.close(id);
			story.duties(&role).await;
			let is = |event: &Event| matches!(event, Event::Warned { what: w, .. } if *w == what);
			assert!(story.events.events().iter().any(is), "{what:?}");
		})
	}
}

/// A broadcaster numbers its segments so that no two fit into one claim, where one is worth none: they
/// are refused, and what was taken before stands before none that follow.
#[test]
fn attack_segments_numbered_so_far_apart_that_they_are_worth_no_claim() {
	simulate(|sim| async move {
		let claimed = |story: &Story| -> u32 {
			let claims = story.chain.claims();
			claims.values().map(|claim| claim.info.commitment.leaf_count).sum()
		};
		let far = PushReply::Refused(Refusal::TooFar);
		for step in [64, 800] {
			let story = Story::new(&sim).await;
			let role = story.role(FakeEngine::default());
			receipt(story.send(&role, 0).await);
			for n in 1..40 {
				assert_eq!(story.send(&role, n * step).await, far, "{n} * {step}");
			}
			// Nor all at once, or downwards.
			let both = futures::join!(story.send(&role, 5 * step), story.send(&role, 3 * step));
			assert_eq!(both, (far.clone(), far.clone()));
			// What follows is taken, and claimed with the first.
			for seq in 1..12 {
				receipt(story.send(&role, seq).await);
			}
			for _ in 0..20 {
				story.chain.block();
				story.duties(&role).await;
			}
			assert_eq!(claimed(&story), 12);
		}
		// A lone one is given up when nothing came to it for the time that claims wait.
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		assert_eq!(story.send(&role, 1_000).await, far);
		sim.clock.sleep_until(sim.clock.now_ms() + 3_600_000).await;
		for seq in 1_000..1_040 {
			receipt(story.send(&role, seq).await);
		}
		// And the gap behind it, which might still be filled.
		sim.clock.sleep_until(sim.clock.now_ms() + 3_600_000).await;
		for _ in 0..20 {
			story.chain.block();
			story.duties(&role).await;
		}
		assert_eq!(claimed(&story), 40);
	});
}

/// The same at the job's end: what is too small is given up, what follows it is claimed.
#[test]
fn claim_that_is_too_small_should_not_stand_before_others_when_the_job_ends() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		for seq in (1_000..1_012).chain([0]) {
			receipt(story.send(&role, seq).await);
		}
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		broadcaster.submit(Call::EndJob { job: story.job }, Wait::InBlock).await.unwrap();
		for _ in 0..5 {
			story.chain.block();
			story.duties(&role).await;
		}
		let claims = story.chain.claims();
		let claimed: Vec<_> = claims
			.values()
			.map(|claim| (claim.info.first, claim.info.commitment.leaf_count))
			.collect();
		assert_eq!(claimed, [(1_000, 12)]);
		let left = story.store.receipts(story.job, 0, 0, 1).unwrap();
		assert_eq!(left[0].header().seq, 1_000);
	});
}

/// After how many blocks a transcoder ends its assignment: the chain takes that after `idle_from`, and so many
/// segments come, one in twenty blocks. `None` where it does not within a thousand.
async fn ended_after(sim: &Sim, idle_from: BlockNumber, segments: u64) -> Option<BlockNumber> {
	let story = Story::new(sim).await;
	let role = story.role(FakeEngine::default());
	role.registration.refresh().await.unwrap();
	let start = story.head().best;
	story.chain.set_idle_from(start + idle_from);
	for block in 0..1_000 {
		let (seq, rest) = (block / 20, block % 20);
		if rest == 0 && seq < segments {
			receipt(story.send(&role, seq).await);
		}
		story.chain.block();
		role.idle.duties(story.head()).await.unwrap();
		let view = story.chain.client(None).job(At::Best, story.job).await.unwrap();
		if view.unwrap().current.is_none() {
			return Some(story.head().best - start);
		}
	}
	None
}

/// Jobs are opened in which nothing is ever sent, to bind a transcoder's places: it ends them as soon as
/// the chain takes that.
#[test]
fn attack_places_bound_by_jobs_in_which_nothing_is_sent() {
	simulate(|sim| async move {
		let at_once = ended_after(&sim, 0, 0).await.unwrap();
		let (early, late) = (at_once * 3, at_once * 30);
		for idle_from in [early, late] {
			let ended = ended_after(&sim, idle_from, 0).await.unwrap();
			assert!((idle_from..=2 * idle_from + 2).contains(&ended), "{ended} of {idle_from}");
		}
	});
}

/// Segments come now and then that are worth no claim together: they bind the places no longer than anybody
/// else would have to wait to end the assignment, twice the time of its largest claim.
#[test]
fn attack_places_bound_by_segments_that_are_worth_no_claim() {
	simulate(|sim| async move {
		let none = ended_after(&sim, 0, 0).await.unwrap();
		let one = ended_after(&sim, 0, 1).await.unwrap();
		assert!((8 * none..=16 * none).contains(&one), "{one}, and {none} where nothing came");
		assert_eq!(ended_after(&sim, 0, 6).await, Some(one));
	});
}

#[test]
fn old_copy_of_a_folder_should_sign_only_for_what_is_accepted_from_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		let copy = story.store.backup();
		receipt(story.send(&role, 1).await);
		// The machine is lost, and an hour later the copy is put in its place.
		sim.sleep(3_600_000).await;
		let restored = story.over(&copy);
		let refused = PushReply::Refused(Refusal::NotServed);
		assert_eq!(story.send(&restored, 1).await, refused, "it does not know what it signed");
		assert_eq!(story.send(&restored, 2).await, refused);
		let said = story.warned(Warning::Restored);
		assert!(said.iter().any(|text| text.contains("may be an old copy")), "{said:?}");
		// A second start believes no more than the first.
		sim.sleep(1_000).await;
		let restored = story.over(&copy);
		assert_eq!(story.send(&restored, 2).await, refused);
		// What it accepts itself it serves, also after another start.
		story.another_job("two").await;
		restored.registration.refresh().await.unwrap();
		receipt(restored.push(story.signed_for(2, "two", 0), bytes(0)).await);
		assert_eq!(story.send(&restored, 2).await, refused);
		let restored = story.over(&copy);
		receipt(restored.push(story.signed_for(2, "two", 1), bytes(1)).await);
		assert_eq!(story.send(&restored, 2).await, refused);
		// Put back once more, it knows nothing of that either.
		sim.sleep(3_600_000).await;
		let restored = story.over(&copy);
		assert_eq!(restored.push(story.signed_for(2, "two", 2), bytes(2)).await, refused);
	})
}

#[test]
fn folder_should_be_believed_again_when_nothing_of_before_is_left() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		sim.sleep(3_600_000).await;
		let role = story.role(FakeEngine::default());
		let refused = PushReply::Refused(Refusal::NotServed);
		assert_eq!(story.send(&role, 0).await, refused);
		role.register(&FakeNet::record("t")).await.unwrap();
		role.registration.refresh().await.unwrap();
		assert_eq!(story.send(&role, 0).await, refused, "its job of before is still there");
		story.chain.remove_job(1);
		role.registration.refresh().await.unwrap();
		// Accepted, and the answer was lost: only who knows all may sign for it.
		story.another_job("two").await;
		let other = story.over(&MemoryStore::default());
		other.registration.refresh().await.unwrap();
		role.registration.refresh().await.unwrap();
		receipt(role.push(story.signed_for(2, "two", 0), bytes(0)).await);
	})
}

#[test]
fn folder_without_a_node_that_is_up_to_date_should_not_be_believed_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		sim.sleep(3_600_000).await;
		// The node still syncs, and knows of no job; nothing of its own has become final.
		let role = story.role(FakeEngine::default());
		story.chain.remove_job(1);
		role.registration.refresh().await.unwrap();
		story.another_job("two").await;
		story.over(&MemoryStore::default()).registration.refresh().await.unwrap();
		role.registration.refresh().await.unwrap();
		let reply = role.push(story.signed_for(2, "two", 0), bytes(0)).await;
		assert_eq!(reply, PushReply::Refused(Refusal::NotServed));
	})
}

#[test]
fn nothing_should_be_signed_when_the_chain_has_claims_that_the_folder_does_not_know() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let copy = story.store.backup();
		let role = story.role(FakeEngine::default());
		for seq in 0..4 {
			receipt(story.send(&role, seq).await);
		}
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
		// At once: too soon for the time to say anything.
		let restored = story.over(&copy);
		restored.registration.refresh().await.unwrap();
		let refused = PushReply::Refused(Refusal::NotServed);
		assert_eq!(story.send(&restored, 4).await, refused);
		story.duties(&restored).await;
		let said = story.warned(Warning::Restored);
		assert!(said.iter().any(|text| text.contains("claimed up to 4 on chain")), "{said:?}");
		let lost = story.warned(Warning::ClaimLost);
		assert!(
			lost.iter().any(|text| text.contains("has nothing to answer with: 1.")),
			"{lost:?}"
		);
		// The folder itself goes on.
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 4).await);
	})
}

#[test]
fn folder_should_be_believed_when_its_role_ran_a_short_while_ago() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let (stop, stopped) = watch::channel(false);
		let role = Rc::new(story.role(FakeEngine::default()));
		let running = role.clone();
		sim.spawn(async move { running.run(stopped).await });
		// However long it runs without a block.
		sim.sleep(7_200_000).await;
		stop.send_replace(true);
		sim.sleep(crate::recall::LEFT_MS - 60_000).await;
		receipt(story.send(&story.role(FakeEngine::default()), 0).await);
	})
}
