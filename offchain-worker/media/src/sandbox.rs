//! What a child gives up before it reads a byte from outside.
//!
//! 1. Every descriptor but standard input, output and error (and the one file of the segmenter).
//! 2. Resources: address space, processor time, files, processes, core dumps.
//! 3. Landlock, as far as the kernel supports it: every access to the file system and the network.
//! 4. seccomp: all system calls except those for computing on memory and open descriptors. A few that
//!    libraries try and do not need, such as opening a file, are refused; any other kills the process. There
//!    is no `socket`, no `clone`, no `execve`, and no way to map executable memory.

use std::collections::BTreeMap;

use landlock::{
	Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
	RulesetStatus, Scope, ABI,
};
use rlimit::Resource;
use seccompiler::{
	BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
	SeccompRule,
};

use crate::ffi;

/// A child's resource limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
	/// Bytes of address space.
	pub memory: u64,
	/// Seconds of processor time; `None` for a child that lives as long as its stream.
	pub cpu_seconds: Option<u64>,
}

impl Default for Allowance {
	fn default() -> Self {
		Self { memory: 1536 * 1024 * 1024, cpu_seconds: Some(120) }
	}
}

/// System calls that a child keeps. They act on memory, time, its own signals and its open descriptors.
const ALLOWED: &[libc::c_long] = &[
	libc::SYS_read,
	libc::SYS_readv,
	libc::SYS_write,
	libc::SYS_writev,
	libc::SYS_lseek,
	libc::SYS_close,
	libc::SYS_fstat,
	libc::SYS_munmap,
	libc::SYS_mremap,
	libc::SYS_brk,
	libc::SYS_madvise,
	libc::SYS_futex,
	libc::SYS_sched_yield,
	libc::SYS_sched_getaffinity,
	libc::SYS_clock_gettime,
	libc::SYS_getrandom,
	libc::SYS_rt_sigreturn,
	libc::SYS_rt_sigaction,
	libc::SYS_rt_sigprocmask,
	libc::SYS_sigaltstack,
	libc::SYS_restart_syscall,
	libc::SYS_exit,
	libc::SYS_exit_group,
];

/// System calls that libraries try and do not need: refused with an error, without killing the child.
const REFUSED: &[libc::c_long] = &[
	// glibc looks for character set tables when a stream names its service, and does not need them.
	libc::SYS_openat,
	// `isatty` before a log line.
	libc::SYS_ioctl,
	// `fstat` as glibc spells it, and Rust's guess at how long a file is.
	libc::SYS_newfstatat,
	libc::SYS_statx,
	// Asking for limits.
	libc::SYS_prlimit64,
];

/// The system call filters, compiled once for all children.
pub struct Filters(Vec<BpfProgram>);

impl Filters {
	/// Compiles them.
	pub fn new() -> Result<Self, String> {
		programs().map(Self).map_err(|e| format!("seccomp: {e}"))
	}
}

/// Gives up files and network, for this process and all its children.
pub fn deny_files() -> Result<(), String> {
	ffi::not_dumpable();
	landlock().map_err(|e| format!("landlock: {e}"))
}

/// Enters the rest of the sandbox. There is no way back; on an error the process must not go on.
pub fn enter(allowance: &Allowance, filters: &Filters) -> Result<(), String> {
	limit(allowance).map_err(|e| format!("resource limits: {e}"))?;
	for program in &filters.0 {
		seccompiler::apply_filter(program).map_err(|e| format!("seccomp: {e}"))?;
	}
	Ok(())
}

fn limit(allowance: &Allowance) -> std::io::Result<()> {
	let set = |resource: Resource, value: u64| resource.set(value, value);
	set(Resource::AS, allowance.memory)?;
	if let Some(seconds) = allowance.cpu_seconds {
		set(Resource::CPU, seconds)?;
	}
	set(Resource::FSIZE, 0)?;
	set(Resource::CORE, 0)?;
	set(Resource::NPROC, 0)?;
	// Standard descriptors and the segmenter's file.
	set(Resource::NOFILE, 4)
}

/// Denies everything that this kernel's Landlock knows. Without Landlock nothing is decoded: seccomp alone
/// leaves no system call that opens anything, but strangers' input must meet two walls.
fn landlock() -> Result<(), String> {
	let status = restrict().map_err(|error| error.to_string())?;
	enforced(status.ruleset)
}

fn restrict() -> Result<landlock::RestrictionStatus, landlock::RulesetError> {
	let abi = ABI::V6;
	Ruleset::default()
		.set_compatibility(CompatLevel::BestEffort)
		.handle_access(AccessFs::from_all(abi))?
		.handle_access(AccessNet::from_all(abi))?
		.scope(Scope::from_all(abi))?
		.create()?
		.no_new_privs(true)
		.restrict_self()
}

fn enforced(status: RulesetStatus) -> Result<(), String> {
	match status {
		RulesetStatus::NotEnforced => {
			Err("this kernel has none, or a container's profile hides it; it \
			is needed to decode what strangers send (Linux 5.13 or later, `landlock` in \
			/sys/kernel/security/lsm)"
				.into())
		}
		RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
	}
}

/// Two filters, of which the stricter answer counts: one kills calls on neither list, one refuses.
fn programs() -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
	let arch = std::env::consts::ARCH.try_into()?;
	let not_executable = |argument: u8| {
		SeccompRule::new(vec![SeccompCondition::new(
			argument,
			SeccompCmpArgLen::Dword,
			SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64),
			0,
		)?])
	};
	let mut known: BTreeMap<i64, Vec<SeccompRule>> =
		ALLOWED.iter().chain(REFUSED).map(|call| (*call, vec![])).collect();
	for call in [libc::SYS_mmap, libc::SYS_mprotect] {
		known.insert(call, vec![not_executable(2)?]);
	}
	let refused = REFUSED.iter().map(|call| (*call, vec![])).collect();
	let kill = SeccompFilter::new(known, SeccompAction::KillProcess, SeccompAction::Allow, arch)?;
	let errno = SeccompAction::Errno(libc::EPERM as u32);
	let refuse = SeccompFilter::new(refused, SeccompAction::Allow, errno, arch)?;
	// The refusing one first: installing a filter takes system calls that the other forbids.
	Ok(vec![refuse.try_into()?, kill.try_into()?])
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn child_should_refuse_a_kernel_without_landlock() {
		assert!(enforced(RulesetStatus::NotEnforced).is_err());
		assert!(enforced(RulesetStatus::PartiallyEnforced).is_ok());
		assert!(enforced(RulesetStatus::FullyEnforced).is_ok());
	}
}
