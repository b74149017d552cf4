//! Verifiers' verdicts, and the commitments to them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use crate::{
	domain::{tagged_hash, DUTY, JUDGED, PASS, VERDICT},
	AccountId, ClaimId, Hash, ToolchainId, MAX_SAMPLES,
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
	/// Pictures and audio are equal, but the container's bytes are not.
	Container,
	/// The outputs are right, but the claimed work is not.
	Work,
	/// The leaf rejects a segment that the toolchain accepts.
	Transcodable,
	/// A rendition should have been encoded with the profile's variant, and was not. The chain
	/// reads Valid in this way if a forced variant is due. A verifier that uses this verdict itself
	/// says that the pictures differ.
	Unforced,
}

/// How an output breaks the profile, which is checked before its content is compared.
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
	/// The leaf holds outputs of a segment that the toolchain rejects.
	Input,
}

/// Why the bytes of a leaf could not be had.
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
pub enum UnavailableKind {
	/// The transcoder cannot be reached.
	Unreachable,
	/// It answers that it does not have them, or will not serve them.
	Refused,
	/// The bytes that it sends are not those that the claim names.
	WrongBytes,
	/// Not all of them arrived in time.
	TooLate,
}

/// One verifier's verdict on one drawn leaf.
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
	/// The leaf is right: every output is byte for byte what the toolchain makes and the work is
	/// right, or the toolchain rejects the segment as the leaf states.
	Valid,
	/// The leaf is right except for one rendition, which is encoded with the profile's variant.
	Variant {
		/// The rendition's place in the ladder.
		rendition: u8,
	},
	/// The leaf is wrong.
	Mismatch(MismatchKind),
	/// An output breaks the profile.
	NonConforming(NonConformingKind),
	/// The bytes could not be had, or came too late.
	Unavailable(UnavailableKind),
	/// The verifier could not judge; this counts as a missing reveal.
	Abstain,
}

impl Verdict {
	/// The verdict as read for a leaf on which the variant of one rendition is `due`, or of none. A
	/// verifier that says Valid has not seen that variant, if there is one. A verifier that itself
	/// uses the chain's verdict for this case says only that the pictures differ.
	pub fn read(self, due: Option<u8>) -> Self {
		match (self, due) {
			(Self::Variant { rendition }, Some(due)) if rendition == due => Self::Valid,
			(Self::Variant { .. } | Self::Mismatch(MismatchKind::Unforced), _) => {
				Self::Mismatch(MismatchKind::Video)
			}
			(Self::Valid, Some(_)) => Self::Mismatch(MismatchKind::Unforced),
			(said, _) => said,
		}
	}

	/// Whether the leaf counts as delivered. A variant does if it is due, which the opening of the
	/// transcoder's VRF shows.
	pub fn is_pass(&self) -> bool {
		matches!(self, Verdict::Valid)
	}

	/// Whether the verdict accuses the transcoder of a wrong output.
	pub fn is_fault(&self) -> bool {
		matches!(self, Verdict::Variant { .. } | Verdict::Mismatch(_) | Verdict::NonConforming(_))
	}

	/// Whether the bytes could not be had.
	pub fn is_unavailable(&self) -> bool {
		matches!(self, Verdict::Unavailable(_))
	}

	/// Whether the verdict is only about whether the segment can be transcoded at all. A failure
	/// over this question alone costs no slash.
	pub fn is_about_input(&self) -> bool {
		matches!(
			self,
			Verdict::Mismatch(MismatchKind::Transcodable)
				| Verdict::NonConforming(NonConformingKind::Input)
		)
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

/// A tranche's number. The first is 0; [`DISPUTE`] marks that of the whole set.
pub type Tranche = u8;
/// The tranche in which every validator of the stored set answers.
pub const DISPUTE: Tranche = u8::MAX;

/// The digest of what a claim's verdicts judge. It is in every commitment, so that a verdict can be
/// checked without the chain, for ever. `leaves` are the hashes of the revealed leaves as nodes of
/// the claim's tree ([`crate::sum_tree::leaf_hash`]), in ascending order of index.
pub fn judged_digest(root: Hash, toolchain: ToolchainId, leaves: &[Hash]) -> Hash {
	tagged_hash(JUDGED, &(root, toolchain, leaves))
}

/// The commitment to an opening. It is bound to chain, claim, what is judged, tranche and account,
/// so that it can be neither copied nor replayed.
pub fn commitment(
	genesis: Hash,
	claim: ClaimId,
	judged: Hash,
	tranche: Tranche,
	account: &AccountId,
	opening: &Opening,
) -> Hash {
	tagged_hash(VERDICT, &(genesis, claim, judged, tranche, account, opening))
}

/// The steps of a ballot.
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
	/// Ask for bytes that could not be had. This is not a step of a ballot, but it is signed like
	/// one.
	Ask,
	/// The transcoder opens its forced variants; members can no longer reveal. Nobody signs for
	/// this step.
	Open,
}

/// What a verifier key signs for an authorized call. Nothing else protects such a call, so it
/// contains chain, claim, tranche, the ballot's seed, member, phase and content. The seed
/// distinguishes a ballot from the one that a reorganisation has put in its place: evidence for one
/// is wrong in the other, so a commit for one must not be accepted in the other.
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

/// What a verifier shows to the holders of a claim's bytes, so that they keep a place for it.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Pass {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The claim.
	pub claim: ClaimId,
	/// The tranche in which it is seated.
	pub tranche: Tranche,
	/// The member.
	pub account: AccountId,
	/// The libp2p peer that fetches for it, in binary form. Nobody else can use the pass.
	pub peer_id: BoundedVec<u8, ConstU32<64>>,
}

impl Pass {
	/// The 32 bytes that the verifier key signs.
	pub fn payload(&self) -> Hash {
		tagged_hash(PASS, self)
	}
}
