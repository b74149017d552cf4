//! Proofs that somebody signed two contradictory statements.

use core::slice::from_ref;

use codec::{Decode, Encode};
use livepeer_primitives::{
	api::AssignmentView,
	claim::ClaimInfo,
	keys::{Generation, OperatorSignature},
	leaf::Leaf,
	receipt::Receipt,
	segment::SegmentHeader,
	sum_tree::{self, SumProof},
	AccountId, ClaimId, JobId,
};
use thiserror::Error;

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

/// A leaf that a claim commits to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ClaimedLeaf {
	/// The claim.
	pub claim: ClaimId,
	/// The leaf's index within it.
	pub index: u32,
	/// The leaf.
	pub leaf: Leaf,
	/// Its path in the claim's tree, from the leaf up.
	pub path: SumProof,
}

impl ClaimedLeaf {
	/// Whether the claim, if it is as `info` says, states something else of this segment than the receipt.
	fn contradicts(&self, info: &ClaimInfo, segment: &SegmentHeader, receipt: &Receipt) -> bool {
		let place = info.place(segment.genesis, self.index);
		let stated = self.leaf.receipt(place, info.toolchain);
		stated.is_some_and(|stated| stated.header == segment.hash() && stated.equivocates(receipt))
	}

	/// Checks all that a claim says of a contradiction with its leaf: that the leaf is in its tree, that it
	/// states something else than the receipt, and whose keys must have signed. `info` must be the chain's.
	/// Does not check the signatures.
	pub fn check(
		&self,
		info: &ClaimInfo,
		segment: &SignedHeader,
		receipt: &SignedReceipt,
	) -> Result<(), Unproven> {
		if sum_tree::verify(&info.commitment, self.index, &self.leaf, &self.path).is_err() {
			return Err(Unproven::NotInTree(self.claim));
		}
		if !self.contradicts(info, &segment.header, &receipt.receipt) {
			return Err(Unproven::Agrees(self.claim));
		}
		let is_signed = is_signer(&segment.signature, &info.broadcaster, info.broadcaster_keys)
			&& is_signer(&receipt.signature, &info.transcoder, info.transcoder_keys);
		if is_signed {
			Ok(())
		} else {
			Err(Unproven::OtherKeys)
		}
	}
}

/// Why a contradiction is not proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Unproven {
	/// It names another chain's genesis.
	#[error("it is of another chain")]
	Foreign,
	/// Somebody did not sign what is shown.
	#[error("a signature is wrong")]
	Signature,
	/// The keys are not those of the claim's assignment.
	#[error("it is signed by other keys than the assignment's")]
	OtherKeys,
	/// The claim is not among the chain's open ones.
	#[error("the chain has no open claim {0}, and punishes for a leaf only as long as its claim is open")]
	NotOpen(ClaimId),
	/// The path from the leaf is missing or wrong.
	#[error("no path is given that leads from the leaf to the root of claim {0}")]
	NotInTree(ClaimId),
	/// The claim states the same as the receipt, or is of other segments.
	#[error("claim {0} states nothing of this segment that contradicts the receipt")]
	Agrees(ClaimId),
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
	/// A transcoder claims another result for a segment than it signed.
	Leaf {
		/// What it claims.
		claimed: Box<ClaimedLeaf>,
		/// The segment.
		segment: Box<SignedHeader>,
		/// Its receipt for it.
		receipt: Box<SignedReceipt>,
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

	/// What a leaf of a claim and a record of its segment prove, if the claim is as `info` says. Checks
	/// neither the leaf's path nor the signatures.
	pub fn of_leaf(
		info: &ClaimInfo,
		claimed: &ClaimedLeaf,
		record: &SegmentRecord,
	) -> Option<Self> {
		claimed.contradicts(info, record.header(), &record.receipt).then(|| Self::Leaf {
			claimed: Box::new(claimed.clone()),
			segment: Box::new(record.signed.clone()),
			receipt: Box::new(SignedReceipt::of(record)),
		})
	}

	/// The segment that was signed or answered twice; the first of two.
	pub fn header(&self) -> &SegmentHeader {
		&self.segment().header
	}

	/// Who signed as the job's broadcaster.
	pub fn broadcaster(&self) -> &AccountId {
		&self.segment().signature.signer.account
	}

	fn segment(&self) -> &SignedHeader {
		match self {
			Self::Segments(headers) => {
				let [one, _] = &**headers;
				one
			}
			Self::Results { segment, .. } | Self::Leaf { segment, .. } => segment,
		}
	}

	/// All that is signed in it: headers by the broadcaster, and receipts by the transcoder.
	pub fn signed(&self) -> (&[SignedHeader], &[SignedReceipt]) {
		match self {
			Self::Segments(headers) => (&headers[..], &[]),
			Self::Results { segment, receipts } => (from_ref(&**segment), &receipts[..]),
			Self::Leaf { segment, receipt, .. } => (from_ref(&**segment), from_ref(&**receipt)),
		}
	}

	/// The offence.
	pub fn offence(&self) -> Offence {
		let job = self.header().job;
		match self {
			Self::Segments(_) => {
				Offence { by: Party::Broadcaster, account: self.broadcaster().clone(), job }
			}
			Self::Results { segment, .. } | Self::Leaf { segment, .. } => {
				let account = segment.header.transcoder.clone();
				Offence { by: Party::Transcoder, account, job }
			}
		}
	}

	/// Whether all that is signed is signed by the account and the keys that the chain requires: the job's
	/// broadcaster, or the transcoder of an assignment that it has accepted, with the generations of that
	/// assignment. Anybody can sign for somebody else's job, or with keys that do not count.
	pub fn is_by(&self, broadcaster: &AccountId, given: &AssignmentView) -> bool {
		let (headers, receipts) = self.signed();
		let is_accepted = given.toolchain.is_some() && given.transcoder == self.header().transcoder;
		(receipts.is_empty() || is_accepted)
			&& headers
				.iter()
				.all(|one| is_signer(&one.signature, broadcaster, given.broadcaster_keys))
			&& receipts
				.iter()
				.all(|one| is_signer(&one.signature, &given.transcoder, given.transcoder_keys))
	}
}

/// Whether a signature names this account and this generation of its keys.
fn is_signer(signature: &OperatorSignature, account: &AccountId, keys: Generation) -> bool {
	signature.signer.account == *account && signature.signer.generation == keys
}

/// Whether two signatures name the same generation of the same account's keys.
fn is_one_signer(one: &OperatorSignature, other: &OperatorSignature) -> bool {
	let (one, other) = (&one.signer, &other.signer);
	(&one.account, one.generation) == (&other.account, other.generation)
}
