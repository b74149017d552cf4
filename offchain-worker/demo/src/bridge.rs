//! The bridge's part of the story: a separate command with an Ethereum, a gateway and a relayer. It brings
//! ETH over before anything streams, and takes earnings back when all is settled.
//!
//! Its standard output is shown, except for three lines: `ready` when the money is there, `stall` when
//! finality is to stop, `go on` when it may continue. It takes the earnings back when its standard input
//! ends.

use std::{
	fs::{self, File},
	io::{BufRead, BufReader},
	path::Path,
	process::{Child, ChildStdin, Command, Stdio},
	thread,
	time::Duration,
};

use anyhow::{bail, Context, Result};
use nix::{
	sys::signal::{kill, Signal},
	unistd::Pid,
};
use tokio::{
	sync::mpsc::{unbounded_channel, UnboundedReceiver},
	time::timeout,
};

use crate::network::Network;

/// How often it is checked that everything else still runs.
const LOOK: Duration = Duration::from_millis(500);
/// Without these two of five nothing becomes final. The first node is spared, because the demo reads it.
const STALLED: [&str; 2] = ["node-dave", "node-eve"];

/// The running command.
pub struct Bridge {
	child: Child,
	input: Option<ChildStdin>,
	lines: UnboundedReceiver<String>,
}

impl Bridge {
	/// Starts `command` with a node's URL appended; its errors go into a log file.
	pub fn begin(command: &str, node: &str, logs: &Path) -> Result<Self> {
		fs::create_dir_all(logs)?;
		let log = File::create(logs.join("bridge.log"))?;
		let mut child = Command::new("sh")
			.arg("-c")
			// `exec` replaces the shell, so that stopping reaches the command itself.
			.arg(format!("exec {command} {node}"))
			.stdin(Stdio::piped())
			.stdout(Stdio::piped())
			.stderr(log)
			.spawn()
			.with_context(|| format!("cannot run {command}"))?;
		let input = child.stdin.take();
		let output = child.stdout.take().context("a command without output")?;
		let (teller, lines) = unbounded_channel();
		thread::spawn(move || {
			for line in BufReader::new(output).lines().map_while(Result::ok) {
				if teller.send(line).is_err() {
					break;
				}
			}
		});
		Ok(Self { child, input, lines })
	}

	/// Waits until the money is there.
	pub async fn fund(&mut self, network: &mut Network) -> Result<()> {
		loop {
			match self.line(network).await?.as_deref() {
				Some("ready") => return Ok(()),
				Some(line) => println!("  {line}"),
				None => bail!("no money came over the bridge; why is in bridge.log"),
			}
		}
	}

	/// Makes it take the earnings back; returns whether everything was right, and its last line.
	pub async fn settle(mut self, network: &mut Network) -> Result<(bool, String)> {
		drop(self.input.take());
		let mut last = String::new();
		while let Some(line) = self.line(network).await? {
			match line.as_str() {
				"stall" => STALLED.into_iter().try_for_each(|node| network.kill(node))?,
				"go on" => STALLED.into_iter().try_for_each(|node| network.restart(node))?,
				_ => {
					println!("  {line}");
					last = line.trim().to_owned();
				}
			}
		}
		Ok((self.child.wait()?.success(), last))
	}

	/// The next line; `None` when the command has ended.
	async fn line(&mut self, network: &mut Network) -> Result<Option<String>> {
		loop {
			network.ensure_running()?;
			if let Ok(line) = timeout(LOOK, self.lines.recv()).await {
				return Ok(line);
			}
		}
	}
}

impl Drop for Bridge {
	fn drop(&mut self) {
		if matches!(self.child.try_wait(), Ok(None)) {
			let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
			let _ = self.child.wait();
		}
	}
}
