//! Proofs that somebody signed two contradictory statements.

use codec::{Decode, Encode};
use livepeer_primitives::{
	api::AssignmentView,
	keys::{Generation, OperatorSignature},
	receipt::Receipt,
	segment::SegmentHeader,
	AccountId, JobId,
};

use crate::ports::transport::{SegmentRecord, SignedHeader};

/// A receipt with its transcoder's signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedReceipt {
	/// The receipt.
	pub receipt: Receipt,
	/// The transcoder's signature over its hash.
	pub signature: OperatorSignature,
}

impl SignedReceipt {
	/// The receipt of a record.
	pub fn of(record: &SegmentRecord) -> Self {
		Self { receipt: record.receipt.clone(), signature: record.signature.clone() }
	}
}

/// Two contradictory statements of one signer, with everything that the chain needs to punish it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Contradiction {
	/// A broadcaster signed two segments in one place.
	Segments(Box<[SignedHeader; 2]>),
	/// A transcoder signed two results for one segment.
	Results {
		/// The segment.
		segment: Box<SignedHeader>,
		/// Its receipts for it.
		receipts: Box<[SignedReceipt; 2]>,
	},
}

/// The signer's capacity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Party {
	/// As the broadcaster of a job.
	Broadcaster,
	/// As the transcoder of one of its assignments.
	Transcoder,
}

impl Party {
	/// Its name, as in events.
	pub fn name(self) -> &'static str {
		match self {
			Self::Broadcaster => "broadcaster",
			Self::Transcoder => "transcoder",
		}
	}
}

/// An offence, which the chain punishes once, however often it was committed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Offence {
	/// As what.
	pub by: Party,
	/// Who signed.
	pub account: AccountId,
	/// The job.
	pub job: JobId,
}

impl Contradiction {
	/// What two headers prove: nothing if they are equal, of two places, or not signed as one generation of
	/// one account. Does not check the signatures.
	pub fn of_headers(one: &SignedHeader, other: &SignedHeader) -> Option<Self> {
		(one.header.equivocates(&other.header) && is_one_signer(&one.signature, &other.signature))
			.then(|| Self::Segments(Box::new([one.clone(), other.clone()])))
	}

	/// What two receipts for a segment prove. Does not check the signatures.
	pub fn of_receipts(
		segment: &SignedHeader,
		one: &SignedReceipt,
		other: &SignedReceipt,
	) -> Option<Self> {
		let is_one = one.receipt.equivocates(&other.receipt)
			&& is_one_signer(&one.signature, &other.signature)
			&& one.receipt.header == segment.header.hash();
		is_one.then(|| Self::Results {
			segment: Box::new(segment.clone()),
			receipts: Box::new([one.clone(), other.clone()]),
		})
	}

	/// What two records prove. Does not check the signatures.
	pub fn of_records(one: &SegmentRecord, other: &SegmentRecord) -> Option<Self> {
		Self::of_headers(&one.signed, &other.signed)
			.or_else(|| {
				Self::of_receipts(&one.signed, &SignedReceipt::of(one), &SignedReceipt::of(other))
			})
			.or_else(|| {
				let others: Vec<SignedHeader> = other.own_headers().collect();
				one.own_headers()
					.find_map(|own| others.iter().find_map(|other| Self::of_headers(&own, other)))
			})
	}

	/// The segment that was signed or answered twice; the first of two.
	pub fn header(&self) -> &SegmentHeader {
		&self.signed().header
	}

	/// Who signed as the job's broadcaster.
	pub fn broadcaster(&self) -> &AccountId {
		&self.signed().signature.signer.account
	}

	fn signed(&self) -> &SignedHeader {
		match self {
			Self::Segments(headers) => {
				let [one, _] = &**headers;
				one
			}
			Self::Results { segment, .. } => segment,
		}
	}

	/// The offence.
	pub fn offence(&self) -> Offence {
		let job = self.header().job;
		match self {
			Self::Segments(_) => {
				Offence { by: Party::Broadcaster, account: self.broadcaster().clone(), job }
			}
			Self::Results { segment, .. } => {
				let account = segment.header.transcoder.clone();
				Offence { by: Party::Transcoder, account, job }
			}
		}
	}

	/// Whether both sides are signed by the account and the keys that the chain requires: the job's
	/// broadcaster, or the transcoder of an assignment that it has accepted, with the generations of that
	/// assignment. Anybody can sign for somebody else's job, or with keys that do not count.
	pub fn is_by(&self, broadcaster: &AccountId, given: &AssignmentView) -> bool {
		let is_signer = |signature: &OperatorSignature, account: &AccountId, keys: Generation| {
			signature.signer.account == *account && signature.signer.generation == keys
		};
		match self {
			Self::Segments(headers) => headers
				.iter()
				.all(|one| is_signer(&one.signature, broadcaster, given.broadcaster_keys)),
			Self::Results { segment, receipts } => {
				given.toolchain.is_some()
					&& given.transcoder == segment.header.transcoder
					&& is_signer(&segment.signature, broadcaster, given.broadcaster_keys)
					&& receipts.iter().all(|one| {
						is_signer(&one.signature, &given.transcoder, given.transcoder_keys)
					})
			}
		}
	}
}

/// Whether two signatures name the same generation of the same account's keys.
fn is_one_signer(one: &OperatorSignature, other: &OperatorSignature) -> bool {
	let (one, other) = (&one.signer, &other.signer);
	(&one.account, one.generation) == (&other.account, other.generation)
}
