//! Judging of leaves whose bytes are there.

use super::*;

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

/// A ballot's time depends on the work that its leaves state. As many ballots as a judge takes at a time
/// state nearly nothing and would take long: it does no more work for them than they state, and is in time
/// for them and for its other duties. All judges that stop so have seen the same, and find the same evidence.
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
fn leaf_should_be_abstained_from_when_the_engine_fails() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let leaf = story.leaf(&FakeEngine::default(), 7).await;
		let role = story.role(FakeEngine { fails_on: Some(7), ..Default::default() });
		let (verdicts, _) = verdicts(&role, &story.task(vec![leaf])).await;
		assert_eq!(verdicts, [Verdict::Abstain]);
	})
}

/// An engine that panics over inputs that begin with zero.
struct Panicking(FakeEngine);

#[async_trait::async_trait]
impl BeforeEngine for Panicking {
	fn behind(&self) -> &dyn MediaEngine {
		&self.0
	}

	async fn judge(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		assert_ne!(input.first(), Some(&0), "told to");
		self.0.examine(format, input, outputs, seed, index).await
	}
}

/// A leaf over which a judge panics must not silence it for ever.
#[test]
fn attack_leaf_over_which_a_judge_panics() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let (role, runner) = VerifyRole::new(
			GENESIS,
			Arc::new(story.ours.clone()),
			Arc::new(story.net.end("v")),
			vec![Arc::new(Panicking(engine.clone()))],
			Arc::new(story.events.clone()),
			Arc::new(sim.clock.clone()),
			2,
		)
		.unwrap();
		sim.spawn(runner.run());
		let task = story.task(vec![story.leaf(&engine, 0).await, story.leaf(&engine, 1).await]);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Abstain, Verdict::Valid]);
		let next = VerifyTask { claim: 2, ..story.task(vec![story.leaf(&engine, 2).await]) };
		assert_eq!(verdicts(&role, &next).await.0, [Verdict::Valid]);
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

/// The C library was upgraded: the golden vectors of this process will never come out, however often it tries.
#[test]
fn engine_that_was_replaced_should_judge_until_another_process_makes_the_vectors() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine { replaced: true, ..Default::default() };
		let role = story.role(engine.clone());
		assert!(sim.within(1_000, role.replaced()).await.is_none(), "nobody asks for them");
		let ask = || role.toolchains(ToolchainsQuestion { anew: Some(7) });
		assert_eq!(ask(), ToolchainsAnswer::Making);
		assert!(sim.within(1, role.replaced()).await.is_some(), "at once");
		assert_eq!(ask(), ToolchainsAnswer::Making);
		let task = story.task(vec![story.leaf(&engine, 0).await]);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Valid]);
	})
}

/// The C library was upgraded, and then the process died from which children are forked: this one can start no more. To
/// abstain until an operator sees it would cost stake in every round.
#[test]
fn judge_whose_engine_was_replaced_should_leave_what_it_cannot_judge_to_another_process() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 0).await]);
		let ended = FakeEngine { replaced: true, over: true, fails_on: Some(0), ..engine.clone() };
		let role = story.role(ended);
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working));
		assert!(sim.within(1_000, role.replaced()).await.is_some(), "at once");
		sim.sleep(task.patience_ms).await;
		assert_eq!(role.post(task.clone()), Ok(VerifyStatus::Working), "nothing is said");
		assert_eq!(verdicts(&story.role(engine), &task).await.0, [Verdict::Valid]);
	})
}

/// The C library was upgraded, and children are still started. Whoever knows a segment that breaks them, which may be what
/// the upgrade mends, must not end the services of all judges: the new libraries may make another toolchain.
#[test]
fn attack_segment_that_breaks_the_children_of_an_engine_that_was_replaced() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		let task = story.task(vec![story.leaf(&engine, 0).await, story.leaf(&engine, 1).await]);
		let role = story.role(FakeEngine { replaced: true, fails_on: Some(0), ..engine });
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Abstain, Verdict::Valid]);
		assert!(sim.within(1, role.replaced()).await.is_none(), "it goes on");
	})
}

/// While an attacker keeps judges busy with large segments, no memory is left for the vectors: the engine
/// keeps judging, and they are made later.
#[test]
fn attack_golden_vectors_that_find_no_room() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let engine = FakeEngine::default();
		*lock(&engine.crowded) = REMAKE.0 - 1;
		let made = ToolchainsAnswer::Made { toolchains: vec![engine.toolchain] };
		let role = story.role(engine.clone());
		let ask = || role.toolchains(ToolchainsQuestion { anew: Some(7) });
		assert_eq!(ask(), ToolchainsAnswer::Making);
		sim.sleep(u64::from(REMAKE.0 - 1) * REMAKE.1 - 1).await;
		assert_eq!(ask(), ToolchainsAnswer::Making);
		sim.sleep(10).await;
		assert_eq!(ask(), made);
		let task = story.task(vec![story.leaf(&engine, 0).await]);
		assert_eq!(verdicts(&role, &task).await.0, [Verdict::Valid]);
	})
}
