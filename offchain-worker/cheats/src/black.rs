//! Black pictures, as in the exploit of 2023 that passed Livepeer's local verification: size,
//! length, sound and bit rate are what was asked for.

use std::{process::Stdio, sync::Arc};

use async_trait::async_trait;
use livepeer_primitives::{
	video::{ProfileId, Rendition},
	Hash, ToolchainId,
};
use livepeer_worker_core::ports::engine::{
	Examined, Format, MediaEngine, MediaError, Transcoded, Variant,
};
use tokio::{io::AsyncWriteExt, process::Command};

/// Claims what the honest engine would have done, and delivers black.
pub struct Black(pub Arc<dyn MediaEngine>);

#[async_trait]
impl MediaEngine for Black {
	fn toolchain(&self) -> ToolchainId {
		self.0.toolchain()
	}

	fn profiles(&self) -> Vec<ProfileId> {
		self.0.profiles()
	}

	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), MediaError> {
		self.0.accept(format, input).await
	}

	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		let mut honest = self.0.transcode(format, input, variant).await?;
		honest.outputs.clear();
		for rendition in &format.ladder {
			honest.outputs.push(blacken(rendition, input).await.map_err(MediaError::Failed)?);
		}
		Ok(honest)
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		self.0.examine(format, input, outputs, seed, index).await
	}
}

async fn blacken(rendition: &Rendition, input: &[u8]) -> Result<Vec<u8>, String> {
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
	// A reader that had enough is no failure; its exit code says whether it had.
	let _ = feed.await;
	if output.status.success() && !output.stdout.is_empty() {
		Ok(output.stdout)
	} else {
		Err(format!("ffmpeg ended with {}", output.status))
	}
}
