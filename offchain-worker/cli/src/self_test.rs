//! `self-test`: this machine's outputs of the golden vectors.

use std::fmt::Write;

use anyhow::Result;
use livepeer_primitives::toolchain::DEBIAN_12_V1;
use livepeer_worker_media::{
	golden::{self, Attested},
	MediaPool, PoolConfig,
};

/// Makes the vectors anew, regardless of what is cached, and prints the outputs.
pub async fn run() -> Result<()> {
	let attested = golden::attest(&MediaPool::new(PoolConfig::default()), None).await?;
	print!("{}", report(&attested));
	Ok(())
}

/// A line for each output with its hash, by which two machines can be compared; then the toolchain that these
/// hashes identify, and its id.
fn report(attested: &Attested) -> String {
	let mut text = String::new();
	// Writing to a string cannot fail.
	for checked in &attested.checked {
		let _ = writeln!(text, "ok    {}: {}, {:?}", checked.name, checked.found, checked.hash);
	}
	let whose = if attested.toolchain == DEBIAN_12_V1 {
		"the toolchain of Debian 12's packages"
	} else {
		"a toolchain that this version does not know: jobs need transcoders and judges that have it"
	};
	let number = attested.checked.len();
	let _ = writeln!(
		text,
		"{number} made twice, the second time in memory filled with garbage, and equal: {whose}"
	);
	let _ = writeln!(text, "{:?}", attested.toolchain);
	text
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_primitives::Hash;
	use livepeer_worker_core::sha256;
	use livepeer_worker_media::golden::Checked;

	#[test]
	fn report_should_have_a_line_for_each_check_and_end_with_the_id() {
		let checked = golden::checks().into_iter().enumerate().map(|(number, check)| Checked {
			name: check.name,
			found: format!("{number} outputs"),
			hash: sha256(&[number as u8]),
		});
		let mut attested = Attested { toolchain: DEBIAN_12_V1, checked: checked.collect() };
		let text = report(&attested);
		let lines: Vec<&str> = text.lines().collect();
		assert_eq!(lines.len(), attested.checked.len() + 2);
		for (line, checked) in lines.iter().zip(&attested.checked) {
			assert_eq!(
				*line,
				format!("ok    {}: {}, {:?}", checked.name, checked.found, checked.hash)
			);
		}
		assert!(lines[0].starts_with("ok    a-1280x720p30: 0 outputs, 0x"), "{}", lines[0]);
		assert!(text.contains("ok    b-640x360p25, variant of 3 from start 2: "), "{text}");
		assert!(text.contains("ok    b-640x360p25, probe 2: "), "{text}");
		assert_eq!(lines.last(), Some(&format!("{DEBIAN_12_V1:?}").as_str()));
		let number = attested.checked.len();
		assert!(text.contains(&format!("\n{number} made twice, ")), "{text}");
		assert!(text.contains("equal: the toolchain of Debian 12's packages\n"), "{text}");
		attested.toolchain = Hash::repeat_byte(1);
		assert!(report(&attested).contains("equal: a toolchain that this version does not know"));
	}
}
