#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{simulate, FakeEngine, FakeNet, MemoryStore, Recorder, Sim, GENESIS},
	ports::{engine::Pixels, store::Blobs},
	roles::broadcast::Origin,
};
use livepeer_primitives::{
	receipt::Outputs,
	verdict::{NonConformingKind, DISPUTE},
	video::{Rendition, SourceLimits},
	work::WorkFactors,
};

const FACTORS: WorkFactors = WorkFactors { preset: 1_000, decode: 250 };

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
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(self.ours.clone()),
			Arc::new(self.net.end("v")),
			Arc::new(engine),
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
		let input = vec![index as u8, 1, 2, 3];
		let made = engine.transcode(&format(), &input).await.unwrap();
		let mut outputs = Outputs::default();
		for bytes in &made.outputs {
			let hash = self.theirs.put(bytes).unwrap();
			outputs.try_push(Output { hash, len: bytes.len() as u32 }).unwrap();
		}
		let leaf = Leaf::Transcoded {
			in_hash: self.theirs.put(&input).unwrap(),
			in_len: input.len() as u32,
			duration: 180_000,
			outputs,
			work: made.pixels.work(&FACTORS).unwrap(),
		};
		VerifyLeaf { index, seq: u64::from(index) + 100, leaf }
	}

	fn task(&self, leaves: Vec<VerifyLeaf>) -> VerifyTask {
		VerifyTask {
			genesis: GENESIS,
			claim: 1,
			tranche: 0,
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
		}
	}
}

fn format() -> Format {
	Format {
		ladder: vec![
			Rendition { width: 64, height: 36, kbps: 100 },
			Rendition { width: 32, height: 18, kbps: 50 },
		]
		.try_into()
		.unwrap(),
		limits: SourceLimits { width: 128, height: 72, fps: 30 },
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

#[test]
fn overstated_work_should_be_a_mismatch() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut leaf = story.leaf(&FakeEngine::default(), 0).await;
		if let Leaf::Transcoded { work, .. } = &mut leaf.leaf {
			*work += 1;
		}
		let role = story.role(FakeEngine::default());
		let (verdicts, _) = verdicts(&role, &story.task(vec![leaf])).await;
		assert_eq!(verdicts, [Verdict::Mismatch(MismatchKind::Work)]);
	})
}

#[test]
fn withheld_bytes_should_be_unavailable_after_the_patience_and_not_before() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let leaf = story.leaf(&FakeEngine::default(), 0).await;
		let Leaf::Transcoded { in_hash, .. } = leaf.leaf else { panic!() };
		story.net.withhold(in_hash, true);
		let role = story.role(FakeEngine::default());
		let task = story.task(vec![leaf]);
		let start = sim.clock.now_ms();
		let (given_up, _) = verdicts(&role, &task).await;
		assert_eq!(given_up, [Verdict::Unavailable]);
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
fn input_should_be_invalid_when_it_breaks_a_limit() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut leaf = story.leaf(&FakeEngine::default(), 0).await;
		if let Leaf::Transcoded { in_hash, .. } = &mut leaf.leaf {
			*in_hash = story.theirs.put(&[0xff, 1, 2, 3]).unwrap();
		}
		let role = story.role(FakeEngine::default());
		let (verdicts, _) = verdicts(&role, &story.task(vec![leaf])).await;
		let reason = livepeer_primitives::leaf::RejectReason::Corrupt;
		assert_eq!(verdicts, [Verdict::InputInvalid { reason, offset: 0 }]);
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
			assert_eq!(role.post(moved(to)), Ok(VerifyStatus::Working));
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
	let examined = |faults: Vec<Option<Fault>>| Examined {
		faults,
		pixels: Pixels::default(),
		digest: Hash::zero(),
	};
	let size = Fault::NonConforming(NonConformingKind::Size);
	let video = Fault::Mismatch(MismatchKind::Video);
	assert_eq!(judge(&examined(vec![None, None]), 5, Some(5)), Verdict::Valid);
	assert_eq!(
		judge(&examined(vec![None, Some(size), Some(video)]), 5, Some(5)),
		Verdict::NonConforming(NonConformingKind::Size)
	);
	assert_eq!(judge(&examined(vec![None]), 5, None), Verdict::Mismatch(MismatchKind::Work));
}
