//! How a role is told to stop.

use std::future::Future;

use anyhow::Result;
pub use livepeer_worker_http::stopped;
use tokio::sync::watch;

/// Turns true on SIGINT or SIGTERM. A role calls this first: without it a signal ends the process at once.
pub fn stop_signal() -> Result<watch::Receiver<bool>> {
	use tokio::signal::unix::{signal, SignalKind};
	let (sender, receiver) = watch::channel(false);
	let mut terminate = signal(SignalKind::terminate())?;
	let mut interrupt = signal(SignalKind::interrupt())?;
	tokio::spawn(async move {
		tokio::select! {
			_ = terminate.recv() => {},
			_ = interrupt.recv() => {},
		}
		tracing::info!("stopping");
		sender.send_replace(true);
		// Kept alive, so that receivers see the value and not a closed channel.
		std::future::pending::<()>().await;
		drop(sender);
	});
	Ok(receiver)
}

/// The result of `start`; `None` if the role is stopped before that.
pub async fn unless_stopped<T>(
	stop: &mut watch::Receiver<bool>,
	start: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
	tokio::select! {
		started = start => started.map(Some),
		() = stopped(stop) => Ok(None),
	}
}
