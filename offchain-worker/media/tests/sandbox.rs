//! The shipped child under the shipped sandbox tries to break out.

mod common;

use std::{
	collections::BTreeMap,
	time::{Duration, Instant},
};

use common::*;
use livepeer_worker_media::{Escape, MediaError, MediaPool, PoolConfig};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// SIGSYS: the system call filter.
const FILTERED: i32 = 31;

#[tokio::test]
async fn child_should_be_killed_when_it_reaches_for_sockets_or_processes() {
	for way in [Escape::Connect, Escape::Datagram, Escape::Spawn, Escape::Thread] {
		match pool().try_escape(way).await {
			Err(MediaError::Died { signal: Some(FILTERED), .. }) => {}
			other => panic!("{way:?}: {other:?}"),
		}
	}
}

#[tokio::test]
async fn child_should_be_refused_when_it_opens_or_creates_a_file() {
	for way in [Escape::OpenFile, Escape::CreateFile] {
		assert_eq!(pool().try_escape(way).await, Ok(false), "{way:?}");
	}
	assert!(!std::path::Path::new("/tmp/livepeer-escaped").exists());
}

#[tokio::test]
async fn child_should_be_refused_when_it_takes_too_much_memory() {
	assert_eq!(pool().try_escape(Escape::Memory).await, Ok(false));
}

/// Docker's default profile refuses both.
#[test]
fn child_should_work_when_a_profile_refuses_namespaces() {
	let refused = BTreeMap::from([(libc::SYS_unshare, vec![]), (libc::SYS_setns, vec![])]);
	let errno = SeccompAction::Errno(libc::EPERM as u32);
	let arch = TargetArch::try_from(std::env::consts::ARCH).expect("an architecture with filters");
	let filter = SeccompFilter::new(refused, SeccompAction::Allow, errno, arch).expect("two rules");
	let program = BpfProgram::try_from(filter).expect("two rules");
	// Of this thread alone, and of what it starts.
	let confined = std::thread::spawn(move || {
		seccompiler::apply_filter(&program).expect("a filter is taken");
		let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
		runtime.expect("a runtime").block_on(async { pool().try_escape(Escape::OpenFile).await })
	});
	assert_eq!(confined.join().expect("it ends"), Ok(false));
}

#[tokio::test]
async fn child_should_be_stopped_when_it_computes_for_ever() {
	let config = PoolConfig { live_timeout: Duration::from_secs(2), ..config() };
	let started = Instant::now();
	let result = MediaPool::new(config).try_escape(Escape::Spin).await;
	// The clock on the wall or the limit on processor time, whichever is first.
	assert!(matches!(result, Err(MediaError::TimedOut(_) | MediaError::Died { .. })));
	assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn error_should_say_so_when_the_program_is_no_child_of_ours() {
	let missing = PoolConfig { program: Some("/nonexistent".into()), ..config() };
	let result = transcode(&MediaPool::new(missing), &source()).await;
	assert!(matches!(result, Err(MediaError::Io(_))));
	let wrong = PoolConfig { program: Some("/bin/true".into()), ..config() };
	let result = transcode(&MediaPool::new(wrong), &source()).await;
	assert!(matches!(result, Err(MediaError::Io(_))), "{result:?}");
}

#[tokio::test]
async fn job_should_be_refused_in_words_when_it_needs_more_memory_than_there_is() {
	let small = MediaPool::new(PoolConfig { total_memory: 64 * 1024 * 1024, ..config() });
	let refused = transcode(&small, &source()).await;
	assert!(matches!(refused, Err(MediaError::TooLarge { .. })), "{refused:?}");
	let words = refused.expect_err("it was refused").to_string();
	assert!(words.contains("needs") && words.contains("64 MiB for all"), "{words}");
}
