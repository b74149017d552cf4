//! Segments go out, and come back checked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use livepeer_primitives::{
	extension::Extensions,
	receipt::{Outputs, Receipt, TranscodeResult},
	segment::LAST_OF_EPOCH,
};

use super::*;
use crate::{
	fakes::{output, Nothing, SimClock},
	ports::{
		before::BeforeService,
		transport::{PushReply, SegmentRecord, SignedHeader},
	},
	roles::follow::Follower,
	sha256,
};

#[test]
fn stream_should_come_back_whole_when_the_transcoder_works() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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
fn own_renditions_should_be_signed_by_their_tracks_and_followed() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		story.net.serve("origin", Arc::new(Origin::new(Arc::new(story.store.clone()))));
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let own = |track: u8, bytes: &[u8]| OwnSegment { track, bytes: bytes.to_vec() };
		let (sender, receiver) = mpsc::channel(8);
		for (seq, own) in [
			vec![own(1, b"one"), own(3, b"three")],
			vec![],
			// What nobody takes is left out: out of order, and no bytes at all.
			vec![own(0, b"zero"), own(2, b"two"), own(1, b"late"), own(3, b""), own(4, b"four")],
			// As many as there may be.
			(1..=8).map(|track| own(track, &[track])).collect(),
		]
		.into_iter()
		.enumerate()
		{
			sender.try_send(Ok(SourceSegment { own, ..segment(seq as u8) })).unwrap();
		}
		drop(sender);
		let summary = broadcaster.run(&open, receiver, story.stop.subscribe()).await.unwrap();
		assert_eq!(summary, Summary { returned: 4, skipped: 0, complete: true });
		let account = Key::from_uri("//Broadcaster").unwrap().account();
		let book = KeyBook::new(Arc::new(story.chain.client(None)), Arc::new(sim.clock.clone()));
		let records = story.store.records(open.stream, 0, 100).unwrap();
		let mut tracks = Vec::new();
		for record in &records {
			book.check_record(record, &open.stream, &account, 2).await.unwrap().unwrap();
			for own in record.own_headers() {
				let (header, segment) = (&own.header, &own.header.segment);
				assert_eq!((header.seq, header.job), (record.header().seq, open.job));
				assert_eq!(segment.time, record.header().segment.time);
				assert!(story.store.get(segment.in_hash).unwrap().is_some());
			}
			tracks.push(record.own.iter().map(|own| own.track).collect::<Vec<_>>());
		}
		assert_eq!(tracks, [vec![1, 3], vec![], vec![2, 4], vec![1, 2, 3, 4]]);
		assert_eq!(story.store.blob_count(), 8 + 8, "two outputs each, and these");
		let follower = Follower::new(
			Arc::new(story.chain.client(None)),
			Arc::new(MemoryStore::default()),
			Arc::new(story.net.end("gateway")),
			Arc::new(NoEvents),
			Arc::new(sim.clock.clone()),
			1_000,
		);
		let stream = follower.find("demo", &account).await.unwrap();
		follower.poll(stream).await.unwrap();
		let kept = |track| -> Vec<Seq> {
			follower.kept(stream, track).unwrap().unwrap().into_iter().collect()
		};
		assert_eq!(kept(1), [0, 3]);
		assert_eq!(kept(4), [2, 3]);
		let three = follower.records(stream, 0).unwrap()[0].track(3).unwrap();
		assert_eq!(follower.store().get(three.hash).unwrap().as_deref(), Some(&b"three"[..]));
	})
}

/// A ladder takes the room of the publisher's own: an answer with all of them must fit a frame.
#[test]
fn own_renditions_should_be_left_out_where_there_is_no_room_beside_the_ladder() {
	let own = |count: u8| -> Vec<OwnSegment> {
		(1..=count).map(|track| OwnSegment { track, bytes: vec![1] }).collect()
	};
	for (bought, left) in [(1, 4), (4, 4), (6, 2), (8, 0), (9, 0)] {
		let mut own = own(5);
		super::super::run::fit_own(&mut own, bought);
		assert_eq!(own.len(), left, "beside {bought}");
	}
	// Nor for more bytes of all than a segment has.
	let half = livepeer_primitives::video::MAX_SEGMENT_BYTES as usize / 2 + 1;
	let mut large = own(3);
	large[..2].iter_mut().for_each(|own| own.bytes = vec![1; half]);
	super::super::run::fit_own(&mut large, 1);
	assert_eq!(large.iter().map(|own| own.track).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn follower_should_miss_nothing_when_segments_come_back_out_of_order() {
	/// Takes long over every third segment.
	struct Uneven(Arc<TranscodeRole>, SimClock);
	#[async_trait]
	impl BeforeService for Uneven {
		fn behind(&self) -> &dyn Service {
			&*self.0
		}

		async fn take(&self, header: SignedHeader, bytes: Vec<u8>) -> PushReply {
			if header.header.seq.is_multiple_of(3) {
				self.1.sleep_until(self.1.now_ms() + 5_000).await;
			}
			self.0.push(header, bytes).await
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
		impl BeforeService for Silent {
			fn behind(&self) -> &dyn Service {
				&Nothing
			}

			async fn take(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
				self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
				std::future::pending().await
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
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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

/// Gives one receipt and then, once it is let, another for the same segment; never a rendition.
struct Wavering {
	key: Key,
	answered: AtomicU64,
	wavers: AtomicBool,
	/// How many outputs its receipts name.
	outputs: usize,
}

#[async_trait]
impl BeforeService for Wavering {
	fn behind(&self) -> &dyn Service {
		&Nothing
	}

	async fn take(&self, signed: SignedHeader, _: Vec<u8>) -> PushReply {
		let answered = self.answered.load(Ordering::SeqCst);
		if answered > 0 && !self.wavers.load(Ordering::SeqCst) {
			return PushReply::Busy { retry_ms: 400 };
		}
		self.answered.store(answered + 1, Ordering::SeqCst);
		let outputs = vec![Some(output(&[answered.min(1) as u8])); self.outputs];
		let receipt = Receipt {
			header: signed.header.hash(),
			toolchain: FakeEngine::default().toolchain,
			result: TranscodeResult::Transcoded(Outputs::truncate_from(outputs)),
			extensions: Extensions::default(),
		};
		let signature = Signing::own(self.key.clone()).sign(&receipt.hash());
		PushReply::Done { receipt: Box::new(receipt), signature }
	}
}

/// How many contradictions the chain was told of.
fn reported(story: &Story) -> usize {
	story.chain.calls().iter().filter(|call| matches!(call, Call::Report(_))).count()
}

#[test]
fn transcoder_should_be_reported_when_its_second_receipt_is_another() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let wavering = Arc::new(Wavering {
			key: Key::from_uri("//T").unwrap(),
			answered: AtomicU64::new(0),
			wavers: AtomicBool::new(false),
			outputs: 2,
		});
		story.net.serve("//T", wavering.clone());
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let run = broadcaster.run(&open, source(1), story.stop.subscribe());
		assert!(sim.within(10_000, run).await.is_none());
		assert_eq!(wavering.answered.load(Ordering::SeqCst), 1);
		// The broadcaster is killed before it sends the segment again.
		let restarted = story.broadcaster();
		let open = restarted.open(&spec("demo")).await.unwrap();
		assert!(open.resumed);
		wavering.wavers.store(true, Ordering::SeqCst);
		let run = restarted.run(&open, source(1), story.stop.subscribe());
		assert!(sim.within(10_000, run).await.is_none());
		assert!(wavering.answered.load(Ordering::SeqCst) > 1);
		assert_eq!(reported(&story), 1);
	})
}

/// A transcoder's receipts name so many outputs that a record has no room for the publisher's own renditions:
/// what it signs twice is found all the same.
#[test]
fn attack_receipts_that_leave_no_room_for_own_renditions() {
	simulate(|sim| async move {
		let story = Story::new(&sim);
		story.blocks();
		story.transcoder("//T", FakeEngine::default()).await;
		let wavering = Arc::new(Wavering {
			key: Key::from_uri("//T").unwrap(),
			answered: AtomicU64::new(0),
			wavers: AtomicBool::new(true),
			outputs: 8,
		});
		story.net.serve("//T", wavering.clone());
		let broadcaster = story.broadcaster();
		let open = broadcaster.open(&spec("demo")).await.unwrap();
		let (sender, source) = mpsc::channel(1);
		let own = vec![OwnSegment { track: 1, bytes: vec![1] }];
		sender.try_send(Ok(SourceSegment { own, ..segment(0) })).unwrap();
		drop(sender);
		let run = broadcaster.run(&open, source, story.stop.subscribe());
		assert!(sim.within(10_000, run).await.is_none());
		assert!(wavering.answered.load(Ordering::SeqCst) > 1);
		assert_eq!(reported(&story), 1);
	})
}

/// An honest broadcaster contradicts nothing, whatever it sends again after a restart.
#[test]
fn nobody_should_be_reported_when_an_honest_stream_goes_on_after_a_restart() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
		let withheld = sha256(&[1, 1, 2, 3, 4]);
		story.net.withhold(withheld, true);
		let run = broadcaster.run(&open, source(3), story.stop.subscribe());
		assert!(sim.within(10_000, run).await.is_none());
		let stream = open.stream;
		assert_eq!(broadcaster.unreturned(stream).unwrap().len(), 1, "it is compared with this");
		story.net.withhold(withheld, false);
		let restarted = story.broadcaster();
		let open = restarted.open(&spec("demo")).await.unwrap();
		let summary = restarted.run(&open, source(3), story.stop.subscribe()).await.unwrap();
		assert!(summary.complete);
		assert!(restarted.reporter.kept().unwrap().is_empty());
		assert_eq!(reported(&story), 0);
	})
}

#[test]
fn invalid_segment_should_be_skipped_when_the_transcoder_names_the_reason() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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
		let (story, broadcaster, open) =
			Story::opened(&sim, FakeEngine::taking(&sim.clock, 2_000)).await;
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
fn epoch_should_end_with_a_segment_that_is_too_short() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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
fn heads_should_ascend_when_the_clock_was_ahead() {
	simulate(|sim| async move {
		let (story, broadcaster, open) = Story::opened(&sim, FakeEngine::default()).await;
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
	impl BeforeService for Late {
		fn behind(&self) -> &dyn Service {
			&*self.0
		}

		async fn take(&self, header: SignedHeader, bytes: Vec<u8>) -> PushReply {
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
