//! The shipped child under the shipped sandbox tries to break out.

mod common;

use std::{
	collections::{BTreeMap, BTreeSet},
	fs::Permissions,
	os::unix::fs::{chown, PermissionsExt},
	time::{Duration, Instant},
};

use common::*;
use livepeer_worker_media::{
	Escape, MediaError, MediaPool, PoolConfig, Priority, TranscodeJob, Wishes,
};
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

/// The nice values of this process's descendants, and its own first.
fn nice_values() -> (i32, BTreeSet<i32>) {
	let entries = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
	// By process: its parent and its nice value, which are the second and the seventeenth behind its name.
	let mut all: BTreeMap<u32, (u32, i32)> = BTreeMap::new();
	for entry in entries {
		let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
			continue;
		};
		// One that has just ended is gone.
		let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
		let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
		let fields: Vec<&str> = rest.split(' ').collect();
		let number = |place: usize| fields.get(place).and_then(|field| field.parse::<i32>().ok());
		if let Some((parent, nice)) = number(1).zip(number(16)) {
			all.insert(id, (parent as u32, nice));
		}
	}
	let own = std::process::id();
	let descends = |mut id: u32| {
		while let Some((parent, _)) = all.get(&id) {
			if *parent == own {
				return true;
			}
			id = *parent;
		}
		false
	};
	let below = all.iter().filter(|(id, _)| descends(**id)).map(|(_, (_, nice))| *nice).collect();
	(all[&own].1, below)
}

#[tokio::test]
async fn child_should_give_way_to_everything_when_it_verifies_and_to_nothing_else() {
	let (own, _) = nice_values();
	let source = source();
	for (priority, lowest) in [(Priority::Live, own), (Priority::Verify, 19)] {
		let pool = pool();
		let job = TranscodeJob {
			input: &source,
			ladder: &LADDER,
			limits: &LIMITS,
			wishes: Wishes::default(),
		};
		let mut work = std::pin::pin!(pool.transcode(job, priority));
		let mut seen = BTreeSet::new();
		loop {
			tokio::select! {
				made = &mut work => {
					made.expect("a good source");
					break;
				},
				() = tokio::time::sleep(Duration::from_millis(2)) => seen.extend(nice_values().1),
			}
		}
		assert_eq!(seen.last(), Some(&lowest), "{priority:?}");
	}
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

/// A verify service with such a program (`--also`) used to wait for it for ever.
#[tokio::test]
async fn error_should_come_in_time_when_the_program_says_nothing() {
	let start_timeout = Duration::from_secs(1);
	let program = Some("/usr/bin/yes".into());
	let pool = MediaPool::new(PoolConfig { program, start_timeout, ..config() });
	let input = source();
	let began = Instant::now();
	let jobs = (0..6).map(|_| transcode(&pool, &input));
	for result in futures::future::join_all(jobs).await {
		match result {
			Err(MediaError::Io(text)) => assert!(text.contains("said nothing"), "{text}"),
			other => panic!("{other:?}"),
		}
	}
	assert!(began.elapsed() < 4 * start_timeout, "they do not wait for each other");
}

/// As after `setcap`, so that a port below 1,024 can be listened at: the C library would ignore that its mathematics must
/// not depend on the processor, and an honest transcoder would be convicted now and then.
#[tokio::test]
async fn child_should_not_be_started_when_the_c_library_ignores_its_environment() {
	let status = std::fs::read_to_string("/proc/self/status").expect("a status");
	let gains_none = status.lines().any(|line| line == "NoNewPrivs:\t1");
	let program = config().program.expect("the test tool");
	let folder = program.parent().expect("it is in a folder");
	let folder = tempfile::tempdir_in(folder).expect("a temporary directory");
	let copy = folder.path().join("livepeer-media");
	std::fs::copy(&program, &copy).expect("disk");
	// Who is not root has no other group to give it to.
	if gains_none || chown(&copy, None, Some(1)).is_err() {
		eprintln!("not tested: nothing that is started here can get more rights");
		return;
	}
	let pool = MediaPool::new(PoolConfig { program: Some(copy.clone()), ..config() });
	assert!(pool.probe(&source(), &LIMITS, Priority::Live).await.is_ok());
	std::fs::set_permissions(&copy, Permissions::from_mode(0o2755)).expect("it is ours");
	let pool = MediaPool::new(PoolConfig { program: Some(copy), ..config() });
	let refused = pool.probe(&source(), &LIMITS, Priority::Live).await;
	assert!(matches!(refused, Err(MediaError::Io(_))), "{refused:?}");
}

#[tokio::test]
async fn job_should_be_refused_in_words_when_it_needs_more_memory_than_there_is() {
	let small = MediaPool::new(PoolConfig { total_memory: 64 * 1024 * 1024, ..config() });
	let refused = transcode(&small, &source()).await;
	assert!(matches!(refused, Err(MediaError::TooLarge { .. })), "{refused:?}");
	let words = refused.expect_err("it was refused").to_string();
	assert!(words.contains("needs") && words.contains("64 MiB for all"), "{words}");
}
