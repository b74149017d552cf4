//! What verifiers say, and how they commit to it first.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use crate::{
	domain::{tagged_hash, DUTY, VERDICT},
	leaf::RejectReason,
	AccountId, ClaimId, Hash, MAX_SAMPLES,
};

/// How an output differs from what the toolchain makes.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum MismatchKind {
	/// The pictures differ.
	Video,
	/// The audio packets differ from the source's.
	Audio,
	/// Pictures and audio are equal, the container's bytes are not.
	Container,
	/// The outputs are right, the claimed work is not.
	Work,
}

/// How an output breaks the profile before its content is even compared.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum NonConformingKind {
	/// It cannot be read as the profile's container and codecs.
	Unreadable,
	/// Its picture size is not the rendition's.
	Size,
	/// Its number of frames or its time stamps differ from the source's.
	Timing,
}

/// One verifier's word on one drawn leaf.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Verdict {
	/// Every output is byte for byte what the toolchain makes, and the work is right.
	Valid,
	/// An output is well formed and wrong.
	Mismatch(MismatchKind),
	/// An output breaks the profile.
	NonConforming(NonConformingKind),
	/// The source is beyond the limits; the leaf counts as delivered.
	InputInvalid {
		/// The limit that it breaks.
		reason: RejectReason,
		/// Byte offset at which the decoder found it.
		offset: u32,
	},
	/// The bytes could not be had, or came too late.
	Unavailable,
	/// The verifier could not judge; counts as a missing reveal.
	Abstain,
}

impl Verdict {
	/// Whether the leaf counts as delivered.
	pub fn is_pass(&self) -> bool {
		matches!(self, Verdict::Valid | Verdict::InputInvalid { .. })
	}

	/// Whether the verdict accuses the transcoder of a wrong output.
	pub fn is_fault(&self) -> bool {
		matches!(self, Verdict::Mismatch(_) | Verdict::NonConforming(_))
	}
}

/// One verdict per revealed leaf, in ascending order of leaf index.
pub type Verdicts = BoundedVec<Verdict, ConstU32<MAX_SAMPLES>>;

/// Proof of work done, with the recipe by which it was made: see [`crate::evidence`].
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Evidence {
	/// Version of the recipe.
	pub recipe: u8,
	/// Its 32 bytes.
	pub hash: Hash,
}

/// What a verifier reveals after its commitment.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Opening {
	/// Its verdicts.
	pub verdicts: Verdicts,
	/// Its evidence.
	pub evidence: Evidence,
	/// 32 random bytes that keep the commitment from being guessed.
	pub salt: [u8; 32],
}

/// A tranche's number. The first is 0; [`DISPUTE`] marks the whole set's.
pub type Tranche = u8;
/// The tranche in which every validator of the stored set answers.
pub const DISPUTE: Tranche = u8::MAX;

/// The commitment to an opening: bound to chain, claim, tranche and account, so that it can
/// neither be copied nor replayed.
pub fn commitment(
	genesis: Hash,
	claim: ClaimId,
	tranche: Tranche,
	account: &AccountId,
	opening: &Opening,
) -> Hash {
	tagged_hash(VERDICT, &(genesis, claim, tranche, account, opening))
}

/// The two steps of a committee member.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Phase {
	/// Commit.
	Commit,
	/// Reveal.
	Reveal,
}

/// What a verifier key signs for an authorized call: nothing else protects such a call, so chain,
/// claim, tranche, the ballot's seed, member, phase and content are all in it. The seed is what
/// tells a ballot from the one that a reorganisation has put in its place: evidence for one is
/// wrong in the other, so a commit of one must not be taken in the other.
pub fn duty_payload(
	genesis: Hash,
	claim: ClaimId,
	tranche: Tranche,
	seed: Hash,
	member: u16,
	phase: Phase,
	content: &impl Encode,
) -> Hash {
	tagged_hash(DUTY, &(genesis, claim, tranche, seed, member, phase, content))
}
