//! What tests with real peers over a fake chain share.
#![allow(clippy::unwrap_used, dead_code)]

use std::{path::Path, sync::Arc, time::Duration};

use livepeer_worker_core::{
	fakes::{FakeChain, GENESIS},
	ports::transport::Service,
};
use livepeer_worker_media::{MediaPool, PoolConfig};
use livepeer_worker_net::{Net, NetConfig, NetLimits};

/// Media children of this crate's worker.
pub fn pool() -> MediaPool {
	MediaPool::new(PoolConfig {
		program: Some(env!("CARGO_BIN_EXE_livepeer-worker").into()),
		..Default::default()
	})
}

/// A peer with its identity in this folder, which listens if it serves something.
pub async fn net(dir: &Path, service: Option<Arc<dyn Service>>) -> Arc<Net> {
	std::fs::create_dir_all(dir).unwrap();
	let config = NetConfig {
		genesis: GENESIS,
		identity: dir.join("identity"),
		listen: service.iter().map(|_| "/ip4/127.0.0.1/tcp/0".parse().unwrap()).collect(),
		announce: Vec::new(),
		announce_local: true,
		dial_private: true,
		url: String::new(),
		limits: NetLimits::default(),
	};
	Arc::new(Net::start(config, service).await.unwrap())
}

/// Makes a block every 200 ms.
pub fn make_blocks(chain: &FakeChain) {
	let chain = chain.clone();
	tokio::spawn(async move {
		loop {
			tokio::time::sleep(Duration::from_millis(200)).await;
			chain.block();
		}
	});
}
