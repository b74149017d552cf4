//! Streams from where they are found to their ends.

use super::*;

#[tokio::test]
async fn stream_should_be_found_and_followed_to_its_end() {
	let story = Story::new().await;
	for seq in 0..70 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(1_000);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(stream, story.stream());
	let first = follower.poll(stream).await.unwrap();
	assert_eq!(first, Polled { new: MAX_RECORDS as usize, ended: false });
	story.set_state(true, 70);
	assert_eq!(follower.poll(stream).await.unwrap(), first);
	assert_eq!(follower.poll(stream).await.unwrap(), Polled { new: 6, ended: true });
	assert_eq!(follower.poll(stream).await.unwrap(), Polled { new: 0, ended: true });
	let records = follower.records(stream, 0).unwrap();
	assert_eq!(records.len(), 70);
	for record in &records {
		assert!(story.store.get(record.outputs()[0].unwrap().hash).unwrap().is_some());
	}
	// The job leaves the chain's state and the origin the network: the stream stays known.
	story.chain.remove_job(1);
	story.net.remove("o");
	assert_eq!(
		story.follower(1_000).find("demo", &story.broadcaster.account()).await.unwrap(),
		stream
	);
}

#[tokio::test]
async fn stream_should_be_found_at_its_broadcaster_when_its_job_is_gone() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	story.chain.remove_job(1);
	let follower = story.follower(10);
	let broadcaster = story.broadcaster.account();
	let stream = follower.find("demo", &broadcaster).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	let other = follower.find("other", &broadcaster).await;
	assert!(matches!(other, Err(FollowError::NotFound)));
}

#[tokio::test]
async fn unknown_streams_should_not_be_found() {
	let story = Story::new().await;
	let follower = story.follower(10);
	for name in ["other", "../demo"] {
		let error = follower.find(name, &story.broadcaster.account()).await.unwrap_err();
		assert!(matches!(error, FollowError::NotFound));
	}
	let stranger = story.transcoder.account();
	assert!(follower.find("demo", &stranger).await.is_err());
	assert!(follower.find("demo", &story.broadcaster.account()).await.is_ok());
}

#[tokio::test]
async fn follower_should_go_on_when_the_origin_keeps_only_what_lies_far_ahead() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(5, |_| ())).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1, "where it starts is free");
	story.origin.trim_records(stream, Seq::MAX).unwrap();
	story.origin.put_record(&story.record(5_000_000, |_| ())).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	assert_eq!(seqs(&follower, stream), [5_000_000]);
	let listing = follower.timeline(stream, |timeline| timeline.live(30)).unwrap();
	assert_eq!((listing.entries.len(), listing.discontinuities), (1, 1));
}

#[tokio::test]
async fn new_follower_should_begin_near_the_end_of_a_running_stream() {
	let story = Story::new().await;
	// Far along, and with seqs missing.
	for seq in (9_000..9_400).filter(|seq| seq % 10 != 0) {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	let follower = story.follower(1_800);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	follower.poll(stream).await.unwrap();
	let near: Vec<Seq> = (9_400 - NEAR..9_400).filter(|seq| seq % 10 != 0).collect();
	assert_eq!(seqs(&follower, stream), near);
	story.origin.put_record(&story.record(9_400, |_| ())).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1, "and goes on from there");
}

#[tokio::test]
async fn new_follower_should_take_all_that_it_keeps_of_a_stream_that_has_ended() {
	let story = Story::new().await;
	for seq in 0..400 {
		story.origin.put_record(&story.record(seq, |_| ())).unwrap();
	}
	story.set_state(true, 400);
	for (keep, first) in [(1_800, 0), (300, 100)] {
		let follower = story.follower_into(MemoryStore::default(), keep);
		let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
		while !follower.poll(stream).await.unwrap().ended {}
		assert_eq!(seqs(&follower, stream), (first..400).collect::<Vec<Seq>>());
	}
}

#[tokio::test]
async fn follower_should_be_live_again_when_it_fell_far_behind() {
	let story = Story::new().await;
	let follower = story.follower(1_800);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	follower.poll(stream).await.unwrap();
	// A little behind: everything is taken.
	(1..140).for_each(|seq| story.origin.put_record(&story.record(seq, |_| ())).unwrap());
	for _ in 0..5 {
		follower.poll(stream).await.unwrap();
	}
	assert_eq!(seqs(&follower, stream), (0..140).collect::<Vec<Seq>>());
	// Far behind: what lies between is given up, and the gap is marked.
	(140..600).for_each(|seq| story.origin.put_record(&story.record(seq, |_| ())).unwrap());
	assert_eq!(follower.poll(stream).await.unwrap().new, NEAR as usize);
	let expected: Vec<Seq> = (0..140).chain(600 - NEAR..600).collect();
	assert_eq!(seqs(&follower, stream), expected);
	let listing = follower.timeline(stream, |timeline| timeline.live(30)).unwrap();
	assert_eq!(listing.discontinuities, 1);
}

#[test]
fn newest_seq_should_be_found_wherever_it_is() {
	for newest in [0, 1, 63, 64, 65, 1_000, 17_999, 1 << 40, Seq::MAX - 1] {
		for sparse in [1, 7, 1_000] {
			let mut search = Search::from(5);
			let mut asked = 0;
			while let Some(probe) = search.probe() {
				// An origin with every so many-th seq up to the newest.
				let seqs = (0..64).map_while(|i| {
					let seq = newest.checked_sub(newest.saturating_sub(probe) / sparse * sparse)?;
					let seq = seq.checked_add(i * sparse)?;
					(probe..=newest).contains(&seq).then_some(seq)
				});
				let seqs: Vec<Seq> = seqs.collect();
				search.answer(probe, seqs.last().copied(), seqs.len() == 64);
				asked += 1;
				assert!(asked < 140, "the search has an end");
			}
			assert_eq!(search.newest, (newest >= 5).then_some(newest), "every {sparse}");
		}
	}
}

/// A chain whose reads hang on demand, as on a reconnecting client.
struct Hanging(Arc<dyn Chain>, AtomicBool);

impl Hanging {
	fn hang(&self, hang: bool) {
		self.1.store(hang, Ordering::SeqCst);
	}
}

#[async_trait::async_trait]
impl BeforeChain for Hanging {
	fn behind(&self) -> &dyn Chain {
		&*self.0
	}

	async fn before_read(&self) {
		if self.1.load(Ordering::SeqCst) {
			std::future::pending::<()>().await;
		}
	}
}

#[test]
fn stream_should_go_on_when_the_node_gives_no_answer() {
	simulate(|sim| async move {
		let story = Story::new().await;
		let chain = Arc::new(Hanging(Arc::new(story.chain.client(None)), Default::default()));
		let follower = Follower::new(
			chain.clone(),
			Arc::new(story.store.clone()),
			Arc::new(story.net.end("g")),
			Arc::new(Recorder::default()),
			Arc::new(sim.clock.clone()),
			100,
		);
		let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
		chain.hang(true);
		let error = sim.within(CHAIN_MS + 1, follower.poll(stream)).await.unwrap().unwrap_err();
		assert!(matches!(error, FollowError::Late), "nothing is known yet: {error}");
		chain.hang(false);
		follower.poll(stream).await.unwrap();
		chain.hang(true);
		for seq in 0..20 {
			story.origin.put_record(&story.record(seq, |_| ())).unwrap();
			sim.sleep(BELIEVED_MS / 4).await;
			let polled = sim.within(CHAIN_MS + 1, follower.poll(stream)).await.unwrap();
			assert_eq!(polled.unwrap().new, 1);
		}
		// An origin that moved is found as soon as the node is back, and not a block later.
		story.net.remove("o");
		assert!(follower.poll(stream).await.is_err());
		chain.hang(false);
		let client = story.chain.client(Some(story.broadcaster.clone()));
		client.submit(origin_at("p"), Wait::InBlock).await.unwrap();
		story.net.serve("p", Arc::new(Origin::new(Arc::new(story.origin.clone()))));
		story.origin.put_record(&story.record(20, |_| ())).unwrap();
		let _ = follower.poll(stream).await;
		assert_eq!(seqs(&follower, stream).last(), Some(&20));
	})
}

#[tokio::test]
async fn stream_should_not_end_when_its_broadcaster_did_not_say_so() {
	let story = Story::new().await;
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let mut state = story.origin.stream(stream).unwrap().unwrap();
	let truth = state.head.clone();
	// The origin makes it up, or somebody else signs it.
	state.ended = true;
	story.origin.put_stream(stream, &state).unwrap();
	assert!(!follower.poll(stream).await.unwrap().ended);
	state.head = Some(story.head(&story.transcoder, true, 1));
	story.origin.put_stream(stream, &state).unwrap();
	assert!(matches!(follower.poll(stream).await, Err(FollowError::Head)));
	story.set_state(true, 1);
	assert!(follower.poll(stream).await.unwrap().ended);
	// An older head that is shown again changes nothing.
	state.head = truth;
	story.origin.put_stream(stream, &state).unwrap();
	assert!(follower.poll(stream).await.unwrap().ended);
}
