#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{
		claim_rejected, job_call, receipt_for, segment_header, segment_record, signed_header,
		signed_receipt, FakeChain, MemoryStore, Recorder,
	},
	key::{Key, Signing},
	ports::{
		clock::SystemClock,
		contradiction::{ClaimedLeaf, Party, SignedReceipt, Unproven},
		transport::SignedHeader,
	},
};
use livepeer_primitives::{
	keys::Purpose,
	leaf::Leaf,
	receipt::{RejectReason, TranscodeResult},
	Hash, JobId, Seq,
};

/// A job that its transcoder has accepted, and somebody who sees what both sign.
struct Story {
	chain: FakeChain,
	store: MemoryStore,
	events: Recorder,
	broadcaster: Key,
	transcoder: Key,
	finder: Key,
}

impl Story {
	async fn new() -> Self {
		let [broadcaster, transcoder, finder] =
			["//Broadcaster", "//Transcoder", "//Finder"].map(|uri| Key::from_uri(uri).unwrap());
		let (chain, store, events) = Default::default();
		let story = Self { chain, store, events, broadcaster, transcoder, finder };
		let client = story.chain.client(Some(story.broadcaster.clone()));
		let call = job_call(&story.broadcaster, "demo", 100);
		client.submit(call, Wait::Finalized).await.unwrap();
		story.chain.assign(1, &story.transcoder.account());
		story
	}

	/// The reporter over the same store, as after a restart; with or without a key.
	fn reporter(&self, key: Option<&Key>) -> Reporter {
		Reporter::new(
			Arc::new(self.chain.client(key.cloned())),
			Arc::new(self.store.clone()),
			Arc::new(self.events.clone()),
		)
	}

	fn book(&self) -> KeyBook {
		KeyBook::new(Arc::new(self.chain.client(None)), Arc::new(SystemClock::default()))
	}

	fn header(&self, seq: Seq, bytes: &[u8]) -> SegmentHeader {
		segment_header(&self.broadcaster, &self.transcoder, seq, bytes)
	}

	fn signed(&self, header: SegmentHeader) -> SignedHeader {
		signed_header(&self.broadcaster, header)
	}

	/// A receipt for a header, by this key.
	fn receipt(&self, header: &SegmentHeader, toolchain: u8, key: &Key) -> SignedReceipt {
		let result = TranscodeResult::Rejected(RejectReason::TooLong);
		signed_receipt(key, receipt_for(header, Hash::repeat_byte(toolchain), result))
	}

	/// Two segments in the place of this seq.
	fn two_segments(&self, seq: Seq) -> Contradiction {
		let [one, other] = [b"one", b"two"].map(|bytes| self.signed(self.header(seq, bytes)));
		Contradiction::of_headers(&one, &other).unwrap()
	}

	/// Two results for the segment of this seq.
	fn two_results(&self, seq: Seq) -> Contradiction {
		let signed = self.signed(self.header(seq, b"one"));
		let [one, other] =
			[1, 2].map(|toolchain| self.receipt(&signed.header, toolchain, &self.transcoder));
		Contradiction::of_receipts(&signed, &one, &other).unwrap()
	}

	/// A claim whose leaf says toolchain 1 of the segment of this seq, and the transcoder's receipt that says 2.
	async fn claimed_otherwise(&self, seq: Seq) -> Contradiction {
		let signed = self.signed(self.header(seq, b"one"));
		let toolchain = Hash::repeat_byte(1);
		let claimed =
			claim_rejected(&self.chain, &self.transcoder, &signed.header, toolchain).await;
		let info = self.chain.claims().remove(&claimed.claim).unwrap().info;
		let of = |toolchain| {
			let receipt = self.receipt(&signed.header, toolchain, &self.transcoder);
			let record = segment_record(signed.clone(), receipt);
			Contradiction::of_leaf(&info, &claimed, &record)
		};
		assert_eq!(of(1), None, "it says what is claimed");
		of(2).unwrap()
	}

	/// How many reports were taken.
	fn reported(&self) -> usize {
		self.chain.calls().iter().filter(|call| matches!(call, Call::Report(_))).count()
	}

	fn outcomes(&self) -> Vec<Option<Outcome>> {
		self.reporter(None).kept().unwrap().into_iter().map(|kept| kept.outcome).collect()
	}

	fn settled(&self) -> Vec<String> {
		let outcome = |event| match event {
			Event::ContradictionSettled { outcome, .. } => Some(outcome),
			_ => None,
		};
		self.events.events().into_iter().filter_map(outcome).collect()
	}
}

#[tokio::test]
async fn contradictions_should_be_reported_once_when_they_are_found() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	reporter.note(&story.book(), story.two_segments(3)).await;
	reporter.note(&story.book(), story.two_results(3)).await;
	// The chain punishes each once in a job.
	reporter.note(&story.book(), story.two_segments(4)).await;
	reporter.note(&story.book(), story.two_results(4)).await;
	assert_eq!(story.outcomes(), [None, None]);
	let found = |event: &Event| matches!(event, Event::ContradictionFound { seq: 3, .. });
	assert_eq!(story.events.events().iter().filter(|event| found(event)).count(), 2);
	for _ in 0..2 {
		reporter.report().await.unwrap();
		assert_eq!(story.outcomes(), [Some(Outcome::Reported); 2]);
		assert_eq!(story.reported(), 2);
		reporter.note(&story.book(), story.two_segments(5)).await;
	}
	assert_eq!(story.settled(), ["reported", "reported"]);
}

#[tokio::test]
async fn contradiction_should_be_reported_after_a_restart_when_the_node_was_away() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	reporter.note(&story.book(), story.two_results(3)).await;
	story.chain.cut(true);
	assert!(reporter.report().await.is_err());
	story.chain.cut(false);
	story.reporter(Some(&story.finder)).report().await.unwrap();
	assert_eq!((story.reported(), story.outcomes()), (1, vec![Some(Outcome::Reported)]));
}

#[tokio::test]
async fn contradiction_should_be_settled_when_another_has_reported_it() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	reporter.note(&story.book(), story.two_results(3)).await;
	let other = story.chain.client(Some(Key::from_uri("//Other").unwrap()));
	let report = Call::Report(Box::new(story.two_results(7)));
	other.submit(report, Wait::Finalized).await.unwrap();
	reporter.report().await.unwrap();
	reporter.report().await.unwrap();
	assert_eq!(story.settled(), ["known"]);
	assert_eq!(story.reported(), 1);
}

#[tokio::test]
async fn contradiction_should_not_be_reported_when_the_chain_takes_it_no_more() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	reporter.note(&story.book(), story.two_segments(3)).await;
	// A node that is behind knows of no such assignment either.
	story.chain.remove_job(1);
	let now = story.chain.client(None).heads().borrow().best;
	story.chain.rewind(1);
	reporter.report().await.unwrap();
	assert_eq!(story.outcomes(), [None]);
	story.chain.rewind(now);
	// It is not even sent, because a refusal costs a fee.
	story.chain.fail_next(ChainError::NoKey);
	reporter.report().await.unwrap();
	assert_eq!(story.settled(), ["too_late"]);
}

#[tokio::test]
async fn report_should_wait_when_the_chain_takes_no_calls_now() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	reporter.note(&story.book(), story.two_segments(3)).await;
	let refused = Refused::Other("System.CallFiltered".into());
	story.chain.fail_next(ChainError::Refused { call: "Jobs.report_broadcaster", refused });
	assert!(reporter.report().await.is_err());
	for _ in 1..REST {
		story.chain.block();
		reporter.report().await.unwrap();
	}
	assert_eq!(story.reported(), 0, "each refusal may cost a fee");
	story.chain.block();
	reporter.report().await.unwrap();
	assert_eq!(story.outcomes(), [Some(Outcome::Reported)]);
}

#[tokio::test]
async fn contradiction_should_be_kept_when_there_is_no_key_to_report_it_with() {
	let story = Story::new().await;
	let reporter = story.reporter(None);
	reporter.note(&story.book(), story.two_segments(3)).await;
	reporter.report().await.unwrap();
	// The offender would pay for it as well.
	story.reporter(Some(&story.broadcaster)).report().await.unwrap();
	assert_eq!((story.reported(), story.outcomes()), (0, vec![None]));
	story.reporter(Some(&story.finder)).report().await.unwrap();
	assert_eq!(story.reported(), 1);
}

#[test]
fn records_of_other_places_should_contradict_nothing() {
	let story = futures::executor::block_on(Story::new());
	let one = story.signed(story.header(3, b"one"));
	for change in [
		(|header: &mut SegmentHeader| header.seq = 4) as fn(&mut SegmentHeader),
		|header| header.assignment = 1,
		|header| header.job = 2,
		|header| header.genesis = Hash::zero(),
		|header| header.segment.track = 1,
	] {
		let mut header = story.header(3, b"two");
		change(&mut header);
		assert_eq!(Contradiction::of_headers(&one, &story.signed(header)), None);
	}
	// The same again, signed anew; and an earlier epoch, of which no number ever comes again.
	assert_eq!(Contradiction::of_headers(&one, &story.signed(story.header(3, b"one"))), None);
	let mut header = story.header(3, b"one");
	header.segment.epoch += 1;
	assert!(Contradiction::of_headers(&one, &story.signed(header)).is_some());

	// Results for two segments, though the seq is one; and the same result twice.
	let other = story.signed(story.header(3, b"two"));
	let receipt = |signed: &SignedHeader, toolchain| {
		story.receipt(&signed.header, toolchain, &story.transcoder)
	};
	let of = |first: SignedReceipt, second: SignedReceipt| {
		Contradiction::of_receipts(&one, &first, &second)
	};
	assert_eq!(of(receipt(&one, 1), receipt(&other, 2)), None);
	assert_eq!(of(receipt(&other, 1), receipt(&other, 2)), None);
	assert_eq!(of(receipt(&one, 1), receipt(&one, 1)), None);
	assert_eq!(of(receipt(&one, 1), story.receipt(&one.header, 2, &story.finder)), None);
	assert!(of(receipt(&one, 1), receipt(&one, 2)).is_some());
}

#[tokio::test]
async fn claimed_leaf_should_be_reported_as_long_as_its_claim_is_open() {
	let story = Story::new().await;
	let client = story.chain.client(Some(story.finder.clone()));
	let found = story.claimed_otherwise(3).await;
	assert_eq!(found.offence(), story.two_results(3).offence(), "it is punished once");
	assert_eq!(story.book().check_contradiction(&found).await, Ok(Ok(())));
	assert_eq!(tell(&client, &found).await, Ok(Told::Settled(Outcome::Reported)));
	assert_eq!(tell(&client, &found).await, Ok(Told::Settled(Outcome::Known)));
	assert_eq!(story.reported(), 1);

	let story = Story::new().await;
	let client = story.chain.client(Some(story.finder.clone()));
	let found = story.claimed_otherwise(3).await;
	story.chain.close(1);
	let checked = story.book().check_contradiction(&found).await;
	assert_eq!(checked, Ok(Err(Unproven::NotOpen(1))));
	assert_eq!(tell(&client, &found).await, Ok(Told::Settled(Outcome::TooLate)));
	assert_eq!(story.reported(), 0);
}

#[tokio::test]
async fn attack_leaves_that_no_claim_has_or_nobody_signed() {
	let story = Story::new().await;
	let found = story.claimed_otherwise(3).await;
	let changed = |change: &dyn Fn(&mut ClaimedLeaf, &mut SignedHeader, &mut SignedReceipt)| {
		let mut found = found.clone();
		let Contradiction::Leaf { claimed, segment, receipt } = &mut found else { panic!("leaf") };
		change(claimed, segment, receipt);
		found
	};
	let (one, other) = (story.header(3, b"one"), story.header(3, b"other"));
	let later =
		story.chain.set_keys(&story.transcoder.account(), Purpose::Duties, &[&story.finder]);
	let client = story.chain.client(Some(story.finder.clone()));
	let views = client.operator_keys(&story.transcoder.account(), Purpose::Duties).await.unwrap();
	let ring = crate::key::Keyring::new(story.transcoder.account(), vec![story.finder.clone()]);
	let later = ring.signing(&views, later).unwrap();
	let by_later_keys = changed(&|_, _, receipt| {
		receipt.signature = later.sign(&receipt.receipt.hash());
	});
	for (made_up, why) in [
		(changed(&|claimed, _, _| claimed.path[0].work += 1), Unproven::NotInTree(1)),
		(changed(&|claimed, _, _| claimed.index = 1), Unproven::NotInTree(1)),
		(changed(&|claimed, _, _| claimed.leaf = Leaf::Empty), Unproven::NotInTree(1)),
		(changed(&|claimed, _, _| claimed.claim = 2), Unproven::NotOpen(2)),
		(
			changed(&|_, _, receipt| *receipt = story.receipt(&one, 1, &story.transcoder)),
			Unproven::Agrees(1),
		),
		(
			changed(&|_, segment, receipt| {
				*segment = story.signed(other.clone());
				*receipt = story.receipt(&other, 2, &story.transcoder);
			}),
			Unproven::Agrees(1),
		),
		(
			changed(&|_, _, receipt| *receipt = story.receipt(&one, 2, &story.finder)),
			Unproven::Signature,
		),
		(
			changed(&|_, _, receipt| receipt.receipt.toolchain = Hash::repeat_byte(3)),
			Unproven::Signature,
		),
		(
			changed(&|_, segment, _| {
				segment.signature = Signing::own(story.finder.clone()).sign(&one.hash());
			}),
			Unproven::OtherKeys,
		),
		(changed(&|_, segment, _| segment.header.genesis = Hash::zero()), Unproven::Foreign),
		(by_later_keys.clone(), Unproven::OtherKeys),
	] {
		let checked = story.book().check_contradiction(&made_up).await;
		assert_eq!(checked, Ok(Err(why)), "{made_up:?}");
		story.reporter(Some(&story.finder)).note(&story.book(), made_up).await;
	}
	assert!(story.outcomes().is_empty());
	// The keys are looked at once more before a call is made.
	assert_eq!(tell(&client, &by_later_keys).await, Ok(Told::Void));
	assert_eq!(story.reported(), 0);
}

/// Nobody can be accused without two signatures, and a stranger cannot have anything stored.
#[tokio::test]
async fn attack_contradictions_that_nobody_signed() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	let (one, other) = (story.header(3, b"one"), story.header(3, b"two"));
	let (honest, answered) = (story.signed(one.clone()), story.two_results(3));
	let Contradiction::Results { receipts, .. } = answered.clone() else { panic!("results") };
	let forged = |header: &SegmentHeader| {
		let own = Signing::own(story.finder.clone()).sign(&header.hash());
		let mut signed = story.signed(header.clone());
		signed.signature.signature = own.signature;
		signed
	};
	// A signature of another's, of something else, of another chain.
	let mut foreign = story.two_segments(3);
	let Contradiction::Segments(headers) = &mut foreign else { panic!("segments") };
	for signed in headers.iter_mut() {
		signed.header.genesis = Hash::zero();
		*signed = story.signed(signed.header.clone());
	}
	let moved = SignedHeader { header: other.clone(), signature: honest.signature.clone() };
	let [first, mut second] = *receipts;
	second.signature = first.signature.clone();
	let made_up = [
		Contradiction::of_headers(&honest, &forged(&other)).unwrap(),
		Contradiction::of_headers(&honest, &moved).unwrap(),
		foreign,
		Contradiction::of_receipts(&honest, &first, &second).unwrap(),
		// A segment that the broadcaster did not sign, by a transcoder that conspires.
		Contradiction::of_receipts(
			&forged(&one),
			&story.receipt(&one, 1, &story.transcoder),
			&story.receipt(&one, 2, &story.transcoder),
		)
		.unwrap(),
	];
	for contradiction in made_up {
		reporter.note(&story.book(), contradiction).await;
	}
	assert!(story.outcomes().is_empty());
	assert!(story.store.value(KEPT).unwrap().is_none() && story.events.events().is_empty());
	reporter.note(&story.book(), answered).await;
	assert_eq!(story.outcomes(), [None]);
}

/// Two headers are cheap to sign for a job that is another's, or by keys that do not count, and a
/// report of them costs a fee.
#[tokio::test]
async fn attack_contradictions_by_keys_that_do_not_count() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	let [one, other] =
		[b"one", b"two"].map(|bytes| signed_header(&story.finder, story.header(3, bytes)));
	let anothers = Contradiction::of_headers(&one, &other).unwrap();
	assert_eq!(anothers.offence().account, story.finder.account());
	// By keys that were announced after the assignment was accepted.
	let key = Key::from_uri("//Operator").unwrap();
	let account = story.broadcaster.account();
	let generation = story.chain.set_keys(&account, Purpose::Segments, &[&key]);
	let client = story.chain.client(None);
	let views = client.operator_keys(&account, Purpose::Segments).await.unwrap();
	let ring = crate::key::Keyring::new(account, vec![key]);
	let newer = ring.signing(&views, generation).unwrap();
	let [one, other] = [b"one", b"two"].map(|bytes| {
		let header = story.header(3, bytes);
		let signature = newer.sign(&header.hash());
		SignedHeader { header, signature }
	});
	let later = Contradiction::of_headers(&one, &other).unwrap();
	let by_other = story.reporter(Some(&Key::from_uri("//Other").unwrap()));
	by_other.note(&story.book(), anothers).await;
	by_other.note(&story.book(), later).await;
	assert_eq!(story.outcomes(), [None, None], "the signatures are right");
	// Nothing is sent.
	by_other.report().await.unwrap();
	assert!(story.outcomes().is_empty());
	assert_eq!(story.reported(), 0);
	// And the true one is not shut out.
	reporter.note(&story.book(), story.two_segments(3)).await;
	reporter.report().await.unwrap();
	assert_eq!(story.outcomes(), [Some(Outcome::Reported)]);
}

#[tokio::test]
async fn attack_contradictions_that_fill_the_store() {
	let story = Story::new().await;
	let reporter = story.reporter(Some(&story.finder));
	let of_job = |job: JobId| {
		let [one, other] = [b"one", b"two"].map(|bytes| {
			let mut header = story.header(3, bytes);
			header.job = job;
			story.signed(header)
		});
		Contradiction::of_headers(&one, &other).unwrap()
	};
	for job in 1..=MOST_KEPT as JobId + 3 {
		reporter.note(&story.book(), of_job(job)).await;
	}
	assert_eq!(story.outcomes().len(), MOST_KEPT);
	// Those of jobs that never were are settled, and make room.
	reporter.report().await.unwrap();
	let late = MOST_KEPT as JobId + 100;
	reporter.note(&story.book(), of_job(late)).await;
	let kept = reporter.kept().unwrap();
	assert_eq!(kept.len(), MOST_KEPT);
	let newest = kept.last().unwrap();
	assert_eq!(newest.contradiction.offence().job, late);
	assert_eq!(newest.contradiction.offence().by, Party::Broadcaster);
}

#[test]
fn kept_contradictions_should_be_refused_when_they_are_of_a_form_that_is_not_known() {
	let story = futures::executor::block_on(Story::new());
	assert!(story.reporter(None).kept().unwrap().is_empty());
	story.store.put_value(KEPT, &[2, 0]).unwrap();
	assert!(story.reporter(None).kept().is_err());
}
