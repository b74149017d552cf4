//! Which segments are taken, in which order, and which are refused.

use livepeer_primitives::video::LONGEST_SEGMENT;

use super::*;
use crate::ports::transport::SegmentRecord;

/// How long a job is left alone at most.
const LONGEST_REST_MS: u64 = 6 * 3_600_000;

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
		let record =
			SegmentRecord { signed, receipt: *receipt, signature, own: Default::default() };
		let stream = record.header().stream;
		let book = KeyBook::new(Arc::new(story.chain.client(None)), Arc::new(sim.clock.clone()));
		let owner = story.broadcaster.account();
		book.check_record(&record, &stream, &owner, 1).await.unwrap().unwrap();
		let output = record.outputs()[0].unwrap();
		assert_eq!(role.size(output.hash).await, Some(output.len.into()));
		let all = ChunkRange::behind(0);
		let served = role.chunks(output.hash, all).await.unwrap();
		assert_eq!(served.root(all), Some(output.chunk_root));
		assert!(
			role.size(record.header().segment.in_hash).await.is_some(),
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

/// How many contradictions the chain was told of.
fn reported(story: &Story) -> usize {
	story.chain.calls().iter().filter(|call| matches!(call, Call::Report(_))).count()
}

#[test]
fn broadcaster_should_be_reported_when_it_signs_two_segments_in_one_place() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		// The same again is no other, and what another signs is not kept.
		receipt(story.send(&role, 0).await);
		let mut forged = story.signed(0, &[8, 8, 8]);
		forged.signature = Signing::own(story.key.clone()).sign(&forged.header.hash());
		assert_eq!(role.admit(&forged).await, Err(Refusal::BadSignature));
		assert!(role.parts.reporter.kept().unwrap().is_empty());
		// The header is enough: its bytes need not come.
		role.admit(&story.signed(0, &[9, 9, 9])).await.unwrap();
		assert_eq!(role.parts.reporter.kept().unwrap().len(), 1);
		let restarted = story.role(FakeEngine::default());
		for _ in 0..2 {
			restarted.parts.reporter.report().await.unwrap();
			assert_eq!(reported(&story), 1);
		}
	})
}

#[test]
fn broadcaster_should_be_reported_when_the_first_of_two_segments_is_still_at_work() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { takes: Some((sim.clock.clone(), 1_000)), ..Default::default() };
		let role = Rc::new(story.role(engine));
		let (working, first) = (role.clone(), story.signed(0, &bytes(0)));
		sim.spawn(async move {
			working.push(first, bytes(0)).await;
		});
		sim.sleep(1).await;
		role.admit(&story.signed(0, &[9, 9, 9])).await.unwrap();
		role.parts.reporter.report().await.unwrap();
		assert_eq!(reported(&story), 1);
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
			..config()
		};
		let keys = Keyring::own(story.key.clone());
		let role = Rc::new(story.role_with(keys, None, engine, config));
		role.registration.refresh().await.unwrap();
		let sent = |job: JobId, seq: Seq, bytes: &[u8]| {
			let name = names[job as usize - 2];
			story.signed_as(job, name, story.signed(seq, bytes).header)
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
		// After half a second, and after twice as long each time.
		assert_eq!(tried, 13);
		let warned = story.warned(Warning::SegmentRefused);
		assert!(
			warned[0].contains("job 1 was not made") && warned[0].contains("told to"),
			"{warned:?}"
		);
		// Not for ever: what can be made is made then.
		sim.sleep(LONGEST_REST_MS).await;
		receipt(story.send(&role, 8).await);
		receipt(story.send(&role, 9).await);
	})
}

/// A job of which every second segment is work for nothing, and a machine that is started anew.
#[test]
fn attack_failing_segments_between_good_ones() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = || story.role(FakeEngine { fails_on: Some(7), ..Default::default() });
		let refused = PushReply::Refused(Refusal::Internal);
		let mut rests = Vec::new();
		for seq in 8..12 {
			// Each time as after a restart.
			assert_eq!(story.send(&role(), 7).await, refused);
			let start = sim.clock.now_ms();
			let role = role();
			while story.send(&role, seq).await == refused {
				sim.sleep(100).await;
			}
			rests.push(sim.clock.now_ms() - start);
		}
		assert_eq!(rests, [500, 1_000, 2_000, 4_000]);
	})
}

/// All of them are sent before the first one fails: a queue of segments would keep the machine busy for nothing, each for
/// as long as a segment may take.
#[test]
fn attack_failing_segments_that_wait_in_the_queue() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let failing = FakeEngine {
			fails_on: Some(7),
			takes: Some((sim.clock.clone(), 60_000)),
			..Default::default()
		};
		let role = story.role(failing);
		let start = sim.clock.now_ms();
		let replies = futures::future::join_all((0..4).map(|seq: Seq| {
			let bytes = vec![7, seq as u8];
			role.push(story.signed(seq, &bytes), bytes)
		}));
		let refused = PushReply::Refused(Refusal::Internal);
		assert!(replies.await.iter().all(|reply| *reply == refused));
		// The two that have a place are tried, and those that wait are not.
		assert_eq!(sim.clock.now_ms() - start, 60_000);
	})
}

/// One failure among many good segments is made up for.
#[test]
fn failure_should_be_forgotten_when_enough_segments_are_made() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine { fails_on: Some(7), ..Default::default() });
		let refused = PushReply::Refused(Refusal::Internal);
		for first in [8, 16] {
			assert_eq!(story.send(&role, 7).await, refused);
			sim.sleep(499).await;
			assert_eq!(story.send(&role, first).await, refused);
			sim.sleep(1).await;
			story.send_all(&role, first..first + 8).await;
		}
	})
}

/// Bytes that nobody can decode are refused at once, and make up for nothing that kept the machine busy.
#[test]
fn attack_failures_undone_by_segments_that_are_rejected() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { fails_on: Some(7), rejects: Some(9), ..Default::default() };
		let role = story.role(engine);
		let refused = PushReply::Refused(Refusal::Internal);
		let push = |seq: Seq| {
			let bytes = vec![9, seq as u8];
			role.push(story.signed(seq, &bytes), bytes)
		};
		for (first, rest_ms) in [(8, 500), (16, 1_000)] {
			assert_eq!(story.send(&role, 7).await, refused);
			sim.sleep(rest_ms - 1).await;
			assert_eq!(push(first).await, refused);
			sim.sleep(1).await;
			for seq in first..first + 8 {
				let result = receipt(push(seq).await).result;
				assert!(matches!(result, TranscodeResult::Rejected(_)), "{result:?}");
			}
		}
	})
}

/// An attacker that occupies the machine's memory makes others' segments wait, but must not make their jobs
/// rest for hours.
#[test]
fn attack_memory_kept_taken_until_others_are_left_alone() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine::default();
		*lock(&engine.crowded) = 20;
		let role = story.role(engine);
		for _ in 0..20 {
			let reply = story.send(&role, 0).await;
			assert_eq!(
				reply,
				PushReply::Busy { retry_ms: 2_000 },
				"no segment comes over and over"
			);
		}
		receipt(story.send(&role, 0).await);
		let warned = story.warned(Warning::SegmentRefused);
		assert!(warned[0].contains("has no room"), "{warned:?}");
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
			signed_header(&story.broadcaster, header)
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

/// Strangers keep naming assignments that do not exist: a segment of a real one that is not known yet gets
/// its turn.
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

/// The first segment of the job's next assignment.
fn of_the_next(story: &Story) -> SignedHeader {
	let header = story.signed(0, &bytes(0)).header;
	signed_header(&story.broadcaster, SegmentHeader { assignment: 1, ..header })
}

#[test]
fn segment_of_an_offer_should_be_transcoded_at_once_and_signed_for_when_it_is_accepted() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.offer(story.job, 1, &story.key.account());
		let pushed = role.push(of_the_next(&story), bytes(0));
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

/// What was made for another rate of variants may lack one.
#[test]
fn segment_of_an_offer_should_be_sent_again_when_it_is_accepted_with_another_rate_of_variants() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.chain.offer(story.job, 1, &story.key.account());
		let pushed = role.push(of_the_next(&story), bytes(0));
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
		assert_eq!(story.warned(Warning::QueueFull).len(), 1, "its operator is told, once a while");
	})
}

/// Two jobs of one broadcaster have the whole queue between them: one that has nothing in it is taken all the same.
#[test]
fn attack_queue_filled_by_two_jobs() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		story.another_job("two").await;
		story.another_job("three").await;
		let engine = FakeEngine { takes: Some((sim.clock.clone(), 10_000)), ..Default::default() };
		let role = Rc::new(story.role(engine));
		role.registration.refresh().await.unwrap();
		for seq in 0..2 {
			for signed in [story.signed(seq, &bytes(seq)), story.signed_for(2, "two", seq)] {
				let role = role.clone();
				sim.spawn(async move {
					role.push(signed, bytes(seq)).await;
				});
			}
		}
		sim.sleep(1).await;
		let more = story.send(&role, 2).await;
		assert!(matches!(more, PushReply::Busy { .. }), "the queue is full: {more:?}");
		let start = sim.clock.now_ms();
		receipt(role.push(story.signed_for(3, "three", 0), bytes(0)).await);
		assert_eq!(sim.clock.now_ms() - start, 10_000, "it starts at once");
	})
}

/// More than a minute of a stream within a second: from then on it has what others leave. Segments of next to no work count
/// as the shortest of their job.
#[test]
fn attack_job_that_sends_faster_than_it_plays() {
	for (segments, len) in [(40, 40), (61, 1)] {
		send_faster_than_it_plays(segments, len);
	}
}

/// A job sends this many segments of this many bytes, and then one beside others' slow segments.
fn send_faster_than_it_plays(segments: u8, len: usize) {
	simulate(move |sim| async move {
		let story = Story::new(&sim).await;
		for name in ["two", "three", "four"] {
			story.another_job(name).await;
		}
		const SLOW: u8 = 200;
		let engine = FakeEngine {
			takes: Some((sim.clock.clone(), 1)),
			slow: Some((SLOW, 10_000)),
			..Default::default()
		};
		let role = Rc::new(story.role(engine));
		role.registration.refresh().await.unwrap();
		for seq in 0..segments {
			let bytes = vec![seq; len];
			receipt(role.push(story.signed(seq.into(), &bytes), bytes).await);
		}
		let seq = Seq::from(SLOW);
		for (job, name) in [(2, "two"), (3, "three")] {
			let (role, signed) = (role.clone(), story.signed_for(job, name, seq));
			sim.spawn(async move {
				role.push(signed, bytes(seq)).await;
			});
		}
		sim.sleep(1).await;
		let took = |start: u64| sim.clock.now_ms() - start;
		let start = sim.clock.now_ms();
		receipt(role.push(story.signed_for(4, "four", 0), bytes(0)).await);
		assert_eq!(took(start), 1);
		receipt(story.send(&role, segments.into()).await);
		assert!(took(start) > 9_000, "{} ms", took(start));
	})
}

#[test]
fn operator_should_be_told_when_a_job_is_turned_away_beside_one_that_sends_nothing() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		story.another_job("silent").await;
		let engine = FakeEngine { takes: Some((sim.clock.clone(), 200)), ..Default::default() };
		let role = story.role(engine);
		role.registration.refresh().await.unwrap();
		let replies = futures::future::join_all((0..3).map(|seq| story.send(&role, seq))).await;
		let busy = replies.iter().filter(|r| matches!(r, PushReply::Busy { .. })).count();
		assert_eq!(busy, 1, "half of the four places are the other job's");
		let said = story.warned(Warning::QueueFull);
		assert!(matches!(&said[..], [one] if one.contains("segments of job 1 wait")), "{said:?}");
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
fn receipt_should_be_given_again_when_a_claim_covers_the_segment() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let first = receipt(story.send(&role, 0).await);
		story.send_all(&role, 1..4).await;
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

/// Much sound beside large pictures: each output has both, and is too large to fetch. It is never signed for
/// and so never paid, so its job rests like one that makes the engine fail.
#[test]
fn attack_segments_that_make_what_is_too_large_sent_without_end() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { takes: Some((sim.clock.clone(), 1)), ..Default::default() };
		let role = story.role(engine);
		let bytes = vec![1; 100_000];
		let signed = story.signed(0, &bytes);
		let mut tried = 0;
		let start = sim.clock.now_ms();
		while sim.clock.now_ms() - start < 3_600_000 {
			let before = sim.clock.now_ms();
			let reply = role.push(signed.clone(), bytes.clone()).await;
			assert!(matches!(reply, PushReply::Refused(Refusal::TooLarge | Refusal::Internal)));
			tried += u32::from(sim.clock.now_ms() > before);
			sim.sleep(400).await;
		}
		assert_eq!(tried, 13);
		// Not for ever: what can be made is made then.
		sim.sleep(LONGEST_REST_MS).await;
		receipt(story.send(&role, 8).await);
		receipt(story.send(&role, 9).await);
	})
}

#[test]
fn segment_should_be_answered_by_a_signed_rejection_when_it_cannot_be_transcoded() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..3).await;
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
		assert!(role.size(segment_info(&[0xff, 1]).in_hash).await.is_some());
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
