//! The load of this machine, which five nodes and a dozen workers share with other programs.

use std::{fs, thread};

/// The average number of tasks that wait for a processor.
#[derive(Clone, Copy)]
pub struct Load {
	/// Over the last minute.
	pub minute: f64,
	/// Over the last five minutes, about the length of a story.
	pub story: f64,
	/// How many processors there are.
	pub processors: usize,
}

impl Load {
	/// The kernel's load average; `None` if it cannot be read.
	pub fn now() -> Option<Self> {
		let text = fs::read_to_string("/proc/loadavg").ok()?;
		let processors = thread::available_parallelism().map_or(1, usize::from);
		Self::read(&text, processors)
	}

	fn read(text: &str, processors: usize) -> Option<Self> {
		let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
		Some(Self { minute: numbers.next()?, story: numbers.next()?, processors })
	}

	/// Whether other programs already use what a story would need.
	pub fn is_taken(&self) -> bool {
		self.minute > self.processors as f64
	}

	/// What to expect of a story on a busy machine.
	pub fn warning(&self) -> String {
		let Self { minute, processors, .. } = self;
		format!(
			"this machine is busy with something else (a load of {minute:.1} on {processors} processors): honest \
			 judges may be late, which costs them"
		)
	}
}

/// Explains penalties of honest judges that were late.
pub fn lateness(late: &[&str]) -> String {
	let load = Load::now().map_or_else(String::new, |load| {
		format!(" The load was {:.1} on {} processors.", load.story, load.processors)
	});
	format!(
		"Honest judges were late: {}.{load} All judges share this machine, and to the chain who is late is silent: it \
		 asks of each to judge as much work in a block as the parameter verify_rate says. Where no log of theirs \
		 tells of a fault, this says that the machine is too slow for the story, and nothing of the cheat; run it \
		 with nothing beside it.",
		late.join(", ")
	)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn load_should_be_read_as_the_kernel_writes_it() {
		let busy = Load::read("15.20 14.10 9.00 17/812 4711\n", 2).expect("three averages");
		assert!(busy.is_taken() && busy.warning().contains("15.2 on 2 processors"));
		assert_eq!(busy.story, 14.1);
		assert!(!Load::read("1.90 3.00 9.00 1/812 4711\n", 2).expect("them").is_taken());
		assert!(Load::read("", 2).is_none());
		assert!(Load::read("none", 2).is_none());
	}
}
