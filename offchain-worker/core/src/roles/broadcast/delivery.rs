//! One sending: a signed header and bytes go out, a receipt and renditions come back checked.

use livepeer_primitives::{
	receipt::signature_hash, segment::SegmentHeader, service::ServiceRecord, AccountId,
	AssignmentIndex, Seq,
};

use super::{
	run::{Cut, BACKOFF_MS},
	BroadcastError, Broadcaster, OpenStream,
};
use crate::ports::{
	store::{SegmentKey, StoreError},
	transport::{PushReply, Refusal, SegmentRecord, SignedHeader},
};

/// The transcoder that works now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Assigned {
	pub(super) index: AssignmentIndex,
	pub(super) transcoder: AccountId,
	pub(super) service: ServiceRecord,
}

/// How one sending ended.
pub(super) enum Delivered {
	Returned(Box<SegmentRecord>),
	Skip(String),
	Retry { after_ms: Option<u64>, reason: String },
	Fatal(BroadcastError),
}

impl Broadcaster {
	pub(super) async fn deliver(
		&self,
		open: &OpenStream,
		to: &Assigned,
		seq: Seq,
		cut: &Cut,
	) -> Delivered {
		match self.try_deliver(open, to, seq, cut).await {
			Ok(delivered) => delivered,
			Err(error) => Delivered::Fatal(error),
		}
	}

	async fn try_deliver(
		&self,
		open: &OpenStream,
		to: &Assigned,
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
			in_hash: cut.in_hash,
			in_len: cut.in_len,
			duration: cut.duration,
		};
		let signature = self.key.sign(header.signing_payload());
		let signed = SignedHeader { header: header.clone(), signature };
		let mut stored = self.store.put_header(&signed)?;
		if stored.header != header && is_same_segment(&stored.header, &header) {
			// A reorg gave the assignment to another transcoder. To name both is no equivocation,
			// for the segment is the same.
			self.store.drop_header(key_of(&header))?;
			stored = self.store.put_header(&signed)?;
		}
		let signed = stored;
		if signed.header != header {
			return Err(BroadcastError::OtherSource(seq));
		}
		let Some(bytes) = self.store.get(cut.in_hash)? else {
			return Err(StoreError::Damaged(cut.in_hash).into());
		};
		let retry = |reason: String| Delivered::Retry { after_ms: None, reason };
		let (receipt, transcoder_signature) =
			match self.net.push(&to.service, &signed, &bytes).await {
				Ok(PushReply::Done { receipt, signature }) => (receipt, signature),
				Ok(PushReply::Busy { retry_ms }) => {
					return Ok(Delivered::Retry {
						after_ms: Some(u64::from(retry_ms).clamp(50, BACKOFF_MS.1)),
						reason: "the transcoder is busy".into(),
					})
				}
				Ok(PushReply::Refused(
					refusal @ (Refusal::Invalid(_) | Refusal::TooLate | Refusal::TooLarge),
				)) => return Ok(Delivered::Skip(refusal.to_string())),
				Ok(PushReply::Refused(refusal)) => return Ok(retry(refusal.to_string())),
				Err(error) => return Ok(retry(error.to_string())),
			};
		let record = SegmentRecord {
			receipt: *receipt,
			transcoder_signature,
			broadcaster_signature: signed.signature,
		};
		if record.receipt.header != header
			|| record.receipt.broadcaster_signature_hash
				!= signature_hash(&record.broadcaster_signature)
		{
			return Ok(retry("the receipt is for another segment".into()));
		}
		let checked = record.check(
			&self.chain.genesis(),
			&open.stream,
			&self.key.account(),
			open.ladder.len(),
		);
		if let Err(error) = checked {
			return Ok(retry(error.to_string()));
		}
		let fetches = record
			.receipt
			.outputs
			.iter()
			.map(|output| self.net.fetch(&to.service, output.hash, output.len));
		let outputs = match futures::future::try_join_all(fetches).await {
			Ok(outputs) => outputs,
			Err(error) => return Ok(retry(format!("a rendition: {error}"))),
		};
		for (output, bytes) in record.receipt.outputs.iter().zip(&outputs) {
			if bytes.len() as u64 != u64::from(output.len) {
				return Ok(retry("a rendition has another length than the receipt says".into()));
			}
			self.store.put(bytes)?;
		}
		Ok(Delivered::Returned(Box::new(record)))
	}
}

/// Whether two headers of one key are for the same bytes.
fn is_same_segment(one: &SegmentHeader, other: &SegmentHeader) -> bool {
	(one.in_hash, one.in_len, one.duration) == (other.in_hash, other.in_len, other.duration)
}

pub(super) fn key_of(header: &SegmentHeader) -> SegmentKey {
	SegmentKey { job: header.job, assignment: header.assignment, seq: header.seq }
}
