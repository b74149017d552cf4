//! Jobs are handed on to other transcoders.

use super::*;
use crate::roles::broadcast::telling;

#[test]
fn segments_should_go_to_the_next_transcoder_when_the_first_is_lost() {
	simulate(|sim| async move {
		let (story, broadcaster, open) =
			Story::opened(&sim, FakeEngine::taking(&sim.clock, 100_000_000)).await;
		story.transcoder("//U", FakeEngine::default()).await;
		let (chain, net, job) = (story.chain.clone(), story.net.clone(), open.job);
		let world = sim.clone();
		sim.spawn(async move {
			world.sleep(10_000).await;
			net.remove("//T");
			chain.reassign(job, &Key::from_uri("//U").unwrap().account());
		});
		let summary = broadcaster.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary, Summary { returned: 9, skipped: 0, complete: true });
		let records = story.store.records(open.stream, 0, 100).unwrap();
		assert_eq!(records.len(), 9);
		assert!(records.iter().all(|record| record.header().assignment == 1));
	})
}

#[test]
fn another_job_should_be_opened_when_the_old_one_does_not_take_what_is_asked_for() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let with = |limits, live| StreamSpec { limits, live, ..spec("demo") };
		let first = broadcaster.open(&spec("demo")).await.unwrap();
		let smaller = with(SourceLimits::new(64, 36, 25), true);
		let second = broadcaster.open(&smaller).await.unwrap();
		assert_eq!((second.job, second.resumed), (first.job, true));
		assert_eq!(second.limits, first.limits, "what is judged is judged by the job's");
		let larger = with(SourceLimits::new(256, 72, 30), true);
		let third = broadcaster.open(&larger).await.unwrap();
		assert!(third.job != first.job && !third.resumed);
		assert_eq!(third.limits.width, 256);
		let ended = Call::EndJob { job: first.job };
		assert!(story.chain.calls().contains(&ended));
		let other = StreamSpec {
			ladder: vec![rendition(32, 18, 50)].try_into().unwrap(),
			..with(SourceLimits::new(256, 72, 30), true)
		};
		assert!(broadcaster.open(&other).await.unwrap().job != third.job);
	})
}

#[test]
fn job_should_be_handed_on_when_its_transcoder_does_not_answer() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
		story.transcoder("//U", FakeEngine::default()).await;
		story.net.remove("//T");
		let summary = broadcaster.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary, Summary { returned: 9, skipped: 0, complete: true });
		let calls = story.chain.calls();
		let handed_on = calls.iter().filter(|call| matches!(call, Call::NextTranscoder { .. }));
		assert_eq!(handed_on.count(), 1);
		let records = story.store.records(open.stream, 0, 100).unwrap();
		assert!(records.iter().all(|record| record.header().assignment == 1));
		assert!(story.events.events().iter().any(|event| matches!(event, Event::HandedOn { .. })));
	})
}

/// It is there, it takes what it is sent, and it never comes to an end with it.
#[test]
fn attack_transcoder_that_takes_segments_and_gives_nothing_back() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		// It does not end the assignment itself.
		story.chain.set_idle_from(u32::MAX);
		let never = FakeEngine::taking(&sim.clock, 100_000_000);
		story.transcoder("//T", never).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		story.transcoder("//U", FakeEngine::default()).await;
		let run = broadcaster.run(&open, source(9), story.stop.subscribe());
		let summary = sim.within(120_000, run).await.unwrap().unwrap();
		assert_eq!(summary, Summary { returned: 9, skipped: 0, complete: true });
		let records = story.store.records(open.stream, 0, 100).unwrap();
		assert!(records.iter().all(|record| record.header().assignment == 1));
		let events = story.events.events();
		let handed_on = events.iter().filter(|event| matches!(event, Event::HandedOn { .. }));
		assert_eq!(handed_on.count(), 1);
	})
}

/// Between two segments nothing is sent that would not be answered.
#[test]
fn job_should_be_handed_on_before_the_next_segment_when_its_transcoder_is_lost() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let live = StreamSpec { live: true, ..spec("demo") };
		let open = broadcaster.open(&live).await.unwrap();
		story.transcoder("//U", FakeEngine::default()).await;
		let (sender, source) = mpsc::channel(4);
		sender.try_send(Ok(segment(0))).unwrap();
		let (net, events, world) = (story.net.clone(), story.events.clone(), sim.clone());
		sim.spawn(async move {
			let back = |event: &Event| matches!(event, Event::SegmentReturned { .. });
			let returned = || events.events().iter().filter(|event| back(event)).count();
			for count in 1..=2 {
				while returned() < count {
					world.sleep(50).await;
				}
				if count == 1 {
					sender.try_send(Ok(segment(1))).unwrap();
				}
			}
			net.remove("//T");
			// Nobody publishes any more, and nobody has said that the stream is over.
			world.sleep(1_000_000).await;
			drop(sender);
		});
		let run = broadcaster.run(&open, source, story.stop.subscribe());
		assert!(sim.within(120_000, run).await.is_none());
		let events = story.events.events();
		let silences: Vec<u64> = events
			.iter()
			.filter_map(|event| match event {
				Event::HandedOn { silent_ms, .. } => Some(*silent_ms),
				_ => None,
			})
			.collect();
		assert_eq!(silences.len(), 1, "{silences:?}");
		assert!(silences[0] <= 1_500, "{silences:?}");
	})
}

/// While nobody publishes, a transcoder that restarts keeps its job.
#[test]
fn job_should_not_be_handed_on_while_its_source_is_away() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let live = StreamSpec { live: true, ..spec("demo") };
		let open = broadcaster.open(&live).await.unwrap();
		story.transcoder("//U", FakeEngine::default()).await;
		let (_open, endless) = keep_open(1);
		let (net, world) = (story.net.clone(), sim.clone());
		sim.spawn(async move {
			world.sleep(30_000).await;
			net.remove("//T");
		});
		let run = broadcaster.run(&open, endless, story.stop.subscribe());
		assert!(sim.within(120_000, run).await.is_none());
		let events = story.events.events();
		assert!(events.iter().any(|event| matches!(event, Event::SegmentReturned { .. })));
		assert!(!events.iter().any(|event| matches!(event, Event::HandedOn { .. })));
	})
}

#[test]
fn job_should_stay_when_nobody_else_could_take_it() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
		story.net.remove("//T");
		let (world, stop) = (sim.clone(), story.stop.clone());
		sim.spawn(async move {
			world.sleep(40_000).await;
			stop.send_replace(true);
		});
		broadcaster.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		let calls = story.chain.calls();
		assert!(!calls.iter().any(|call| matches!(call, Call::NextTranscoder { .. })));
		let said = story.events.events();
		assert!(said.iter().any(|event| telling::says(event, "does not answer")));
	})
}

#[test]
fn segments_should_go_to_the_right_transcoder_when_a_reorg_draws_another() {
	simulate(|sim| async move {
		let (story, broadcaster, open) =
			Story::opened(&sim, FakeEngine::taking(&sim.clock, 100_000_000)).await;
		story.transcoder("//U", FakeEngine::default()).await;
		let (chain, job, world) = (story.chain.clone(), open.job, sim.clone());
		sim.spawn(async move {
			world.sleep(10_000).await;
			chain.redraw(job, &Key::from_uri("//U").unwrap().account());
		});
		let summary = broadcaster.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		// What was signed for the one is never signed for the other: that would be an equivocation.
		assert_eq!(summary, Summary { returned: 9 - OUT, skipped: OUT, complete: true });
		let account = Key::from_uri("//U").unwrap().account();
		let records = story.store.records(open.stream, 0, 100).unwrap();
		assert_eq!(records.first().map(|record| record.header().seq), Some(OUT));
		assert!(records.iter().all(|record| record.header().assignment == 0));
		assert!(records.iter().all(|record| record.header().transcoder == account));
	})
}
