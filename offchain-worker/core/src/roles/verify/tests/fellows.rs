//! Judges that have bytes from each other.

use super::*;

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
		// It does not answer any more, or claims to have everything and sends nothing.
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
		story.net.serve("t", Arc::new(story.late(900)));
		assert_eq!(verdicts(&starved.role, &starved.task(&task, "starved")).await, right);
	})
}

/// Fellows send wrong bytes, and the chain gives no answer: the transcoder still owes the bytes.
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
		impl BeforeService for Lying {
			fn behind(&self) -> &dyn Service {
				&Nothing
			}

			async fn give(&self, _: H256, range: ChunkRange) -> Option<Chunks> {
				Chunks::of(&[6, 6, 6, 6], range)
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
		// Another process continues with it.
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

impl BeforeStore for Small {
	fn behind(&self) -> &MemoryStore {
		&self.inner
	}

	fn before_put(&self) -> Result<(), StoreError> {
		match self.inner.blob_count() < self.most {
			true => Ok(()),
			false => Err(StoreError::Quota { path: "small".into(), quota: 0 }),
		}
	}
}

/// A judge whose store has room for three blobs.
fn with_little_room(story: &Story, engine: FakeEngine) -> VerifyRole {
	let store = Small { inner: story.ours.clone(), most: 3 };
	let (role, runner) = VerifyRole::new(
		GENESIS,
		Arc::new(store),
		Arc::new(story.net.end("v")),
		vec![Arc::new(engine)],
		Arc::new(story.events.clone()),
		Arc::new(story.sim.clock.clone()),
		2,
	)
	.unwrap();
	story.sim.spawn(runner.run());
	role
}

/// A transcoder whose bytes fill a judge's store while they are judged: another's wait for that, as long as there is
/// time.
#[test]
fn attack_bytes_that_leave_a_judge_no_room_for_those_of_others() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = with_little_room(&story, FakeEngine::taking(&sim.clock, 3_000));
		let engine = FakeEngine::default();
		let first = story.task(vec![story.leaf(&engine, 0).await]);
		assert_eq!(role.post(first.clone()), Ok(VerifyStatus::Working));
		sim.sleep(500).await;
		let second = VerifyTask { claim: 2, ..story.task(vec![story.leaf(&engine, 1).await]) };
		assert_eq!(verdicts(&role, &second).await.0, [Verdict::Valid]);
		assert!(matches!(role.post(first), Ok(VerifyStatus::Done { .. })));
	})
}

/// A judge whose disk is full would otherwise fetch the same bytes every few seconds, as long as there is time, and
/// call them missing if whoever served them is gone when it tries once more.
#[test]
fn attack_full_store_that_has_bytes_fetched_again_and_again() {
	for goes in [false, true] {
		simulate(move |sim| async move {
			let story = Story::new(&sim);
			let role = story.role(FakeEngine::default());
			story.ours.fill(true);
			let pair = <VerifierPair as sp_core::Pair>::from_string("//Judge", None).unwrap();
			let pass = Some(sp_core::Pair::sign(&pair, b"shown with each request"));
			let task = story.task(vec![story.leaf(&FakeEngine::default(), 0).await]);
			let task = VerifyTask { pass, patience_ms: 600_000, ..task };
			assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
			sim.sleep(1_000).await;
			if goes {
				story.net.remove("t");
			}
			role.idle().await;
			match role.post(task) {
				Ok(VerifyStatus::Done { verdicts, .. }) => {
					assert_eq!(verdicts[..], [Verdict::Abstain])
				}
				other => panic!("{other:?}"),
			}
			if !goes {
				// At once, and after 5, 15, 35, 75, 155, 315 and 595 seconds.
				let asked = story.net.passes().len();
				assert!(asked <= 3 * 8, "{asked} requests for three blobs");
			}
		})
	}
}

#[test]
fn kept_bytes_should_make_room_for_those_that_are_judged() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let role = with_little_room(&story, FakeEngine::default());
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
