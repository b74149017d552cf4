//! Golden vectors: what a toolchain is known by.
//!
//! The id of a toolchain is a hash over what it makes of a few embedded clips: the facts of
//! decoding, the hashes of every decoded and scaled frame, and the bytes of the encoded outputs.
//! Two machines with the same id make the same bytes of the golden clips, which were chosen to use
//! what differs between processors: widths that are no multiple of 16, rates that are no whole
//! number, full rate-control buffers, enlargement and reduction.

use std::time::Duration;

use codec::Encode;
use livepeer_primitives::{
	toolchain::{toolchain_id, PROFILE},
	video::{Rendition, SourceLimits, CANONICAL_PROFILE, LONGEST_SEGMENT},
	Hash, ToolchainId,
};
use livepeer_worker_core::sha256;
use tokio::task::JoinSet;

use crate::{
	parent::{MediaError, MediaPool, Priority, TranscodeJob},
	pipeline::EvidenceSeed,
};

/// One golden vector.
#[derive(Debug)]
pub struct Vector {
	/// Its name.
	pub name: &'static str,
	/// The source segment.
	pub source: &'static [u8],
	/// What is made of it.
	pub ladder: &'static [Rendition],
}

const fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
}

/// The vectors of profile 1, in order.
pub static VECTORS: [Vector; 6] = [
	Vector {
		name: "a-1280x720p30",
		source: include_bytes!("../golden/a-1280x720p30.ts"),
		ladder: &[rendition(854, 480, 1200), rendition(640, 360, 800), rendition(426, 240, 400)],
	},
	Vector {
		name: "b-640x360p25",
		source: include_bytes!("../golden/b-640x360p25.ts"),
		ladder: &[rendition(1280, 720, 2000), rendition(320, 180, 300), rendition(256, 144, 80)],
	},
	Vector {
		name: "c-854x480p29.97",
		source: include_bytes!("../golden/c-854x480p29.97.ts"),
		ladder: &[rendition(640, 360, 600), rendition(320, 192, 200)],
	},
	Vector {
		name: "d-270x480p60",
		source: include_bytes!("../golden/d-270x480p60.ts"),
		ladder: &[rendition(180, 320, 250), rendition(256, 454, 150)],
	},
	Vector {
		name: "e-426x240p24",
		source: include_bytes!("../golden/e-426x240p24.ts"),
		ladder: &[rendition(426, 240, 300), rendition(256, 144, 100)],
	},
	Vector {
		name: "f-320x180x1",
		source: include_bytes!("../golden/f-320x180x1.ts"),
		ladder: &[rendition(256, 144, 100)],
	},
];

/// Limits under which the vectors are made.
pub const LIMITS: SourceLimits =
	SourceLimits { longest: LONGEST_SEGMENT, shortest: 0, ..SourceLimits::new(1280, 720, 60) };
/// Seed of the vectors' evidence: anything fixed.
pub const SEED: Hash = Hash::repeat_byte(0x6c);

/// Makes all vectors and gives the digest of the results.
pub async fn digest(pool: &MediaPool) -> Result<Hash, MediaError> {
	let mut jobs = JoinSet::new();
	for (index, vector) in VECTORS.iter().enumerate() {
		let pool = pool.clone();
		jobs.spawn(async move {
			let job = TranscodeJob {
				input: vector.source,
				ladder: vector.ladder,
				limits: &LIMITS,
				evidence: Some(EvidenceSeed { seed: SEED, index: index as u32 }),
			};
			(index, pool.transcode(job, Priority::Live).await)
		});
	}
	let mut results: Vec<Option<Hash>> = vec![None; VECTORS.len()];
	while let Some(done) = jobs.join_next().await {
		let (index, made) = done.map_err(|e| MediaError::Failed(e.to_string()))?;
		let made = made?;
		let outputs: Vec<Hash> = made.outputs.iter().map(|bytes| sha256(bytes)).collect();
		results[index] = Some(sha256(&(made.facts, made.evidence, outputs).encode()));
	}
	Ok(sha256(&results.encode()))
}

/// The toolchain's id, from making the vectors twice: as usual, and with fresh memory filled with
/// garbage. A difference means that results depend on memory that nobody wrote.
pub async fn attest(pool: &MediaPool) -> Result<ToolchainId, MediaError> {
	let started = std::time::Instant::now();
	let digest_clean = digest(pool).await?;
	let digest_dirty = digest(&pool.with_environment("MALLOC_PERTURB_", "85")).await?;
	if digest_clean != digest_dirty {
		return Err(MediaError::Failed(
			"the golden vectors depend on uninitialised memory: this build of the libraries must \
			 not be used"
				.into(),
		));
	}
	let id = toolchain_id(PROFILE, digest_clean);
	let took: Duration = started.elapsed();
	tracing::info!(toolchain = %hex::encode(id), ?took, "golden vectors made");
	Ok(id)
}
