//! Black pictures, as in the exploit of 2023 that passed Livepeer's local verification: size, length, sound
//! and bit rate are as ordered.

use std::process::Stdio;

use livepeer_primitives::video::Rendition;
use tokio::{io::AsyncWriteExt, process::Command};

/// A correct rendition of a segment, except that it is black.
pub async fn blacken(rendition: &Rendition, input: &[u8]) -> Result<Vec<u8>, String> {
	let Rendition { width, height, kbps, cap_kbps, .. } = rendition;
	let (rate, cap) = (format!("{kbps}k"), format!("{cap_kbps}k"));
	let filter = format!("scale={width}:{height},drawbox=t=fill:c=black");
	let mut child = Command::new("ffmpeg")
		.args([
			"-v",
			"error",
			"-bitexact",
			"-f",
			"mpegts",
			"-i",
			"pipe:0",
			"-map",
			"0:v",
			"-map",
			"0:a?",
		])
		.args(["-vf", &filter, "-c:v", "libx264", "-preset", "veryfast", "-threads", "1"])
		.args(["-g", "9999", "-b:v", &rate, "-maxrate", &cap, "-bufsize", &cap])
		.args(["-c:a", "copy", "-copyts", "-muxdelay", "0", "-muxpreload", "0"])
		.args(["-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "mpegts", "pipe:1"])
		.stdin(Stdio::piped())
		.stdout(Stdio::piped())
		.stderr(Stdio::null())
		.kill_on_drop(true)
		.spawn()
		.map_err(|error| format!("ffmpeg: {error}"))?;
	let mut stdin = child.stdin.take().ok_or("ffmpeg has no stdin")?;
	let input = input.to_vec();
	let feed = tokio::spawn(async move { stdin.write_all(&input).await });
	let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
	// A closed pipe is not a failure; the exit code tells whether ffmpeg had enough.
	let _ = feed.await;
	if output.status.success() && !output.stdout.is_empty() {
		Ok(output.stdout)
	} else {
		Err(format!("ffmpeg ended with {}", output.status))
	}
}
