//! SRT: a listener for publishers whose stream id names the key.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use srt_tokio::{
	access::RejectReason,
	options::{ByteCount, SocketOptions},
	ConnectionRequest, SrtIncoming, SrtListener, SrtSocket,
};
use tokio::time::{sleep, timeout};

use crate::{
	gate::{Denied, Gate, Session},
	places::{Place, Places},
};

/// How long a publisher may be silent.
const SILENT: Duration = Duration::from_secs(10);
/// Requests that are looked at at a time, in all and from one host.
const MOST: (usize, usize) = (64, 16);
/// What a receiver holds.
const BUFFER: u64 = 8 * 1024 * 1024;
/// Packets of a transport stream in one datagram are joined to writes of so many bytes.
const JOINED: usize = 32 * 1024;
/// How long to wait before a listener that has ended is begun anew.
const AGAIN: Duration = Duration::from_secs(1);

fn options(options: &mut SocketOptions) {
	options.connect.timeout = Duration::from_secs(5);
	options.session.peer_idle_timeout = SILENT;
	options.receiver.buffer_size = ByteCount(BUFFER);
	options.receiver.latency = Duration::from_millis(200);
}

async fn bind(
	address: SocketAddr,
	passphrase: Option<&str>,
) -> io::Result<(SrtListener, SrtIncoming)> {
	let mut builder = SrtListener::builder().set(options);
	if let Some(passphrase) = passphrase {
		builder = builder.encryption(16, passphrase.to_owned());
	}
	builder.bind(address).await
}

/// Serves publishers for ever; with a passphrase, only those that encrypt with it.
///
/// The library panics where it reads a handshake whose extensions it does not know, which a stranger may
/// send: that ends its listener, and another takes its place. Whoever publishes then connects again.
///
/// # Errors
///
/// Fails at once when the passphrase is too short or too long, or the address cannot be had.
pub async fn serve(
	address: SocketAddr,
	passphrase: Option<String>,
	gate: Arc<Gate>,
) -> io::Result<()> {
	let passphrase = passphrase.as_deref();
	if passphrase.is_some_and(|passphrase| !(10..=79).contains(&passphrase.len())) {
		return Err(io::Error::other("an SRT passphrase has 10 to 79 characters"));
	}
	let places = Places::new(MOST.0, MOST.1);
	let mut listening = bind(address, passphrase).await;
	loop {
		let (listener, incoming) = listening?;
		listen(incoming, &places, &gate).await;
		drop(listener);
		tracing::warn!(%address, "the SRT listener has ended, and begins anew");
		listening = loop {
			// Its socket may not be free yet.
			sleep(AGAIN).await;
			match bind(address, passphrase).await {
				Err(error) => tracing::warn!(%address, %error, "no SRT listener"),
				bound => break bound,
			}
		};
	}
}

/// Takes requests until the listener ends.
async fn listen(mut incoming: SrtIncoming, places: &Places, gate: &Arc<Gate>) {
	while let Some(request) = incoming.incoming().next().await {
		let Some(place) = places.take(request.remote().ip()) else { continue };
		let gate = gate.clone();
		tokio::spawn(async move {
			let from = request.remote();
			if let Err(error) = publisher(request, gate, place).await {
				tracing::info!(%from, %error, "an SRT connection ended");
			}
		});
	}
}

/// The key in a stream id: of the access control form `#!::r=NAME,s=KEY,m=publish` its `s` or else
/// its `r`; of any other the last part of its path. `None` for one that does not publish.
fn key_of(stream_id: &str) -> Option<String> {
	let Some(fields) = stream_id.strip_prefix("#!::") else {
		let path = stream_id.strip_prefix("publish:").unwrap_or(stream_id);
		return path.rsplit('/').next().map(str::to_owned);
	};
	let field =
		|name: &str| fields.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
	if field("m").is_some_and(|mode| mode != "publish") {
		return None;
	}
	let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
	field("s").map(str::to_owned).or_else(|| field("r").map(last))
}

async fn publisher(request: ConnectionRequest, gate: Arc<Gate>, place: Place) -> io::Result<()> {
	let from = request.remote().ip();
	let id = request.stream_id().map(|id| id.to_string()).unwrap_or_default();
	let admitting = async {
		match key_of(&id) {
			Some(key) => gate.admit("srt", from, "srt", &key).await,
			None => Err(Denied::Key),
		}
	};
	let admitted = tokio::select! {
		admitted = admitting => admitted,
		() = place.lost() => Err(Denied::Busy),
	};
	drop(place);
	match admitted {
		Ok(mut session) => {
			let mut socket = request.accept(None).await?;
			receive(&mut socket, &mut session).await
		}
		Err(denied) => {
			let code = match denied {
				Denied::Busy => 1_409,
				Denied::Key => 1_403,
				_ => 1_503,
			};
			request.reject(RejectReason::User(code)).await?;
			Err(io::Error::other(denied))
		}
	}
}

/// Hands on what comes until it ends.
async fn receive(socket: &mut SrtSocket, session: &mut Session) -> io::Result<()> {
	let mut joined = Vec::with_capacity(JOINED + 2_048);
	loop {
		let next = timeout(SILENT, socket.next()).await;
		let Ok(Some(packet)) = next else { break };
		joined.extend_from_slice(&packet?.1);
		// What is there already goes with it.
		while joined.len() < JOINED {
			match socket.next().now_or_never() {
				Some(Some(packet)) => joined.extend_from_slice(&packet?.1),
				_ => break,
			}
		}
		session.write(&joined).await.map_err(io::Error::other)?;
		joined.clear();
	}
	Ok(())
}

/// Receives from another host's listener until it ends.
pub(crate) async fn call(
	address: &str,
	stream_id: Option<&str>,
	session: &mut Session,
) -> io::Result<()> {
	let builder = SrtSocket::builder().set(options);
	let mut socket = builder.call(address, stream_id).await?;
	receive(&mut socket, session).await
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn key_should_be_found_in_every_form_of_a_stream_id() {
		let key = |id| key_of(id);
		assert_eq!(key("secret").as_deref(), Some("secret"));
		assert_eq!(key("live/secret").as_deref(), Some("secret"));
		assert_eq!(key("publish:live/secret").as_deref(), Some("secret"));
		assert_eq!(key("#!::r=live/secret,m=publish").as_deref(), Some("secret"));
		assert_eq!(key("#!::r=demo,s=secret").as_deref(), Some("secret"));
		assert_eq!(key("#!::r=secret,m=request"), None);
		assert_eq!(key("").as_deref(), Some(""));
	}
}
