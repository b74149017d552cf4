//! Which records and heads are taken.

use super::*;

#[tokio::test]
async fn record_should_be_refused_when_it_is_not_the_owners() {
	for change in
		[(|h: &mut SegmentHeader| h.genesis = Hash::zero()) as fn(&mut SegmentHeader), |h| {
			h.stream = Hash::zero()
		}] {
		let story = Story::new().await;
		let mut record = story.record(0, change);
		// The origin's store files it under the stream all the same.
		let stream = record.header().stream;
		record.signed.header.stream = story.stream();
		story.origin.put_record(&record).unwrap();
		let follower = story.follower(10);
		follower.find("demo", &story.broadcaster.account()).await.unwrap();
		let error = follower.poll(story.stream()).await.unwrap_err();
		assert!(matches!(error, FollowError::Record(_)), "{error} {stream:?}");
		assert!(follower.records(story.stream(), 0).unwrap().is_empty());
	}
}

#[tokio::test]
async fn record_should_be_refused_when_its_receipt_is_forged() {
	let story = Story::new().await;
	let mut record = story.record(0, |_| ());
	record.signature = Signing::own(story.broadcaster.clone()).sign(&record.receipt.hash());
	story.origin.put_record(&record).unwrap();
	let follower = story.follower(10);
	follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let error = follower.poll(story.stream()).await.unwrap_err();
	assert!(matches!(error, FollowError::Record(RecordError::TranscoderSignature)));
}

#[tokio::test]
async fn record_should_be_refused_when_it_is_not_in_order() {
	let story = Story::new().await;
	struct Disordered(Vec<SegmentRecord>);
	story.origin.put_record(&story.record(5, |_| ())).unwrap();
	let records = [7, 6].map(|seq| story.record(seq, |_| ())).to_vec();
	#[async_trait::async_trait]
	impl BeforeService for Disordered {
		fn behind(&self) -> &dyn Service {
			&Nothing
		}

		async fn give(&self, _: H256, range: ChunkRange) -> Option<Chunks> {
			Chunks::of(&[7, 1, 2], range)
		}

		async fn tell(&self, _: StreamId, _: Seq) -> Option<Playlist> {
			let ladder = vec![rendition(64, 36, 100)];
			let ladder = ladder.try_into().unwrap();
			Some(Playlist { job: 1, ladder, head: None, records: self.0.clone() })
		}
	}
	story.net.serve("o", Arc::new(Disordered(records)));
	let follower = story.follower(10);
	follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let error = follower.poll(story.stream()).await.unwrap_err();
	assert!(matches!(error, FollowError::Order));
	let seqs = seqs(&follower, story.stream());
	assert_eq!(seqs, [7], "what came before stays");
}

/// An origin that tells of these records, whatever it is asked for.
struct Repeating(Vec<SegmentRecord>);

#[async_trait::async_trait]
impl BeforeService for Repeating {
	fn behind(&self) -> &dyn Service {
		&Nothing
	}

	async fn tell(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		let ladder = vec![rendition(64, 36, 100)].try_into().unwrap();
		Some(Playlist { job: 1, ladder, head: None, records: self.0.clone() })
	}
}

#[tokio::test]
async fn record_that_comes_again_as_another_should_be_reported_when_it_is_signed() {
	let story = Story::new().await;
	story.chain.assign(1, &story.transcoder.account());
	let first = story.record(5, |_| ());
	story.origin.put_record(&first).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);

	let other_result = story.record_of(5, vec![9], |_| ());
	let other_segment = story.record(5, |header| header.segment.in_hash = H256::zero());
	let mut forged = other_result.clone();
	forged.signature = first.signature.clone();
	for (record, kept) in [(&first, 0), (&forged, 0), (&other_result, 1), (&other_segment, 2)] {
		story.net.serve("o", Arc::new(Repeating(vec![record.clone()])));
		let error = follower.poll(stream).await.unwrap_err();
		assert!(matches!(error, FollowError::Order), "{error}");
		assert_eq!(follower.reporter.kept().unwrap().len(), kept);
	}
	assert_eq!(seqs(&follower, stream), [5], "and what came first stays");

	// Without a key it is only stored; with one it is reported after a restart.
	follower.reporter.report().await.unwrap();
	let finder = Key::from_uri("//Finder").unwrap();
	let restarted = Follower::new(
		Arc::new(story.chain.client(Some(finder))),
		Arc::new(story.store.clone()),
		Arc::new(story.net.end("g")),
		Arc::new(Recorder::default()),
		Arc::new(SystemClock::default()),
		10,
	);
	restarted.reporter.report().await.unwrap();
	let is_report = |call: &Call| matches!(call, Call::Report(_));
	assert_eq!(story.chain.calls().iter().filter(|call| is_report(call)).count(), 2);
}

#[tokio::test]
async fn records_of_another_job_should_be_skipped_and_not_asked_for_again() {
	let story = Story::new().await;
	// Job 2 has another ladder; the origin still tells of job 1.
	let old = story.record(0, |_| ());
	let two = Outputs::truncate_from(vec![old.outputs()[0]; 2]);
	let old = story.sign(old.signed.header, two);
	story.origin.put_record(&old).unwrap();
	story.origin.put_record(&story.record(1, |_| ())).unwrap();
	story.origin.put_record(&story.record(2, |header| header.job = 2)).unwrap();
	let endless = |header: &mut SegmentHeader| {
		header.job = 2;
		header.segment.duration = LONGEST_SEGMENT + 1;
	};
	story.origin.put_record(&story.record(3, endless)).unwrap();
	let mut state = story.origin.stream(story.stream()).unwrap().unwrap();
	state.job = 2;
	story.origin.put_stream(story.stream(), &state).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	assert_eq!(seqs(&follower, stream), [2]);
	assert_eq!(follower.state(stream).unwrap().unwrap().next, 4);
	assert_eq!(follower.poll(stream).await.unwrap().new, 0);
	// Nobody but the owner has a record skipped.
	let mut forged = story.record(4, |_| ());
	let hash = forged.header().hash();
	forged.signed.signature = Signing::own(story.transcoder.clone()).sign(&hash);
	story.origin.put_record(&forged).unwrap();
	let error = follower.poll(stream).await.unwrap_err();
	assert!(matches!(error, FollowError::Record(RecordError::BroadcasterSignature)));
}

#[tokio::test]
async fn record_should_be_taken_when_operator_keys_signed_it() {
	let story = Story::new().await;
	let operator = Key::from_uri("//Operator").unwrap();
	let owner = story.broadcaster.account();
	story.chain.set_keys(&owner, Purpose::Segments, &[&operator]);
	let mut record = story.record(0, |_| ());
	let views = story.chain.client(None).operator_keys(&owner, Purpose::Segments).await.unwrap();
	let ring = crate::key::Keyring::new(owner, vec![operator]);
	record.signed.signature = ring.signing(&views, 1).unwrap().sign(&record.header().hash());
	story.origin.put_record(&record).unwrap();
	let follower = story.follower(10);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	// Of a generation that nobody announced.
	let mut record = story.record(1, |_| ());
	record.signed.signature.signer.generation = 7;
	story.origin.put_record(&record).unwrap();
	assert!(follower.poll(stream).await.is_err());
}

#[tokio::test]
async fn head_should_not_be_taken_when_it_is_dated_in_the_future() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	let dated = |ahead_ms: u64, ended: bool| {
		let mut signed = story.head(&story.broadcaster, ended, 1);
		signed.head.time = SystemClock::default().wall_ms() + ahead_ms;
		signed.signature = Signing::own(story.broadcaster.clone()).sign(&signed.head.hash());
		let mut state = story.origin.stream(stream).unwrap().unwrap();
		state.head = Some(signed.clone());
		story.origin.put_stream(stream, &state).unwrap();
		signed
	};
	dated(3_600_000, true);
	let polled = follower.poll(stream).await.unwrap();
	assert_eq!((polled.new, polled.ended), (1, false), "records are taken all the same");
	assert!(follower.state(stream).unwrap().unwrap().head.is_none());
	// A head that a wrong clock let in does not hide current ones.
	let mut state = follower.state(stream).unwrap().unwrap();
	state.head = Some(dated(3_600_000, false));
	story.store.put_stream(stream, &state).unwrap();
	let now = dated(0, true);
	assert!(follower.poll(stream).await.unwrap().ended);
	assert_eq!(follower.state(stream).unwrap().unwrap().head, Some(now));
}

#[tokio::test]
async fn nothing_should_be_kept_when_a_rendition_is_not_as_its_receipt_describes_it() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let bytes = vec![0, 1, 2];
	let header = story.record_of(0, bytes.clone(), |_| ()).signed.header;
	let wrong = Output { chunk_root: Hash::zero(), ..output(&bytes) };
	let record = story.sign(header, Outputs::truncate_from(vec![Some(wrong)]));
	story.origin.put_record(&record).unwrap();
	let refused = follower.poll(stream).await.unwrap_err();
	assert!(matches!(refused, FollowError::Described), "{refused}");
	assert_eq!(story.store.blob_count(), 0);
}

#[tokio::test]
async fn record_should_be_refused_when_its_transcoder_was_not_assigned() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.chain.assign(1, &story.transcoder.account());
	story.origin.put_record(&story.record(0, |_| ())).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
	// The broadcaster signs what somebody made that nobody has drawn, and that nobody judges.
	let eve = Key::from_uri("//Eve").unwrap();
	let mut record = story.record(1, |header| header.transcoder = eve.account());
	record.signature = Signing::own(eve).sign(&record.receipt.hash());
	story.origin.put_record(&record).unwrap();
	let refused = follower.poll(stream).await.unwrap_err();
	assert!(matches!(refused, FollowError::NotAssigned), "{refused}");
}

#[tokio::test]
async fn attack_own_rendition_that_the_broadcaster_did_not_sign_so() {
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	story.origin.put(b"own").unwrap();
	let right = story.with_own(story.record(0, |_| ()), &[(1, b"own"), (2, b"own")]);
	let changes: [&dyn Fn(&mut SegmentRecord); 6] = [
		&|record| record.own[0].signature = record.own[1].signature.clone(),
		&|record| record.own[0].track = 0,
		&|record| record.own[1].track = 1,
		&|record| record.own[1].track = 3,
		&|record| record.own[0].output = output(b"else"),
		&|record| record.own[0].signature = record.signature.clone(),
	];
	for (number, change) in changes.into_iter().enumerate() {
		let mut record = right.clone();
		change(&mut record);
		story.origin.put_record(&record).unwrap();
		let refused = follower.poll(stream).await;
		assert!(matches!(refused, Err(FollowError::Record(RecordError::Own))), "{number}");
	}
	// More than an answer has room for.
	let outputs = Outputs::truncate_from(vec![None; 7]);
	let crowded = story.sign(right.header().clone(), outputs);
	let crowded = story.with_own(crowded, &[(1, b"own"), (2, b"own")]);
	story.origin.put_record(&crowded).unwrap();
	let refused = follower.poll(stream).await;
	assert!(matches!(refused, Err(FollowError::Record(RecordError::Own))));
	story.origin.put_record(&right).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
}

/// No judge looks at them, so that a broadcaster alone could fill a gateway's disk with them.
#[tokio::test]
async fn attack_own_renditions_of_more_bytes_than_a_segment() {
	const MOST: u32 = livepeer_primitives::video::MAX_SEGMENT_BYTES;
	let story = Story::new().await;
	let follower = story.follower(100);
	let stream = follower.find("demo", &story.broadcaster.account()).await.unwrap();
	let signing = Signing::own(story.broadcaster.clone());
	let record = story.record(0, |_| ());
	let with = |lens: [u32; 2]| {
		let own = (1..).zip(lens).map(|(track, len)| {
			let output = Output { len, ..output(b"own") };
			let header = header_of_track(record.header(), track, &output);
			OwnRendition { track, output, signature: signing.sign(&header.hash()) }
		});
		SegmentRecord { own: BoundedVec::truncate_from(own.collect()), ..record.clone() }
	};
	story.origin.put_record(&with([MOST, 1])).unwrap();
	let refused = follower.poll(stream).await;
	assert!(matches!(refused, Err(FollowError::Record(RecordError::Own))));
	story.origin.put_record(&with([MOST - 1, 1])).unwrap();
	assert_eq!(follower.poll(stream).await.unwrap().new, 1);
}

#[tokio::test]
async fn two_own_renditions_in_one_place_should_be_a_contradiction() {
	let story = Story::new().await;
	let of =
		|track: Track, bytes: &[u8]| story.with_own(story.record(5, |_| ()), &[(track, bytes)]);
	let (one, other) = (of(1, b"one"), of(1, b"other"));
	let found = Contradiction::of_records(&one, &other).unwrap();
	assert!(matches!(found, Contradiction::Segments(_)));
	assert_eq!((found.header().seq, found.header().segment.track), (5, 1));
	assert_eq!(Contradiction::of_records(&one, &of(1, b"one")), None);
	assert_eq!(Contradiction::of_records(&one, &of(2, b"other")), None, "another track");
}
