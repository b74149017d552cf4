//! A pool's configuration: how its children are run.

use std::{
	path::{Path, PathBuf},
	time::Duration,
};

use crate::sandbox::Allowance;

/// How children are run.
#[derive(Clone, Debug)]
pub struct PoolConfig {
	/// The binary whose `main` calls [`crate::child_main`]; `None` for this one.
	pub program: Option<PathBuf>,
	/// Live jobs at a time.
	pub live: usize,
	/// While fewer live children than this are in work, a ladder is divided among several, if that is faster.
	/// Set it to the number of processors if somebody waits for each segment. Each further child costs
	/// another decode; with 0 no ladder is divided.
	pub divide: usize,
	/// Verifications at a time.
	pub verify: usize,
	/// How long the process from which children are forked may take to begin, and to answer; it needs less than a
	/// second.
	pub start_timeout: Duration,
	/// Wall clock of one live job.
	pub live_timeout: Duration,
	/// Wall clock of one verification; more for the longest and largest segments.
	pub verify_timeout: Duration,
	/// How long a segmenter may be silent while somebody waits for its next segment.
	pub segment_timeout: Duration,
	/// Bytes of address space of every child; one that transcodes large pictures gets as much as its format
	/// needs.
	pub memory: u64,
	/// Bytes that all children together may need. A job beyond it waits; a job that alone needs more is
	/// refused.
	pub total_memory: u64,
	/// Whether the toolchain of the children counts, so that they must be of the libraries with which this
	/// program was started. Where nobody judges what they make, those of an upgrade serve as well.
	pub attested: bool,
	/// Added to the children's otherwise fixed environment; for tests.
	pub environment: Vec<(String, String)>,
}

impl Default for PoolConfig {
	fn default() -> Self {
		let cores = std::thread::available_parallelism().map_or(1, usize::from);
		Self {
			program: None,
			live: cores,
			divide: 0,
			verify: cores.saturating_sub(1).max(1),
			start_timeout: Duration::from_secs(60),
			live_timeout: Duration::from_secs(60),
			verify_timeout: Duration::from_secs(300),
			segment_timeout: Duration::from_secs(60),
			memory: Allowance::default().memory,
			total_memory: machine_memory() / 10 * 7,
			attested: true,
			environment: Vec::new(),
		}
	}
}

impl PoolConfig {
	/// The default configuration, with this many MiB for all children, if given.
	pub fn within(mut self, mib: Option<u64>) -> Self {
		if let Some(mib) = mib {
			self.total_memory = mib.saturating_mul(1024 * 1024);
		}
		self
	}

	/// Whether no children may be started with libraries that were replaced since this program was started.
	/// Another program has libraries of its own.
	pub(crate) fn keeps_libraries(&self) -> bool {
		self.attested && self.program.is_none()
	}
}

/// The memory of the machine, or of the container or service on it, in bytes; 4 GiB if the system does not
/// tell.
fn machine_memory() -> u64 {
	const GROUPS: &str = "/sys/fs/cgroup";
	let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
	let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
	let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
	let whole = kib.unwrap_or(4 * 1024 * 1024) * 1024;
	let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
	let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
	group_memory(Path::new(GROUPS), own).map_or(whole, |limit| limit.min(whole))
}

/// The smallest limit of a control group and its ancestors, if any has one.
fn group_memory(root: &Path, own: &str) -> Option<u64> {
	let folder = root.join(own);
	let groups = folder.ancestors().take_while(|group| group.starts_with(root));
	groups
		.filter_map(|group| {
			// A group without a limit says "max".
			std::fs::read_to_string(group.join("memory.max")).ok()?.trim().parse().ok()
		})
		.min()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn memory_should_be_what_is_said() {
		let usual = PoolConfig::default().total_memory;
		assert_eq!(PoolConfig::default().within(None).total_memory, usual);
		assert_eq!(PoolConfig::default().within(Some(2)).total_memory, 2 * 1024 * 1024);
		assert_eq!(PoolConfig::default().within(Some(u64::MAX)).total_memory, u64::MAX);
	}

	/// A broadcaster that waits for its publisher while Debian upgrades a library must still cut segments.
	#[test]
	fn libraries_should_be_kept_only_where_the_toolchain_counts() {
		let usual = PoolConfig::default();
		assert!(usual.keeps_libraries());
		assert!(!PoolConfig { attested: false, ..usual.clone() }.keeps_libraries());
		assert!(!PoolConfig { program: Some("/bin/true".into()), ..usual }.keeps_libraries());
	}

	#[test]
	fn memory_should_be_that_of_the_container_or_service_when_it_is_less() {
		let root = tempfile::tempdir().expect("a temporary directory");
		let own = root.path().join("system.slice/worker.service");
		std::fs::create_dir_all(&own).expect("disk");
		let limit = |group: &Path, text: &str| {
			std::fs::write(group.join("memory.max"), text).expect("disk");
			group_memory(root.path(), "system.slice/worker.service")
		};
		assert_eq!(group_memory(root.path(), ""), None);
		assert_eq!(limit(&own, "max\n"), None);
		assert_eq!(limit(&own, "5000\n"), Some(5_000));
		assert_eq!(limit(&root.path().join("system.slice"), "4000\n"), Some(4_000));
		assert_eq!(limit(root.path(), "6000\n"), Some(4_000));
	}
}
