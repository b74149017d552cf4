//! Streams continue after a restart, a failure, or the loss of the store.

use super::*;

#[test]
fn stream_should_resume_without_signing_anew_when_the_process_dies() {
	simulate(|sim| async move {
		let (story, first, open) = Story::opened(&sim, FakeEngine::taking(&sim.clock, 1_000)).await;
		let run = first.run(&open, source(20), story.stop.subscribe());
		// Dropping the future is what kill -9 is to the roles: nothing runs any more.
		assert!(sim.within(6_000, run).await.is_none());
		let before = story.store.records(open.stream, 0, 100).unwrap();
		assert!(!before.is_empty() && before.len() < 20);
		let second = story.broadcaster();
		let again = second.open(&spec("demo")).await.unwrap();
		assert!(again.resumed);
		assert_eq!((again.job, again.first), (open.job, open.first));
		let summary = second.run(&again, source(20), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary.returned as usize, 20 - before.len());
		let after = story.store.records(open.stream, 0, 100).unwrap();
		assert_eq!(after.len(), 20);
		assert_eq!(after[..before.len()], before);
	})
}

#[test]
fn resume_should_be_refused_when_the_source_is_another() {
	simulate(|sim| async move {
		let (story, first, open) = Story::opened(&sim, FakeEngine::taking(&sim.clock, 1_000)).await;
		let run = first.run(&open, source(20), story.stop.subscribe());
		assert!(sim.within(6_000, run).await.is_none());
		let (sender, other) = mpsc::channel(4);
		sender.try_send(Ok(SourceSegment { bytes: vec![9; 9], ..segment(0) })).unwrap();
		let second = story.broadcaster();
		let again = second.open(&spec("demo")).await.unwrap();
		let error = second.run(&again, other, story.stop.subscribe()).await.unwrap_err();
		assert!(matches!(error, BroadcastError::OtherSource(0)), "{error}");
	})
}

#[test]
fn job_should_stay_open_when_the_source_fails() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
		let (sender, broken) = mpsc::channel(4);
		sender.try_send(Ok(segment(0))).unwrap();
		sender.try_send(Err("the disk is gone".into())).unwrap();
		let error = broadcaster.run(&open, broken, story.stop.subscribe()).await.unwrap_err();
		assert!(matches!(error, BroadcastError::Source(_)), "{error}");
		let again = broadcaster.open(&spec("demo")).await.unwrap();
		assert_eq!((again.job, again.resumed), (open.job, true));
		let summary = broadcaster.run(&again, source(5), story.stop.subscribe()).await.unwrap();
		assert!(summary.complete);
		assert_eq!(story.store.records(open.stream, 0, 100).unwrap().len(), 5);
	})
}

#[test]
fn stream_should_go_on_above_in_a_new_epoch_when_the_state_is_lost() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let role = story.transcoder("//T", FakeEngine::default()).await;
		let first = story.broadcaster();
		let open = first.open(&spec("demo")).await.unwrap();
		let (sender, endless) = mpsc::channel(64);
		(0..9).for_each(|seq| sender.try_send(Ok(segment(seq))).unwrap());
		let run = first.run(&open, endless, story.stop.subscribe());
		assert!(sim.within(20_000, run).await.is_none());
		let signed = role.newest(open.stream).await.unwrap().header.seq;
		assert_eq!(signed, 8);
		let key = Key::from_uri("//Broadcaster").unwrap();
		let lost = MemoryStore::default();
		let second = story.broadcaster_with(Keyring::own(key.clone()), key, lost.clone());
		let again = second.open(&spec("demo")).await.unwrap();
		assert!(again.job != open.job && again.first > signed && again.epoch > open.epoch);
		second.run(&again, source(3), story.stop.subscribe()).await.unwrap();
		let records = lost.records(again.stream, 0, 10).unwrap();
		assert_eq!(records.len(), 3);
		assert!(records.iter().all(|record| record.header().segment.epoch == again.epoch));
	})
}

#[test]
fn live_stream_should_go_on_with_other_content_when_it_is_resumed() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let live = StreamSpec { live: true, ..spec("demo") };
		let open = broadcaster.open(&live).await.unwrap();
		let (sender, source) = mpsc::channel(8);
		for seq in 0..3 {
			sender.try_send(Ok(segment(seq))).unwrap();
		}
		// The source fails, and the job stays.
		sender.try_send(Err("the publisher is gone".into())).unwrap();
		let error = broadcaster.run(&open, source, story.stop.subscribe()).await.unwrap_err();
		assert!(matches!(error, BroadcastError::Source(_)), "{error}");
		let again = broadcaster.open(&live).await.unwrap();
		assert_eq!((again.job, again.first, again.epoch), (open.job, 3, 1));
		assert!(again.resumed);
		// What comes now is nothing that came before.
		let (sender, source) = mpsc::channel(8);
		for seq in 10..12 {
			sender.try_send(Ok(segment(seq))).unwrap();
		}
		drop(sender);
		broadcaster.run(&again, source, story.stop.subscribe()).await.unwrap();
		let records = story.store.records(open.stream, 0, 10).unwrap();
		let said: Vec<_> = records
			.iter()
			.map(|record| (record.header().seq, record.header().segment.epoch))
			.collect();
		// What had not been sent when the source failed is over.
		assert_eq!(said, [(3, 1), (4, 1)]);
	})
}

/// A live stream of three segments, and a copy of its folder from before the first.
async fn live_stream_with_an_old_copy(story: &Story) -> (OpenStream, MemoryStore) {
	story.blocks();
	story.transcoder("//T", FakeEngine::default()).await;
	let live = StreamSpec { live: true, ..spec("demo") };
	let broadcaster = story.broadcaster();
	let open = broadcaster.open(&live).await.unwrap();
	let copy = story.store.backup();
	let (sender, source) = mpsc::channel(8);
	for seq in 0..3 {
		sender.try_send(Ok(segment(seq))).unwrap();
	}
	let (stop, stopped) = watch::channel(false);
	let world = story.sim.clone();
	story.sim.spawn(async move {
		world.sleep(20_000).await;
		stop.send_replace(true);
		// The source continues until then.
		drop(sender);
	});
	let summary = broadcaster.run(&open, source, stopped).await.unwrap();
	assert_eq!((summary.returned, summary.complete), (3, false));
	(open, copy)
}

#[test]
fn live_stream_should_go_on_above_in_another_job_when_its_folder_was_left() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let (open, copy) = live_stream_with_an_old_copy(&story).await;
		sim.sleep(3_600_000).await;
		let live = StreamSpec { live: true, lasts: 10_000, ..spec("demo") };
		let key = Key::from_uri("//Broadcaster").unwrap();
		let broadcaster = story.broadcaster_with(Keyring::own(key.clone()), key, copy);
		let again = broadcaster.open(&live).await.unwrap();
		assert_ne!(again.job, open.job, "nothing is signed twice for one job");
		assert!(!again.resumed);
		assert_eq!(again.first, 3 + OUT);
		assert!(again.epoch > open.epoch);
	})
}

#[test]
fn live_stream_should_go_on_above_in_another_job_when_its_transcoder_knows_more() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let (open, copy) = live_stream_with_an_old_copy(&story).await;
		let live = StreamSpec { live: true, ..spec("demo") };
		let key = Key::from_uri("//Broadcaster").unwrap();
		let broadcaster = story.broadcaster_with(Keyring::own(key.clone()), key, copy);
		let again = broadcaster.open(&live).await.unwrap();
		assert_ne!(again.job, open.job);
		assert_eq!((again.resumed, again.first), (false, 3 + OUT));
		let said = |event: &Event| matches!(event, Event::Warned { what, .. } if *what == crate::ports::events::Warning::Restored);
		assert!(story.events.events().iter().any(said));
		// The folder itself continues its job.
		let story = Story::new(&sim);
		let (open, _) = live_stream_with_an_old_copy(&story).await;
		let again = story.broadcaster().open(&live).await.unwrap();
		assert_eq!((again.job, again.resumed, again.first), (open.job, true, 3));
	})
}

#[test]
fn lost_stream_should_be_refused_when_nobody_knows_how_far_it_came() {
	simulate(|sim| async move {
		let (story, first, open) = Story::opened(&sim, FakeEngine::default()).await;
		first.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		story.net.remove("//T");
		let lost = MemoryStore::default();
		// Its job has ended, then is gone altogether.
		for gone in [false, true] {
			if gone {
				story.chain.remove_job(open.job);
			}
			let error = story.broadcaster_elsewhere(&lost).open(&spec("demo")).await.unwrap_err();
			assert!(matches!(&error, BroadcastError::Lost(name) if name == "demo"), "{error}");
			assert!(lost.streams().unwrap().is_empty());
		}
		let said = StreamSpec { above: Some(500), ..spec("demo") };
		let again = story.broadcaster_elsewhere(&lost).open(&said).await.unwrap();
		assert!(again.first == 500 && again.epoch > open.epoch, "{again:?}");
	})
}

#[test]
fn lost_stream_should_go_on_above_what_an_earlier_transcoder_shows() {
	simulate(|sim| async move {
		let (story, first, open) = Story::opened(&sim, FakeEngine::default()).await;
		let (_open, endless) = keep_open(9);
		let run = first.run(&open, endless, story.stop.subscribe());
		assert!(sim.within(20_000, run).await.is_none());
		// The job waits with another transcoder that has seen nothing of it.
		story.transcoder("//U", FakeEngine::default()).await;
		story.chain.reassign(open.job, &Key::from_uri("//U").unwrap().account());
		let lost = MemoryStore::default();
		let broadcaster = story.broadcaster_elsewhere(&lost);
		let below = StreamSpec { above: Some(3), ..spec("demo") };
		let again = broadcaster.open(&below).await.unwrap();
		assert!(again.first > 8, "{again:?}");
		assert_eq!(again.first, 9 + OUT);
		// The same when the job has ended and all its claims are closed.
		story.chain.remove_job(open.job);
		story.chain.remove_job(again.job);
		let broadcaster = story.broadcaster_elsewhere(&MemoryStore::default());
		assert!(broadcaster.open(&spec("demo")).await.unwrap().first >= again.first);
	})
}

#[test]
fn lost_stream_should_go_on_above_what_a_gateway_shows() {
	simulate(|sim| async move {
		let (story, first, open) = Story::opened(&sim, FakeEngine::default()).await;
		first.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		// A gateway has the stream; its transcoder is gone.
		story.net.serve("gateway", Arc::new(Origin::new(Arc::new(story.store.clone()))));
		story.net.remove("//T");
		let lost = MemoryStore::default();
		let asks = StreamSpec { ask: vec![FakeNet::record("gateway")], ..spec("demo") };
		let again = story.broadcaster_elsewhere(&lost).open(&asks).await.unwrap();
		assert_eq!(again.first, 9 + OUT);
		let head = lost.stream(again.stream).unwrap().unwrap().head.unwrap();
		assert_eq!(head.head.next_seq, 9, "later heads are newer than this one");
	})
}

#[test]
fn stream_should_begin_at_its_beginning_when_its_first_run_died_before_it_had_a_job() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let key = Key::from_uri("//Broadcaster").unwrap();
		let origin = Call::SetOrigin { name: "demo".into(), record: FakeNet::record("origin") };
		story.chain.client(Some(key)).submit(origin, Wait::Finalized).await.unwrap();
		let refused = ChainError::NotIncluded { call: "Jobs.create_job", reason: "x".into() };
		story.chain.fail_next(refused);
		assert!(story.broadcaster().open(&spec("demo")).await.is_err());
		let open = story.broadcaster().open(&spec("demo")).await.unwrap();
		assert_eq!((open.first, open.epoch), (0, 0));
	})
}

#[test]
fn job_that_a_wallet_opened_should_be_taken_up_without_a_key_that_spends() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let key = Key::from_uri("//Broadcaster").unwrap();
		let wallet = story.chain.client(Some(key.clone()));
		let origin = Call::SetOrigin { name: "demo".into(), record: FakeNet::record("origin") };
		wallet.submit(origin, Wait::Finalized).await.unwrap();
		let asked = spec("demo");
		let call = Call::CreateJob {
			broadcaster: key.account(),
			name: asked.name,
			ladder: asked.ladder,
			limits: asked.limits,
			max_price: asked.max_price,
			end: 100,
			budget: asked.budget,
		};
		wallet.submit(call, Wait::Finalized).await.unwrap();
		let stream = stream_id(&key.account(), "demo");
		let job = wallet.job_of_stream(stream).await.unwrap().unwrap();
		let broadcaster = Broadcaster::new(
			Keyring::own(key),
			Arc::new(story.chain.client(None)),
			Arc::new(story.store.clone()),
			Arc::new(story.net.end("origin")),
			Arc::new(FakeEngine::default()),
			Arc::new(story.events.clone()),
			Arc::new(story.sim.clock.clone()),
		);
		let told = |job| StreamSpec { job: Some(job), ..spec("demo") };
		let larger = StreamSpec { limits: SourceLimits::new(256, 144, 30), ..told(job) };
		for wrong in [told(job + 1), larger] {
			let error = broadcaster.open(&wrong).await.unwrap_err();
			assert!(matches!(error, BroadcastError::NotTaken { .. }), "{error}");
		}
		let open = broadcaster.open(&told(job)).await.unwrap();
		assert_eq!((open.job, open.first, open.resumed), (job, 0, false));
		let summary = broadcaster.run(&open, source(3), story.stop.subscribe()).await.unwrap();
		assert_eq!((summary.returned, summary.complete), (3, true));
		let view = wallet.job(At::Best, job).await.unwrap().unwrap();
		assert!(!view.ended, "it is the wallet's to end");
		// What has come to its end is not begun again under numbers that are signed.
		let error = broadcaster.open(&told(job)).await.unwrap_err();
		assert!(matches!(error, BroadcastError::NotTaken { .. }), "{error}");
	})
}
