#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{
		rendition, simulate, FakeChain, FakeEngine, FakeNet, MemoryStore, Recorder, Sim, SimClock,
		PLENTY,
	},
	key::Key,
	ports::{
		events::NoEvents,
		store::{Blobs, Streams},
		transport::{Playlist, PushReply, Refusal, SegmentRecord, Service, SignedHeader},
	},
	roles::{
		follow::Follower,
		transcode::{TranscodeConfig, TranscodeRole},
	},
	rules::window::OUT,
	sha256,
};
use async_trait::async_trait;
use livepeer_primitives::{segment::LAST_OF_EPOCH, UNIT};
use sp_core::H256;
use sp_runtime::Perbill;

/// A broadcaster and a transcoder that share a fake chain and network.
struct Story {
	chain: FakeChain,
	net: FakeNet,
	store: MemoryStore,
	events: Recorder,
	stop: watch::Sender<bool>,
	sim: Sim,
}

fn spec(name: &str) -> StreamSpec {
	StreamSpec {
		name: name.into(),
		ladder: vec![rendition(64, 36, 100), rendition(32, 18, 50)].try_into().unwrap(),
		limits: SourceLimits::new(128, 72, 30),
		max_price: UNIT,
		budget: PLENTY,
		lasts: 100,
		keep: 1_800,
		live: false,
		above: None,
		ask: Vec::new(),
	}
}

fn config() -> TranscodeConfig {
	TranscodeConfig {
		price: UNIT / 1000,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
		capacity: 4,
		parallel: 2,
		queue: 8,
		claim_leaves: 4,
		claim_wait_ms: 60_000,
		claim_worth: 20,
		gap_wait_ms: 60_000,
	}
}

type Source = mpsc::Receiver<Result<SourceSegment, String>>;

fn segment(seq: u8) -> SourceSegment {
	SourceSegment {
		bytes: vec![seq, 1, 2, 3],
		duration: 180_000,
		time: u64::from(seq) * 180_000,
		captured: 0,
		last: false,
		fresh: false,
	}
}

/// The source: `count` segments, then its end.
fn source(count: u8) -> Source {
	let (sender, receiver) = mpsc::channel(256);
	(0..count).for_each(|seq| sender.try_send(Ok(segment(seq))).unwrap());
	receiver
}

impl Story {
	fn new(sim: &Sim) -> Self {
		Self {
			sim: sim.clone(),
			chain: FakeChain::default(),
			net: FakeNet::new(),
			store: MemoryStore::default(),
			events: Recorder::default(),
			stop: watch::Sender::new(false),
		}
	}

	fn broadcaster(&self) -> Broadcaster {
		let key = Key::from_uri("//Broadcaster").unwrap();
		self.broadcaster_with(Keyring::own(key.clone()), key, self.store.clone())
	}

	/// The same broadcaster in an empty folder.
	fn broadcaster_elsewhere(&self, store: &MemoryStore) -> Broadcaster {
		let key = Key::from_uri("//Broadcaster").unwrap();
		Broadcaster::new(
			Keyring::own(key.clone()),
			Arc::new(self.chain.client(Some(key))),
			Arc::new(store.clone()),
			Arc::new(self.net.end("elsewhere")),
			Arc::new(FakeEngine::default()),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
		)
	}

	fn broadcaster_with(&self, keys: Keyring, spends: Key, store: MemoryStore) -> Broadcaster {
		Broadcaster::new(
			keys,
			Arc::new(self.chain.client(Some(spends))),
			Arc::new(store),
			Arc::new(self.net.end("origin")),
			Arc::new(FakeEngine::default()),
			Arc::new(self.events.clone()),
			Arc::new(self.sim.clock.clone()),
		)
	}

	/// Starts a transcoder under `uri`, served as the peer `uri`.
	async fn transcoder(&self, uri: &str, engine: FakeEngine) -> Arc<TranscodeRole> {
		let key = Key::from_uri(uri).unwrap();
		let role = Arc::new(TranscodeRole::new(
			Keyring::own(key.clone()),
			Arc::new(self.chain.client(Some(key))),
			Arc::new(MemoryStore::default()),
			Arc::new(engine),
			Arc::new(NoEvents),
			Arc::new(self.sim.clock.clone()),
			config(),
		));
		role.register(&FakeNet::record(uri)).await.unwrap();
		self.net.serve(uri, role.clone());
		let (running, stop) = (role.clone(), self.stop.subscribe());
		self.sim.spawn(async move { running.run(stop).await });
		role
	}

	/// Makes a block every 2 s.
	fn blocks(&self) {
		let (chain, sim) = (self.chain.clone(), self.sim.clone());
		self.sim.spawn(async move {
			loop {
				sim.sleep(2_000).await;
				chain.block();
			}
		});
	}
}

#[test]
fn stream_should_come_back_whole_when_the_transcoder_works() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		assert!(!open.resumed);
		let summary = broadcaster.run(&open, source(20), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary, Summary { returned: 20, skipped: 0, complete: true });
		let records = story.store.records(open.stream, 0, 100).unwrap();
		assert_eq!(records.len(), 20);
		let account = Key::from_uri("//Broadcaster").unwrap().account();
		let clock = Arc::new(sim.clock.clone());
		let book = KeyBook::new(Arc::new(story.chain.client(None)), clock);
		for (seq, record) in records.iter().enumerate() {
			assert_eq!(record.header().seq, seq as u64);
			let checked = book.check_record(record, &open.stream, &account, 2).await;
			checked.unwrap().unwrap();
			assert_eq!(record.header().segment.time, seq as u64 * 180_000);
			for output in record.present() {
				assert!(story.store.get(output.hash).unwrap().is_some());
			}
		}
		let ended = story.chain.calls().iter().any(|call| matches!(call, Call::EndJob { .. }));
		assert!(ended);
		let state = story.store.stream(open.stream).unwrap().unwrap();
		assert!(state.ended);
		let head = state.head.unwrap().head;
		assert!(head.ended && head.next_seq == 20, "{head:?}");
		assert_eq!(story.store.blob_count(), 40, "sources are not kept once they came back");
	})
}

#[test]
fn follower_should_miss_nothing_when_segments_come_back_out_of_order() {
	/// Takes long over every third segment.
	struct Uneven(Arc<TranscodeRole>, SimClock);
	#[async_trait]
	impl Service for Uneven {
		async fn size(&self, hash: H256) -> Option<u64> {
			self.0.size(hash).await
		}
		async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
			self.0.fetch(hash).await
		}
		async fn admit(&self, header: &SignedHeader) -> Result<(), Refusal> {
			self.0.admit(header).await
		}
		async fn push(&self, header: SignedHeader, bytes: Vec<u8>) -> PushReply {
			if header.header.seq.is_multiple_of(3) {
				self.1.sleep_until(self.1.now_ms() + 5_000).await;
			}
			self.0.push(header, bytes).await
		}
		async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
			self.0.playlist(stream, from).await
		}
	}
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let role = story.transcoder("//T", FakeEngine::default()).await;
		story.net.serve("//T", Arc::new(Uneven(role, sim.clock.clone())));
		story.net.serve("origin", Arc::new(Origin::new(Arc::new(story.store.clone()))));
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let kept = MemoryStore::default();
		let follower = Follower::new(
			Arc::new(story.chain.client(None)),
			Arc::new(kept.clone()),
			Arc::new(story.net.end("gateway")),
			Arc::new(NoEvents),
			Arc::new(sim.clock.clone()),
			1_000,
		);
		let stream = follower
			.find("demo", &Key::from_uri("//Broadcaster").unwrap().account())
			.await
			.unwrap();
		let follows = sim.clone();
		sim.spawn(async move {
			loop {
				follower.poll(stream).await.unwrap();
				follows.sleep(200).await;
			}
		});
		let summary = broadcaster.run(&open, source(20), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary.returned, 20);
		sim.sleep(1_000).await;
		assert_eq!(kept.records(stream, 0, 100).unwrap().len(), 20);
		assert!(kept.stream(stream).unwrap().unwrap().ended);
	})
}

#[test]
fn sending_should_stop_at_the_window_when_nothing_comes_back() {
	simulate(|sim| async move {
		struct Silent(std::sync::atomic::AtomicU64);
		#[async_trait]
		impl Service for Silent {
			async fn size(&self, _: H256) -> Option<u64> {
				None
			}
			async fn fetch(&self, _: H256) -> Option<Vec<u8>> {
				None
			}
			async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
				Ok(())
			}
			async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
				self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
				std::future::pending().await
			}
			async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
				None
			}
		}
		let story = Story::new(&sim);
		story.transcoder("//T", FakeEngine::default()).await;
		let silent = Arc::new(Silent(Default::default()));
		story.net.serve("//T", silent.clone());
		story.blocks();
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let run = broadcaster.run(&open, source(20), story.stop.subscribe());
		assert!(sim.within(60_000, run).await.is_none());
		assert_eq!(silent.0.load(std::sync::atomic::Ordering::SeqCst), OUT);
	})
}

#[test]
fn stream_should_resume_without_signing_anew_when_the_process_dies() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let slow = FakeEngine { takes: Some((sim.clock.clone(), 1_000)), ..Default::default() };
		story.transcoder("//T", slow).await;
		let first = story.broadcaster();
		let open = first.open(&spec("demo")).await.unwrap();
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
		let story = Story::new(&sim);
		story.blocks();
		let slow = FakeEngine { takes: Some((sim.clock.clone(), 1_000)), ..Default::default() };
		story.transcoder("//T", slow).await;
		let first = story.broadcaster();
		let open = first.open(&spec("demo")).await.unwrap();
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
fn segments_should_go_to_the_next_transcoder_when_the_first_is_lost() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let never =
			FakeEngine { takes: Some((sim.clock.clone(), 100_000_000)), ..Default::default() };
		story.transcoder("//T", never).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
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
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
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
		let never =
			FakeEngine { takes: Some((sim.clock.clone(), 100_000_000)), ..Default::default() };
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
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
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
		let story = Story::new(&sim);
		story.blocks();
		let never =
			FakeEngine { takes: Some((sim.clock.clone(), 100_000_000)), ..Default::default() };
		story.transcoder("//T", never).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
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

#[test]
fn job_should_stay_open_when_the_source_fails() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
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
fn only_the_newest_segments_should_be_kept_when_a_stream_is_long() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let short = StreamSpec { keep: 4, ..spec("demo") };
		let open = broadcaster.open(&short).await.unwrap();
		broadcaster.run(&open, source(9), story.stop.subscribe()).await.unwrap();
		let playlist = playlist_from(&story.store, open.stream, 0).unwrap().unwrap();
		let seqs: Vec<Seq> = playlist.records.iter().map(|record| record.header().seq).collect();
		assert_eq!(seqs, [5, 6, 7, 8]);
	})
}

#[test]
fn followers_should_get_the_newest_job_only_when_a_stream_has_had_several() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		for _ in 0..2 {
			let open = broadcaster.open(&spec("demo")).await.unwrap();
			broadcaster.run(&open, source(3), story.stop.subscribe()).await.unwrap();
		}
		let (stream, state) = story.store.streams().unwrap().pop().unwrap();
		let playlist = playlist_from(&story.store, stream, 0).unwrap().unwrap();
		assert_eq!((playlist.job, playlist.records.len()), (state.job, 3));
		assert!(playlist.records.iter().all(|record| record.header().job == state.job));
	})
}

#[test]
fn rendition_should_not_count_when_its_bytes_are_wrong() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let wrong = sha256(&[1, 1, 2, 3, 4]);
		story.net.withhold(wrong, true);
		let run = broadcaster.run(&open, source(3), story.stop.subscribe());
		assert!(sim.within(30_000, run).await.is_none());
		let seqs: Vec<Seq> = story
			.store
			.records(open.stream, 0, 100)
			.unwrap()
			.iter()
			.map(|record| record.header().seq)
			.collect();
		assert_eq!(seqs, [1, 2], "the segment of the withheld rendition does not count");
	})
}

#[test]
fn invalid_segment_should_be_skipped_when_the_transcoder_names_the_reason() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (sender, source) = mpsc::channel(4);
		sender.try_send(Ok(segment(0))).unwrap();
		sender.try_send(Ok(segment(0xff))).unwrap();
		sender.try_send(Ok(segment(2))).unwrap();
		drop(sender);
		let summary = broadcaster.run(&open, source, story.stop.subscribe()).await.unwrap();
		assert_eq!(summary, Summary { returned: 2, skipped: 1, complete: true });
	})
}

#[test]
fn run_should_leave_the_job_open_when_it_is_stopped() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (sender, source) = mpsc::channel(4);
		sender.try_send(Ok(segment(0))).unwrap();
		let stop = story.stop.clone();
		let world = sim.clone();
		sim.spawn(async move {
			world.sleep(20_000).await;
			stop.send(true).unwrap();
		});
		let summary = broadcaster.run(&open, source, story.stop.subscribe()).await.unwrap();
		assert_eq!(summary, Summary { returned: 1, skipped: 0, complete: false });
		let ended = story.chain.calls().iter().any(|call| matches!(call, Call::EndJob { .. }));
		assert!(!ended);
		drop(sender);
	})
}

#[test]
fn stream_should_go_on_when_the_node_is_away_for_a_while() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let slow = FakeEngine { takes: Some((sim.clock.clone(), 2_000)), ..Default::default() };
		story.transcoder("//T", slow).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let chain = story.chain.clone();
		let world = sim.clone();
		sim.spawn(async move {
			world.sleep(3_000).await;
			chain.cut(true);
			world.sleep(6_000).await;
			chain.cut(false);
		});
		let summary = broadcaster.run(&open, source(20), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary.returned, 20);
	})
}

#[test]
fn job_should_not_be_opened_when_the_name_is_a_path() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let error = story.broadcaster().open(&spec("../x")).await.unwrap_err();
		assert!(matches!(error, BroadcastError::BadName));
	})
}

#[test]
fn rejection_should_not_be_believed_when_the_segment_can_be_transcoded() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let lazy = FakeEngine { rejects: Some(1), ..Default::default() };
		story.transcoder("//T", lazy).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (sender, ones) = mpsc::channel(8);
		for last in 0..5 {
			let bytes = vec![1, 2, 3, last];
			sender.try_send(Ok(SourceSegment { bytes, ..segment(0) })).unwrap();
		}
		let error = broadcaster.run(&open, ones, story.stop.subscribe()).await.unwrap_err();
		assert!(matches!(error, BroadcastError::Withheld(3)), "{error}");
		let ended = story.chain.calls().iter().any(|call| matches!(call, Call::EndJob { .. }));
		assert!(ended, "whoever is assigned next may be honest");
		drop(sender);
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
fn epoch_should_end_with_a_segment_that_is_too_short() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (sender, source) = mpsc::channel(8);
		sender.try_send(Ok(segment(0))).unwrap();
		sender.try_send(Ok(SourceSegment { duration: 9_000, ..segment(1) })).unwrap();
		sender.try_send(Ok(segment(2))).unwrap();
		drop(sender);
		broadcaster.run(&open, source, story.stop.subscribe()).await.unwrap();
		let records = story.store.records(open.stream, 0, 10).unwrap();
		let said =
			|record: &SegmentRecord| (record.header().segment.epoch, record.header().segment.flags);
		let said: Vec<_> = records.iter().map(said).collect();
		assert_eq!(said, [(0, 0), (0, LAST_OF_EPOCH), (1, 0)]);
	})
}

#[test]
fn epoch_should_end_where_the_source_breaks_off_or_begins_anew() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (sender, source) = mpsc::channel(8);
		let breaks =
			|last: bool, fresh: bool, seq: u8| SourceSegment { last, fresh, ..segment(seq) };
		// The first one begins nothing anew; the one after a last one does so once.
		sender.try_send(Ok(breaks(false, true, 0))).unwrap();
		sender.try_send(Ok(breaks(true, false, 1))).unwrap();
		sender.try_send(Ok(breaks(false, true, 2))).unwrap();
		sender.try_send(Ok(breaks(false, true, 3))).unwrap();
		sender.try_send(Ok(breaks(false, false, 4))).unwrap();
		drop(sender);
		broadcaster.run(&open, source, story.stop.subscribe()).await.unwrap();
		let records = story.store.records(open.stream, 0, 10).unwrap();
		let said =
			|record: &SegmentRecord| (record.header().segment.epoch, record.header().segment.flags);
		let said: Vec<_> = records.iter().map(said).collect();
		assert_eq!(said, [(0, 0), (0, LAST_OF_EPOCH), (1, 0), (2, 0), (2, 0)]);
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
		// The source goes on until then.
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
		// The folder itself goes on with its job.
		let story = Story::new(&sim);
		let (open, _) = live_stream_with_an_old_copy(&story).await;
		let again = story.broadcaster().open(&live).await.unwrap();
		assert_eq!((again.job, again.resumed, again.first), (open.job, true, 3));
	})
}

#[test]
fn stream_should_run_when_the_account_is_cold() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let [cold, signs, spends] =
			["//Broadcaster", "//Signs", "//Spends"].map(|uri| Key::from_uri(uri).unwrap());
		let account = cold.account();
		let offline = story.chain.client(Some(cold));
		story.chain.set_keys(&account, Purpose::Segments, &[&signs]);
		let ring = Keyring::new(account.clone(), vec![signs]);
		let broadcaster = story.broadcaster_with(ring, spends.clone(), story.store.clone());
		let error = broadcaster.open(&spec("demo")).await.unwrap_err();
		assert!(matches!(error, BroadcastError::Origin(_)), "{error}");
		let origin = Call::SetOrigin { name: "demo".into(), record: FakeNet::record("origin") };
		offline.submit(origin, Wait::Finalized).await.unwrap();
		let error = broadcaster.open(&spec("demo")).await.unwrap_err();
		assert!(matches!(error, BroadcastError::Chain(_)), "it may not spend yet: {error}");
		let spending = crate::ports::chain::Spending { cap: PLENTY, expiry: 1_000 };
		let call = Call::SetSpending { key: spends.account(), spending };
		offline.submit(call, Wait::Finalized).await.unwrap();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let summary = broadcaster.run(&open, source(5), story.stop.subscribe()).await.unwrap();
		assert_eq!(summary.returned, 5);
		let record = story.store.records(open.stream, 0, 1).unwrap().remove(0);
		let signer = record.signed.signature.signer;
		assert_eq!((signer.account, signer.generation, signer.key), (account, 1, 0));
	})
}

#[test]
fn lost_stream_should_be_refused_when_nobody_knows_how_far_it_came() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let first = story.broadcaster();
		let open = first.open(&spec("demo")).await.unwrap();
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
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let first = story.broadcaster();
		let open = first.open(&spec("demo")).await.unwrap();
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
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let first = story.broadcaster();
		let open = first.open(&spec("demo")).await.unwrap();
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

/// The source: `count` segments, and no end as long as the sender is there.
fn keep_open(count: u8) -> (mpsc::Sender<Result<SourceSegment, String>>, Source) {
	let (sender, receiver) = mpsc::channel(256);
	(0..count).for_each(|seq| sender.try_send(Ok(segment(seq))).unwrap());
	(sender, receiver)
}

#[test]
fn heads_should_ascend_when_the_clock_was_ahead() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (_open, endless) = keep_open(3);
		let run = broadcaster.run(&open, endless, story.stop.subscribe());
		assert!(sim.within(20_000, run).await.is_none());
		// An earlier run had a clock that was ahead by a day.
		let mut state = story.store.stream(open.stream).unwrap().unwrap();
		let ahead = sim.clock.wall_ms() + 24 * 3_600_000;
		state.head.as_mut().unwrap().head.time = ahead;
		story.store.put_stream(open.stream, &state).unwrap();
		let again = broadcaster.open(&spec("demo")).await.unwrap();
		broadcaster.run(&again, source(5), story.stop.subscribe()).await.unwrap();
		let head = story.store.stream(open.stream).unwrap().unwrap().head.unwrap().head;
		assert!(head.ended && head.time > ahead && head.time < ahead + 100, "{head:?}");
	})
}

#[test]
fn header_should_be_signed_anew_when_a_reorg_has_the_assignment_accepted_under_other_keys() {
	/// Gives no answer at first, and notes the headers that it is sent.
	struct Late(Arc<TranscodeRole>, std::sync::Mutex<(bool, Vec<SignedHeader>)>);
	#[async_trait]
	impl Service for Late {
		async fn size(&self, hash: H256) -> Option<u64> {
			self.0.size(hash).await
		}
		async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
			self.0.fetch(hash).await
		}
		async fn admit(&self, header: &SignedHeader) -> Result<(), Refusal> {
			self.0.admit(header).await
		}
		async fn push(&self, header: SignedHeader, bytes: Vec<u8>) -> PushReply {
			let is_up = {
				let mut noted = self.1.lock().unwrap();
				noted.1.push(header.clone());
				noted.0
			};
			if is_up {
				self.0.push(header, bytes).await
			} else {
				PushReply::Busy { retry_ms: 50 }
			}
		}
		async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
			self.0.playlist(stream, from).await
		}
	}
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let role = story.transcoder("//T", FakeEngine::default()).await;
		let late = Arc::new(Late(role, Default::default()));
		story.net.serve("//T", late.clone());
		let [own, new] = ["//Broadcaster", "//New"].map(|uri| Key::from_uri(uri).unwrap());
		let ring = Keyring::new(own.account(), vec![own.clone(), new.clone()]);
		let broadcaster = story.broadcaster_with(ring, own.clone(), story.store.clone());
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (chain, job, world, account) =
			(story.chain.clone(), open.job, sim.clone(), own.account());
		let up = late.clone();
		sim.spawn(async move {
			world.sleep(10_000).await;
			assert!(!up.1.lock().unwrap().1.is_empty(), "headers were signed as generation 0");
			chain.set_keys(&account, Purpose::Segments, &[&new]);
			chain.accept_again(job);
			world.sleep(5_000).await;
			up.1.lock().unwrap().0 = true;
		});
		let run = broadcaster.run(&open, source(9), story.stop.subscribe());
		let summary = sim.within(120_000, run).await.expect("it is not retried for ever").unwrap();
		assert_eq!(summary, Summary { returned: 9, skipped: 0, complete: true });
		let records = story.store.records(open.stream, 0, 100).unwrap();
		assert!(records.iter().all(|r| r.signed.signature.signer.generation == 1));
		let noted = late.1.lock().unwrap().1.clone();
		for (one, other) in noted.iter().flat_map(|one| noted.iter().map(move |o| (one, o))) {
			assert!(!one.header.equivocates(&other.header));
		}
	})
}

#[test]
fn broadcaster_should_be_told_what_its_stream_waits_for_and_what_to_do() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		let said = |what: &str| story.events.events().iter().any(|e| telling::says(e, what));
		// Nobody is there.
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("none")).await.unwrap();
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		assert!(sim.within(10_000, run).await.is_none());
		assert!(said("no transcoder is active"));
		// Somebody is, at another price.
		story.transcoder("//T", FakeEngine::default()).await;
		let low = StreamSpec { max_price: 1, ..spec("low") };
		let open = broadcaster.open(&low).await.unwrap();
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		assert!(sim.within(70_000, run).await.is_none());
		assert!(said("asks 0.001 ETH") && said("--max-price"));
		// The budget comes to its end.
		let short = StreamSpec { budget: 1, ..spec("short") };
		let open = broadcaster.open(&short).await.unwrap();
		story.chain.set_allowance(open.job, 1);
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		let _ = sim.within(70_000, run).await;
		assert!(said("stream top-up"));
	})
}

#[test]
fn broadcaster_should_be_told_of_a_price_too_low_for_verification_before_it_signs() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		let mut terms = story.chain.terms();
		terms.terms.verify_price = UNIT;
		story.chain.set_terms(terms);
		let least = terms.terms.least_price();
		let cheap = StreamSpec { max_price: least - 1, ..spec("cheap") };
		let error = story.broadcaster().open(&cheap).await.unwrap_err();
		assert!(matches!(error, BroadcastError::TooCheap { least: said, .. } if said == least));
		let created = |call: &Call| matches!(call, Call::CreateJob { .. });
		assert!(!story.chain.calls().iter().any(created));
		let dear = StreamSpec { max_price: least, ..spec("dear") };
		story.broadcaster().open(&dear).await.unwrap();
	})
}

#[test]
fn broadcaster_should_be_told_when_no_block_comes() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.transcoder("//T", FakeEngine::default()).await;
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (_open, endless) = keep_open(1);
		let run = broadcaster.run(&open, endless, story.stop.subscribe());
		assert!(sim.within(200_000, run).await.is_none());
		let events = story.events.events();
		let said = events.iter().filter(|event| telling::says(event, "no block has come"));
		assert!((2..=3).contains(&said.count()), "again and again, and not all the time");
	})
}
