//! The child's side: one sandboxed process for one job.

use std::{
	fs::File,
	io::{self, Write},
	os::fd::{AsFd, OwnedFd},
	panic::{catch_unwind, AssertUnwindSafe},
};

use codec::{Decode, Encode};

use crate::{
	ffi,
	limits::Failure,
	pipeline,
	sandbox::{self, Allowance, Filters},
	segmenter,
	wire::{self, Answer, Escape, Request, SegmentOptions},
};

/// A child's settings, which must be known before its first input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Orders {
	/// Whether it runs at the lowest priority.
	pub background: bool,
	/// Bytes of address space.
	pub memory: u64,
	/// Seconds of processor time.
	pub cpu_seconds: Option<u64>,
	/// Cut the file on standard input; otherwise one `Request` comes from there.
	pub segment: Option<SegmentOptions>,
}

/// The exit status; the reason for a failure goes to standard error.
pub fn told(done: Result<(), String>) -> i32 {
	match done {
		Ok(()) => 0,
		Err(error) => {
			let _ = writeln!(io::stderr(), "media child: {error}");
			1
		}
	}
}

/// Runs a child: one job on the descriptors that it was given.
pub fn born(orders: Orders, with: Vec<OwnedFd>, zygote: i32, filters: &Filters) -> ! {
	ffi::exit_now(told(run(orders, with, zygote, filters)))
}

fn run(orders: Orders, with: Vec<OwnedFd>, zygote: i32, filters: &Filters) -> Result<(), String> {
	ffi::end_with_parent(zygote).map_err(|e| format!("parent: {e}"))?;
	let [stdin, stdout, stderr] =
		<[OwnedFd; 3]>::try_from(with).map_err(|_| "it takes three descriptors")?;
	ffi::replace_standard([stdin, stdout, stderr]).map_err(|e| format!("descriptors: {e}"))?;
	ffi::close_other_descriptors().map_err(|e| format!("closing descriptors: {e}"))?;
	if orders.background {
		ffi::lowest_priority();
	}
	let file = match orders.segment {
		None => None,
		Some(options) => {
			let stdin = io::stdin();
			let file = stdin.as_fd().try_clone_to_owned().map_err(|e| format!("input: {e}"))?;
			Some((File::from(file), options))
		}
	};
	let allowance = Allowance { memory: orders.memory, cpu_seconds: orders.cpu_seconds };
	sandbox::enter(&allowance, filters)?;

	let answer = |answer: Answer| {
		wire::write(&mut io::stdout().lock(), &answer).map_err(|e| format!("output: {e}"))
	};
	let last = match file {
		Some((file, options)) => {
			let cut = guarded(|| {
				segmenter::cut(file, &options, &mut |made| answer(made).map_err(Failure::Internal))
			});
			match cut {
				Ok(()) => Answer::End,
				Err(failure) => Answer::Failed(failure),
			}
		}
		None => {
			let request =
				wire::read(&mut io::stdin().lock()).map_err(|e| format!("request: {e}"))?;
			guarded(|| serve(request)).unwrap_or_else(Answer::Failed)
		}
	};
	answer(last)
}

/// A panic counts as a failure.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
	catch_unwind(AssertUnwindSafe(work))
		.unwrap_or_else(|_| Err(Failure::Internal("a panic in the media child".into())))
}

fn serve(request: Request) -> Result<Answer, Failure> {
	match request {
		Request::Probe { limits, input } => pipeline::probe(input, &limits).map(Answer::Facts),
		Request::Transcode { limits, ladder, wishes, input } => {
			pipeline::transcode(input, &ladder, &limits, &wishes).map(Answer::Transcoded)
		}
		Request::Variant { limits, rendition, start, input } => {
			pipeline::variant(input, &rendition, start, &limits).map(Answer::Transcoded)
		}
		Request::Picture { limits, place, input } => {
			pipeline::picture(input, &limits, place).map(Answer::Picture)
		}
		Request::Inspect { limits, input } => {
			pipeline::inspect(input, &limits).map(Answer::Inspection)
		}
		Request::Escape(way) => Ok(escape(way)),
		Request::Diagnose { limits, output_limits, input, right, output } => {
			pipeline::diagnose(input, &limits, [right, output], &output_limits)
				.map(Answer::Diagnosis)
		}
	}
}

/// Does what code injected through a video file would do, inside the shipped sandbox.
fn escape(way: Escape) -> Answer {
	let tried: io::Result<()> = match way {
		Escape::OpenFile => File::open("/etc/hostname").map(drop),
		Escape::CreateFile => File::create("/tmp/livepeer-escaped").map(drop),
		Escape::Connect => std::net::TcpStream::connect("127.0.0.1:9").map(drop),
		Escape::Datagram => std::net::UdpSocket::bind("127.0.0.1:0").map(drop),
		Escape::Spawn => std::process::Command::new("/bin/true").status().map(drop),
		Escape::Thread => std::thread::Builder::new()
			.spawn(|| ())
			.and_then(|thread| thread.join().map_err(|_| io::Error::other("the thread panicked"))),
		Escape::Memory => {
			let mut bytes: Vec<u8> = Vec::new();
			bytes
				.try_reserve_exact(8 * 1024 * 1024 * 1024)
				.map_err(|e| io::Error::other(e.to_string()))
		}
		Escape::Spin => loop {
			std::hint::spin_loop();
		},
	};
	match tried {
		Ok(()) => Answer::StillHere { escaped: true, error: String::new() },
		Err(error) => Answer::StillHere { escaped: false, error: error.to_string() },
	}
}
