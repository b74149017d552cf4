//! Child processes: each with its own log and data folder, stopped with the demo.

use std::{
	collections::{BTreeMap, BTreeSet},
	fs::{self, File},
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use nix::{
	sys::signal::{kill, Signal},
	unistd::Pid,
};

use crate::report::ProcessUse;

/// A running child with its log.
pub struct Process {
	/// Its name in logs and in the report.
	pub name: String,
	command: Command,
	child: Child,
	log: PathBuf,
	started: Instant,
	last_use: ProcessUse,
	/// Whether it was killed and should not run now.
	is_away: bool,
}

impl Process {
	/// Starts `command` with its output in `<logs>/<name>.log`.
	pub fn spawn(name: &str, logs: &Path, mut command: Command) -> Result<Self> {
		fs::create_dir_all(logs)?;
		let log = logs.join(format!("{name}.log"));
		let file = File::options().create(true).append(true).open(&log)?;
		command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
		let child = start(&mut command)?;
		let last_use = ProcessUse { name: name.to_owned(), ..Default::default() };
		Ok(Self {
			name: name.to_owned(),
			command,
			child,
			log,
			started: Instant::now(),
			last_use,
			is_away: false,
		})
	}

	/// Its process id, while it runs.
	pub fn id(&self) -> Option<u32> {
		(!self.is_away).then(|| self.child.id())
	}

	/// Kills it at once, as a power cut would.
	pub fn kill_for_now(&mut self) {
		self.is_away = true;
		self.kill();
	}

	/// Starts it again.
	pub fn restart(&mut self) -> Result<()> {
		self.is_away = false;
		self.child = start(&mut self.command)?;
		Ok(())
	}

	/// Kills it and starts it again.
	pub fn kill_and_restart(&mut self) -> Result<()> {
		self.kill_for_now();
		self.restart()
	}

	/// Fails with the end of the log if the process is gone.
	pub fn ensure_running(&mut self) -> Result<()> {
		if self.is_away {
			return Ok(());
		}
		if let Some(status) = self.child.try_wait()? {
			bail!("{} stopped ({status}); the end of its log:\n{}", self.name, self.log_end());
		}
		Ok(())
	}

	/// The last lines of its log.
	fn log_end(&self) -> String {
		let log = fs::read_to_string(&self.log).unwrap_or_default();
		let lines: Vec<&str> = log.lines().collect();
		lines[lines.len().saturating_sub(20)..].join("\n")
	}

	/// Reads processor time and peak memory from the kernel; keeps the last reading after the end.
	pub fn measure(&mut self) -> &ProcessUse {
		let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
		if let Some(seconds) = spent(&all_spent(), self.child.id()) {
			self.last_use.cpu_seconds = seconds;
		}
		if let Ok(status) = fs::read_to_string(proc.join("status")) {
			let kib = |key: &str| {
				status
					.lines()
					.find_map(|l| {
						l.strip_prefix(key)?.trim().strip_suffix("kB")?.trim().parse().ok()
					})
					.unwrap_or(0u64)
			};
			if kib("VmHWM:") > 0 {
				self.last_use.peak_memory_bytes = kib("VmHWM:") * 1024;
				self.last_use.memory_bytes = kib("VmRSS:") * 1024;
			}
		}
		self.last_use.seconds = self.started.elapsed().as_secs_f64();
		&self.last_use
	}

	/// Asks it to stop and waits; kills it after ten seconds.
	pub fn stop(&mut self) {
		self.measure();
		let pid = Pid::from_raw(self.child.id() as i32);
		let _ = kill(pid, Signal::SIGTERM);
		let deadline = Instant::now() + Duration::from_secs(10);
		while Instant::now() < deadline {
			if !matches!(self.child.try_wait(), Ok(None)) {
				return;
			}
			std::thread::sleep(Duration::from_millis(50));
		}
		self.kill();
	}

	fn kill(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}

/// A process's parent, its own processor seconds, and those of its waited-for children.
type Spent = (u32, f64);

/// Reads a line of `/proc/PID/stat`.
fn read_spent(stat: &str) -> Option<Spent> {
	// The command's name, in parentheses, may contain spaces; fields count from after it.
	let (_, rest) = stat.rsplit_once(')')?;
	let fields: Vec<&str> = rest.split_whitespace().collect();
	let parent = fields.get(1)?.parse().ok()?;
	// utime, stime and those of waited-for children, in ticks of 1/100 s.
	let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok());
	Some((parent, ticks.sum::<f64>() / 100.0))
}

/// The use of all processes of the machine.
fn all_spent() -> BTreeMap<u32, Spent> {
	let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
	let read = entries.filter_map(|entry| {
		let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
		Some((id, read_spent(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
	});
	read.collect()
}

/// The use of a process with all its descendants: a worker's media children are children of its zygote, which
/// has waited for them and still runs.
fn spent(all: &BTreeMap<u32, Spent>, id: u32) -> Option<f64> {
	let mut sum = all.get(&id)?.1;
	let (mut family, mut young) = (BTreeSet::from([id]), vec![id]);
	while let Some(parent) = young.pop() {
		for (child, (_, seconds)) in all.iter().filter(|(_, (started_by, _))| *started_by == parent)
		{
			if family.insert(*child) {
				sum += seconds;
				young.push(*child);
			}
		}
	}
	Some(sum)
}

fn start(command: &mut Command) -> Result<Child> {
	command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))
}

impl Drop for Process {
	fn drop(&mut self) {
		if matches!(self.child.try_wait(), Ok(None)) {
			self.stop();
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn processor_time_should_be_that_of_all_descendants() {
		let line = |id: u32, parent: u32, own: u32, waited: u32| {
			let line = format!(
				"{id} (a name) of two) S {parent} 7 7 0 -1 4194560 900 0 1 0 {own} {own} {waited} {waited} 20 0"
			);
			(id, read_spent(&line).expect("a line as the kernel writes it"))
		};
		// A worker, what starts its children and has waited for some, one that still runs, and a stranger.
		let all = BTreeMap::from([
			line(30, 20, 25, 0),
			line(20, 10, 1, 600),
			line(10, 1, 50, 5),
			line(40, 1, 9_000, 0),
		]);
		let seconds = spent(&all, 10).expect("it is there");
		assert!((seconds - (1.1 + 12.02 + 0.5)).abs() < 1e-9, "{seconds}");
		assert_eq!(spent(&all, 50), None);
		assert_eq!(read_spent("10 (short) S 1"), None);
		let me = std::process::id();
		assert!(spent(&all_spent(), me).is_some_and(|seconds| seconds >= 0.0));
	}
}
