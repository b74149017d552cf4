//! Golden vectors, which identify a toolchain.
//!
//! The id of a toolchain is a hash over its results for a few embedded clips: the facts of decoding, the
//! hashes of every decoded and scaled frame, the bytes of the encoded outputs, those of the variant from each
//! of its starts, under both profiles and without motion, and the probe under three seeds. Two machines with
//! the same id make the same bytes of the golden clips. The clips were chosen to exercise what differs
//! between processors: widths that are not a multiple of 16, fractional rates, full rate-control buffers,
//! enlargement and reduction, interlaced and full-range sources, sizes up to 2160p.
//!
//! They are made once per build and machine. The digest is cached together with everything that could change
//! it: the bytes of the program and its libraries, the processor's model and features, and the children's
//! environment.

use std::{fs, io, path::Path, time::Duration};

use codec::{Decode, Encode};
use livepeer_primitives::{
	receipt::RejectReason,
	toolchain::{toolchain_id, PROFILE},
	video::{SourceLimits, SHORTEST_SEGMENT},
	Hash, ToolchainId,
};
use livepeer_worker_core::sha256;
use sha2::{Digest, Sha256};
use tokio::task::{spawn_blocking, JoinSet};

use crate::{
	libraries,
	parent::{MediaError, MediaPool, Priority, TranscodeJob},
	pipeline::{EvidenceSeed, Facts, Variant, Wishes},
	profile,
	vectors::{LARGEST, LIMITS, MOVING, STILL, VECTORS},
};

/// Vector, rendition and start of the variants that are made: under profile 2 from each start, under profile
/// 1, and without motion.
const VARIED: [(usize, u8, u8); 6] =
	[(MOVING, 3, 0), (MOVING, 3, 1), (MOVING, 3, 2), (MOVING, 3, 3), (MOVING, 1, 0), (STILL, 1, 0)];

/// Limits of the largest pictures. There are three of these, because small machines have no memory for more.
const FEW: SourceLimits = SourceLimits { fps: 30, longest: SHORTEST_SEGMENT, ..LIMITS };
/// Seed of the vectors' evidence: any fixed value. The seeds of the probes follow it.
pub const SEED: Hash = Hash::repeat_byte(0x6c);

/// One thing that is made, and its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
	/// The vector's name and what is made of it.
	pub name: String,
	vector: usize,
	wishes: Wishes,
}

/// Everything that is made, in order.
pub fn checks() -> Vec<Check> {
	let evidence = |seed, vector: usize| Some(EvidenceSeed { seed, index: vector as u32 });
	let mut checks = Vec::new();
	for (vector, golden) in VECTORS.iter().enumerate() {
		checks.push(Check {
			name: golden.name.into(),
			vector,
			wishes: Wishes { evidence: evidence(SEED, vector), ..Default::default() },
		});
	}
	for (vector, rendition, start) in VARIED {
		let name = VECTORS[vector].name;
		checks.push(Check {
			name: format!("{name}, variant of {rendition} from start {start}"),
			vector,
			wishes: Wishes { variant: Some(Variant { rendition, start }), ..Default::default() },
		});
	}
	let name = VECTORS[MOVING].name;
	for tweak in 0..3u8 {
		let seed = Hash::repeat_byte(tweak);
		checks.push(Check {
			name: format!("{name}, probe {tweak}"),
			vector: MOVING,
			wishes: Wishes { evidence: evidence(seed, MOVING), ..Default::default() },
		});
	}
	checks
}

/// The result for one vector, or why it is refused.
type Made = Result<(Facts, Option<Hash>, Vec<Hash>), RejectReason>;

/// A check and the hash of what came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
	/// What was made.
	pub name: String,
	/// What came out, in words.
	pub found: String,
	/// Hash over it.
	pub hash: Hash,
}

/// Makes everything and returns the results, in order.
pub async fn make(pool: &MediaPool) -> Result<Vec<Checked>, MediaError> {
	let checks = checks();
	let mut jobs = JoinSet::new();
	for (place, check) in checks.iter().enumerate() {
		let (pool, vector, wishes) = (pool.clone(), &VECTORS[check.vector], check.wishes);
		let is_largest = check.vector == LARGEST;
		jobs.spawn(async move {
			let job = TranscodeJob {
				input: vector.source,
				ladder: vector.ladder,
				limits: if is_largest { &FEW } else { &LIMITS },
				wishes,
			};
			let made: Made = match pool.transcode(job, Priority::Live).await {
				Ok(made) => {
					let outputs = made.outputs.iter().map(|bytes| sha256(bytes)).collect();
					Ok((made.facts, made.evidence, outputs))
				}
				Err(MediaError::InputInvalid { reason, .. }) => Err(reason),
				Err(error) => return Err(error),
			};
			Ok((place, made))
		});
	}
	let mut results: Vec<Option<Checked>> = vec![None; checks.len()];
	while let Some(done) = jobs.join_next().await {
		let (place, made) = done.map_err(|e| MediaError::Failed(e.to_string()))??;
		let found = match &made {
			Ok((facts, _, outputs)) => format!(
				"{}x{}, {} frames, {} outputs",
				facts.width,
				facts.height,
				facts.frames,
				outputs.len()
			),
			Err(reason) => format!("refused: {reason:?}"),
		};
		let hash = sha256(&made.encode());
		results[place] = Some(Checked { name: checks[place].name.clone(), found, hash });
	}
	Ok(results.into_iter().flatten().collect())
}

/// The digest of everything that was made.
pub fn digest(checked: &[Checked]) -> Hash {
	let hashes: Vec<Hash> = checked.iter().map(|c| c.hash).collect();
	sha256(&hashes.encode())
}

/// A toolchain, and how its id was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attested {
	/// Its id.
	pub toolchain: ToolchainId,
	/// The checks that were made; empty if the id was cached.
	pub checked: Vec<Checked>,
}

/// The toolchain's id, from making the vectors twice: as usual, and with fresh memory filled with garbage. A
/// difference shows that results depend on uninitialised memory.
///
/// With a cache file this happens once per build and machine: a process that starts meanwhile waits for the
/// one that already makes them.
pub async fn attest(pool: &MediaPool, memory: Option<&Path>) -> Result<Attested, MediaError> {
	let started = std::time::Instant::now();
	// Asked only for a cache: what another program makes does not depend on the libraries of this one.
	let cache = match memory {
		Some(path) => Some((path, build(pool).await?)),
		None => None,
	};
	let _turn = match memory.map(Path::to_owned) {
		Some(path) => spawn_blocking(move || turn(&path)).await.ok().flatten(),
		None => None,
	};
	if let Some(digest) = cache.and_then(|(path, build)| remembered(path, build)) {
		let toolchain = toolchain_id(PROFILE, digest);
		tracing::info!(toolchain = %hex::encode(toolchain), "the media engine passed its test on this machine before, and has not changed since");
		return Ok(Attested { toolchain, checked: Vec::new() });
	}
	// No viewer waits for them, and others may keep the machine busy meanwhile.
	let pool = pool.patient();
	let soiled = pool.with_environment("MALLOC_PERTURB_", "85");
	// Before the work is done once: after an upgrade of a library it is not started, and says so.
	soiled.begin().await?;
	let checked = make(&pool).await?;
	let dirty = make(&soiled).await?;
	if let Some((clean, _)) = checked.iter().zip(&dirty).find(|(a, b)| a.hash != b.hash) {
		return Err(MediaError::Failed(format!(
			"{} depends on uninitialised memory: this build of the libraries must not be used",
			clean.name
		)));
	}
	let digest = digest(&checked);
	if let Some((path, build)) = cache {
		// Without the cache only the next start takes longer.
		if let Err(error) = remember(path, build, digest) {
			tracing::warn!(path = %path.display(), %error, "the toolchain cannot be remembered");
		}
	}
	let toolchain = toolchain_id(PROFILE, digest);
	let took: Duration = started.elapsed();
	tracing::info!(toolchain = %hex::encode(toolchain), ?took, "the media engine passed its test");
	Ok(Attested { toolchain, checked })
}

/// What could change the results of a pool's children, if they are of this program.
async fn build(pool: &MediaPool) -> Result<Hash, MediaError> {
	let environment = pool.environment().to_vec();
	spawn_blocking(move || build_id(&environment))
		.await
		.map_err(|e| MediaError::Failed(e.to_string()))?
		.map_err(|e| MediaError::Io(format!("what this program consists of: {e}")))
}

/// Waits until no other process makes the vectors for this file; `None` if the file cannot be locked, and
/// every process makes them.
fn turn(path: &Path) -> Option<fs::File> {
	let open = || {
		fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
		let lock = fs::File::create(path.with_extension("lock"))?;
		lock.lock().map(|()| lock)
	};
	open().inspect_err(|error| tracing::warn!(path = %path.display(), %error, "no lock")).ok()
}

fn remembered(path: &Path, build: Hash) -> Option<Hash> {
	let bytes = fs::read(path).ok().filter(|bytes| bytes.len() == 64)?;
	let (known, digest) = <(Hash, Hash)>::decode(&mut &bytes[..]).ok()?;
	(known == build).then_some(digest)
}

fn remember(path: &Path, build: Hash, digest: Hash) -> io::Result<()> {
	let new = path.with_extension("new");
	fs::write(&new, (build, digest).encode())?;
	fs::rename(new, path)
}

/// Hash over everything that could change the results: program, libraries, processor, environment.
fn build_id(environment: &[(String, String)]) -> io::Result<Hash> {
	build_of(&fs::read_to_string("/proc/self/maps")?, environment)
}

/// The same for a process with these maps.
fn build_of(maps: &str, environment: &[(String, String)]) -> io::Result<Hash> {
	libraries::check(maps)?;
	let mut hasher = Sha256::new();
	for path in libraries::mapped(maps) {
		let named = |error: io::Error| {
			io::Error::new(error.kind(), format!("{}: {error}", path.to_string_lossy()))
		};
		hasher.update(path.as_os_str().as_encoded_bytes());
		io::copy(&mut fs::File::open(&path).map_err(named)?, &mut hasher).map_err(named)?;
	}
	// The running program, even if it was replaced on disk.
	io::copy(&mut fs::File::open("/proc/self/exe")?, &mut hasher)?;
	for line in processor(&fs::read_to_string("/proc/cpuinfo")?) {
		hasher.update(line);
	}
	hasher.update((profile::environment(), environment, PROFILE).encode());
	Ok(Hash::from(<[u8; 32]>::from(hasher.finalize())))
}

/// The lines about the first processor and its features.
fn processor(info: &str) -> impl Iterator<Item = &str> {
	let wanted = ["vendor_id", "cpu family", "model", "model name", "stepping", "flags"];
	let first = info.split("\n\n").next().unwrap_or_default();
	first.lines().filter(move |line| {
		line.split_once(':').is_some_and(|(name, _)| wanted.contains(&name.trim()))
	})
}

#[cfg(test)]
mod tests {
	use std::path::PathBuf;

	use super::*;

	#[test]
	fn build_should_be_known_by_its_libraries_and_its_processor() {
		let maps = "7f00-7f01 r-xp 0 08:01 1 /usr/lib/libx264.so.164\n\
			7f02-7f03 r--p 0 08:01 2 /usr/lib/libavcodec.so.59\n\
			7f04-7f05 r--p 0 08:01 3 /usr/lib/libjxl.so.0\n7f06-7f07 rw-p 0 0 0 [heap]\n";
		let found: Vec<_> = libraries::mapped(maps).into_iter().collect();
		let expected = ["/usr/lib/libavcodec.so.59", "/usr/lib/libx264.so.164"].map(PathBuf::from);
		assert_eq!(found, expected);
		let info = "processor\t: 0\nmodel name\t: X\nflags\t\t: a b\ncpu MHz\t: 1\n\n\
			processor\t: 1\nmodel name\t: Y\n";
		let lines: Vec<&str> = processor(info).collect();
		assert_eq!(lines, ["model name\t: X", "flags\t\t: a b"]);
	}

	#[test]
	fn build_should_be_another_when_its_environment_is() {
		let plain = build_id(&[]).expect("reads /proc");
		assert_eq!(plain, build_id(&[]).expect("reads /proc"));
		assert_ne!(plain, build_id(&[("A".into(), "b".into())]).expect("reads /proc"));
	}

	/// Who starts a worker in the middle of an upgrade is to hear what to do.
	#[test]
	fn build_should_not_be_told_when_a_library_was_replaced_or_is_gone() {
		let told = |path: &str| {
			let maps = format!("7f00-7f01 r-xp 0 08:01 1 {path}\n");
			build_of(&maps, &[]).expect_err("it is not there").to_string()
		};
		let replaced = told("/nowhere/libx264.so.164 (deleted)");
		assert!(replaced.starts_with("/nowhere/libx264.so.164 was replaced"), "{replaced}");
		assert!(replaced.ends_with("start it again"), "{replaced}");
		let gone = told("/nowhere/libx264.so.164");
		assert!(gone.starts_with("/nowhere/libx264.so.164: "), "{gone}");
	}

	#[test]
	fn digest_should_be_made_again_when_the_build_is_another() {
		let folder = tempfile::tempdir().expect("a temporary directory");
		let path = folder.path().join("toolchain");
		let (build, digest) = (Hash::repeat_byte(1), Hash::repeat_byte(2));
		assert_eq!(remembered(&path, build), None);
		remember(&path, build, digest).expect("writes");
		assert_eq!(remembered(&path, build), Some(digest));
		assert_eq!(remembered(&path, Hash::repeat_byte(3)), None);
		fs::write(&path, [0; 10]).expect("writes");
		assert_eq!(remembered(&path, build), None);
	}
}
