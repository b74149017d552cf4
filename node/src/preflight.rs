//! Checks before a node starts, so that a wrong argument gives one clear line instead of a node that half
//! works.

use crate::cli::VerifyParams;
use livepeer_primitives::offchain::VerifyEndpoint;
use sc_network::{multiaddr::Protocol, Multiaddr};
use sc_service::{config::KeystoreConfig, Configuration, DatabaseSource};
use std::{
	fs, io,
	net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
	path::Path,
};

/// Checks that files can be written below `path`.
pub fn writable(path: &Path) -> Result<(), String> {
	let probe = path.join(format!(".probe-{}", std::process::id()));
	fs::create_dir_all(path)
		.and_then(|()| fs::write(&probe, []))
		.and_then(|()| fs::remove_file(&probe))
		.map_err(|error| format!("cannot write to the base path {}: {error}", path.display()))
}

/// Checks that the keys of a keystore can be read. The SDK takes one that it cannot read for one that is not there:
/// a validator would make no blocks and judge nothing, and say nothing. Files that are no keys, as the SDK names them,
/// do not matter, such as root's `lost+found` on a disk that only keys are on.
pub fn keys_readable(keystore: &KeystoreConfig) -> Result<(), String> {
	let KeystoreConfig::Path { path, .. } = keystore else { return Ok(()) };
	let unreadable = |path: &Path, error: io::Error| {
		format!(
			"cannot read the session keys at {} ({error}): give them to the user who runs the node",
			path.display()
		)
	};
	let entries = match fs::read_dir(path) {
		Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
		entries => entries.map_err(|error| unreadable(path, error))?,
	};
	let is_key = |name: &str| {
		// Its type in four bytes, and the public key.
		name.len() > 8 && name.bytes().all(|digit| digit.is_ascii_hexdigit())
	};
	for entry in entries {
		let entry = entry.map_err(|error| unreadable(path, error))?;
		if entry.file_name().to_str().is_some_and(is_key) {
			let key = entry.path();
			fs::File::open(&key).map_err(|error| unreadable(&key, error))?;
		}
	}
	Ok(())
}

/// Checks that there is a database, because opening a missing one would create it.
pub fn database_there(source: &DatabaseSource) -> Result<(), String> {
	let (path, other) = match source {
		DatabaseSource::Auto { paritydb_path, rocksdb_path, .. } => {
			(Some(paritydb_path.as_path()), Some(rocksdb_path.as_path()))
		}
		other => (other.path(), None),
	};
	match path {
		Some(path) if !path.exists() && !other.is_some_and(Path::exists) => Err(format!(
			"there is no database at {}: give the --chain and the --base-path of a node that has run",
			path.display()
		)),
		_ => Ok(()),
	}
}

/// Checks that every port that the node will listen on is free.
pub fn ports_free(config: &Configuration) -> Result<(), String> {
	match &config.rpc.addr {
		Some(endpoints) => {
			for endpoint in endpoints.iter().filter(|endpoint| !endpoint.is_optional) {
				port_free(endpoint.listen_addr, "RPC", "--rpc-port")?;
			}
		}
		None => {
			let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), config.rpc.port);
			port_free(address, "RPC", "--rpc-port")?;
		}
	}
	for address in config.network.listen_addresses.iter().filter_map(tcp_address) {
		port_free(address, "peers", "--port")?;
	}
	if let Some(prometheus) = &config.prometheus_config {
		port_free(prometheus.port, "Prometheus", "--prometheus-port")?;
	}
	Ok(())
}

fn tcp_address(address: &Multiaddr) -> Option<SocketAddr> {
	let mut parts = address.iter();
	let ip = match parts.next()? {
		Protocol::Ip4(ip) => IpAddr::from(ip),
		Protocol::Ip6(ip) => IpAddr::from(ip),
		_ => return None,
	};
	match parts.next()? {
		Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
		_ => None,
	}
}

fn port_free(address: SocketAddr, purpose: &str, flag: &str) -> Result<(), String> {
	match TcpListener::bind(address) {
		Ok(_) => Ok(()),
		// A machine without IPv6 can still use IPv4.
		Err(_) if address.is_ipv6() && address.ip().is_unspecified() && no_ipv6() => Ok(()),
		Err(error) => Err(format!(
			"cannot listen for {purpose} on {address} ({error}): choose another {flag}"
		)),
	}
}

fn no_ipv6() -> bool {
	TcpListener::bind("[::]:0").is_err()
}

/// Reads the verify service's endpoint.
pub fn verify_endpoint(params: &VerifyParams) -> Result<Option<VerifyEndpoint>, String> {
	let (Some(url), Some(path)) = (&params.verify_url, &params.verify_token_file) else {
		return Ok(None);
	};
	if !(url.starts_with("http://") || url.starts_with("https://")) {
		return Err(format!("--verify-url {url} is not an http:// or https:// address"));
	}
	let token = fs::read_to_string(path)
		.map_err(|error| format!("cannot read the token file {}: {error}", path.display()))?;
	let token = token.trim();
	if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
		return Err(format!("the token file {} holds no token", path.display()));
	}
	Ok(Some(VerifyEndpoint {
		url: url.trim_end_matches('/').as_bytes().to_vec(),
		token: token.as_bytes().to_vec(),
		peer_id: params.verify_peer_id.as_ref().map_or_else(Vec::new, |peer| peer.to_bytes()),
	}))
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A validator whose keys have a disk of their own must start after an upgrade.
	#[test]
	fn only_keys_should_have_to_be_readable_in_a_keystore() {
		let folder = tempfile::tempdir().expect("a folder");
		let path = folder.path().to_path_buf();
		// In place of what belongs to somebody else: root, who may run the tests, reads that.
		let unreadable = |name: &str| {
			std::os::unix::fs::symlink("/nowhere", path.join(name)).expect("a link");
		};
		let keystore = KeystoreConfig::Path { path: path.clone(), password: None };
		for other in ["lost+found", ".#notes", "62616265"] {
			unreadable(other);
		}
		assert_eq!(keys_readable(&keystore), Ok(()));
		unreadable(&format!("62616265{}", "0a".repeat(32)));
		let refused = keys_readable(&keystore).expect_err("a key cannot be read");
		assert!(refused.contains("cannot read the session keys at"), "{refused}");
	}
}
