//! The parent's side: starts a child per job, feeds it, and waits with a time limit.

use std::{
	fs::File,
	os::{fd::OwnedFd, unix::process::ExitStatusExt},
	path::PathBuf,
	process::ExitStatus,
	sync::Arc,
	time::Duration,
};

use livepeer_primitives::{
	job_format::{check_format, FormatError},
	receipt::RejectReason,
	video::{Rendition, SourceLimits, MAX_SEGMENT_BYTES, SHORTEST_SEGMENT, TICKS_PER_SECOND},
	work::{self, WorkFactors},
};
use thiserror::Error;
use tokio::{
	io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
	net::unix::pipe,
	sync::{OwnedSemaphorePermit, Semaphore},
	task::{spawn_blocking, JoinHandle},
	time::timeout,
};

use crate::{
	child::Orders,
	config::PoolConfig,
	diagnosis::Diagnosis,
	libraries,
	limits::{self, Failure},
	memory::{Lease, Memory},
	picture::Picture,
	pipeline::{Facts, Inspection, Transcoded, Wishes},
	profile, shares,
	wire::{self, Answer, Behind, Escape, Request, Segment, SegmentOptions, Shape},
	zygote::{ChildId, Zygote},
};

/// Why a job gave no result.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MediaError {
	/// The source is beyond the limits: every decoder finds the same.
	#[error("invalid input: {reason:?} at byte {offset}")]
	InputInvalid {
		/// The limit that it breaks, or the decoder's error.
		reason: RejectReason,
		/// Byte offset at which it was found.
		offset: u32,
	},
	/// The segmenter cannot take this file; the text says what to do.
	#[error("{0}")]
	Unsupported(String),
	/// The segment takes more work than is stated: everybody who knows the stated work finds the same.
	#[error("the segment takes more work than is stated")]
	MoreWork,
	/// No job can have this ladder or these limits.
	#[error("the job's format is wrong: {0:?}")]
	Format(FormatError),
	/// The child took longer than allowed and was killed.
	#[error("the media child was stopped after {0:?}")]
	TimedOut(Duration),
	/// The child was killed by the system or ended without an answer.
	#[error("the media child died ({status}){stderr}")]
	Died {
		/// The signal that killed it: 31 is the system call filter.
		signal: Option<i32>,
		/// How it ended, in words.
		status: String,
		/// The end of what it wrote to standard error.
		stderr: String,
	},
	/// The job's format needs more memory than this machine has for all children.
	#[error(
		"this job needs {needed} MiB of memory for a segment; this machine has {total} MiB for all"
	)]
	TooLarge {
		/// MiB that one segment needs.
		needed: u32,
		/// MiB for all children.
		total: u32,
	},
	/// Other segments occupied the memory for as long as a live job may take.
	#[error(
		"a segment needs {needed} MiB of the {total} MiB for all; others left less for {waited:?}"
	)]
	Crowded {
		/// MiB that the segment needs.
		needed: u32,
		/// MiB for all children.
		total: u32,
		/// How long it waited.
		waited: Duration,
	},
	/// The child could not be started, or communication with it failed.
	#[error("the media child cannot be used: {0}")]
	Io(String),
	/// The child failed for a reason that shows nothing about the source.
	#[error("the media child failed: {0}")]
	Failed(String),
}

impl From<Failure> for MediaError {
	fn from(failure: Failure) -> Self {
		match failure {
			Failure::InputInvalid { reason, offset } => MediaError::InputInvalid { reason, offset },
			Failure::Unsupported(text) => MediaError::Unsupported(clipped(text)),
			Failure::MoreWork => MediaError::MoreWork,
			Failure::Internal(text) => MediaError::Failed(clipped(text)),
		}
	}
}

/// The most of a child's output that goes into logs.
fn clipped(mut text: String) -> String {
	const LONGEST: usize = 2_000;
	if let Some((end, _)) = text.char_indices().nth(LONGEST) {
		text.truncate(end);
	}
	text
}

fn io_error(step: &str) -> impl Fn(std::io::Error) -> MediaError + '_ {
	move |error| MediaError::Io(format!("{step}: {error}"))
}

/// Who is waiting for a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Priority {
	/// Viewers: first.
	Live,
	/// A verification: at the lowest priority, in its own places.
	Verify,
}

/// One segment to transcode.
#[derive(Clone, Copy, Debug)]
pub struct TranscodeJob<'a> {
	/// The segment.
	pub input: &'a [u8],
	/// The renditions in order.
	pub ladder: &'a [Rendition],
	/// Limits of the source.
	pub limits: &'a SourceLimits,
	/// Evidence and variant, if requested.
	pub wishes: Wishes,
}

impl TranscodeJob<'_> {
	/// The request for these of its renditions.
	fn request(&self, ladder: Vec<Rendition>) -> Request<Behind> {
		let (limits, wishes, input) = (*self.limits, self.wishes, Behind::of(self.input));
		Request::Transcode { limits, ladder, wishes, input }
	}
}

/// A share of a ladder, and the place where it is made.
struct Held {
	/// The positions of its renditions in the ladder.
	renditions: Vec<usize>,
	request: Request<Behind>,
	room: (OwnedSemaphorePermit, Lease),
}

/// A child's result for this many renditions.
fn transcoded(answer: Answer, renditions: usize) -> Result<Transcoded, MediaError> {
	match answer {
		Answer::Transcoded(made) if made.outputs.len() == renditions => Ok(made),
		other => Err(unexpected(&other)),
	}
}

/// Starts sandboxed children, a limited number at a time. Clones share their places.
#[derive(Clone, Debug)]
pub struct MediaPool {
	config: Arc<PoolConfig>,
	zygote: Zygote,
	memory: Arc<Memory>,
	live: Arc<Semaphore>,
	verify: Arc<Semaphore>,
}

impl MediaPool {
	/// A pool with this configuration. Nothing is started yet.
	pub fn new(config: PoolConfig) -> Self {
		let config = Arc::new(config);
		Self {
			live: Arc::new(Semaphore::new(config.live.max(1))),
			verify: Arc::new(Semaphore::new(config.verify.max(1))),
			memory: Memory::new(mebibytes(config.total_memory)),
			zygote: Zygote::new(Arc::clone(&config)),
			config,
		}
	}

	/// The same pool, whose children get one more environment variable.
	pub(crate) fn with_environment(&self, key: &str, value: &str) -> Self {
		self.with(|config| config.environment.push((key.into(), value.into())))
	}

	/// The same pool with the children of another build: both share places and memory.
	pub fn with_program(&self, program: PathBuf) -> Self {
		self.with(|config| config.program = Some(program))
	}

	/// The same pool, with the time limit of verifications for live jobs.
	pub(crate) fn patient(&self) -> Self {
		self.with(|config| config.live_timeout = config.live_timeout.max(config.verify_timeout))
	}

	fn with(&self, change: impl FnOnce(&mut PoolConfig)) -> Self {
		let mut config = PoolConfig::clone(&self.config);
		change(&mut config);
		let config = Arc::new(config);
		Self { zygote: Zygote::new(Arc::clone(&config)), config, ..self.clone() }
	}

	/// Starts the process from which children are forked, unless it runs.
	pub(crate) async fn begin(&self) -> Result<(), MediaError> {
		let zygote = self.zygote.clone();
		let begun = spawn_blocking(move || zygote.begin()).await;
		begun.map_err(|e| MediaError::Io(e.to_string()))?.map_err(io_error("start"))
	}

	/// Whether a library was replaced since this program was started, so that it starts no children any more, except by
	/// the process that it has.
	pub(crate) fn is_replaced(&self) -> bool {
		self.config.keeps_libraries() && libraries::check_own().is_err()
	}

	/// Whether it starts no children any more: a library was replaced, and the process from which they are forked is
	/// gone.
	pub(crate) fn is_over(&self) -> bool {
		self.is_replaced() && !self.zygote.is_running()
	}

	/// What is added to the children's environment.
	pub(crate) fn environment(&self) -> &[(String, String)] {
		&self.config.environment
	}

	/// Jobs of this priority that could start at once.
	pub fn free(&self, priority: Priority) -> usize {
		self.places(priority).available_permits()
	}

	fn places(&self, priority: Priority) -> &Arc<Semaphore> {
		match priority {
			Priority::Live => &self.live,
			Priority::Verify => &self.verify,
		}
	}

	/// Transcodes a segment into its ladder; waits for a place first. The outputs do not depend on whether
	/// the ladder is divided.
	pub async fn transcode(
		&self,
		job: TranscodeJob<'_>,
		priority: Priority,
	) -> Result<Transcoded, MediaError> {
		check(job.ladder, job.limits)?;
		if priority == Priority::Live && job.wishes == Wishes::default() {
			if let Some(shares) = self.divided(&job) {
				return self.transcode_shares(&job, shares).await;
			}
		}
		let request = job.request(job.ladder.to_vec());
		transcoded(self.ask(request, job.input, priority).await?, job.ladder.len())
	}

	/// The shares of a job's ladder, each with its own place and memory, if enough of both are free now.
	fn divided(&self, job: &TranscodeJob<'_>) -> Option<Vec<Held>> {
		let at_work = self.config.live.max(1).saturating_sub(self.live.available_permits());
		let shares = shares::of(job.ladder, job.limits, self.config.divide.saturating_sub(at_work));
		if shares.len() < 2 {
			return None;
		}
		let held = |renditions: Vec<usize>| {
			let ladder = renditions.iter().filter_map(|place| job.ladder.get(*place).copied());
			let request = job.request(ladder.collect());
			let place = Arc::clone(&self.live).try_acquire_owned().ok()?;
			let memory = self.memory.take_idle(mebibytes(resident(&request)))?;
			Some(Held { renditions, request, room: (place, memory) })
		};
		shares.into_iter().map(held).collect()
	}

	/// Makes each share in a child of its own, and joins the results.
	async fn transcode_shares(
		&self,
		job: &TranscodeJob<'_>,
		shares: Vec<Held>,
	) -> Result<Transcoded, MediaError> {
		let made = shares.into_iter().map(|Held { renditions, request, room }| async move {
			let answer = self.run(request, job.input, Priority::Live).await?;
			drop(room);
			Ok::<_, MediaError>((transcoded(answer, renditions.len())?, renditions))
		});
		let mut outputs = vec![Vec::new(); job.ladder.len()];
		let mut facts = None;
		for (made, renditions) in futures::future::try_join_all(made).await? {
			for (place, output) in renditions.into_iter().zip(made.outputs) {
				outputs[place] = output;
			}
			facts = Some(made.facts);
		}
		let facts = facts.ok_or_else(|| MediaError::Failed("a ladder without shares".into()))?;
		Ok(Transcoded { facts, outputs, evidence: None })
	}

	/// Transcodes a segment into the variant of one rendition with this start, which may equal the plain
	/// encode.
	pub async fn variant(
		&self,
		input: &[u8],
		rendition: &Rendition,
		start: u8,
		limits: &SourceLimits,
		priority: Priority,
	) -> Result<Vec<u8>, MediaError> {
		check(&[*rendition], limits)?;
		let (limits, rendition) = (*limits, *rendition);
		let request = Request::Variant { limits, rendition, start, input: Behind::of(input) };
		match self.ask(request, input, priority).await? {
			Answer::Transcoded(mut made) if made.outputs.len() == 1 => {
				Ok(made.outputs.swap_remove(0))
			}
			other => Err(unexpected(&other)),
		}
	}

	/// The picture at a place of a segment or output, in display order.
	pub async fn picture(
		&self,
		input: &[u8],
		limits: &SourceLimits,
		place: u32,
		priority: Priority,
	) -> Result<Picture, MediaError> {
		let request = Request::Picture { limits: *limits, place, input: Behind::of(input) };
		match self.ask(request, input, priority).await? {
			Answer::Picture(picture) if picture.is_whole() => Ok(picture),
			other => Err(unexpected(&other)),
		}
	}

	/// Decodes a segment and returns the facts about it.
	pub async fn probe(
		&self,
		input: &[u8],
		limits: &SourceLimits,
		priority: Priority,
	) -> Result<Facts, MediaError> {
		let request = Request::Probe { limits: *limits, input: Behind::of(input) };
		match self.ask(request, input, priority).await? {
			Answer::Facts(facts) => Ok(facts),
			other => Err(unexpected(&other)),
		}
	}

	/// Reduces an output to what it is compared by.
	pub async fn inspect(
		&self,
		input: &[u8],
		limits: &SourceLimits,
		priority: Priority,
	) -> Result<Inspection, MediaError> {
		let request = Request::Inspect { limits: *limits, input: Behind::of(input) };
		match self.ask(request, input, priority).await? {
			Answer::Inspection(inspection) => Ok(inspection),
			other => Err(unexpected(&other)),
		}
	}

	/// Measures how far an output is from `right`, the toolchain's output for `input`, and both from the
	/// source.
	pub(crate) async fn diagnose(
		&self,
		(input, limits): (&[u8], &SourceLimits),
		(right, output, output_limits): (&[u8], &[u8], &SourceLimits),
		priority: Priority,
	) -> Result<Diagnosis, MediaError> {
		let request = Request::Diagnose {
			limits: *limits,
			output_limits: *output_limits,
			right: right.to_vec(),
			output: output.to_vec(),
			input: Behind::of(input),
		};
		match self.ask(request, input, priority).await? {
			Answer::Diagnosis(diagnosis) => Ok(diagnosis),
			other => Err(unexpected(&other)),
		}
	}

	/// Makes a child try to break out of the sandbox. `Ok(true)` would mean that it did; a refused child
	/// gives `Ok(false)`, a killed one [`MediaError::Died`].
	pub async fn try_escape(&self, way: Escape) -> Result<bool, MediaError> {
		match self.ask(Request::Escape(way), &[], Priority::Live).await? {
			Answer::StillHere { escaped, error } => {
				tracing::debug!(?way, %error, "the sandbox refused");
				Ok(escaped)
			}
			other => Err(unexpected(&other)),
		}
	}

	/// Cuts an open file into segments, one by one, in a child of its own, which stops when the stream is
	/// dropped.
	pub fn segment_file(
		&self,
		file: File,
		options: SegmentOptions,
	) -> Result<SegmentStream, MediaError> {
		Ok(self.segment(OwnedFd::from(file), options))
	}

	/// Cuts the bytes written to the returned input, until that is dropped.
	pub fn segment_live(
		&self,
		options: SegmentOptions,
	) -> Result<(pipe::Sender, SegmentStream), MediaError> {
		let failed = io_error("pipe");
		let options = SegmentOptions { live: true, plays: Some(1), ..options };
		let (read, write) = std::io::pipe().map_err(&failed)?;
		let input = pipe::Sender::from_owned_fd(write.into()).map_err(&failed)?;
		Ok((input, self.segment(read.into(), options)))
	}

	fn segment(&self, input: OwnedFd, options: SegmentOptions) -> SegmentStream {
		let orders = Orders {
			background: false,
			memory: self.config.memory.max(SEGMENTER_MEMORY),
			cpu_seconds: None,
			segment: Some(options),
		};
		let patience = if options.live { Duration::MAX } else { self.config.segment_timeout };
		SegmentStream {
			unborn: Some((self.zygote.clone(), orders, input)),
			born: None,
			patience,
			shape: None,
			notices: Vec::new(),
			is_done: false,
		}
	}

	/// One request, one child, one answer.
	async fn ask(
		&self,
		request: Request<Behind>,
		input: &[u8],
		priority: Priority,
	) -> Result<Answer, MediaError> {
		let closed = |_| MediaError::Io("the pool is closed".into());
		let (needed, total) = (mebibytes(resident(&request)), mebibytes(self.config.total_memory));
		if needed > total {
			return Err(MediaError::TooLarge { needed, total });
		}
		let _place: OwnedSemaphorePermit =
			Arc::clone(self.places(priority)).acquire_owned().await.map_err(closed)?;
		// After the place, so that a job that waits for memory holds only one place.
		let _memory = match priority {
			// Smaller jobs may take all memory that becomes free, for ever; no viewer waits that long.
			Priority::Live => {
				let waited = self.config.live_timeout;
				let crowded = |_| MediaError::Crowded { needed, total, waited };
				timeout(waited, self.memory.take(needed)).await.map_err(crowded)?
			}
			// A judge's silence is punished.
			Priority::Verify => self.memory.take_at_last(needed, OVERTAKEN).await,
		};
		self.run(request, input, priority).await
	}

	/// Runs a child in a held place.
	async fn run(
		&self,
		request: Request<Behind>,
		input: &[u8],
		priority: Priority,
	) -> Result<Answer, MediaError> {
		let wall = match priority {
			Priority::Live => self.config.live_timeout,
			Priority::Verify => self.config.verify_timeout.max(time_for(&request)),
		};
		let orders = Orders {
			background: priority == Priority::Verify,
			memory: self.config.memory.max(memory_for(&request)),
			cpu_seconds: Some(wall.as_secs().max(1)),
			segment: None,
		};
		let mut child = Running::start(&self.zygote, orders, None).await?;
		let answer = timeout(wall, child.exchange(&request, input)).await;
		// Its place is free when the child has ended, not when it was told to.
		child.end().await;
		match answer {
			Ok(Ok(Answer::Failed(failure))) => Err(failure.into()),
			Ok(result) => result,
			Err(_) => Err(MediaError::TimedOut(wall)),
		}
	}
}

/// Whether this can be a job's format, regardless of work factors and segment lengths: the factors are
/// unknown when judging files, and the last segment of an epoch may have any length.
fn check(ladder: &[Rendition], limits: &SourceLimits) -> Result<(), MediaError> {
	let factors = WorkFactors::canonical(1, 1, 1).and_capped_quality(1);
	let limits = SourceLimits { longest: SHORTEST_SEGMENT, shortest: SHORTEST_SEGMENT, ..*limits };
	check_format(ladder, &limits, &factors).map_err(MediaError::Format)
}

/// How long smaller segments may overtake a verification that waits for memory.
const OVERTAKEN: Duration = Duration::from_secs(30);

/// The most notices of a segmenter that are kept.
const MOST_NOTICES: usize = 32;

/// Address space of a segmenter: it may have to decode and encode the largest pictures of any codec.
const SEGMENTER_MEMORY: u64 = 3 * 1024 * 1024 * 1024;

fn mebibytes(bytes: u64) -> u32 {
	u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(u32::MAX)
}

/// Memory that a job's format can really come to occupy: its input and outputs, the pictures of
/// [`memory_for`], and what every child has. A child that answers holds its outputs and their frame, and so
/// does the reading parent.
fn resident(request: &Request<Behind>) -> u64 {
	const EVERY_CHILD: u64 = 48 * 1024 * 1024;
	let input = request.input().map_or(0, |input| u64::from(input.bytes()));
	let outputs = match request {
		Request::Diagnose { right, output, .. } => (right.len() + output.len()) as u64,
		Request::Transcode { limits, ladder, .. } => {
			ladder.iter().map(|rendition| output(rendition, limits, input)).sum()
		}
		Request::Variant { limits, rendition, .. } => output(rendition, limits, input),
		_ => 0,
	};
	EVERY_CHILD + 4 * (input + outputs) + pictures_of(request)
}

/// Bytes of an output of the job's longest segment: its bit rate, a full buffer of a second, a sixteenth for
/// the container, and the input's sound with what the container puts around it.
fn output(rendition: &Rendition, limits: &SourceLimits, input: u64) -> u64 {
	let second = u64::from(TICKS_PER_SECOND);
	let ticks = u64::from(limits.longest) + second;
	let pictures = u64::from(rendition.cap_kbps) * 125 * ticks / second;
	pictures + pictures / 16 + limits::sound_in_output(input, limits)
}

/// The address space of a job's format: twice what it occupies, the libraries, and the room that must be free
/// before a source is called damaged. It is generous, because untouched memory costs nothing; the limit is
/// for input outside any job's format.
fn memory_for(request: &Request<Behind>) -> u64 {
	const LIBRARIES_AND_ROOM: u64 = 1024 * 1024 * 1024;
	match request {
		Request::Escape(_) => 0,
		request => LIBRARIES_AND_ROOM + 2 * pictures_of(request),
	}
}

/// How long a judge may take over a job's format: it makes all renditions in one child, and a judge that
/// stops too early is fined for its silence.
fn time_for(request: &Request<Behind>) -> Duration {
	/// Pixels per second of a slow, shared processor.
	const SLOWEST: u64 = 20_000_000;
	/// A longer time is too late for any verdict.
	const LONGEST: u64 = 15 * 60;
	let (limits, ladder) = match request {
		Request::Transcode { limits, ladder, .. } => (limits, ladder.as_slice()),
		Request::Variant { limits, rendition, .. } => (limits, std::slice::from_ref(rendition)),
		Request::Probe { limits, .. }
		| Request::Inspect { limits, .. }
		| Request::Picture { limits, .. }
		| Request::Diagnose { limits, .. } => (limits, &[][..]),
		Request::Escape(_) => return Duration::ZERO,
	};
	let pixels = |width: u16, height: u16| u64::from(width) * u64::from(height);
	let made: u64 = ladder.iter().map(|r| pixels(r.width, r.height)).sum();
	let frame = pixels(limits.width, limits.height) + made;
	let seconds = work::max_frames(limits).saturating_mul(frame) / SLOWEST;
	Duration::from_secs(seconds.min(LONGEST))
}

/// Bytes of a picture.
fn picture(width: u16, height: u16) -> u64 {
	u64::from(width) * u64::from(height) * 3 / 2
}

/// Bytes that an encoder of this many frames holds: references with derived planes, and each lookahead frame
/// with its smaller copies. In pictures, as measured.
fn encoder(rendition: &Rendition, frames: u64) -> u64 {
	const REFERENCES: u64 = 25;
	let ahead = frames.min(profile::lookahead(rendition.profile)) * 9 / 4;
	(REFERENCES + ahead) * picture(rendition.width, rendition.height)
}

/// Bytes of the pictures that decoders and encoders hold.
fn pictures_of(request: &Request<Behind>) -> u64 {
	const DECODER: u64 = 20;
	let (limits, others) = match request {
		Request::Transcode { limits, ladder, wishes, .. } => {
			let plain = |rendition: &Rendition| encoder(rendition, work::max_frames(limits));
			// A variant's plain encode is made too.
			let varied = wishes.variant.and_then(|v| ladder.get(usize::from(v.rendition)));
			// And for evidence half a second of the rendition that its seed chooses.
			let half = u64::from(limits.fps.div_ceil(2));
			let has_probe = |r: &&Rendition| wishes.evidence.is_some() && profile::has_probe(r);
			let probes = ladder.iter().filter(has_probe).map(|r| encoder(r, half));
			let beside = varied.map_or(0, plain) + probes.max().unwrap_or(0);
			(limits, ladder.iter().map(plain).sum::<u64>() + beside)
		}
		Request::Variant { limits, rendition, .. } => {
			(limits, encoder(rendition, work::max_frames(limits)))
		}
		Request::Diagnose { limits, output_limits: outputs, .. } => {
			(limits, 2 * DECODER * picture(outputs.width, outputs.height))
		}
		Request::Probe { limits, .. }
		| Request::Inspect { limits, .. }
		| Request::Picture { limits, .. } => (limits, 0),
		Request::Escape(_) => return 0,
	};
	DECODER * picture(limits.width, limits.height) + others
}

fn unexpected(answer: &Answer) -> MediaError {
	let kind = match answer {
		Answer::Facts(_) => "facts",
		Answer::Transcoded(_) => "outputs",
		Answer::Inspection(_) => "an inspection",
		Answer::Picture(_) => "a picture",
		Answer::Segment(_) => "a segment",
		Answer::End => "an end",
		Answer::Failed(_) => "a failure",
		Answer::StillHere { .. } => "a sandbox report",
		Answer::Shape(_) => "a shape",
		Answer::Notice(_) => "a notice",
		Answer::Diagnosis(_) => "a diagnosis",
	};
	MediaError::Failed(format!("it answered with {kind}, which was not asked for"))
}

/// A started child; killed when dropped.
#[derive(Debug)]
struct Running {
	zygote: Zygote,
	id: Option<ChildId>,
	stdin: Option<pipe::Sender>,
	stdout: Option<pipe::Receiver>,
	stderr: Option<JoinHandle<String>>,
}

impl Running {
	/// Starts a child that reads `input`, or what is written to it.
	async fn start(
		zygote: &Zygote,
		orders: Orders,
		input: Option<OwnedFd>,
	) -> Result<Self, MediaError> {
		let failed = io_error("start");
		let (stdin, ours) = match input {
			Some(input) => (input, None),
			None => {
				let (read, write) = std::io::pipe().map_err(&failed)?;
				let write = pipe::Sender::from_owned_fd(write.into()).map_err(&failed)?;
				(OwnedFd::from(read), Some(write))
			}
		};
		let outlet = || -> std::io::Result<(OwnedFd, pipe::Receiver)> {
			let (read, write) = std::io::pipe()?;
			Ok((write.into(), pipe::Receiver::from_owned_fd(read.into())?))
		};
		let (stdout, from_stdout) = outlet().map_err(&failed)?;
		let (stderr, from_stderr) = outlet().map_err(&failed)?;
		let starter = zygote.clone();
		let started = spawn_blocking(move || {
			let id = starter.spawn(orders, [stdin, stdout, stderr])?;
			// From here on a drop ends it, even if nobody waits for this result any more.
			Ok(Self { zygote: starter, id: Some(id), stdin: None, stdout: None, stderr: None })
		});
		let mut child =
			started.await.map_err(|e| MediaError::Io(e.to_string()))?.map_err(failed)?;
		child.stdin = ours;
		child.stdout = Some(from_stdout);
		child.stderr = Some(tokio::spawn(tail(from_stderr)));
		Ok(child)
	}

	fn take_stdout(&mut self) -> Result<pipe::Receiver, MediaError> {
		self.stdout.take().ok_or_else(|| MediaError::Io("no standard output".into()))
	}

	/// Kills it if it still runs, and says how it ended.
	async fn end(&mut self) -> Option<ExitStatus> {
		let (id, zygote) = (self.id.take()?, self.zygote.clone());
		spawn_blocking(move || zygote.end(id)).await.ok().flatten()
	}

	async fn exchange(
		&mut self,
		request: &Request<Behind>,
		input: &[u8],
	) -> Result<Answer, MediaError> {
		let mut stdout = self.take_stdout()?;
		let mut stdin = self.stdin.take();
		let head = wire::head(request).map_err(io_error("request"))?;
		let send = async {
			if let Some(stdin) = &mut stdin {
				// A child that dies early closes the pipe; its exit status is more informative than this
				// error.
				if stdin.write_all(&head).await.is_ok() {
					let _ = stdin.write_all(input).await;
				}
			}
			drop(stdin.take());
		};
		let ((), answer) = tokio::join!(send, receive(&mut stdout));
		match answer {
			Ok(answer) => Ok(answer),
			Err(_) => Err(self.obituary().await),
		}
	}

	/// Why there was no answer.
	async fn obituary(&mut self) -> MediaError {
		// It has closed its output, so it is ending; one that does not end is killed.
		let Some(status) = self.end().await else {
			// A shortage of memory may end that process. No input can, since it never sees one.
			let died = "the process that starts media children died, and this one with it";
			return MediaError::Io(died.into());
		};
		let stderr = match self.stderr.take() {
			Some(task) => task.await.unwrap_or_default(),
			None => String::new(),
		};
		let stderr = stderr.trim();
		MediaError::Died {
			signal: status.signal(),
			status: status.to_string(),
			stderr: if stderr.is_empty() { String::new() } else { format!(": {stderr}") },
		}
	}
}

impl Drop for Running {
	fn drop(&mut self) {
		if let Some(id) = self.id.take() {
			let zygote = self.zygote.clone();
			let end = move || {
				zygote.end(id);
			};
			match tokio::runtime::Handle::try_current() {
				Ok(runtime) => drop(runtime.spawn_blocking(end)),
				Err(_) => end(),
			}
		}
	}
}

async fn receive(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Answer> {
	let mut prefix = [0; 4];
	from.read_exact(&mut prefix).await?;
	let length = wire::checked_length(prefix)?;
	let mut bytes = Vec::new();
	// Grows only with the bytes that really come.
	from.take(length as u64).read_to_end(&mut bytes).await?;
	spawn_blocking(move || wire::decode(&bytes)).await?
}

/// Reads a pipe to its end and keeps the last of it.
async fn tail(mut pipe: impl AsyncRead + Unpin) -> String {
	const KEPT: usize = 2_000;
	let mut kept = Vec::new();
	let mut chunk = [0; 1_024];
	while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
		kept.extend_from_slice(&chunk[..count]);
		if kept.len() > 2 * KEPT {
			kept.drain(..kept.len() - KEPT);
		}
	}
	let kept = String::from_utf8_lossy(&kept).into_owned();
	if !kept.trim().is_empty() {
		tracing::debug!(stderr = %kept.trim(), "media child");
	}
	kept
}

/// The segments of a file as they are cut. The child works only as fast as they are taken.
#[derive(Debug)]
pub struct SegmentStream {
	unborn: Option<(Zygote, Orders, OwnedFd)>,
	born: Option<(Running, pipe::Receiver)>,
	patience: Duration,
	shape: Option<Shape>,
	notices: Vec<String>,
	is_done: bool,
}

impl SegmentStream {
	/// The source's limits by its beginning; known once there is a segment.
	pub fn shape(&self) -> Option<Shape> {
		self.shape
	}

	/// Notices about conversions of the source.
	pub fn notices(&self) -> &[String] {
		&self.notices
	}

	/// The next segment; `None` at the end, and after an error.
	pub async fn next(&mut self) -> Option<Result<Segment, MediaError>> {
		loop {
			match self.answer().await? {
				// Do not trust the child: one that a source has taken over may answer anything.
				Ok(Answer::Segment(segment))
					if segment.data.len() <= MAX_SEGMENT_BYTES as usize =>
				{
					return Some(Ok(segment))
				}
				Ok(Answer::Shape(shape)) => self.shape = Some(shape),
				Ok(Answer::Notice(text)) => {
					if self.notices.len() < MOST_NOTICES {
						let text = clipped(text);
						tracing::warn!("{text}");
						self.notices.push(text);
					}
				}
				Ok(other) => {
					self.is_done = true;
					return Some(Err(unexpected(&other)));
				}
				Err(error) => {
					self.is_done = true;
					return Some(Err(error));
				}
			}
		}
	}

	/// The child's next answer; `None` at its end.
	async fn answer(&mut self) -> Option<Result<Answer, MediaError>> {
		if self.is_done {
			return None;
		}
		match self.said().await {
			Ok(Answer::End) => {
				self.is_done = true;
				None
			}
			Ok(Answer::Failed(failure)) => Some(Err(failure.into())),
			other => Some(other),
		}
	}

	/// The child's next answer; starts the child first.
	async fn said(&mut self) -> Result<Answer, MediaError> {
		if let Some((zygote, orders, file)) = self.unborn.take() {
			let mut child = Running::start(&zygote, orders, Some(file)).await?;
			let stdout = child.take_stdout()?;
			self.born = Some((child, stdout));
		}
		let Some((child, stdout)) = &mut self.born else {
			return Err(MediaError::Io("the segmenter could not be started".into()));
		};
		match timeout(self.patience, receive(stdout)).await {
			Err(_) => Err(MediaError::TimedOut(self.patience)),
			Ok(Err(_)) => Err(child.obituary().await),
			Ok(Ok(answer)) => Ok(answer),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A child that a source has taken over says without end what goes into logs.
	#[test]
	fn attack_child_that_fills_the_log() {
		let said: MediaError = Failure::Internal("é".repeat(1_000_000)).into();
		assert!(matches!(said, MediaError::Failed(text) if text.chars().count() == 2_000));
		assert_eq!(clipped("short".into()), "short");
	}

	/// All children at work end with the process that started them: none of their jobs must rest for that.
	#[tokio::test]
	async fn job_should_not_be_to_blame_when_the_childrens_parent_died() {
		use livepeer_worker_core::ports::engine::MediaError as CoreError;
		let zygote = Zygote::new(Arc::new(PoolConfig::default()));
		let id = Some(ChildId::gone());
		let mut child = Running { zygote, id, stdin: None, stdout: None, stderr: None };
		let died = CoreError::from(child.obituary().await);
		assert!(matches!(&died, CoreError::Unable(why) if why.contains("died")), "{died:?}");
	}

	/// A judge of several toolchains has the memory of one machine.
	#[test]
	fn pools_of_two_builds_should_share_places_and_memory() {
		let one = MediaPool::new(PoolConfig::default());
		let other = one.with_program("/bin/true".into());
		assert!(Arc::ptr_eq(&one.memory, &other.memory) && Arc::ptr_eq(&one.verify, &other.verify));
		assert_eq!(other.config.program, Some("/bin/true".into()));
		assert_eq!(one.config.program, None);
	}

	/// A large job of which small ones take all memory that becomes free is answered, and does not hold its
	/// place for ever.
	#[tokio::test]
	async fn attack_small_jobs_that_leave_a_large_one_no_memory() {
		let pool = MediaPool::new(PoolConfig {
			live: 1,
			live_timeout: Duration::from_millis(50),
			total_memory: 1024 * 1024 * 1024,
			program: Some("/bin/true".into()),
			..PoolConfig::default()
		});
		let small = pool.memory.take(1_000).await;
		let limits = SourceLimits::new(1280, 720, 30);
		let refused = pool.probe(&[], &limits, Priority::Live).await.expect_err("no memory");
		assert!(
			matches!(refused, MediaError::Crowded { needed, total: 1_024, .. } if needed > 24),
			"{refused:?}"
		);
		assert!(refused.to_string().contains("of the 1024 MiB"), "{refused}");
		assert_eq!(pool.free(Priority::Live), 1);
		// What it waited for is given to others.
		drop(small);
		assert!(pool.memory.take_idle(1_024).is_some());
	}

	/// 2160p60 with five renditions, which is promised with segments of 10 s too: that is 14,000 million pixels
	/// in one child, at some 50 million a second.
	#[test]
	fn attack_leaf_so_large_that_every_judge_gives_up_too_early() {
		use livepeer_primitives::video::{CAPPED_QUALITY, LONGEST_SEGMENT};
		let sizes = [(3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480)];
		let ladder = sizes.map(|(width, height)| Rendition {
			width,
			height,
			profile: CAPPED_QUALITY,
			kbps: 1_000,
			cap_kbps: 1_000,
		});
		let request = |longest| Request::Transcode {
			limits: SourceLimits { longest, ..SourceLimits::new(3840, 2160, 60) },
			ladder: ladder.to_vec(),
			wishes: Wishes::default(),
			input: Behind::of(&[]),
		};
		let usual = PoolConfig::default().verify_timeout;
		assert!(time_for(&request(LONGEST_SEGMENT)) > Duration::from_secs(2 * 14_000 / 50));
		assert!(time_for(&request(LONGEST_SEGMENT / 4)) < usual);
		assert_eq!(time_for(&Request::Escape(Escape::Spin)), Duration::ZERO);
	}

	/// What children of Debian 12's libraries were measured to take in MB, with sources of the same size.
	#[test]
	fn children_should_be_counted_with_what_they_take() {
		use livepeer_primitives::video::{CANONICAL_PROFILE, CAPPED_QUALITY};
		for (width, height, profile, measured) in [
			(3840, 2160, CAPPED_QUALITY, 1_170),
			(3840, 2160, CANONICAL_PROFILE, 645),
			(4096, 4096, CANONICAL_PROFILE, 1_256),
		] {
			let request = Request::Transcode {
				limits: SourceLimits::new(width, height, 60),
				ladder: vec![Rendition { width, height, profile, kbps: 8_000, cap_kbps: 8_000 }],
				wishes: Wishes::default(),
				input: Behind::of(&[]),
			};
			let counted = resident(&request) / 1_000_000;
			assert!((measured..measured * 3 / 2).contains(&counted), "{counted} for {measured}");
		}
	}

	/// Small pictures at the highest bit rates: the outputs take far more than the pictures, in the child and here.
	#[test]
	fn attack_outputs_that_outweigh_their_pictures() {
		use livepeer_primitives::video::{CANONICAL_PROFILE, LONGEST_SEGMENT};
		let limits = SourceLimits { longest: LONGEST_SEGMENT, ..SourceLimits::new(320, 180, 30) };
		let ladder = |kbps: u32| -> Vec<Rendition> {
			let rendition = |place: u32| Rendition {
				width: 320,
				height: 180,
				profile: CANONICAL_PROFILE,
				kbps: kbps - place,
				cap_kbps: kbps,
			};
			(0..8).map(rendition).collect()
		};
		let counted = |kbps: u32, input: &[u8]| {
			let ladder = ladder(kbps);
			assert!(check_format(&ladder, &limits, &WorkFactors::canonical(1, 1, 1)).is_ok());
			let (wishes, input) = (Wishes::default(), Behind::of(input));
			resident(&Request::Transcode { limits, ladder, wishes, input }) / 1_000_000
		};
		let silent = counted(11_000, &[]);
		// Of 8 times 16 MB there are four copies.
		assert!((4 * 8 * 15..4 * 8 * 20).contains(&silent), "{silent}");
		assert!(counted(100, &[]) < silent / 4);
		// And each has the sound, of which little is much once each piece has a packet of its own.
		assert!(counted(100, &[0; 1_000_000]) > counted(100, &[]) + 4 * 8);
		assert!(counted(100, &[0; 40_000]) > counted(100, &[]) + 4 * 8 * 4);
	}
}
