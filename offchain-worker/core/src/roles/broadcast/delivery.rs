//! One sending: a signed header and bytes go out; a receipt and renditions come back and are checked.

use codec::{DecodeAll, Encode};
use livepeer_primitives::{
	chunks::chunk_root, keys::Generation, receipt::TranscodeResult, segment::SegmentHeader,
	service::ServiceRecord, AccountId, AssignmentIndex, Seq, StreamId,
};
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use super::{
	cut::{Cut, BACKOFF_MS},
	BroadcastError, Broadcaster, OpenStream,
};
use crate::{
	aside,
	key::Signing,
	ports::{
		chain::At,
		contradiction::{Contradiction, SignedReceipt},
		engine::{Format, MediaError},
		store::StoreError,
		transport::{
			header_of_track, OwnRendition, PushReply, Refusal, SegmentRecord, SignedHeader, MAX_OWN,
		},
	},
};

/// The most receipts without renditions that are kept of a stream: more than are outstanding at a time.
const MOST_UNRETURNED: usize = 16;

/// The transcoder that works now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Assigned {
	pub(super) index: AssignmentIndex,
	pub(super) transcoder: AccountId,
	/// The generations by which both parties' signatures are judged.
	pub(super) transcoder_keys: Generation,
	pub(super) broadcaster_keys: Generation,
	pub(super) service: ServiceRecord,
}

/// How one sending ended.
pub(super) enum Delivered {
	Returned(Box<SegmentRecord>),
	Skip(String),
	/// The transcoder withholds: it rejects, refuses or leaves out what can be transcoded.
	Withheld(String),
	Retry {
		after_ms: Option<u64>,
		reason: String,
	},
	/// It did not answer.
	Silent(String),
	Fatal(BroadcastError),
}

impl Broadcaster {
	pub(super) async fn deliver(
		&self,
		open: &OpenStream,
		to: &Assigned,
		signing: &Signing,
		seq: Seq,
		cut: &Cut,
	) -> Delivered {
		match self.try_deliver(open, to, signing, seq, cut).await {
			Ok(delivered) => delivered,
			Err(error) => Delivered::Fatal(error),
		}
	}

	async fn try_deliver(
		&self,
		open: &OpenStream,
		to: &Assigned,
		signing: &Signing,
		seq: Seq,
		cut: &Cut,
	) -> Result<Delivered, BroadcastError> {
		let header = SegmentHeader {
			genesis: self.chain.genesis(),
			stream: open.stream,
			job: open.job,
			assignment: to.index,
			transcoder: to.transcoder.clone(),
			seq,
			segment: cut.segment.clone(),
		};
		let signature = signing.sign(&header.hash());
		let fresh = SignedHeader { header, signature };
		let (store, first) = (self.store.clone(), fresh.clone());
		let mut signed = aside(move || store.put_header(&first)).await?;
		if !is_same_segment(&signed.header, &fresh.header) {
			return Err(BroadcastError::OtherSource(seq));
		}
		if signed.header.transcoder != to.transcoder {
			// A reorg gave the assignment to another transcoder. Naming both would be an equivocation.
			let reason = "signed for the transcoder that a reorganisation took back";
			return Ok(Delivered::Skip(reason.into()));
		}
		if signed.signature.signer.generation != to.broadcaster_keys {
			// A reorg had the assignment accepted under other keys. Another signature over the same header is
			// not an equivocation.
			signed.signature = signing.sign(&signed.header.hash());
			self.store.resign_header(&signed)?;
		}
		let (store, in_hash) = (self.store.clone(), cut.segment.in_hash);
		let Some(bytes) = aside(move || store.get(in_hash)).await? else {
			return Err(StoreError::Damaged(in_hash).into());
		};
		let (receipt, signature) = match self.net.push(&to.service, &signed, &bytes).await {
			Ok(PushReply::Done { receipt, signature }) => (receipt, signature),
			Ok(PushReply::Busy { retry_ms }) => {
				return Ok(Delivered::Retry {
					after_ms: Some(u64::from(retry_ms).clamp(50, BACKOFF_MS.1)),
					reason: "the transcoder is busy".into(),
				})
			}
			Ok(PushReply::Refused(Refusal::TooLate)) => {
				return self.judge_lateness(open, to, seq).await
			}
			Ok(PushReply::Refused(refusal @ Refusal::TooLarge)) => {
				return Ok(self.judge_rejection(open, cut, &bytes, refusal.to_string()).await)
			}
			Ok(PushReply::Refused(refusal)) => return Ok(retry(refusal.to_string())),
			Err(error) if error.is_silence() => return Ok(Delivered::Silent(error.to_string())),
			Err(error) => return Ok(retry(error.to_string())),
		};
		// The publisher's own renditions are added when the segment is back: a transcoder's receipt counts
		// whatever room it leaves for them.
		let record =
			SegmentRecord { signed, receipt: *receipt, signature, own: Default::default() };
		if record.signature.signer.generation != to.transcoder_keys {
			return Ok(retry("the receipt is signed by keys of another generation".into()));
		}
		let account = self.own.account();
		let outputs = record.outputs().len();
		match self.book.check_record(&record, &open.stream, account, outputs).await {
			Ok(Ok(())) => {}
			Ok(Err(error)) => return Ok(retry(error.to_string())),
			Err(error) => return Ok(retry(error.to_string())),
		}
		self.compare(&record).await?;
		Ok(match self.take_back(open, to, cut, &bytes, record.clone()).await? {
			Delivered::Returned(mut returned) => {
				returned.own = signed_own(signing, returned.header(), cut);
				Delivered::Returned(returned)
			}
			other => {
				self.remember(record)?;
				other
			}
		})
	}

	/// Handles a signed receipt.
	async fn take_back(
		&self,
		open: &OpenStream,
		to: &Assigned,
		cut: &Cut,
		bytes: &[u8],
		record: SegmentRecord,
	) -> Result<Delivered, BroadcastError> {
		if let TranscodeResult::Rejected(reason) = record.receipt.result {
			return Ok(self.judge_rejection(open, cut, bytes, format!("{reason:?}")).await);
		}
		let outputs = record.outputs().len();
		if outputs != open.ladder.len() {
			return Ok(retry("the receipt has another number of outputs than the ladder".into()));
		}
		if record.present().count() != outputs {
			return Ok(Delivered::Withheld("a rendition is absent".into()));
		}
		self.fetch_renditions(to, record).await
	}

	/// Fetches and stores the outputs of a valid receipt.
	async fn fetch_renditions(
		&self,
		to: &Assigned,
		record: SegmentRecord,
	) -> Result<Delivered, BroadcastError> {
		let fetches = record
			.present()
			.map(|output| self.net.fetch(&to.service, output.hash, output.len, None));
		let fetched = match futures::future::try_join_all(fetches).await {
			Ok(fetched) => fetched,
			Err(error) if error.is_silence() => {
				return Ok(Delivered::Silent(format!("a rendition: {error}")))
			}
			Err(error) => return Ok(retry(format!("a rendition: {error}"))),
		};
		let (store, described) = (self.store.clone(), record.outputs().to_vec());
		let kept = aside(move || {
			let outputs = described.iter().flatten();
			let is_right = outputs.zip(&fetched).all(|(output, bytes)| {
				bytes.len() as u64 == u64::from(output.len)
					&& chunk_root(bytes) == output.chunk_root
			});
			// All were checked: only now is any stored.
			if is_right {
				fetched.iter().try_for_each(|bytes| store.put(bytes).map(drop))?;
			}
			Ok::<_, StoreError>(is_right)
		});
		Ok(match kept.await? {
			true => Delivered::Returned(Box::new(record)),
			false => retry("a rendition is not as the receipt describes it".into()),
		})
	}

	/// Checks whether an earlier receipt for the same segment, which did not bring it back, contradicts this
	/// one.
	async fn compare(&self, record: &SegmentRecord) -> Result<(), StoreError> {
		let (signed, new) = (&record.signed, SignedReceipt::of(record));
		let known = self.unreturned(record.header().stream)?;
		let found = known
			.iter()
			.find_map(|known| Contradiction::of_receipts(signed, &SignedReceipt::of(known), &new));
		if let Some(found) = found {
			self.reporter.note(&self.book, found).await;
		}
		Ok(())
	}

	/// Stores the first receipt for a segment that did not come back with it, and may be sent again.
	fn remember(&self, record: SegmentRecord) -> Result<(), StoreError> {
		let stream = record.header().stream;
		let mut known = self.unreturned(stream)?;
		let keys = |record: &SegmentRecord| record.signature.signer.generation;
		let is_it = |known: &SegmentRecord| {
			known.header() == record.header() && keys(known) == keys(&record)
		};
		if known.iter().any(is_it) {
			return Ok(());
		}
		if known.len() >= MOST_UNRETURNED {
			known.remove(0);
		}
		known.push(record);
		self.store.put_value(&unreturned_name(stream), &known.encode())
	}

	/// The first receipts for segments of a stream that did not come back, oldest first. Losing them only
	/// hides contradictions.
	pub(super) fn unreturned(&self, stream: StreamId) -> Result<Vec<SegmentRecord>, StoreError> {
		let stored = self.store.value(&unreturned_name(stream))?;
		let known = stored.and_then(|bytes| Vec::<SegmentRecord>::decode_all(&mut &bytes[..]).ok());
		Ok(known.unwrap_or_default())
	}

	/// Checks on the chain whether a claim has really passed a segment.
	async fn judge_lateness(
		&self,
		open: &OpenStream,
		to: &Assigned,
		seq: Seq,
	) -> Result<Delivered, BroadcastError> {
		let view = self.chain.job(At::Best, open.job).await?;
		let current = view.and_then(|view| view.current);
		Ok(match current.filter(|current| current.index == to.index) {
			Some(current) if seq >= current.next_seq => {
				Delivered::Withheld("refused as too late, which it is not".into())
			}
			_ => Delivered::Skip("a claim has passed it".into()),
		})
	}

	/// Checks with its own engine whether a segment really cannot be transcoded.
	async fn judge_rejection(
		&self,
		open: &OpenStream,
		cut: &Cut,
		bytes: &[u8],
		reason: String,
	) -> Delivered {
		let format = Format::of(&open.ladder, &open.limits, &cut.segment);
		match self.engine.accept(&format, bytes).await {
			Ok(()) => Delivered::Withheld(format!("rejected as {reason}, which it is not")),
			Err(MediaError::Invalid(found)) => {
				Delivered::Skip(format!("it cannot be transcoded: {found:?}"))
			}
			Err(error) => retry(format!("rejected as {reason}, and not examined: {error}")),
		}
	}
}

/// The publisher's own renditions of a segment, signed as tracks beside its header.
fn signed_own(
	signing: &Signing,
	header: &SegmentHeader,
	cut: &Cut,
) -> BoundedVec<OwnRendition, ConstU32<MAX_OWN>> {
	let own = cut.own.iter().map(|(track, output)| OwnRendition {
		track: *track,
		output: *output,
		signature: signing.sign(&header_of_track(header, *track, output).hash()),
	});
	BoundedVec::truncate_from(own.collect())
}

/// The name, in the store, of a stream's receipts without renditions.
fn unreturned_name(stream: StreamId) -> String {
	format!("unreturned/{stream:?}")
}

/// It is sent again after the usual pause.
fn retry(reason: String) -> Delivered {
	Delivered::Retry { after_ms: None, reason }
}

/// Whether two headers of one key are for the same bytes. Their times of capture may differ: the header that
/// was signed first stays.
fn is_same_segment(one: &SegmentHeader, other: &SegmentHeader) -> bool {
	let (one, other) = (&one.segment, &other.segment);
	(one.in_hash, one.in_len, one.duration) == (other.in_hash, other.in_len, other.duration)
}
