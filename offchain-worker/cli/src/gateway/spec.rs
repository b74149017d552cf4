//! The chain's specification, for a light client in the page. With it a browser follows the chain itself,
//! from its genesis, through nodes that listen for WebSocket.

use std::{io::Read, path::Path};

use anyhow::{ensure, Context, Result};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde_json::Value;

use super::{packed::Packed, Failure, Shared};

/// The largest specification.
const MOST: u64 = 32 * 1024 * 1024;

/// A specification that can be served.
pub(super) struct Spec {
	text: Packed,
	/// The origins of its boot nodes, to which pages may connect.
	pub(super) origins: Vec<String>,
}

/// The origin of a WebSocket that a multiaddress names, as a page's policy writes it.
fn origin(address: &str) -> Option<String> {
	let parts: Vec<&str> = address.split('/').collect();
	let ["", kind, host, "tcp", port, rest @ ..] = &parts[..] else { return None };
	let scheme = match rest {
		["ws", ..] => "ws",
		["wss", ..] | ["tls", "ws", ..] => "wss",
		_ => return None,
	};
	let port: u16 = port.parse().ok()?;
	match *kind {
		"ip4" => {
			host.parse::<std::net::Ipv4Addr>().ok().map(|ip| format!("{scheme}://{ip}:{port}"))
		}
		"dns" | "dns4" | "dns6" => {
			let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
			(is_name && !host.is_empty()).then(|| format!("{scheme}://{host}:{port}"))
		}
		// A content security policy cannot name an IPv6 address.
		_ => None,
	}
}

impl Spec {
	/// Reads a raw specification of the chain with this genesis block.
	pub(super) fn read(path: &Path) -> Result<Self> {
		let file = std::fs::File::open(path);
		let file = file.with_context(|| format!("cannot read {}", path.display()))?;
		let mut text = String::new();
		file.take(MOST).read_to_string(&mut text)?;
		let spec: Value = serde_json::from_str(&text).with_context(|| {
			format!(
				"{} is no specification of a chain: `livepeer-node export-chain-spec --raw` writes one",
				path.display()
			)
		})?;
		ensure!(
			spec.pointer("/genesis/raw/top").is_some(),
			"{} is not raw: make it by `livepeer-node export-chain-spec --raw`",
			path.display()
		);
		let nodes = spec.get("bootNodes").and_then(Value::as_array).cloned().unwrap_or_default();
		let origins: Vec<_> = nodes.iter().filter_map(Value::as_str).filter_map(origin).collect();
		ensure!(
			!origins.is_empty(),
			"no boot node in {} listens for WebSocket, by which alone browsers connect: such as \
			 /dns/node.example/tcp/443/wss/p2p/PEER",
			path.display()
		);
		Ok(Self { text: Packed::new(text.into_bytes())?, origins })
	}
}

/// The chain's raw specification, by which a light client follows it.
#[utoipa::path(
	get,
	path = "/chain-spec.json",
	tag = "chain",
	responses((status = 200, description = "As nodes read it", body = serde_json::Value, content_type = "application/json"), Failure)
)]
pub(super) async fn chain_spec(
	State(gateway): Shared,
	asked: HeaderMap,
) -> Result<Response, Failure> {
	let none = Failure::NotFound("this gateway has no specification for light clients");
	let spec = gateway.spec.as_ref().ok_or(none)?;
	Ok(spec.text.answer("application/json", "public, max-age=300", &asked))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn only_nodes_that_browsers_reach_should_be_in_the_policy() {
		for (address, expected) in [
			("/ip4/127.0.0.1/tcp/30334/ws/p2p/12D3", Some("ws://127.0.0.1:30334")),
			("/dns/node.example/tcp/443/wss/p2p/12D3", Some("wss://node.example:443")),
			("/dns4/node.example/tcp/443/tls/ws/p2p/12D3", Some("wss://node.example:443")),
			("/ip4/127.0.0.1/tcp/30333/p2p/12D3", None),
			("/dns/x;script-src *//tcp/443/wss/p2p/12D3", None),
			("/dns/x script-src/tcp/443/wss/p2p/12D3", None),
			("/ip4/1.2.3.4/tcp/x/ws", None),
			("", None),
		] {
			assert_eq!(origin(address).as_deref(), expected, "{address}");
		}
	}

	#[test]
	fn specification_should_be_raw_and_have_a_node_for_browsers() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("spec.json");
		let read = |nodes: &str, genesis: &str| {
			let text = format!(r#"{{"bootNodes":[{nodes}],"genesis":{genesis}}}"#);
			std::fs::write(&path, text).unwrap();
			Spec::read(&path)
		};
		let raw = r#"{"raw":{"top":{}}}"#;
		let node = r#""/ip4/127.0.0.1/tcp/30334/ws/p2p/x""#;
		assert_eq!(read(node, raw).unwrap().origins, ["ws://127.0.0.1:30334"]);
		let told = |read: Result<Spec>| read.err().unwrap().to_string();
		assert!(told(read("", raw)).contains("WebSocket"));
		assert!(told(read(node, "{}")).contains("--raw"));
		std::fs::write(&path, "{").unwrap();
		assert!(Spec::read(&path).is_err());
	}
}
