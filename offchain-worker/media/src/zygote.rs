//! The process from which all children are forked. It has loaded the libraries and filled their tables once,
//! has given up files and network, and never reads a byte of anybody's video.
//!
//! The worker sends it requests over one socket: start a child on these three descriptors; end that child and
//! return its status. It ends when the socket closes, and its children with it.

use std::{
	ffi::OsString,
	fs::File,
	io::{self, IoSlice, IoSliceMut, Read},
	os::fd::{AsFd, AsRawFd, OwnedFd},
	path::PathBuf,
	process::{Command, ExitStatus, Stdio},
	sync::{Arc, Mutex, MutexGuard},
	time::{Duration, Instant},
};

use codec::{Decode, Encode};
use nix::sys::{
	socket::{
		recvmsg, sendmsg, setsockopt, socketpair, sockopt::ReceiveTimeout, AddressFamily,
		ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
	},
	time::{TimeVal, TimeValLike},
};

use crate::{
	child::{self, Orders},
	config::PoolConfig,
	ffi, libraries, pipeline, profile,
	sandbox::{self, Filters},
	vectors::{LIMITS, WARM},
};

/// The hidden argument with which a binary of ours is started as a zygote.
pub const SUBCOMMAND: &str = "__media-child";

/// A message is one packet of at most this many bytes.
const LONGEST: usize = 1_024;

/// Requests of the worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
enum Question {
	/// Start a child; standard input, output and error come with the message.
	Start(Orders),
	/// Kill this child if it still runs, and forget it.
	End(i32),
}

/// Answers of the zygote.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
enum Reply {
	/// It is ready to start children. Comes once, without a request.
	Ready,
	/// The child's process id.
	Started(i32),
	/// How it ended, as `wait` tells it.
	Ended(i32),
	/// The system refused.
	Refused(String),
}

fn send(socket: &OwnedFd, message: &impl Encode, with: &[OwnedFd]) -> io::Result<()> {
	let bytes = message.encode();
	let raw: Vec<i32> = with.iter().map(AsRawFd::as_raw_fd).collect();
	let rights = [ControlMessage::ScmRights(&raw)];
	let rights = if raw.is_empty() { &[][..] } else { &rights[..] };
	let flags = MsgFlags::MSG_NOSIGNAL;
	sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], rights, flags, None)?;
	Ok(())
}

/// The next message with its descriptors; `None` when the other side is gone.
fn receive<T: Decode>(socket: &OwnedFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
	let mut bytes = [0; LONGEST];
	let mut space = nix::cmsg_space!([i32; 3]);
	let mut parts = [IoSliceMut::new(&mut bytes)];
	let flags = MsgFlags::MSG_CMSG_CLOEXEC;
	let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
	let mut with = Vec::new();
	for control in message.cmsgs()? {
		if let ControlMessageOwned::ScmRights(received) = control {
			with.extend(received.into_iter().map(ffi::owned));
		}
	}
	let length = message.bytes;
	if length == 0 {
		return Ok(None);
	}
	let value = T::decode(&mut &bytes[..length])
		.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
	Ok(Some((value, with)))
}

/// The number of threads of a process, by its open `/proc/PID/status`; `None` if that does not tell.
fn threads(mut status: File) -> Option<usize> {
	let mut text = String::new();
	status.read_to_string(&mut text).ok()?;
	text.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

/// Forks a child per job until the worker goes away, then ends the process. `arguments`, those after
/// [`SUBCOMMAND`], must be empty.
///
/// Call this first in `main`, before any thread, runtime or descriptor exists.
pub fn child_main(mut arguments: impl Iterator<Item = OsString>) -> ! {
	let done = match arguments.next() {
		None => run(),
		Some(_) => Err("it takes no arguments".into()),
	};
	ffi::exit_now(child::told(done))
}

/// Runs the zygote until the worker goes away. `main` called this before anything else existed.
fn run() -> Result<(), String> {
	// The C library ignores what `profile::environment` asks of it then.
	if ffi::has_more_rights() {
		return Err(
			"this program has more rights than who started it, and what it makes would depend on \
			the processor; take capabilities from its file with `setcap -r`, and bits that set user or \
			group with `chmod ug-s`"
				.into(),
		);
	}
	ffi::close_other_descriptors().map_err(|e| format!("closing descriptors: {e}"))?;
	let socket = io::stdin().as_fd().try_clone_to_owned().map_err(|e| format!("socket: {e}"))?;
	ffi::quiet();
	ffi::set_max_alloc(profile::MAX_ALLOC);
	profile::choose_processor()?;
	// Landlock forbids opening it later, but not reading it. System calls that only single-threaded processes
	// may make would also show it, but containers' profiles refuse them.
	let status = File::open("/proc/self/status").map_err(|e| format!("/proc/self/status: {e}"))?;
	sandbox::deny_files()?;
	let filters = Filters::new()?;
	// Fills the tables of decoder, scaler, encoders and muxer, which children then share.
	pipeline::transcode(WARM.source.to_vec(), WARM.ladder, &LIMITS, &Default::default())
		.map_err(|e| format!("the first segment: {e:?}"))?;
	if threads(status) != Some(1) {
		return Err("a library started a thread: children cannot be forked".into());
	}
	let told = |e: io::Error| format!("socket: {e}");
	send(&socket, &Reply::Ready, &[]).map_err(told)?;
	let me = nix::unistd::getpid().as_raw();
	while let Some((question, with)) = receive::<Question>(&socket).map_err(told)? {
		let reply = match question {
			Question::Start(orders) => match ffi::fork() {
				Ok(None) => {
					drop(socket);
					child::born(orders, with, me, &filters)
				}
				Ok(Some(pid)) => Reply::Started(pid),
				Err(error) => Reply::Refused(format!("fork: {error}")),
			},
			Question::End(pid) => match ffi::end_child(pid) {
				Ok(status) => Reply::Ended(status),
				Err(error) => Reply::Refused(format!("end: {error}")),
			},
		};
		drop(with);
		send(&socket, &reply, &[]).map_err(told)?;
	}
	Ok(())
}

/// The worker's end of a running zygote.
#[derive(Debug)]
struct Link {
	socket: OwnedFd,
	process: std::process::Child,
	patience: Duration,
}

impl Link {
	fn start(config: &PoolConfig) -> io::Result<Self> {
		if config.keeps_libraries() {
			libraries::check_own()?;
		}
		// The link names the running file even after an upgrade replaced it on disk.
		let program = config.program.clone().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
		let (socket, theirs) =
			socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
		// Another program that the operator names may say nothing at all.
		let patience = config.start_timeout;
		let limit = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX / 1_000).max(1);
		setsockopt(&socket, ReceiveTimeout, &TimeVal::milliseconds(limit))?;
		let mut command = Command::new(program);
		command
			.arg(SUBCOMMAND)
			.env_clear()
			.envs(profile::environment())
			.envs(config.environment.iter().map(|(k, v)| (k, v)))
			.current_dir("/")
			.stdin(Stdio::from(theirs))
			.stdout(Stdio::null());
		// The operator may choose where the libraries are.
		if let Some(search) = std::env::var_os("LD_LIBRARY_PATH").filter(|path| !path.is_empty()) {
			let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
			command.env("LD_LIBRARY_PATH", libraries::absolute(&search, &here));
		}
		let process = command.spawn()?;
		drop(command);
		let link = Self { socket, process, patience };
		match link.reply()? {
			Reply::Ready => Ok(link),
			_ => Err(gone()),
		}
	}

	fn reply(&self) -> io::Result<Reply> {
		loop {
			match receive::<Reply>(&self.socket) {
				Ok(Some((reply, _))) => return Ok(reply),
				Ok(None) => return Err(gone()),
				// A signal ends a wait with a limit.
				Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
				Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
					return Err(hangs(self.patience))
				}
				Err(error) => return Err(error),
			}
		}
	}

	fn ask(&self, question: Question, with: &[OwnedFd]) -> io::Result<Reply> {
		send(&self.socket, &question, with)?;
		self.reply()
	}
}

impl Drop for Link {
	fn drop(&mut self) {
		// Its children end with it. After waiting for it, its processor time and theirs count as ours.
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}

fn gone() -> io::Error {
	io::Error::new(io::ErrorKind::UnexpectedEof, "the process that starts media children died")
}

fn hangs(patience: Duration) -> io::Error {
	let said = format!(
		"the process that starts media children has said nothing for {patience:?}: is its program \
		 a build of this one?"
	);
	io::Error::new(io::ErrorKind::TimedOut, said)
}

/// A started child, and its zygote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChildId {
	pid: i32,
	generation: u64,
}

#[cfg(test)]
impl ChildId {
	/// A child whose zygote is gone.
	pub(crate) fn gone() -> Self {
		Self { pid: 1, generation: u64::MAX }
	}
}

#[derive(Debug, Default)]
struct State {
	link: Option<Link>,
	generation: u64,
	/// When a start was last given up because nothing came.
	hung: Option<Instant>,
}

/// Starts children with one zygote, which is started when first needed, and again if it has died. Calls block
/// for milliseconds, the first one for some hundred.
#[derive(Clone, Debug)]
pub struct Zygote {
	config: Arc<PoolConfig>,
	state: Arc<Mutex<State>>,
}

impl Zygote {
	/// Starts nothing yet.
	pub fn new(config: Arc<PoolConfig>) -> Self {
		Self { config, state: Arc::default() }
	}

	fn state(&self) -> MutexGuard<'_, State> {
		// Nothing panics while it is held; the state is consistent between any two calls.
		self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
	}

	fn link(&self, state: &mut State) -> io::Result<()> {
		if state.link.is_some() {
			return Ok(());
		}
		// Who waited for that start does not wait as long again for another one.
		let patience = self.config.start_timeout;
		if state.hung.is_some_and(|since| since.elapsed() < patience) {
			return Err(hangs(patience));
		}
		let started = Link::start(&self.config);
		let is_hung = matches!(&started, Err(e) if e.kind() == io::ErrorKind::TimedOut);
		state.hung = is_hung.then(Instant::now);
		state.link = Some(started?);
		state.generation += 1;
		Ok(())
	}

	/// Starts the zygote, unless it runs.
	pub fn begin(&self) -> io::Result<()> {
		self.link(&mut self.state())
	}

	/// Whether the zygote runs, as far as is known.
	pub fn is_running(&self) -> bool {
		self.state().link.is_some()
	}

	/// Starts a child on these standard descriptors.
	pub fn spawn(&self, orders: Orders, with: [OwnedFd; 3]) -> io::Result<ChildId> {
		let mut state = self.state();
		let mut retried = false;
		loop {
			self.link(&mut state)?;
			let generation = state.generation;
			let asked = state.link.as_ref().map(|l| l.ask(Question::Start(orders), &with));
			match asked {
				Some(Ok(Reply::Started(pid))) => return Ok(ChildId { pid, generation }),
				Some(Ok(Reply::Refused(error))) => return Err(io::Error::other(error)),
				_ => {
					state.link = None;
					if std::mem::replace(&mut retried, true) {
						return Err(gone());
					}
				}
			}
		}
	}

	/// Kills a child if it still runs, and says how it ended; `None` when its zygote is gone, and
	/// the child with it.
	pub fn end(&self, child: ChildId) -> Option<ExitStatus> {
		let mut state = self.state();
		if state.generation != child.generation {
			return None;
		}
		match state.link.as_ref()?.ask(Question::End(child.pid), &[]) {
			Ok(Reply::Ended(status)) => {
				Some(std::os::unix::process::ExitStatusExt::from_raw(status))
			}
			Ok(_) => None,
			Err(_) => {
				state.link = None;
				None
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn threads_should_be_counted_when_the_file_is_read() {
		let status = File::open("/proc/self/status").expect("it is there");
		let (end, waits) = std::sync::mpsc::channel::<()>();
		let other = std::thread::spawn(move || waits.recv());
		assert!(threads(status) > Some(1));
		drop(end);
		let _ = other.join();

		let mut single = Command::new("sleep").arg("60").spawn().expect("it is there");
		let status = File::open(format!("/proc/{}/status", single.id())).expect("it runs");
		assert_eq!(threads(status), Some(1));
		single.kill().expect("it runs");
		single.wait().expect("it was killed");
	}
}
