//! Tasks: how many at a time, over restarts and reorgs, and what is kept of them.

use super::*;
use crate::ports::clock::SystemClock;

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

/// Everything is measured by a clock that never jumps: bytes that come late but in time are used, missing
/// ones are given up at the deadline, and the verdicts are those of any other judge.
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

/// Two claims of a transcoder share bytes: the older one closes while the newer one's other bytes are under
/// way, so that a judge of both could lose the shared ones.
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
		let another = task(MAX_QUEUE as u64);
		assert_eq!(role.post(another.clone()), Err(QueueFull));
		// What was taken is still answered.
		assert_eq!(role.post(task(3)), Ok(VerifyStatus::Working));
		role.idle().await;
		assert_eq!(role.post(another), Ok(VerifyStatus::Working));
	})
}

/// More ballots than are worked on at a time, posted as the node does: in each block, the earliest deadline
/// first, and after an answer that there are too many only those already taken. All are answered, in that
/// order.
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

/// A store that takes its time, and counts how much is read of it at a time.
#[derive(Default)]
struct Slow {
	inner: MemoryStore,
	reading: AtomicUsize,
	most: AtomicUsize,
}

impl BeforeStore for Slow {
	fn behind(&self) -> &MemoryStore {
		&self.inner
	}

	fn before_get(&self) {
		let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
		self.most.fetch_max(reading, Ordering::SeqCst);
		std::thread::sleep(std::time::Duration::from_millis(20));
		self.reading.fetch_sub(1, Ordering::SeqCst);
	}
}

/// A dispute over a claim with the largest outputs: a judge of an earlier tranche has all of them, 144 of 16
/// MiB, and must not run out of memory when it checks them.
#[test]
fn attack_bytes_that_are_there_read_all_at_once() {
	let (inner, task) = simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut leaves = Vec::new();
		for index in 0..16 {
			leaves.push(story.leaf(&FakeEngine::default(), index).await);
		}
		(story.theirs.clone(), story.task(leaves))
	});
	let store = Arc::new(Slow { inner, ..Default::default() });
	let parallel = 2;
	let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
	let (said, _) = runtime.block_on(async {
		let (role, runner) = VerifyRole::new(
			GENESIS,
			store.clone(),
			Arc::new(FakeNet::new().end("v")),
			vec![Arc::new(FakeEngine::default())],
			Arc::new(NoEvents),
			Arc::new(SystemClock::default()),
			parallel,
		)
		.unwrap();
		tokio::spawn(runner.run());
		verdicts(&role, &task).await
	});
	assert_eq!(said, [Verdict::Valid; 16]);
	let most = store.most.load(Ordering::SeqCst);
	assert!(most <= LOOKS + parallel, "{most} at a time");
}
