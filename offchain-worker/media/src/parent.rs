//! The parent's side: starts a child per job, feeds it, waits with a clock in hand.

use std::{
	fs::File,
	os::unix::process::ExitStatusExt,
	path::PathBuf,
	process::{ExitStatus, Stdio},
	sync::Arc,
	time::Duration,
};

use livepeer_primitives::{
	leaf::RejectReason,
	video::{check_format, FormatError, Rendition, SourceLimits},
	work::WorkFactors,
};
use thiserror::Error;
use tokio::{
	io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
	process::{Child, ChildStdin, Command},
	sync::{OwnedSemaphorePermit, Semaphore},
	task::JoinHandle,
	time::timeout,
};

use crate::{
	child::{Orders, SUBCOMMAND},
	limits::Failure,
	pipeline::{EvidenceSeed, Facts, Inspection, Transcoded},
	profile,
	sandbox::Allowance,
	wire::{self, Answer, Escape, Request, Segment, SegmentOptions, Shape},
};

/// Why a job gave no result.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MediaError {
	/// The source is beyond the limits: everybody who decodes it finds the same.
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
	/// The ladder or the limits cannot be a job's.
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
	/// The child could not be started or spoken to.
	#[error("the media child cannot be used: {0}")]
	Io(String),
	/// The child answered that it failed, for reasons that say nothing about the source.
	#[error("the media child failed: {0}")]
	Failed(String),
}

impl From<Failure> for MediaError {
	fn from(failure: Failure) -> Self {
		match failure {
			Failure::InputInvalid { reason, offset } => MediaError::InputInvalid { reason, offset },
			Failure::Unsupported(text) => MediaError::Unsupported(text),
			Failure::Internal(text) => MediaError::Failed(text),
		}
	}
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

/// How children are run.
#[derive(Clone, Debug)]
pub struct PoolConfig {
	/// The binary whose `main` calls [`crate::child::child_main`]; `None` for this one.
	pub program: Option<PathBuf>,
	/// Live jobs at a time.
	pub live: usize,
	/// Verifications at a time.
	pub verify: usize,
	/// Wall clock of one live job.
	pub live_timeout: Duration,
	/// Wall clock of one verification.
	pub verify_timeout: Duration,
	/// How long a segmenter may be silent while somebody waits for its next segment.
	pub segment_timeout: Duration,
	/// Bytes of address space that every child may use; one that transcodes large pictures gets as
	/// much as its format needs.
	pub memory: u64,
	/// Added to the children's otherwise fixed environment; for tests.
	pub environment: Vec<(String, String)>,
}

impl Default for PoolConfig {
	fn default() -> Self {
		let cores = std::thread::available_parallelism().map_or(1, usize::from);
		Self {
			program: None,
			live: cores,
			verify: cores.saturating_sub(1).max(1),
			live_timeout: Duration::from_secs(60),
			verify_timeout: Duration::from_secs(300),
			segment_timeout: Duration::from_secs(60),
			memory: Allowance::default().memory,
			environment: Vec::new(),
		}
	}
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
	/// Seed for evidence, if wanted.
	pub evidence: Option<EvidenceSeed>,
}

/// Starts sandboxed children, so many at a time. Clones share their places.
#[derive(Clone, Debug)]
pub struct MediaPool {
	config: Arc<PoolConfig>,
	live: Arc<Semaphore>,
	verify: Arc<Semaphore>,
}

impl MediaPool {
	/// A pool with this configuration. Nothing is started yet.
	pub fn new(config: PoolConfig) -> Self {
		Self {
			live: Arc::new(Semaphore::new(config.live.max(1))),
			verify: Arc::new(Semaphore::new(config.verify.max(1))),
			config: Arc::new(config),
		}
	}

	/// The same pool, whose children get one more environment variable.
	pub(crate) fn with_environment(&self, key: &str, value: &str) -> Self {
		let mut config = PoolConfig::clone(&self.config);
		config.environment.push((key.into(), value.into()));
		Self { config: Arc::new(config), ..self.clone() }
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

	/// Transcodes a segment into its ladder; waits for a place first.
	pub async fn transcode(
		&self,
		job: TranscodeJob<'_>,
		priority: Priority,
	) -> Result<Transcoded, MediaError> {
		// Whatever a pixel costs; and of the last segment of an epoch no length is asked.
		let factors = WorkFactors::canonical(1, 1, 1);
		let limits = SourceLimits { shortest: job.limits.longest, ..*job.limits };
		check_format(job.ladder, &limits, &factors).map_err(MediaError::Format)?;
		let request = Request::Transcode {
			limits: *job.limits,
			ladder: job.ladder.to_vec(),
			evidence: job.evidence,
			input: job.input.to_vec(),
		};
		match self.ask(request, priority).await? {
			Answer::Transcoded(transcoded) if transcoded.outputs.len() == job.ladder.len() => {
				Ok(transcoded)
			}
			other => Err(unexpected(&other)),
		}
	}

	/// Decodes a segment and says what it is.
	pub async fn probe(
		&self,
		input: &[u8],
		limits: &SourceLimits,
		priority: Priority,
	) -> Result<Facts, MediaError> {
		let request = Request::Probe { limits: *limits, input: input.to_vec() };
		match self.ask(request, priority).await? {
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
		let request = Request::Inspect { limits: *limits, input: input.to_vec() };
		match self.ask(request, priority).await? {
			Answer::Inspection(inspection) => Ok(inspection),
			other => Err(unexpected(&other)),
		}
	}

	/// Has a child try to break out of the sandbox. `Ok(true)` would mean that it did; a child that
	/// was refused gives `Ok(false)`, one that was killed [`MediaError::Died`].
	pub async fn try_escape(&self, way: Escape) -> Result<bool, MediaError> {
		match self.ask(Request::Escape(way), Priority::Live).await? {
			Answer::StillHere { escaped, error } => {
				tracing::debug!(?way, %error, "the sandbox refused");
				Ok(escaped)
			}
			other => Err(unexpected(&other)),
		}
	}

	/// Cuts an open file into segments, one by one. The file is read by a child of its own, which
	/// stops when the stream is dropped.
	pub fn segment_file(
		&self,
		file: File,
		options: SegmentOptions,
	) -> Result<SegmentStream, MediaError> {
		self.segment(Stdio::from(file), options).map(|(segments, _)| segments)
	}

	/// Cuts what is written to the returned input, until it is dropped.
	pub fn segment_live(
		&self,
		options: SegmentOptions,
	) -> Result<(ChildStdin, SegmentStream), MediaError> {
		let options = SegmentOptions { live: true, plays: Some(1), ..options };
		let (segments, input) = self.segment(Stdio::piped(), options)?;
		let input = input.ok_or_else(|| MediaError::Io("no standard input".into()))?;
		Ok((input, segments))
	}

	fn segment(
		&self,
		stdin: Stdio,
		options: SegmentOptions,
	) -> Result<(SegmentStream, Option<ChildStdin>), MediaError> {
		let orders = Orders {
			background: false,
			memory: self.config.memory.max(SEGMENTER_MEMORY),
			cpu_seconds: None,
			segment: Some(options),
		};
		let mut child = Running::start(&self.config, orders, stdin)?;
		let stdout = child.take_stdout()?;
		let input = child.child.stdin.take();
		let patience = if options.live { Duration::MAX } else { self.config.segment_timeout };
		Ok((
			SegmentStream {
				child,
				stdout,
				patience,
				shape: None,
				notices: Vec::new(),
				is_done: false,
			},
			input,
		))
	}

	/// One request, one child, one answer.
	async fn ask(&self, request: Request, priority: Priority) -> Result<Answer, MediaError> {
		let _place: OwnedSemaphorePermit = Arc::clone(self.places(priority))
			.acquire_owned()
			.await
			.map_err(|_| MediaError::Io("the pool is closed".into()))?;
		let wall = match priority {
			Priority::Live => self.config.live_timeout,
			Priority::Verify => self.config.verify_timeout,
		};
		let orders = Orders {
			background: priority == Priority::Verify,
			memory: self.config.memory.max(memory_for(&request)),
			cpu_seconds: Some(wall.as_secs().max(1)),
			segment: None,
		};
		let mut child = Running::start(&self.config, orders, Stdio::piped())?;
		match timeout(wall, child.exchange(request)).await {
			Ok(Ok(Answer::Failed(failure))) => Err(failure.into()),
			Ok(result) => result,
			// Dropping the child kills it.
			Err(_) => Err(MediaError::TimedOut(wall)),
		}
	}
}

/// Notices of a segmenter that are kept.
const MOST_NOTICES: usize = 32;

/// Address space of a segmenter: it may have to decode and encode the largest pictures of any codec.
const SEGMENTER_MEMORY: u64 = 3 * 1024 * 1024 * 1024;

/// Address space that a job's format can need: the decoder's reference pictures, and per rendition
/// the encoder's queue and references. Generous, since what is not touched costs nothing; the limit
/// is there for what is not a job's format.
fn memory_for(request: &Request) -> u64 {
	const LIBRARIES: u64 = 512 * 1024 * 1024;
	const PICTURES: u64 = 48;
	let picture = |width: u16, height: u16| u64::from(width) * u64::from(height) * 3 / 2;
	let (limits, ladder) = match request {
		Request::Transcode { limits, ladder, .. } => (limits, ladder.as_slice()),
		Request::Probe { limits, .. } | Request::Inspect { limits, .. } => (limits, &[][..]),
		Request::Escape(_) => return 0,
	};
	let renditions: u64 = ladder.iter().map(|r| picture(r.width, r.height)).sum();
	LIBRARIES + PICTURES * (picture(limits.width, limits.height) + renditions)
}

fn unexpected(answer: &Answer) -> MediaError {
	let kind = match answer {
		Answer::Facts(_) => "facts",
		Answer::Transcoded(_) => "outputs",
		Answer::Inspection(_) => "an inspection",
		Answer::Segment(_) => "a segment",
		Answer::End => "an end",
		Answer::Failed(_) => "a failure",
		Answer::StillHere { .. } => "a sandbox report",
		Answer::Shape(_) => "a shape",
		Answer::Notice(_) => "a notice",
	};
	MediaError::Io(format!("the child answered with {kind}, which was not asked for"))
}

/// A started child; killed when dropped.
#[derive(Debug)]
struct Running {
	child: Child,
	stderr: Option<JoinHandle<String>>,
}

impl Running {
	fn start(config: &PoolConfig, orders: Orders, stdin: Stdio) -> Result<Self, MediaError> {
		// The link names the running file even after an upgrade replaced it on disk.
		let program = config.program.clone().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
		let mut command = Command::new(program);
		command
			.arg(SUBCOMMAND)
			.arg(orders.to_argument())
			.env_clear()
			.envs(profile::environment())
			.envs(config.environment.iter().map(|(k, v)| (k, v)))
			.current_dir("/")
			.stdin(stdin)
			.stdout(Stdio::piped())
			.stderr(Stdio::piped())
			.kill_on_drop(true);
		// Where the libraries are is the operator's business.
		if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
			command.env("LD_LIBRARY_PATH", path);
		}
		let mut child = command.spawn().map_err(io_error("start"))?;
		let stderr = child.stderr.take().map(|pipe| tokio::spawn(tail(pipe)));
		Ok(Self { child, stderr })
	}

	fn take_stdout(&mut self) -> Result<tokio::process::ChildStdout, MediaError> {
		self.child.stdout.take().ok_or_else(|| MediaError::Io("no standard output".into()))
	}

	async fn exchange(&mut self, request: Request) -> Result<Answer, MediaError> {
		let mut stdout = self.take_stdout()?;
		let mut stdin = self.child.stdin.take();
		let bytes = wire::encode(&request).map_err(io_error("request"))?;
		drop(request);
		let send = async {
			if let Some(stdin) = &mut stdin {
				// A child that dies early closes the pipe; how it ended says more than this error.
				let _ = stdin.write_all(&bytes).await;
				let _ = stdin.shutdown().await;
			}
		};
		let ((), answer) = tokio::join!(send, receive(&mut stdout));
		match answer {
			Ok(answer) => Ok(answer),
			Err(_) => Err(self.obituary().await),
		}
	}

	/// Why there was no answer.
	async fn obituary(&mut self) -> MediaError {
		let status = match timeout(Duration::from_secs(5), self.child.wait()).await {
			Ok(Ok(status)) => status,
			Ok(Err(error)) => return MediaError::Io(format!("wait: {error}")),
			Err(_) => ExitStatus::from_raw(0),
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

async fn receive(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Answer> {
	let mut prefix = [0; 4];
	from.read_exact(&mut prefix).await?;
	let length = wire::checked_length(prefix)?;
	let mut bytes = Vec::new();
	// Grows with what really comes.
	from.take(length as u64).read_to_end(&mut bytes).await?;
	wire::decode(&bytes)
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
	child: Running,
	stdout: tokio::process::ChildStdout,
	patience: Duration,
	shape: Option<Shape>,
	notices: Vec<String>,
	is_done: bool,
}

impl SegmentStream {
	/// What the source is at most, as far as its beginning tells; known once there is a segment.
	pub fn shape(&self) -> Option<Shape> {
		self.shape
	}

	/// What is done to the source, in words.
	pub fn notices(&self) -> &[String] {
		&self.notices
	}

	/// The next segment; `None` at the end, and after an error.
	pub async fn next(&mut self) -> Option<Result<Segment, MediaError>> {
		loop {
			match self.answer().await? {
				Ok(Answer::Segment(segment)) => return Some(Ok(segment)),
				Ok(Answer::Shape(shape)) => self.shape = Some(shape),
				Ok(Answer::Notice(text)) => {
					tracing::warn!("{text}");
					if self.notices.len() < MOST_NOTICES {
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

	/// What the child says next; `None` at its end.
	async fn answer(&mut self) -> Option<Result<Answer, MediaError>> {
		if self.is_done {
			return None;
		}
		let answer = match timeout(self.patience, receive(&mut self.stdout)).await {
			Err(_) => Err(MediaError::TimedOut(self.patience)),
			Ok(Err(_)) => Err(self.child.obituary().await),
			Ok(Ok(answer)) => Ok(answer),
		};
		match answer {
			Ok(Answer::End) => {
				self.is_done = true;
				None
			}
			Ok(Answer::Failed(failure)) => Some(Err(failure.into())),
			other => Some(other),
		}
	}
}
