//! Strangers that hold connections and send nothing: real peers are still served.
#![allow(clippy::unwrap_used)]

use std::{
	io::{Read, Write},
	net::{SocketAddr, TcpStream},
	sync::{
		atomic::{AtomicBool, AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};

use livepeer_primitives::Hash;
use livepeer_worker_core::{
	fakes::OneBlob,
	ports::transport::{Service, Transport},
	sha256,
};
use livepeer_worker_net::{Net, NetConfig, NetLimits};

const LEN: usize = 300_000;

async fn start(listen: bool, limits: NetLimits) -> (Net, tempfile::TempDir) {
	let dir = tempfile::tempdir().unwrap();
	let config = NetConfig {
		genesis: Hash::repeat_byte(1),
		identity: dir.path().join("peer.key"),
		listen: listen.then(|| "/ip4/127.0.0.1/tcp/0".parse().unwrap()).into_iter().collect(),
		announce: Vec::new(),
		announce_local: true,
		dial_private: true,
		url: String::new(),
		limits,
	};
	let service: Option<Arc<dyn Service>> = listen.then(|| Arc::new(OneBlob(vec![7; LEN])) as _);
	(Net::start(config, service).await.unwrap(), dir)
}

fn port(net: &Net) -> SocketAddr {
	let text = net.listening()[0].to_string();
	format!("127.0.0.1:{}", text.rsplit('/').next().unwrap()).parse().unwrap()
}

/// Keeps `count` connections that send only `hello`, and renews closed ones, until it is stopped.
struct Strangers {
	stop: Arc<AtomicBool>,
	opened: Arc<AtomicUsize>,
	threads: Vec<std::thread::JoinHandle<()>>,
}

impl Strangers {
	fn at(address: SocketAddr, count: usize, hello: &'static [u8]) -> Self {
		let (stop, opened) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
		let open = {
			let opened = opened.clone();
			move || {
				let mut stream = TcpStream::connect(address).ok()?;
				let _ = stream.write_all(hello);
				stream.set_nonblocking(true).ok()?;
				opened.fetch_add(1, Ordering::SeqCst);
				Some(stream)
			}
		};
		let stopped = stop.clone();
		let thread = std::thread::spawn(move || {
			let mut streams: Vec<Option<TcpStream>> = (0..count).map(|_| open()).collect();
			let mut bytes = [0; 4_096];
			while !stopped.load(Ordering::SeqCst) {
				for slot in &mut streams {
					let is_closed =
						slot.as_mut().is_none_or(|stream| match stream.read(&mut bytes) {
							Ok(read) => read == 0,
							Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
						});
					if is_closed {
						*slot = open();
					}
				}
				std::thread::sleep(Duration::from_millis(50));
			}
		});
		Self { stop, opened, threads: vec![thread] }
	}

	/// Waits until there are so many.
	async fn are_there(&self, count: usize) {
		while self.opened.load(Ordering::SeqCst) < count {
			tokio::time::sleep(Duration::from_millis(10)).await;
		}
	}
}

impl Drop for Strangers {
	fn drop(&mut self) {
		self.stop.store(true, Ordering::SeqCst);
		for thread in self.threads.drain(..) {
			let _ = thread.join();
		}
	}
}

/// Peers that were never there before fetch while the strangers are at it.
async fn newcomers_are_served(server: &Net) {
	let (record, hash) = (server.service_record(), sha256(&[7; LEN]));
	for _ in 0..3 {
		let (client, _dir) = start(false, NetLimits::default()).await;
		let mut last = None;
		for _ in 0..20 {
			// As its users do: a refusal is no answer, and is tried again.
			let fetched = client.fetch(&record, hash, LEN as u32, None).await;
			let served = fetched.is_ok();
			last = Some(fetched.map(|bytes| bytes.len()));
			if served {
				break;
			}
			tokio::time::sleep(Duration::from_millis(500)).await;
		}
		assert_eq!(last, Some(Ok(LEN)));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn newcomer_should_be_served_when_silent_sockets_have_every_place() {
	// More than there are places for, from the same host.
	let limits = NetLimits { handshakes: 48, handshakes_per_host: 32, ..Default::default() };
	let (server, _dir) = start(true, limits).await;
	let strangers = Strangers::at(port(&server), 200, b"");
	strangers.are_there(200).await;
	newcomers_are_served(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newcomer_should_be_served_when_many_break_off_their_handshakes() {
	let limits = NetLimits { handshakes: 48, handshakes_per_host: 32, ..Default::default() };
	let (server, _dir) = start(true, limits).await;
	// The first line of a handshake, and half of what follows.
	let strangers = Strangers::at(port(&server), 200, b"\x13/multistream/1.0.0\n\x07/noi");
	strangers.are_there(200).await;
	newcomers_are_served(&server).await;
}
