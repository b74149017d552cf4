//! Bytes that are withheld, late, slow or damaged.

use super::*;

/// A network that holds fetches until they are released, and counts them.
struct Held {
	inner: FakeTransport,
	/// The peer whose fetches are held.
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

impl Held {
	/// Holds what is fetched from the peer `slow`.
	fn new(story: &Story) -> Arc<Self> {
		Arc::new(Self {
			inner: story.net.end("v"),
			slow: FakeNet::record("slow"),
			go: Semaphore::new(0),
			now: Default::default(),
		})
	}

	/// A judge that fetches through it.
	fn judge(self: &Arc<Self>, story: &Story) -> VerifyRole {
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(story.ours.clone()),
			self.clone(),
			vec![Arc::new(FakeEngine::default())],
			Arc::new(story.events.clone()),
			Arc::new(story.sim.clock.clone()),
			2,
		)
		.unwrap();
		story.sim.spawn(runner.run());
		role
	}
}

/// Posts so many claims of each of so many transcoders, whose bytes come from the peer `slow`.
async fn post_slow(story: &Story, role: &VerifyRole, claims: u8, transcoders: u8) {
	let engine = FakeEngine::default();
	for claim in 0..claims * transcoders {
		let leaves = vec![
			story.leaf(&engine, 2 * u32::from(claim)).await,
			story.leaf(&engine, 2 * u32::from(claim) + 1).await,
		];
		let task = VerifyTask {
			claim: 100 + u64::from(claim),
			service: FakeNet::record("slow"),
			transcoder: AccountId::new([100 + claim % transcoders; 32]),
			patience_ms: 60_000,
			..story.task(leaves)
		};
		assert_eq!(role.post(task), Ok(VerifyStatus::Working));
	}
}

/// Transcoders that serve large blobs as slowly as may be, in many claims at a time: few blobs are in memory of
/// their judge, a few transcoders cannot take all that is shared, and the bytes of another claim come all the
/// same.
#[test]
fn attack_slow_blobs_of_many_claims_that_fill_a_judges_memory() {
	let bounds = [(1, 1 + SHARED_OF_ONE), (3, 3 + 3 * SHARED_OF_ONE), (6, 6 + SHARED_FETCHES)];
	for (transcoders, most) in bounds {
		simulate(move |sim| async move {
			let story = Story::new(&sim);
			let net = Held::new(&story);
			let role = net.judge(&story);
			post_slow(&story, &role, 5, transcoders).await;
			let honest = story.task(vec![story.leaf(&FakeEngine::default(), 200).await]);
			assert_eq!(role.post(honest.clone()), Ok(VerifyStatus::Working));
			// A simulated second, after which everything possible has been done.
			sim.sleep(1_000).await;
			let held = net.now.load(Ordering::SeqCst);
			assert_eq!(held, most, "one of each of {transcoders}, and those that are shared");
			assert!(matches!(role.post(honest), Ok(VerifyStatus::Done { .. })));
		})
	}
}

/// Posts so many claims of the transcoder, each of whose three blobs takes `each_ms`, and then one more, whose blobs take
/// `takes_ms`. Returns after how many seconds that one lacks bytes, and what is said of it.
async fn judged_behind(
	story: &Story,
	role: &VerifyRole,
	(claims, each_ms): (u32, u64),
	takes_ms: u64,
) -> (Option<u64>, Verdict) {
	let engine = FakeEngine::default();
	story.net.serve("before", Arc::new(story.late(each_ms)));
	story.net.serve("t", Arc::new(story.late(takes_ms)));
	for earlier in 0..claims {
		let task = VerifyTask {
			claim: 2 + u64::from(earlier),
			service: FakeNet::record("before"),
			patience_ms: 60_000,
			..story.task(vec![story.leaf(&engine, 200 + earlier).await])
		};
		assert_eq!(role.post(task), Ok(VerifyStatus::Working));
	}
	story.sim.sleep(1).await;
	let task = story.task(vec![story.leaf(&engine, 250).await]);
	let mut lacks_at_ms = None;
	for at_ms in (0..=task.patience_ms + 100).step_by(100) {
		if role.post(task.clone()) == Ok(VerifyStatus::Lacking) {
			lacks_at_ms.get_or_insert(at_ms);
		}
		story.sim.sleep(100).await;
	}
	let Ok(VerifyStatus::Done { verdicts, .. }) = role.post(task) else { panic!("not done") };
	(lacks_at_ms.map(|ms| ms / 1_000), verdicts[0])
}

/// Other transcoders' slow bytes take all that is shared, and earlier claims take the transcoder's own fetch, as fast as
/// that goes. Bytes that nobody was asked for are not missing. If there is room in time, half of what is left is
/// waited for them.
#[test]
fn attack_transcoder_blamed_for_bytes_for_which_its_judge_had_no_room() {
	let too_late = Verdict::Unavailable(UnavailableKind::TooLate);
	// Each earlier claim takes 2.7 s.
	for (claims, takes_ms, lacks_at_s, said) in [
		(2, 100, None, Verdict::Valid),
		(2, 60_000, Some(7), too_late),
		(3, 60_000, None, Verdict::Abstain),
		(4, 100, None, Verdict::Abstain),
	] {
		simulate(move |sim| async move {
			let story = Story::new(&sim);
			let role = Held::new(&story).judge(&story);
			post_slow(&story, &role, 2, 4).await;
			sim.sleep(1).await;
			let judged = judged_behind(&story, &role, (claims, 900), takes_ms).await;
			assert_eq!(judged, (lacks_at_s, said), "{claims} before it, {takes_ms} taken");
		})
	}
}

/// A transcoder takes all fetches that it can have for bytes of good claims, which come so slowly that a bad one is never
/// asked for. If judges abstained, that one would be void, and nobody punished.
#[test]
fn attack_slow_bytes_of_good_claims_that_hide_a_bad_one() {
	let too_late = Verdict::Unavailable(UnavailableKind::TooLate);
	for (claims, lacks_at_s, said) in [(2, None, Verdict::Valid), (8, Some(7), too_late)] {
		simulate(move |sim| async move {
			let story = Story::new(&sim);
			let role = story.role(FakeEngine::default());
			let judged = judged_behind(&story, &role, (claims, 4_900), 30).await;
			assert_eq!(judged, (lacks_at_s, said), "{claims} before it");
		})
	}
}

/// As many small claims as a judge can owe, whose bytes come just in time or not at all: another's claim is
/// taken, and judged at once.
#[test]
fn attack_tasks_whose_bytes_trickle_that_fill_the_service() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let role = story.role(engine.clone());
		story.net.serve("slow", Arc::new(Trickling));
		let leaf = story.leaf(&engine, 1).await;
		for claim in 100..700 {
			let (service, transcoder) = (FakeNet::record("slow"), AccountId::new([3; 32]));
			let task = story.task(vec![leaf.clone()]);
			let task = VerifyTask { claim, service, transcoder, ..task };
			assert_eq!(role.post(task), Ok(VerifyStatus::Working));
		}
		let honest = story.task(vec![story.leaf(&engine, 0).await]);
		assert_eq!(role.post(honest.clone()), Ok(VerifyStatus::Working));
		sim.sleep(1_000).await;
		assert!(matches!(role.post(honest), Ok(VerifyStatus::Done { .. })));
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

/// A judge that does not ask in time counts as one that never wanted the bytes.
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
		// The peer that has them sends them.
		story.net.withhold(in_hash, false);
		role.idle().await;
		match role.post(task) {
			Ok(VerifyStatus::Done { verdicts, .. }) => assert_eq!(verdicts[..], [Verdict::Valid]),
			other => panic!("{other:?}"),
		}
	})
}

/// A judge's machine has no network for a while: it hears neither of bytes nor of blocks. What it has not had by then
/// is no answer, or it would accuse a transcoder that serves everybody, and pay for the dispute.
#[test]
fn bytes_should_be_fetched_again_when_the_node_was_away_while_they_were_missing() {
	for (comes_back, said) in
		[(true, Verdict::Valid), (false, Verdict::Unavailable(UnavailableKind::Unreachable))]
	{
		simulate(move |sim| async move {
			let story = Story::new(&sim);
			let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
			story.net.remove("t");
			let role = story.role(FakeEngine::default());
			assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
			role.idle().await;
			if comes_back {
				story.net.serve("t", Arc::new(Origin::new(Arc::new(story.theirs.clone()))));
			}
			// The node can still ask for them on the chain.
			assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Lacking));
			role.idle().await;
			for _ in 0..2 {
				match role.post(task.clone()) {
					Ok(VerifyStatus::Done { verdicts, .. }) => assert_eq!(verdicts[..], [said]),
					other => panic!("{other:?}"),
				}
			}
			let done = |event: &&Event| matches!(event, Event::TaskDone { .. });
			assert_eq!(story.events.events().iter().filter(done).count(), 1);
		})
	}
}

/// A node that never comes back: what was had for it goes with the claim.
#[test]
fn bytes_should_go_with_their_claim_when_the_node_never_asks_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 0).await, story.leaf(&engine, 1).await]);
		story.net.withhold(task.leaves[1].leaf.segment().unwrap().in_hash, true);
		let role = story.role(engine.clone());
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		role.idle().await;
		// Also if another process has to release them.
		let other = VerifyTask { claim: 2, ..task };
		assert_eq!(role.post(other), Ok(VerifyStatus::Working));
		let killed = Story { ours: story.ours.backup(), ..story };
		assert!(killed.ours.blob_count() > 0);
		let again = killed.role(engine);
		again.inner.release(1);
		again.inner.release(2);
		assert_eq!(killed.ours.blob_count(), 0);
		role.inner.release(1);
		assert!(role.inner.tasks().entries.keys().all(|key| key.claim == 2));
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
