#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{
		output, rendition, segment_info, simulate, BeforeTransport, FakeChain, FakeEngine, FakeNet,
		FakeTransport, MemoryStore, Recorder, Sim, SimClock, GENESIS,
	},
	key::Key,
	ports::{
		chain::{Call, Chain, Wait},
		engine::{Pixels, Variant},
		events::NoEvents,
		store::{Blobs, Values},
		transport::{ChunkRange, Chunks, Playlist, PushReply, Refusal, Service, SignedHeader},
	},
	roles::broadcast::Origin,
};
use livepeer_primitives::{
	extension::Extensions,
	keys::VerifierPair,
	receipt::{Outputs, RejectReason},
	verdict::{NonConformingKind, DISPUTE},
	video::SourceLimits,
	work::WorkFactors,
	Seq, StreamId,
};
use std::sync::atomic::{AtomicUsize, Ordering};

const FACTORS: WorkFactors = WorkFactors::canonical(1_000, 250, 77);

struct Story {
	net: FakeNet,
	/// The transcoder's store.
	theirs: MemoryStore,
	/// The verifier's.
	ours: MemoryStore,
	events: Recorder,
	sim: Sim,
}

impl Story {
	fn new(sim: &Sim) -> Self {
		let story = Self {
			sim: sim.clone(),
			net: FakeNet::new(),
			theirs: MemoryStore::default(),
			ours: MemoryStore::default(),
			events: Recorder::default(),
		};
		story.net.serve("t", Arc::new(Origin::new(Arc::new(story.theirs.clone()))));
		story
	}

	fn role(&self, engine: FakeEngine) -> VerifyRole {
		self.role_with(vec![engine])
	}

	fn role_with(&self, engines: Vec<FakeEngine>) -> VerifyRole {
		let engines = engines.into_iter().map(|engine| Arc::new(engine) as Arc<dyn MediaEngine>);
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(self.ours.clone()),
			Arc::new(self.net.end("v")),
			engines.collect(),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
			2,
		)
		.unwrap();
		self.sim.spawn(runner.run());
		role
	}

	/// A leaf whose bytes the transcoder serves, made by `engine`.
	async fn leaf(&self, engine: &FakeEngine, index: u32) -> VerifyLeaf {
		self.varied(engine, index, &[]).await
	}

	/// Such a leaf with variants in it.
	async fn varied(&self, engine: &FakeEngine, index: u32, variants: &[Variant]) -> VerifyLeaf {
		let input = vec![index as u8, 1, 2, 3];
		let mut made = engine.transcode(&format(), &input, None).await.unwrap();
		for variant in variants {
			let varied = engine.transcode(&format(), &input, Some(*variant)).await.unwrap();
			let place = usize::from(variant.rendition);
			made.outputs[place] = varied.outputs[place].clone();
		}
		let mut outputs = Outputs::default();
		for bytes in &made.outputs {
			self.theirs.put(bytes).unwrap();
			outputs.try_push(Some(output(bytes))).unwrap();
		}
		self.theirs.put(&input).unwrap();
		let leaf = Leaf::Transcoded {
			segment: segment_info(&input),
			outputs,
			work: made.pixels.work(&FACTORS, &format().ladder, |_| true).unwrap(),
			extensions: Extensions::default(),
		};
		VerifyLeaf { index, seq: u64::from(index) + 100, header: Hash::zero(), leaf }
	}

	fn task(&self, leaves: Vec<VerifyLeaf>) -> VerifyTask {
		VerifyTask {
			genesis: GENESIS,
			claim: 1,
			tranche: 0,
			pass: None,
			verifier: AccountId::new([1; 32]),
			job: 1,
			transcoder: AccountId::new([2; 32]),
			service: FakeNet::record("t"),
			toolchain: FakeEngine::default().toolchain,
			ladder: format().ladder,
			limits: format().limits,
			factors: FACTORS,
			seed: Hash::repeat_byte(9),
			leaves,
			patience_ms: 10_000,
			variants: true,
		}
	}
}

fn format() -> Format {
	Format {
		ladder: vec![rendition(64, 36, 100), rendition(32, 18, 50)].try_into().unwrap(),
		limits: SourceLimits::new(128, 72, 30),
		variants: true,
		stated: None,
	}
}

async fn verdicts(role: &VerifyRole, task: &VerifyTask) -> (Vec<Verdict>, Hash) {
	assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
	role.idle().await;
	match role.post(task.clone()) {
		Ok(VerifyStatus::Done { verdicts, evidence }) => (verdicts.into_inner(), evidence.hash),
		other => panic!("{other:?}"),
	}
}

#[test]
fn honest_leaves_should_be_valid_from_an_empty_store() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 2).await, story.leaf(&engine, 5).await]);
		let role = story.role(engine.clone());
		assert_eq!(story.ours.blob_count(), 0);
		let (first, evidence) = verdicts(&role, &task).await;
		assert_eq!(first, [Verdict::Valid, Verdict::Valid]);
		assert_eq!(story.ours.blob_count(), 6, "what was had is kept for a dispute");
		let fetched = |e: &Event| matches!(e, Event::Fetched { .. });
		assert_eq!(story.events.events().iter().filter(|e| fetched(e)).count(), 6);
		// Another verifier finds the same evidence; another seed gives another.
		let other = Story { ours: MemoryStore::default(), ..story };
		let role = other.role(engine);
		assert_eq!(verdicts(&role, &task).await.1, evidence);
		let reseeded = VerifyTask { seed: Hash::repeat_byte(8), tranche: DISPUTE, ..task };
		assert_ne!(verdicts(&role, &reseeded).await.1, evidence);
	})
}

/// A network whose fetches last until they are let go, and that counts them.
struct Held {
	inner: FakeTransport,
	/// Of whose peer the fetches last.
	slow: ServiceRecord,
	go: Semaphore,
	now: AtomicUsize,
}

#[async_trait::async_trait]
impl BeforeTransport for Held {
	fn behind(&self) -> &FakeTransport {
		&self.inner
	}

	async fn before_fetch(&self, peer: &ServiceRecord) {
		if *peer == self.slow {
			self.now.fetch_add(1, Ordering::SeqCst);
			self.go.acquire().await.unwrap().forget();
		}
	}
}

/// Transcoders that serve large blobs as slowly as may be, in many claims at a time: few are in memory of
/// their judge, and the bytes of another claim come all the same.
#[test]
fn attack_slow_blobs_of_many_claims_that_fill_a_judges_memory() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let net = Arc::new(Held {
			inner: story.net.end("v"),
			slow: FakeNet::record("slow"),
			go: Semaphore::new(0),
			now: Default::default(),
		});
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(story.ours.clone()),
			net.clone(),
			vec![Arc::new(engine.clone())],
			Arc::new(story.events.clone()),
			Arc::new(sim.clock.clone()),
			2,
		)
		.unwrap();
		sim.spawn(runner.run());
		let tasks = 30;
		for claim in 0..tasks {
			let leaves = vec![
				story.leaf(&engine, 2 * claim as u32).await,
				story.leaf(&engine, 2 * claim as u32 + 1).await,
			];
			let service = FakeNet::record("slow");
			let task = VerifyTask { claim: 100 + claim, service, ..story.task(leaves) };
			assert_eq!(role.post(task), Ok(VerifyStatus::Working));
		}
		let honest = story.task(vec![story.leaf(&engine, 200).await]);
		assert_eq!(role.post(honest.clone()), Ok(VerifyStatus::Working));
		// A second in the simulation: all that can go on has.
		sim.clock.sleep_until(sim.clock.now_ms() + 1_000).await;
		let held = net.now.load(Ordering::SeqCst);
		assert_eq!(held, tasks as usize + SHARED_FETCHES, "one of each, and those that are shared");
		assert!(matches!(role.post(honest), Ok(VerifyStatus::Done { .. })));
	})
}

#[test]
fn black_pictures_should_be_a_mismatch() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let cheat = FakeEngine { black: true, ..Default::default() };
		let task = story
			.task(vec![story.leaf(&FakeEngine::default(), 0).await, story.leaf(&cheat, 1).await]);
		let role = story.role(FakeEngine::default());
		let (verdicts, _) = verdicts(&role, &task).await;
		assert_eq!(verdicts, [Verdict::Valid, Verdict::Mismatch(MismatchKind::Video)]);
	})
}

/// Too much is paid for; too little has judges asked to be done before they can be.
#[test]
fn work_that_is_not_what_was_done_should_be_a_mismatch() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut leaves = Vec::new();
		for (place, change) in [(0, 1), (1, -1)] {
			let mut leaf = story.leaf(&FakeEngine::default(), place).await;
			if let Leaf::Transcoded { work, .. } = &mut leaf.leaf {
				*work = work.saturating_add_signed(change);
			}
			leaves.push(leaf);
		}
		let role = story.role(FakeEngine::default());
		let (verdicts, _) = verdicts(&role, &story.task(leaves)).await;
		assert_eq!(verdicts, [Verdict::Mismatch(MismatchKind::Work); 2]);
	})
}

/// A ballot is as long as the work is that its leaves state. As many as a judge takes at a time state nearly nothing and
/// take long: it does no more for them, and is in time for them and for what else it owes. Who stops so has seen
/// as little as everybody else who does, and finds the same evidence.
#[test]
fn attack_work_stated_too_small_in_many_claims_at_once() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let honest = story.leaf(&FakeEngine::default(), 0).await;
		let mut small = story.leaf(&FakeEngine::default(), 1).await;
		if let Leaf::Transcoded { work, .. } = &mut small.leaf {
			*work = 1;
		}
		let takes = Some((sim.clock.clone(), 5_000));
		let role = story.role(FakeEngine { takes, ..FakeEngine::default() });
		let of = |claim, leaf: &VerifyLeaf| VerifyTask { claim, ..story.task(vec![leaf.clone()]) };
		let mut tasks: Vec<_> = (1..MAX_QUEUE as u64).map(|claim| of(claim, &small)).collect();
		tasks.push(of(0, &honest));
		let start = sim.clock.now_ms();
		for task in &tasks {
			assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		}
		role.idle().await;
		let took = sim.clock.now_ms() - start;
		assert!(took < tasks[0].patience_ms, "{took} ms");
		let seen_nothing = evidence::fold(tasks[0].seed, &[]);
		for task in tasks {
			let expected = match task.claim {
				0 => Verdict::Valid,
				_ => Verdict::Mismatch(MismatchKind::Work),
			};
			let Ok(VerifyStatus::Done { verdicts, evidence }) = role.post(task) else {
				panic!("it is done")
			};
			assert_eq!(verdicts.into_inner(), [expected]);
			assert_eq!(evidence == seen_nothing, expected != Verdict::Valid);
		}
	})
}

#[test]
fn withheld_bytes_should_be_unavailable_after_the_patience_and_not_before() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		let in_hash = leaf.leaf.segment().unwrap().in_hash;
		story.net.withhold(in_hash, true);
		let role = story.role(FakeEngine::default());
		let task = story.task(vec![leaf]);
		let start = sim.clock.now_ms();
		let (given_up, _) = verdicts(&role, &task).await;
		assert_eq!(given_up, [Verdict::Unavailable(UnavailableKind::WrongBytes)]);
		let waited = sim.clock.now_ms() - start;
		assert!((9_000..=10_000).contains(&waited), "{waited}");
		// Bytes that come late, but in time, are as good as any.
		let net = story.net.clone();
		let world = sim.clone();
		sim.spawn(async move {
			world.sleep(5_000).await;
			net.withhold(in_hash, false);
		});
		let late = VerifyTask { tranche: DISPUTE, ..task };
		assert_eq!(verdicts(&role, &late).await.0, [Verdict::Valid]);
	})
}

#[test]
fn bytes_should_be_fetched_again_when_the_store_finds_them_damaged() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let leaf = story.leaf(&engine, 0).await;
		let in_hash = leaf.leaf.segment().unwrap().in_hash;
		let role = story.role(engine);
		let task = story.task(vec![leaf]);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Valid]);
		story.ours.damage(in_hash);
		let again = VerifyTask { tranche: DISPUTE, ..task };
		assert_eq!(verdicts(&role, &again).await.0, [Verdict::Valid]);
	})
}

/// Says that it has everything, and sends nothing to its end.
struct Trickling;

#[async_trait::async_trait]
impl Service for Trickling {
	async fn size(&self, _: H256) -> Option<u64> {
		Some(1)
	}
	async fn chunks(&self, _: H256, _: ChunkRange) -> Option<Chunks> {
		std::future::pending().await
	}
	async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
		Err(Refusal::NotAssigned)
	}
	async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
		PushReply::Refused(Refusal::NotAssigned)
	}
	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		None
	}
}

/// Who does not ask in time is taken for one that never wanted the bytes.
#[test]
fn attack_bytes_that_trickle_should_be_lacking_while_they_can_still_be_asked_for() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		story.net.serve("t", Arc::new(Trickling));
		let role = story.role(FakeEngine::default());
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		sim.sleep(task.patience_ms / 4).await;
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		sim.sleep(task.patience_ms / 2).await;
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Lacking));
		role.idle().await;
		let Ok(VerifyStatus::Done { verdicts, .. }) = role.post(task) else { panic!() };
		assert_eq!(verdicts.into_inner(), [Verdict::Unavailable(UnavailableKind::TooLate)]);
	})
}

#[test]
fn node_should_be_told_of_missing_bytes_while_they_can_still_be_asked_for() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		let in_hash = leaf.leaf.segment().unwrap().in_hash;
		let role = story.role(FakeEngine::default());
		// Once is nothing.
		story.net.withhold(in_hash, true);
		let task = story.task(vec![leaf]);
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		sim.sleep(RETRY_MS / 2).await;
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		sim.sleep(RETRY_MS).await;
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Lacking));
		// Who has them sends them.
		story.net.withhold(in_hash, false);
		role.idle().await;
		match role.post(task) {
			Ok(VerifyStatus::Done { verdicts, .. }) => assert_eq!(verdicts[..], [Verdict::Valid]),
			other => panic!("{other:?}"),
		}
	})
}

#[test]
fn leaf_should_be_abstained_from_when_the_engine_fails() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let leaf = story.leaf(&FakeEngine::default(), 7).await;
		let role = story.role(FakeEngine { fails_on: Some(7), ..Default::default() });
		let (verdicts, _) = verdicts(&role, &story.task(vec![leaf])).await;
		assert_eq!(verdicts, [Verdict::Abstain]);
	})
}

#[test]
fn disk_that_is_full_should_make_a_judge_abstain_and_not_accuse() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		let role = story.role(FakeEngine::default());
		story.ours.fill(true);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Abstain]);
		// What was said once is said again, also when there is room.
		story.ours.fill(false);
		match role.post(task.clone()) {
			Ok(VerifyStatus::Done { verdicts, .. }) => {
				assert_eq!(verdicts.into_inner(), [Verdict::Abstain])
			}
			other => panic!("{other:?}"),
		}
		let dispute = VerifyTask { tranche: DISPUTE, ..task };
		assert_eq!(verdicts(&role, &dispute).await.0, [Verdict::Valid]);
	})
}

/// A leaf that rejects a segment which begins with this byte.
fn rejected(story: &Story, first: u8) -> VerifyLeaf {
	let input = [first, 1, 2, 3];
	story.theirs.put(&input).unwrap();
	let leaf = Leaf::Rejected {
		segment: segment_info(&input),
		reason: RejectReason::NoKeyframe,
		work: 77,
		extensions: Extensions::default(),
	};
	VerifyLeaf { index: 0, seq: 100, header: Hash::zero(), leaf }
}

#[test]
fn rejection_should_be_judged_by_whether_the_segment_can_be_transcoded() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = story.role(FakeEngine::default());
		let right = story.task(vec![rejected(&story, 0xff)]);
		// Another reason than the engine's own: it informs only.
		assert_eq!(verdicts(&role, &right).await.0, [Verdict::Valid]);
		let wrong = VerifyTask { claim: 2, ..story.task(vec![rejected(&story, 1)]) };
		let transcodable = Verdict::Mismatch(MismatchKind::Transcodable);
		assert_eq!(verdicts(&role, &wrong).await.0, [transcodable]);
	})
}

#[test]
fn outputs_should_not_conform_when_the_segment_cannot_be_transcoded() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut leaf = story.leaf(&FakeEngine::default(), 0).await;
		if let Leaf::Transcoded { segment, .. } = &mut leaf.leaf {
			let input = [0xff, 1, 2, 3];
			story.theirs.put(&input).unwrap();
			*segment = segment_info(&input);
		}
		let role = story.role(FakeEngine::default());
		let (verdicts, _) = verdicts(&role, &story.task(vec![leaf])).await;
		assert_eq!(verdicts, [Verdict::NonConforming(NonConformingKind::Input)]);
	})
}

#[test]
fn absent_output_should_be_right_when_no_work_is_claimed_for_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let absent = |mut leaf: VerifyLeaf, less: bool| {
			if let Leaf::Transcoded { outputs, work, segment, .. } = &mut leaf.leaf {
				outputs[1] = None;
				let encoded = u64::from(segment.in_len) * 50_000;
				*work -= if less { encoded } else { 0 };
			}
			leaf
		};
		let role = story.role(engine.clone());
		let honest = story.task(vec![absent(story.leaf(&engine, 0).await, true)]);
		assert_eq!(verdicts(&role, &honest).await.0, [Verdict::Valid]);
		let greedy = story.task(vec![absent(story.leaf(&engine, 0).await, false)]);
		let greedy = VerifyTask { claim: 2, ..greedy };
		assert_eq!(verdicts(&role, &greedy).await.0, [Verdict::Mismatch(MismatchKind::Work)]);
	})
}

/// Who delivers nothing claims what decoding alone is worth: nearly everything, where the pictures that
/// come are large and those that are asked for small.
#[test]
fn attack_work_of_decoding_claimed_where_nothing_is_delivered() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let mut leaf = story.leaf(&engine, 0).await;
		if let Leaf::Transcoded { outputs, work, segment, .. } = &mut leaf.leaf {
			outputs.iter_mut().for_each(|output| *output = None);
			// A quarter of each pixel that would be decoded.
			*work = u64::from(segment.in_len) * 100_000 / 4;
		}
		let role = story.role(engine);
		let task = story.task(vec![leaf]);
		let (verdicts, _) = verdicts(&role, &task).await;
		assert_eq!(verdicts, [Verdict::Mismatch(MismatchKind::Work)]);
	})
}

#[test]
fn chunks_should_be_a_mismatch_when_they_are_not_the_outputs() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut leaf = story.leaf(&FakeEngine::default(), 0).await;
		if let Leaf::Transcoded { outputs, .. } = &mut leaf.leaf {
			outputs[0] = outputs[0].map(|o| Output { chunk_root: Hash::zero(), ..o });
		}
		let role = story.role(FakeEngine::default());
		let (verdicts, _) = verdicts(&role, &story.task(vec![leaf])).await;
		assert_eq!(verdicts, [Verdict::Mismatch(MismatchKind::Container)]);
	})
}

#[test]
fn missing_bytes_should_be_told_apart_by_what_the_transcoder_did() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = story.role(FakeEngine::default());
		let mut unknown = story.leaf(&FakeEngine::default(), 0).await;
		if let Leaf::Transcoded { segment, .. } = &mut unknown.leaf {
			*segment = segment_info(b"never put");
		}
		let task = story.task(vec![unknown]);
		let refused = [Verdict::Unavailable(UnavailableKind::Refused)];
		assert_eq!(verdicts(&role, &task).await.0, refused);
		story.net.remove("t");
		let unreachable = [Verdict::Unavailable(UnavailableKind::Unreachable)];
		assert_eq!(verdicts(&role, &VerifyTask { claim: 2, ..task }).await.0, unreachable);
	})
}

#[test]
fn failure_to_fetch_should_be_one_of_the_four_kinds() {
	let text = String::new;
	for (error, kind) in [
		(NetError::Timeout, UnavailableKind::TooLate),
		(NetError::NotFound, UnavailableKind::Refused),
		(NetError::Busy, UnavailableKind::Refused),
		(NetError::WrongBytes, UnavailableKind::WrongBytes),
		(NetError::Protocol(text()), UnavailableKind::WrongBytes),
		(NetError::Unreachable(text()), UnavailableKind::Unreachable),
		(NetError::BadRecord(text()), UnavailableKind::Unreachable),
	] {
		assert_eq!(kind_of(&error), Ok(kind), "{error}");
	}
	// What this machine cannot do is nobody else's fault: the leaf is abstained from.
	assert!(kind_of(&NetError::Local("no descriptors left".into())).is_err());
}

#[test]
fn pass_should_be_shown_when_the_node_signed_one() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = story.role(FakeEngine::default());
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		let pair = <VerifierPair as sp_core::Pair>::from_string("//Judge", None).unwrap();
		let pass = Pass {
			genesis: GENESIS,
			claim: 1,
			tranche: 0,
			account: AccountId::new([1; 32]),
			peer_id: b"v".to_vec().try_into().unwrap(),
		};
		let signature = sp_core::Pair::sign(&pair, pass.payload().as_bytes());
		let task = VerifyTask { pass: Some(signature.clone()), ..story.task(vec![leaf]) };
		verdicts(&role, &task).await;
		let shown = story.net.passes();
		assert_eq!(shown.len(), 3);
		assert!(shown
			.iter()
			.all(|s| *s == SignedPass { pass: pass.clone(), signature: signature.clone() }));
	})
}

#[test]
fn verdict_should_survive_when_the_service_restarts() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		let before = verdicts(&story.role(FakeEngine::default()), &task).await;
		story.net.remove("t");
		let restarted = story.role(FakeEngine::default());
		match restarted.post(VerifyTask { patience_ms: 1, ..task }) {
			Ok(VerifyStatus::Done { verdicts, evidence }) => {
				assert_eq!((verdicts.into_inner(), evidence.hash), before)
			}
			other => panic!("{other:?}"),
		}
	})
}

/// A judge's clock that is hours off, and jumps by hours each time that somebody looks at it.
struct Jumping {
	sim: SimClock,
	looks: AtomicUsize,
}

impl Clock for Jumping {
	fn now_ms(&self) -> u64 {
		self.sim.now_ms()
	}
	fn wall_ms(&self) -> u64 {
		let hours = self.looks.fetch_add(1, Ordering::SeqCst) as u64 % 7;
		hours * 3_600_000
	}
	fn sleep_until(&self, ms: u64) -> BoxFuture<'static, ()> {
		self.sim.sleep_until(ms)
	}
}

/// Patience and everything else are measured by a clock that never jumps: bytes that come late, but in time, are
/// had, what never comes is given up when the patience is over, and the verdicts are those of any other judge.
#[test]
fn clock_that_jumps_should_change_neither_verdict_nor_when_it_is_there() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 0).await, story.leaf(&engine, 1).await]);
		let right = verdicts(&story.role(engine.clone()), &task).await;
		let late = task.leaves[0].leaf.segment().unwrap().in_hash;
		let never = task.leaves[1].leaf.segment().unwrap().in_hash;
		story.net.withhold(late, true);
		let (net, world) = (story.net.clone(), sim.clone());
		sim.spawn(async move {
			world.sleep(5_000).await;
			net.withhold(late, false);
			net.withhold(never, true);
		});
		let judge = || {
			let clock = Jumping { sim: sim.clock.clone(), looks: AtomicUsize::new(0) };
			let (role, runner) = VerifyRole::new(
				GENESIS,
				Arc::new(MemoryStore::default()),
				Arc::new(story.net.end("v")),
				vec![Arc::new(engine.clone())],
				Arc::new(NoEvents),
				Arc::new(clock),
				2,
			)
			.unwrap();
			sim.spawn(runner.run());
			role
		};
		let start = sim.clock.now_ms();
		assert_eq!(verdicts(&judge(), &task).await, right);
		let took = sim.clock.now_ms() - start;
		assert!((5_000..10_000).contains(&took), "{took}");
		let start = sim.clock.now_ms();
		let (said, _) = verdicts(&judge(), &task).await;
		assert_eq!(said, [Verdict::Valid, Verdict::Unavailable(UnavailableKind::WrongBytes)]);
		let took = sim.clock.now_ms() - start;
		assert!((9_000..=10_000).contains(&took), "{took}");
	})
}

/// The service is killed while it waits for bytes, and its node asks again with what patience is left: it says
/// in that time what it would have said.
#[test]
fn service_killed_in_the_middle_of_a_task_should_still_be_in_time() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 0).await, story.leaf(&engine, 1).await]);
		let right = {
			let other = Story::new(&sim);
			for leaf in &task.leaves {
				other.leaf(&engine, leaf.index).await;
			}
			verdicts(&other.role(engine.clone()), &task).await
		};
		let in_hash = task.leaves[1].leaf.segment().unwrap().in_hash;
		story.net.withhold(in_hash, true);
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(story.ours.clone()),
			Arc::new(story.net.end("v")),
			vec![Arc::new(engine.clone())],
			Arc::new(story.events.clone()),
			Arc::new(sim.clock.clone()),
			2,
		)
		.unwrap();
		let (kill, killed) = futures::channel::oneshot::channel::<()>();
		sim.spawn(async move {
			let _ = select(Box::pin(runner.run()), killed).await;
		});
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		sim.sleep(4_000).await;
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Lacking));
		drop((kill, role));
		// Started again, over the same store.
		let role = story.role(engine);
		let left = VerifyTask { patience_ms: 6_000, ..task.clone() };
		assert_eq!(role.post(left.clone()), Ok(VerifyStatus::Working));
		sim.sleep(2_000).await;
		story.net.withhold(in_hash, false);
		sim.sleep(4_000).await;
		let Ok(VerifyStatus::Done { verdicts, evidence }) = role.post(left) else { panic!() };
		assert_eq!((verdicts.into_inner(), evidence.hash), right);
	})
}

/// Two claims of a transcoder have bytes in common: it lets the older one close while those that the newer one needs
/// besides are on their way, so that whoever judges both has lost what it had.
#[test]
fn attack_bytes_that_go_with_another_claim_before_the_leaf_is_whole() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let role = story.role(engine.clone());
		let leaf = story.leaf(&engine, 0).await;
		let Leaf::Transcoded { outputs, .. } = &leaf.leaf else { panic!() };
		let late = outputs[0].unwrap().hash;
		let first = story.task(vec![leaf]);
		assert_eq!(verdicts(&role, &first).await.0, [Verdict::Valid]);
		story.ours.damage(late);
		story.net.withhold(late, true);
		let second = VerifyTask { claim: 2, ..first };
		assert_eq!(role.post(second.clone()), Ok(VerifyStatus::Working));
		sim.sleep(2_000).await;
		role.inner.release(1);
		story.net.withhold(late, false);
		role.idle().await;
		let Ok(VerifyStatus::Done { verdicts, .. }) = role.post(second) else { panic!() };
		assert_eq!(verdicts.into_inner(), [Verdict::Valid]);
	})
}

/// Leaves of which something is always withheld: what was had of them goes with the claim like all else.
#[test]
fn attack_leaves_that_never_get_whole_and_fill_the_disk() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		story.net.withhold(leaf.leaf.segment().unwrap().in_hash, true);
		let role = story.role(FakeEngine::default());
		let (said, _) = verdicts(&role, &story.task(vec![leaf])).await;
		assert_eq!(said, [Verdict::Unavailable(UnavailableKind::WrongBytes)]);
		assert!(story.ours.blob_count() > 0, "for fellow judges");
		role.inner.release(1);
		assert_eq!(story.ours.blob_count(), 0);
	})
}

/// The service is killed in the middle of a task, and its node never asks for that again.
#[test]
fn bytes_of_a_task_that_nobody_asks_for_again_should_go_with_its_claim() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 0).await, story.leaf(&engine, 1).await]);
		story.net.withhold(task.leaves[1].leaf.segment().unwrap().in_hash, true);
		// It goes no further than this; the other one has its store.
		let role = story.role(engine.clone());
		assert_eq!(role.post(task), Ok(VerifyStatus::Working));
		sim.sleep(1_000).await;
		let killed = Story { ours: story.ours.backup(), ..story };
		assert!(killed.ours.blob_count() > 0);
		let again = killed.role(engine);
		again.inner.release(1);
		assert_eq!(killed.ours.blob_count(), 0);
	})
}

#[test]
fn task_should_be_judged_anew_when_a_reorg_changes_its_seed() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		let role = story.role(FakeEngine::default());
		let (_, before) = verdicts(&role, &task).await;
		let (_, after) = verdicts(&role, &VerifyTask { seed: Hash::zero(), ..task }).await;
		assert_ne!(before, after);
	})
}

#[test]
fn task_should_go_on_when_the_transcoder_moves_again_and_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		story.net.remove("t");
		let role = story.role(FakeEngine::default());
		let moved =
			|to: u32| VerifyTask { service: FakeNet::record(&format!("t{to}")), ..task.clone() };
		for to in 0..8 {
			// It is at work on it from the first time on; soon it says that nobody has the bytes.
			let at_work = if to == 0 { VerifyStatus::Working } else { VerifyStatus::Lacking };
			assert_eq!(role.post(moved(to)), Ok(at_work));
			sim.sleep(1_000).await;
		}
		story.net.serve("t7", Arc::new(Origin::new(Arc::new(story.theirs.clone()))));
		role.idle().await;
		let Ok(VerifyStatus::Done { verdicts, .. }) = role.post(moved(8)) else { panic!() };
		assert_eq!(verdicts.into_inner(), [Verdict::Valid]);
		let taken = |event: &&Event| matches!(event, Event::TaskTaken { .. });
		assert_eq!(story.events.events().iter().filter(taken).count(), 1);
	})
}

#[test]
fn service_should_be_unable_when_the_toolchain_or_chain_is_another() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = story.role(FakeEngine::default());
		let task = story.task(vec![]);
		for task in [
			VerifyTask { toolchain: Hash::zero(), ..task.clone() },
			VerifyTask { genesis: Hash::zero(), ..task },
		] {
			assert!(matches!(role.post(task), Ok(VerifyStatus::Unable { .. })));
		}
		let unable = |e: &Event| matches!(e, Event::TaskUnable { .. });
		assert_eq!(story.events.events().iter().filter(|e| unable(e)).count(), 2);
	})
}

#[test]
fn first_fault_in_rendition_order_should_decide() {
	let examined = |findings: Vec<Finding>| Examined {
		findings,
		pixels: Pixels::default(),
		digest: Hash::zero(),
	};
	let fault = |fault| Finding::Fault { fault, picture: None };
	let size = fault(Fault::NonConforming(NonConformingKind::Size));
	let video = fault(Fault::Mismatch(MismatchKind::Video));
	let (exact, variant) = (Finding::Exact, Finding::Variant { start: 2 });
	let said = |findings: &[Finding]| judge(&examined(findings.to_vec()), 5, Some(5));
	assert_eq!(said(&[exact, exact]), Verdict::Valid);
	assert_eq!(said(&[exact, size, video]), Verdict::NonConforming(NonConformingKind::Size));
	assert_eq!(judge(&examined(vec![exact]), 5, None), Verdict::Mismatch(MismatchKind::Work));
	assert_eq!(said(&[exact, variant]), Verdict::Variant { rendition: 1 });
	// A fault beside a variant, overstated work, and a second variant are what they are without it.
	assert_eq!(said(&[variant, video]), Verdict::Mismatch(MismatchKind::Video));
	let overstated = judge(&examined(vec![variant]), 6, Some(5));
	assert_eq!(overstated, Verdict::Mismatch(MismatchKind::Work));
	assert_eq!(said(&[variant, exact, variant]), Verdict::Mismatch(MismatchKind::Video));
}

#[test]
fn variant_should_be_told_apart_and_named() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let variant = |rendition, start| Variant { rendition, start };
		let task = story.task(vec![
			story.varied(&engine, 0, &[variant(1, 3)]).await,
			story.varied(&engine, 1, &[]).await,
			story.varied(&engine, 2, &[variant(0, 0), variant(1, 0)]).await,
		]);
		let role = story.role(engine);
		let (verdicts, _) = verdicts(&role, &task).await;
		assert_eq!(
			verdicts,
			[
				Verdict::Variant { rendition: 1 },
				Verdict::Valid,
				Verdict::Mismatch(MismatchKind::Video)
			]
		);
		let findings = story.events.events().into_iter().find_map(|event| match event {
			Event::LeafJudged { index: 0, findings, .. } => Some(findings),
			_ => None,
		});
		assert_eq!(findings.unwrap(), ["exact", "variant from start 3"]);
	})
}

#[test]
fn output_should_be_compared_with_no_variant_where_none_is_asked_for() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let varied = Variant { rendition: 1, start: 3 };
		let leaves = vec![story.varied(&engine, 0, &[varied]).await];
		let task = VerifyTask { variants: false, ..story.task(leaves) };
		let role = story.role(engine);
		let (verdicts, _) = verdicts(&role, &task).await;
		assert_eq!(verdicts, [Verdict::Mismatch(MismatchKind::Video)]);
	})
}

#[test]
fn task_should_be_judged_by_the_engine_of_its_toolchain() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let old = FakeEngine { toolchain: Hash::repeat_byte(0x0d), ..Default::default() };
		let new = FakeEngine::default();
		let task = story.task(vec![story.leaf(&new, 0).await]);
		let of_old = VerifyTask { toolchain: old.toolchain, claim: 2, ..task.clone() };
		// The old one would find a difference here, so each must have been asked for its own.
		let old = FakeEngine { rejects: Some(0), ..old };
		let role = story.role_with(vec![new, old]);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Valid]);
		let input = [Verdict::NonConforming(NonConformingKind::Input)];
		assert_eq!(verdicts(&role, &of_old).await.0, input);
	})
}

#[test]
fn engine_should_judge_no_more_when_its_golden_vectors_do_not_come_out_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let sound = FakeEngine::default();
		let toolchain = Hash::repeat_byte(0x0d);
		let unsound = FakeEngine { toolchain, unsound: true, ..Default::default() };
		let made = |toolchains: &[Hash]| ToolchainsAnswer::Made { toolchains: toolchains.to_vec() };
		let role = story.role_with(vec![sound.clone(), unsound]);
		let ask = |anew| role.toolchains(ToolchainsQuestion { anew });
		assert_eq!(ask(None), made(&[sound.toolchain, toolchain]));
		assert_eq!(ask(Some(7)), ToolchainsAnswer::Making);
		for _ in 0..10 {
			sim.clock.sleep_until(sim.clock.now_ms() + 1).await;
		}
		// Once for each window that asks for it.
		assert_eq!(ask(Some(7)), made(&[sound.toolchain]));
		assert_eq!(ask(None), made(&[sound.toolchain]));
		assert_eq!(ask(Some(8)), ToolchainsAnswer::Making);
		let task = story.task(vec![story.leaf(&sound, 0).await]);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Valid]);
		let of_unsound = VerifyTask { toolchain, claim: 2, ..task };
		assert!(matches!(role.post(of_unsound), Ok(VerifyStatus::Unable { .. })));
	})
}

#[test]
fn queue_should_turn_away_what_is_beyond_its_bound_and_nothing_before() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = story.role(FakeEngine::default());
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		story.net.remove("t");
		let task = |claim| VerifyTask { claim, ..story.task(vec![leaf.clone()]) };
		for claim in 0..MAX_QUEUE as u32 {
			assert_eq!(role.post(task(claim.into())), Ok(VerifyStatus::Working));
		}
		assert_eq!(role.post(task(1_000)), Err(QueueFull));
		// What was taken is still answered.
		assert_eq!(role.post(task(3)), Ok(VerifyStatus::Working));
		role.idle().await;
		assert_eq!(role.post(task(1_000)), Ok(VerifyStatus::Working));
	})
}

/// More ballots than are worked on at a time, as the node asks for them: in each block, those first
/// whose time is over first, and once it hears that there is enough to do only those that were taken.
/// All are answered, in that order.
#[test]
fn attack_more_ballots_than_are_worked_on_at_a_time() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let role = story.role(engine.clone());
		let leaf = story.leaf(&engine, 0).await;
		let tasks: Vec<_> =
			(0..500).map(|claim| VerifyTask { claim, ..story.task(vec![leaf.clone()]) }).collect();
		let (mut taken, mut answered) = (std::collections::BTreeSet::new(), Vec::new());
		for _block in 0..10 {
			let mut full = false;
			for task in &tasks {
				let claim = task.claim;
				if answered.contains(&claim) || (full && !taken.contains(&claim)) {
					continue;
				}
				match role.post(task.clone()) {
					Ok(VerifyStatus::Done { .. }) => answered.push(claim),
					Ok(_) => {
						taken.insert(claim);
					}
					Err(QueueFull) => full = true,
				}
			}
			role.idle().await;
		}
		assert_eq!(answered, (0..500).collect::<Vec<_>>());
		// The node did not hear any of it, and the service has restarted.
		let role = story.role(engine);
		for task in &tasks {
			let status = role.post(task.clone());
			assert!(matches!(status, Ok(VerifyStatus::Done { .. })), "claim {}", task.claim);
		}
	});
}

/// A judge with a store of its own, whose fellows find it by the record of its account's transcoder.
struct Judge {
	account: AccountId,
	pair: VerifierPair,
	store: MemoryStore,
	fellows: Arc<Fellows>,
	role: VerifyRole,
}

impl Judge {
	async fn new(story: &Story, chain: &FakeChain, name: &str) -> Self {
		let key = Key::from_uri(&format!("//{name}")).unwrap();
		let service = FakeNet::with_judge(&format!("transcoder of {name}"), name);
		let call = Call::Transcoder {
			price: 1,
			reward_cut: Default::default(),
			fee_share: Default::default(),
			service,
		};
		let account = key.account();
		chain.client(Some(key)).submit(call, Wait::InBlock).await.unwrap();
		let store = MemoryStore::default();
		Self::over(story, chain, name, account, store)
	}

	/// Such a judge with a folder that it may have used before.
	fn over(
		story: &Story,
		chain: &FakeChain,
		name: &str,
		account: AccountId,
		store: MemoryStore,
	) -> Self {
		let clock = Arc::new(story.sim.clock.clone());
		let client = Arc::new(chain.client(None));
		let fellows = Arc::new(Fellows::new(client, Arc::new(store.clone()), clock.clone()));
		story.net.serve(name, fellows.clone());
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(store.clone()),
			Arc::new(story.net.end(name)),
			vec![Arc::new(FakeEngine::default())],
			Arc::new(story.events.clone()),
			clock,
			2,
		)
		.unwrap();
		role.join(fellows.clone());
		story.sim.spawn(runner.run());
		let releasing = role.clone();
		story.sim.spawn(async move { releasing.release_closed().await });
		let pair = <VerifierPair as sp_core::Pair>::from_string(&format!("//{name}"), None);
		Self { account, pair: pair.unwrap(), store, fellows, role }
	}

	fn seat(&self) -> (AccountId, livepeer_primitives::keys::VerifierId) {
		(self.account.clone(), sp_core::Pair::public(&self.pair))
	}

	/// Its pass over a claim, for the peer `name`.
	fn pass(&self, claim: ClaimId, name: &str) -> SignedPass {
		let pass = Pass {
			genesis: GENESIS,
			claim,
			tranche: 0,
			account: self.account.clone(),
			peer_id: name.as_bytes().to_vec().try_into().unwrap(),
		};
		let signature = sp_core::Pair::sign(&self.pair, pass.payload().as_bytes());
		SignedPass { pass, signature }
	}

	/// A task as this judge's node posts it.
	fn task(&self, task: &VerifyTask, name: &str) -> VerifyTask {
		let pass = Some(self.pass(task.claim, name).signature);
		VerifyTask { verifier: self.account.clone(), pass, ..task.clone() }
	}
}

/// A transcoder serves one judge and no other: the others have the bytes from that one.
#[test]
fn attack_judges_that_are_starved_should_have_the_bytes_from_their_fellows() {
	simulate(|sim| async move {
		let (story, chain) = (Story::new(&sim), FakeChain::default());
		let served = Judge::new(&story, &chain, "served").await;
		let idle = Judge::new(&story, &chain, "idle").await;
		let starved = Judge::new(&story, &chain, "starved").await;
		chain.open(1, vec![idle.seat(), starved.seat(), served.seat()]);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		let (valid, evidence) = verdicts(&served.role, &served.task(&task, "served")).await;
		assert_eq!(valid, [Verdict::Valid]);
		// It answers no more, or says that it has everything and sends nothing.
		story.net.remove("t");
		let own = starved.task(&task, "starved");
		assert_eq!(verdicts(&starved.role, &own).await, (valid.clone(), evidence));
		let from = hex::encode("served");
		let fetched =
			story.events.events().into_iter().filter(
				|event| matches!(event, Event::Fetched { peer_id, .. } if *peer_id == from),
			);
		assert_eq!(fetched.count(), 3);
		let signature = own.pass.clone().unwrap();
		let shown = SignedPass { signature, ..starved.pass(1, "starved") };
		assert!(story.net.passes().contains(&shown) && served.fellows.is_judge(&shown).await);
		story.net.serve("t", Arc::new(Trickling));
		let start = sim.clock.now_ms();
		let own = idle.task(&task, "idle");
		assert_eq!(verdicts(&idle.role, &own).await, (valid, evidence));
		assert!(sim.clock.now_ms() - start < task.patience_ms / 2, "before it is lacking");
	})
}

/// Has everything, and takes its time for each answer.
struct Late {
	inner: Origin,
	clock: SimClock,
	ms: u64,
}

#[async_trait::async_trait]
impl Service for Late {
	async fn size(&self, hash: H256) -> Option<u64> {
		self.inner.size(hash).await
	}
	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.clock.sleep_until(self.clock.now_ms() + self.ms).await;
		self.inner.chunks(hash, range).await
	}
	async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
		Err(Refusal::NotAssigned)
	}
	async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
		PushReply::Refused(Refusal::NotAssigned)
	}
	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		None
	}
}

/// A transcoder sends each of many blobs just fast enough not to be left for another, and all of them too slowly for
/// the deadline.
#[test]
fn attack_bytes_that_trickle_just_fast_enough() {
	simulate(|sim| async move {
		let (story, chain) = (Story::new(&sim), FakeChain::default());
		let served = Judge::new(&story, &chain, "served").await;
		let starved = Judge::new(&story, &chain, "starved").await;
		chain.open(1, vec![starved.seat(), served.seat()]);
		let mut leaves = Vec::new();
		for index in 0..16 {
			leaves.push(story.leaf(&FakeEngine::default(), index).await);
		}
		let task = story.task(leaves);
		let right = verdicts(&served.role, &served.task(&task, "served")).await;
		assert_eq!(right.0, [Verdict::Valid; 16]);
		let inner = Origin::new(Arc::new(story.theirs.clone()));
		story.net.serve("t", Arc::new(Late { inner, clock: sim.clock.clone(), ms: 900 }));
		assert_eq!(verdicts(&starved.role, &starved.task(&task, "starved")).await, right);
	})
}

/// Fellows that send other bytes, and a chain that says nothing: what the transcoder owes it owes.
#[test]
fn attack_fellows_that_lie_should_change_no_verdict() {
	simulate(|sim| async move {
		let (story, chain) = (Story::new(&sim), FakeChain::default());
		let liar = Judge::new(&story, &chain, "liar").await;
		let honest = Judge::new(&story, &chain, "honest").await;
		chain.open(1, vec![liar.seat(), honest.seat()]);
		let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
		struct Lying;
		#[async_trait::async_trait]
		impl Service for Lying {
			async fn size(&self, _: H256) -> Option<u64> {
				Some(4)
			}
			async fn chunks(&self, _: H256, range: ChunkRange) -> Option<Chunks> {
				Chunks::of(&[6, 6, 6, 6], range)
			}
			async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
				Err(Refusal::NotServed)
			}
			async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
				PushReply::Refused(Refusal::NotServed)
			}
			async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
				None
			}
		}
		story.net.serve("liar", Arc::new(Lying));
		story.net.remove("t");
		let own = honest.task(&task, "honest");
		let unavailable = Verdict::Unavailable(UnavailableKind::Unreachable);
		assert_eq!(verdicts(&honest.role, &own).await.0, [unavailable]);
		chain.cut(true);
		let again = VerifyTask { seed: Hash::zero(), ..own };
		assert_eq!(verdicts(&honest.role, &again).await.0, [unavailable]);
	})
}

#[test]
fn bytes_should_be_given_to_judges_of_what_is_held_and_go_when_the_claim_is_closed() {
	simulate(|sim| async move {
		let (story, chain) = (Story::new(&sim), FakeChain::default());
		let judge = Judge::new(&story, &chain, "judge").await;
		let fellow = Judge::new(&story, &chain, "fellow").await;
		for claim in [1, 2] {
			chain.open(claim, vec![judge.seat(), fellow.seat()]);
		}
		let shown = fellow.pass(1, "fellow");
		assert!(!judge.fellows.is_judge(&shown).await, "nothing is held yet");
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		verdicts(&judge.role, &judge.task(&story.task(vec![leaf]), "judge")).await;
		assert!(judge.fellows.is_judge(&shown).await);
		assert!(!judge.fellows.is_judge(&fellow.pass(2, "fellow")).await, "of another claim");
		let mut forged = shown.clone();
		forged.pass.peer_id = Default::default();
		assert!(!judge.fellows.is_judge(&forged).await);
		// Another process goes on with it.
		let again = Judge::over(&story, &chain, "judge", judge.account.clone(), judge.store);
		assert!(again.fellows.is_judge(&shown).await);
		sim.sleep(2 * CLOSED_MS).await;
		assert_eq!(again.store.blob_count(), 3, "kept as long as the claim is open");
		// A node that gives no answer closes nothing.
		chain.close(1);
		chain.cut(true);
		sim.sleep(2 * CLOSED_MS).await;
		assert_eq!(again.store.blob_count(), 3);
		chain.cut(false);
		sim.sleep(2 * CLOSED_MS).await;
		assert_eq!(again.store.blob_count(), 0);
		assert!(!again.fellows.is_judge(&shown).await);
	})
}

/// A store with room for so many blobs.
struct Small {
	inner: MemoryStore,
	most: usize,
}

impl Blobs for Small {
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError> {
		if self.inner.blob_count() >= self.most {
			return Err(StoreError::Quota { path: "small".into(), quota: 0 });
		}
		self.inner.put(bytes)
	}
	fn size(&self, hash: H256) -> Result<Option<u64>, StoreError> {
		self.inner.size(hash)
	}
	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
		self.inner.get(hash)
	}
	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError> {
		self.inner.pin(owner, hashes)
	}
	fn unpin(&self, owner: &str) -> Result<(), StoreError> {
		self.inner.unpin(owner)
	}
}

impl Values for Small {
	fn put_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
		self.inner.put_value(name, value)
	}
	fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
		self.inner.value(name)
	}
	fn drop_value(&self, name: &str) -> Result<(), StoreError> {
		self.inner.drop_value(name)
	}
}

#[test]
fn kept_bytes_should_make_room_for_those_that_are_judged() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let store = Small { inner: story.ours.clone(), most: 3 };
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(store),
			Arc::new(story.net.end("v")),
			vec![Arc::new(FakeEngine::default())],
			Arc::new(story.events.clone()),
			Arc::new(sim.clock.clone()),
			2,
		)
		.unwrap();
		sim.spawn(runner.run());
		for index in 0..4 {
			let leaf = story.leaf(&FakeEngine::default(), index).await;
			let task = VerifyTask { claim: index.into(), ..story.task(vec![leaf]) };
			assert_eq!(verdicts(&role, &task).await.0, [Verdict::Valid]);
		}
		assert_eq!(story.ours.blob_count(), 3);
		// What one task needs itself is not there twice.
		let engine = FakeEngine::default();
		let leaves = vec![story.leaf(&engine, 7).await, story.leaf(&engine, 8).await];
		let task = VerifyTask { claim: 9, ..story.task(leaves) };
		let abstains = verdicts(&role, &task).await.0.contains(&Verdict::Abstain);
		assert!(abstains, "a store that is too small is this verifier's own fault");
	})
}
