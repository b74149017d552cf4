//! Forced variants: the segments that a transcoder must encode with the profile's variant.
//!
//! x is the output of the transcoder's VRF over a segment's place. It is unique, known to the
//! transcoder alone until it is opened, cannot be ground, and is the same on every fork. A leaf is
//! forced if the first 64 bits of `H(variant tag, x)`, big-endian, are below the rate. The
//! following bytes choose rendition and starting frame.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{
	crypto::VrfPublic,
	sr25519::vrf::{VrfSignData, VrfSignature, VrfTranscript},
	ConstU32,
};
use sp_runtime::{BoundedVec, Perbill};

use crate::{
	domain::{tagged_hash, OPENINGS, VARIANT},
	keys::VrfKey,
	AssignmentIndex, ClaimId, Hash, JobId, Seq, StreamId, MAX_SAMPLES,
};

/// Label of the transcript.
const LABEL: &[u8] = b"livepeer/variant/1";
/// Context in which the output's bytes are made.
const CONTEXT: &[u8] = b"livepeer/variant/1/x";

/// The input of the VRF.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode)]
pub struct VariantPlace {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The stream.
	pub stream: StreamId,
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// The segment.
	pub seq: Seq,
}

impl VariantPlace {
	/// What the VRF key signs: a merlin transcript with the SCALE encoding of the place under the
	/// name `place`.
	pub fn sign_data(&self) -> VrfSignData {
		self.transcript().into_sign_data()
	}

	fn transcript(&self) -> VrfTranscript {
		VrfTranscript::new(LABEL, &[(b"place", &self.encode())])
	}

	/// The value x from an opening by `key`; `None` if the opening was not made by the key for this
	/// place.
	pub fn verify(&self, key: &VrfKey, opening: &VrfOpening) -> Option<[u8; 32]> {
		let opening = VrfSignature::decode(&mut &opening.0[..]).ok()?;
		if !key.vrf_verify(&self.sign_data(), &opening) {
			return None;
		}
		key.make_bytes::<32>(CONTEXT, &self.transcript(), &opening.pre_output).ok()
	}
}

/// What x demands, at any rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VariantChoice {
	/// The segment is forced if this is below the rate, taken as a share of 2^64.
	pub ticket: u64,
	/// Chooses the rendition, modulo the number of renditions.
	pub rendition: u8,
	/// Chooses the starting frame, modulo the number of frames.
	pub start: u8,
}

impl VariantChoice {
	/// Which of `renditions` must be a variant at this rate; `None` if none must.
	pub fn due(&self, renditions: usize, rate: Perbill) -> Option<u8> {
		let below = u128::from(rate.deconstruct()) << 64;
		let ticket = u128::from(self.ticket).saturating_mul(Perbill::one().deconstruct().into());
		if ticket >= below {
			return None;
		}
		u8::try_from(usize::from(self.rendition).checked_rem(renditions)?).ok()
	}
}

/// Derives the choice from x.
pub fn choice(x: &[u8; 32]) -> VariantChoice {
	let hash = tagged_hash(VARIANT, x);
	let bytes = hash.as_bytes();
	let mut first = [0u8; 8];
	first.copy_from_slice(&bytes[..8]);
	VariantChoice { ticket: u64::from_be_bytes(first), rendition: bytes[8], start: bytes[9] }
}

/// The VRF's output and its proof: schnorrkel's 32 and 64 bytes.
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
pub struct VrfOpening(pub [u8; 96]);

impl From<&VrfSignature> for VrfOpening {
	fn from(signature: &VrfSignature) -> Self {
		let mut bytes = [0u8; 96];
		signature.using_encoded(|encoded| bytes.copy_from_slice(encoded));
		Self(bytes)
	}
}

/// The opening of x of one drawn leaf.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct VariantOpening {
	/// Index of the leaf within its claim.
	pub index: u32,
	/// The VRF's output with its proof.
	pub vrf: VrfOpening,
}

/// The openings of a claim: one per drawn leaf, in ascending order of index.
pub type VariantOpenings = BoundedVec<VariantOpening, ConstU32<MAX_SAMPLES>>;

/// What a transcoder's duties key signs with the openings of a claim, in the ballot with this seed.
/// This one signature is checked before any proof, so that nobody else can cause proofs to be
/// checked.
pub fn openings_hash(
	genesis: Hash,
	claim: ClaimId,
	seed: Hash,
	openings: &VariantOpenings,
) -> Hash {
	tagged_hash(OPENINGS, &(genesis, claim, seed, openings))
}
