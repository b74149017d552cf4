//! Progress as JSON lines in a file: `at_ms`, the time in milliseconds since 1970, and the fields of
//! [`Event`], where `event` is its name.

use std::{
	fs::{File, OpenOptions},
	io::Write,
	path::Path,
	sync::{Arc, Mutex},
	time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use livepeer_worker_core::ports::events::{Event, EventSink, NoEvents};
use serde::Serialize;

#[derive(Serialize)]
struct Line {
	at_ms: u64,
	#[serde(flatten)]
	event: Event,
}

/// Appends each event as one line.
struct JsonLines(Mutex<File>);

impl EventSink for JsonLines {
	fn emit(&self, event: Event) {
		let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
		let line = Line { at_ms: at.as_millis() as u64, event };
		let Ok(mut line) = serde_json::to_string(&line) else { return };
		line.push('\n');
		let mut file = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
		if let Err(error) = file.write_all(line.as_bytes()) {
			tracing::warn!(%error, "an event was not written");
		}
	}
}

/// A sink that appends to `path`, or one that drops everything.
pub fn sink(path: Option<&Path>) -> Result<Arc<dyn EventSink>> {
	let Some(path) = path else { return Ok(Arc::new(NoEvents)) };
	let file = OpenOptions::new()
		.create(true)
		.append(true)
		.open(path)
		.with_context(|| format!("cannot write events to {}", path.display()))?;
	Ok(Arc::new(JsonLines(Mutex::new(file))))
}
