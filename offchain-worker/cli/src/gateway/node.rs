//! `/chain`: the gateway's node for pages, read-only except for signed transactions.
//!
//! A request is one JSON-RPC object or a list of them over plain HTTP, so no page holds a socket of the node,
//! and an answer for one page serves others from memory. Only listed methods pass; all others are refused
//! before they reach the node. Questions that memory cannot answer are limited per host and second (an IPv6
//! network may ask four times as many), and in number at a time for all hosts together.

use std::{
	collections::{BTreeMap, HashMap},
	net::IpAddr,
	sync::{Arc, Mutex},
	time::Duration,
};

use async_trait::async_trait;
use axum::{
	body::to_bytes,
	extract::{Path, Request, State},
	http::{header, HeaderMap, StatusCode},
	response::{IntoResponse, Response},
};
use livepeer_worker_chain::{Refused, SubxtChain};
use livepeer_worker_core::ports::chain::ChainError;
use livepeer_worker_hosts::{network, RATE_OF_NETWORK};
use serde::Deserialize;
use serde_json::{json, value::RawValue, Value};
use tokio::{
	sync::Semaphore,
	time::{timeout, Instant},
};

use super::{lock, packed::Packed, Failure, Gateway};
use crate::http::{Budget, Client};

/// The longest request, in bytes.
const MAX_REQUEST: usize = 160 * 1024;
/// The most questions of one request.
const MAX_BATCH: usize = 64;
/// The longest answer that is passed on, and the longest that is cached.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Bytes of cached answers.
const MEMORY: usize = 32 * 1024 * 1024;
/// Questions that the node works on at a time.
const AT_A_TIME: usize = 16;
/// How long a request's bytes may take, and how long the node's answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds for which a host may save up unused questions: a page that opens reads many blocks.
const BURST: f64 = 16.0;
/// Questions that a transaction counts as: the node checks its signature.
const COST_OF_TRANSACTION: f64 = 20.0;
/// Questions that metadata counts as, if the gateway does not have it yet.
const COST_OF_METADATA: f64 = 20.0;
/// The most hosts, and networks, whose questions are counted.
const MAX_HOSTS: usize = 4_096;
/// How long the newest block is cached, and how long answers about a certain block.
const OF_HEAD: Duration = Duration::from_millis(400);
const OF_BLOCK: Duration = Duration::from_secs(600);

/// A node that can be asked.
#[async_trait]
pub trait Node: Send + Sync {
	/// Calls a method of the node's RPC; `params` is a JSON array.
	async fn ask(
		&self,
		method: &str,
		params: Box<RawValue>,
	) -> Result<Result<Box<RawValue>, Refused>, ChainError>;
}

#[async_trait]
impl Node for SubxtChain {
	async fn ask(
		&self,
		method: &str,
		params: Box<RawValue>,
	) -> Result<Result<Box<RawValue>, Refused>, ChainError> {
		SubxtChain::ask(self, method, params).await
	}
}

/// How an allowed question is handled.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Allowed {
	/// How long its answer serves others; `None` if it is for its asker only.
	remembered: Option<Duration>,
	cost: f64,
}

fn is_hex(value: &Value, most: usize) -> bool {
	let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
	digits.is_some_and(|digits| {
		digits.len() <= 2 * most
			&& digits.len() % 2 == 0
			&& digits.bytes().all(|byte| byte.is_ascii_hexdigit())
	})
}

fn is_hash(value: &Value) -> bool {
	is_hex(value, 32) && value.as_str().map(str::len) == Some(66)
}

/// Runtime calls that pages use. Others may be costly, such as executing a block.
fn is_read(value: &Value) -> bool {
	const READS: [&str; 5] = [
		"AccountNonceApi_account_nonce",
		"BridgeApi_bridge",
		"Metadata_metadata_at_version",
		"TransactionPaymentApi_query_fee_details",
		"TransactionPaymentApi_query_info",
	];
	value.as_str().is_some_and(|name| {
		let ours = name.strip_prefix("LivepeerApi_");
		let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
		ours.is_some_and(|name| name.len() <= 32 && is_name(name)) || READS.contains(&name)
	})
}

/// Whether a method may be called with these parameters.
fn allowed(method: &str, params: &[Value]) -> Option<Allowed> {
	let of = |remembered| Some(Allowed { remembered, cost: 1.0 });
	let (of_head, of_block) = (of(Some(OF_HEAD)), of(Some(OF_BLOCK)));
	match (method, params) {
		(
			"chain_getHeader"
			| "chain_getFinalizedHead"
			| "state_getRuntimeVersion"
			| "system_health",
			[],
		) => of_head,
		("system_chain" | "system_properties" | "system_name" | "system_version", []) => of_block,
		("chain_getHeader" | "chain_getBlock" | "state_getRuntimeVersion", [hash])
			if is_hash(hash) =>
		{
			of_block
		}
		("chain_getBlockHash", [number]) if number.as_u64() == Some(0) => of_block,
		("chain_getBlockHash", [number]) if number.is_u64() => of_head,
		("state_getStorage", [key, hash]) if is_hex(key, 256) && is_hash(hash) => of_block,
		("state_call", [function, argument, hash])
			if is_read(function) && is_hex(argument, 64 * 1024) && is_hash(hash) =>
		{
			of_block
		}
		("system_accountNextIndex", [Value::String(account)]) if account.len() <= 64 => of(None),
		("author_submitExtrinsic", [transaction]) if is_hex(transaction, 64 * 1024) => {
			Some(Allowed { remembered: None, cost: COST_OF_TRANSACTION })
		}
		_ => None,
	}
}

/// Token buckets by asker.
struct Left {
	/// Questions per second in the long run.
	per_second: f64,
	/// The remaining questions of each, and as of when.
	of: BTreeMap<IpAddr, (f64, Instant)>,
}

impl Left {
	fn new(per_second: u32) -> Self {
		Self { per_second: per_second.max(1).into(), of: BTreeMap::new() }
	}

	/// What an asker may ask now; `None` if too many others are counted.
	fn at(&mut self, who: IpAddr, now: Instant) -> f64 {
		let most = self.per_second * BURST;
		let left = |(left, since): &(f64, Instant)| {
			(left + now.duration_since(*since).as_secs_f64() * self.per_second).min(most)
		};
		if let Some(entry) = self.of.get(&who) {
			return left(entry);
		}
		if self.of.len() >= MAX_HOSTS {
			self.of.retain(|_, entry| left(entry) < most);
		}
		if self.of.len() < MAX_HOSTS {
			most
		} else {
			0.0
		}
	}
}

/// What hosts, and their networks, may still ask the node.
struct Rates {
	hosts: Left,
	networks: Left,
}

impl Rates {
	fn new(per_second: u32) -> Self {
		Self {
			hosts: Left::new(per_second),
			networks: Left::new(per_second.saturating_mul(RATE_OF_NETWORK)),
		}
	}

	/// Counts a question; `false` if the host, or its network, has asked too much.
	fn take(&mut self, host: IpAddr, cost: f64, now: Instant) -> bool {
		let network = network(host);
		let (of_host, of_network) = (self.hosts.at(host, now), self.networks.at(network, now));
		let takes = of_host >= cost && of_network >= cost;
		if takes {
			self.hosts.of.insert(host, (of_host - cost, now));
			self.networks.of.insert(network, (of_network - cost, now));
		}
		takes
	}
}

/// Cached answers.
#[derive(Default)]
struct Memory {
	answers: HashMap<String, (Instant, Arc<RawValue>)>,
	bytes: usize,
}

impl Memory {
	fn get(&self, question: &str, now: Instant) -> Option<Arc<RawValue>> {
		let (until, answer) = self.answers.get(question)?;
		(now < *until).then(|| answer.clone())
	}

	fn put(&mut self, question: String, answer: Arc<RawValue>, until: Instant, now: Instant) {
		let size = |question: &String, answer: &RawValue| question.len() + answer.get().len() + 128;
		let bytes = size(&question, &answer);
		if bytes > MEMORY / 4 {
			return;
		}
		if self.bytes + bytes > MEMORY {
			self.answers.retain(|_, (until, _)| now < *until);
			self.bytes = self.answers.iter().map(|(q, (_, a))| size(q, a)).sum();
			if self.bytes + bytes > MEMORY {
				self.answers.clear();
				self.bytes = 0;
			}
		}
		self.bytes += bytes;
		if let Some((_, old)) = self.answers.insert(question.clone(), (until, answer)) {
			self.bytes = self.bytes.saturating_sub(size(&question, &old));
		}
	}
}

/// The node as pages see it.
pub(super) struct Door {
	node: Arc<dyn Node>,
	places: Semaphore,
	rates: Mutex<Rates>,
	memory: Mutex<Memory>,
	/// The newest metadata that was requested, with its runtime version.
	metadata: Mutex<Option<(u32, Packed)>>,
	/// Held while the node is asked for metadata.
	asking: tokio::sync::Mutex<()>,
}

/// One question. Its parameters are parsed when its turn comes: as text they take no more memory than the
/// request.
#[derive(Deserialize)]
struct Question {
	#[serde(default)]
	id: Option<serde_json::Number>,
	method: String,
	params: Option<Box<RawValue>>,
}

const NOT_ALLOWED: (i32, &str) = (-32_601, "not a method that this gateway passes on");
const TOO_MUCH: (i32, &str) = (-32_005, "too much was asked; try again in a moment");
const AWAY: (i32, &str) = (-32_000, "the node does not answer");
const TOO_LONG: (i32, &str) = (-32_008, "the answer is too long");

fn error(id: &Option<serde_json::Number>, (code, message): (i32, &str)) -> String {
	json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
}

impl Door {
	/// A door to `node` with this many questions per second and host.
	pub fn new(node: Arc<dyn Node>, per_second: u32) -> Self {
		Self {
			node,
			places: Semaphore::new(AT_A_TIME),
			rates: Mutex::new(Rates::new(per_second)),
			memory: Mutex::default(),
			metadata: Mutex::default(),
			asking: tokio::sync::Mutex::default(),
		}
	}

	async fn answer(&self, Client(host): Client, question: Question) -> String {
		let Question { id, method, params } = question;
		let params: Result<Vec<Value>, _> =
			params.as_ref().map_or(Ok(Vec::new()), |params| serde_json::from_str(params.get()));
		let Ok(params) = params else { return error(&id, NOT_ALLOWED) };
		let Some(allowed) = allowed(&method, &params) else { return error(&id, NOT_ALLOWED) };
		let params = Value::Array(params).to_string();
		let key = format!("{method}{params}");
		let known = || lock(&self.memory).get(&key, Instant::now());
		let told = |answer: &RawValue| {
			let id = json!(id);
			format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{}}}", answer.get())
		};
		if let Some(answer) = known() {
			return told(&answer);
		}
		if !lock(&self.rates).take(host, allowed.cost, Instant::now()) {
			return error(&id, TOO_MUCH);
		}
		let Ok(Ok(_place)) = timeout(PATIENCE, self.places.acquire()).await else {
			return error(&id, TOO_MUCH);
		};
		// Somebody else may have asked the same meanwhile.
		if let Some(answer) = known() {
			return told(&answer);
		}
		let Ok(params) = RawValue::from_string(params) else { return error(&id, NOT_ALLOWED) };
		let answer = match timeout(PATIENCE, self.node.ask(&method, params)).await {
			Ok(Ok(Ok(answer))) => answer,
			Ok(Ok(Err(Refused { code, message, data }))) => {
				let error = json!({ "code": code, "message": message, "data": data });
				return json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string();
			}
			Ok(Err(failure)) => {
				tracing::debug!(%failure, "a page's question was not answered");
				return error(&id, AWAY);
			}
			Err(_) => return error(&id, AWAY),
		};
		if answer.get().len() > MAX_ANSWER {
			return error(&id, TOO_LONG);
		}
		let told = told(&answer);
		if let Some(remembered) = allowed.remembered.filter(|_| answer.get() != "null") {
			let now = Instant::now();
			lock(&self.memory).put(key, answer.into(), now + remembered, now);
		}
		told
	}
}

/// Asks the gateway's node by JSON-RPC, one question or up to 64: reads and signed transactions only.
#[utoipa::path(
	post,
	path = "/chain",
	tag = "chain",
	request_body(content = serde_json::Value, content_type = "application/json", description = "JSON-RPC 2.0"),
	responses(
		(status = 200, description = "JSON-RPC 2.0", body = serde_json::Value, content_type = "application/json"),
		(status = 400, description = "Not such a request", body = String, content_type = "text/plain"),
		Failure
	)
)]
pub(super) async fn ask(
	State(gateway): State<Arc<Gateway>>,
	client: Client,
	request: Request,
) -> Result<Response, Failure> {
	let door = gateway.door.as_ref().ok_or(Failure::NotFound("no node is served here"))?;
	let bytes = timeout(PATIENCE, to_bytes(request.into_body(), MAX_REQUEST)).await;
	let Ok(Ok(bytes)) = bytes else { return Err(Failure::BadRequest("too long, or too slow")) };
	// The memory that it takes while it is answered.
	let _held = gateway.memory.take(client, 2 * bytes.len()).ok_or(Failure::Full)?;
	let malformed = |_| Failure::BadRequest("not a JSON-RPC request");
	let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
	let text = if is_list {
		let questions: Vec<Question> = serde_json::from_slice(&bytes).map_err(malformed)?;
		if questions.len() > MAX_BATCH {
			return Err(Failure::BadRequest("too many questions in one request"));
		}
		door.answers(client, questions, &gateway.memory).await?
	} else {
		door.answer(client, serde_json::from_slice(&bytes).map_err(malformed)?).await
	};
	let held = gateway.memory.take(client, text.len()).ok_or(Failure::Full)?;
	let headers = [
		(header::CONTENT_TYPE, "application/json"),
		(header::CACHE_CONTROL, "no-store"),
		(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
	];
	Ok((StatusCode::OK, headers, held.body(text.into_bytes())).into_response())
}

/// The runtime's metadata of the version that pages read, as the runtime returns it: an option of bytes. It
/// is many times as large as other answers, and the same for everybody.
#[utoipa::path(
	get,
	path = "/chain/metadata/{version}",
	tag = "chain",
	params(("version" = u32, Path, description = "The runtime's `specVersion`")),
	responses(
		(status = 200, description = "SCALE", body = Vec<u8>, content_type = "application/octet-stream"),
		Failure
	)
)]
pub(super) async fn metadata(
	State(gateway): State<Arc<Gateway>>,
	client: Client,
	Path(version): Path<u32>,
	asked: HeaderMap,
) -> Result<Response, Failure> {
	let door = gateway.door.as_ref().ok_or(Failure::NotFound("no node is served here"))?;
	let packed = door.metadata(client, version).await?;
	Ok(packed.answer("application/octet-stream", "no-cache", &asked))
}

impl Door {
	/// The answers to a list of questions, as a list. Answers that wait for later ones have memory of their
	/// own, because one may be long and the next one slow.
	async fn answers(
		&self,
		client: Client,
		questions: Vec<Question>,
		memory: &Budget,
	) -> Result<String, Failure> {
		let mut text = String::from("[");
		let mut held = Vec::new();
		for question in questions {
			if text.len() > 1 {
				text.push(',');
			}
			let answer = self.answer(client, question).await;
			text += &answer;
			if text.len() > MAX_ANSWER {
				return Err(Failure::BadRequest("the answers are too long together"));
			}
			held.push(memory.take(client, answer.len()).ok_or(Failure::Full)?);
		}
		Ok(text + "]")
	}

	/// An answer for the gateway itself.
	async fn value(&self, method: &str, params: Value) -> Result<Value, Failure> {
		let params = RawValue::from_string(params.to_string());
		let params = params.map_err(|error| Failure::Internal(error.to_string()))?;
		let asked = timeout(PATIENCE, self.node.ask(method, params)).await;
		let answer = asked.map_err(|_| Failure::Upstream("the node is slow".into()))?;
		let answer = answer.map_err(|error| {
			tracing::debug!(%error, "the node gave no answer");
			Failure::Upstream("the node does not answer".into())
		})?;
		let answer = answer.map_err(|refused| Failure::Upstream(refused.message))?;
		if answer.get().len() > MAX_ANSWER {
			return Err(Failure::Upstream("the answer is too long".into()));
		}
		serde_json::from_str(answer.get()).map_err(|error| Failure::Upstream(error.to_string()))
	}

	/// The metadata of the runtime of this version, if it is the chain's; the node is asked once.
	async fn metadata(&self, Client(host): Client, version: u32) -> Result<Packed, Failure> {
		let known = || {
			let newest = lock(&self.metadata);
			newest.as_ref().filter(|(of, _)| *of == version).map(|(_, packed)| packed.clone())
		};
		// Known metadata does not wait for requests for another version.
		if let Some(packed) = known() {
			return Ok(packed);
		}
		if !lock(&self.rates).take(host, COST_OF_METADATA, Instant::now()) {
			return Err(Failure::Busy);
		}
		let turn = timeout(PATIENCE, self.asking.lock()).await;
		let _turn = turn.map_err(|_| Failure::Busy)?;
		// Somebody else may have asked the same meanwhile.
		if let Some(packed) = known() {
			return Ok(packed);
		}
		let head = self.value("chain_getFinalizedHead", json!([])).await?;
		let runs = self.value("state_getRuntimeVersion", json!([head])).await?;
		if runs["specVersion"] != version {
			return Err(Failure::NotFound("the chain's runtime has another version"));
		}
		let call = json!(["Metadata_metadata_at_version", "0x0f000000", head]);
		let answer = self.value("state_call", call).await?;
		let digits = answer.as_str().and_then(|text| text.strip_prefix("0x"));
		let bytes = digits.and_then(|digits| hex::decode(digits).ok());
		let bytes = bytes.ok_or_else(|| Failure::Upstream("the node has no metadata".into()))?;
		let packed = super::blocking(move || Packed::new(bytes)).await?;
		let packed = packed.map_err(|error| Failure::Internal(error.to_string()))?;
		*lock(&self.metadata) = Some((version, packed.clone()));
		Ok(packed)
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn may(method: &str, params: Value) -> bool {
		allowed(method, params.as_array().unwrap()).is_some()
	}

	#[test]
	fn only_reads_and_signed_transactions_should_be_passed_on() {
		let hash = format!("0x{}", "ab".repeat(32));
		assert!(may("chain_getHeader", json!([])) && may("chain_getHeader", json!([hash])));
		assert!(may("chain_getBlockHash", json!([7])));
		assert!(may("state_getStorage", json!(["0x26aa", hash])));
		assert!(may("state_call", json!(["LivepeerApi_pool", "0x", hash])));
		assert!(may("state_call", json!(["BridgeApi_bridge", "0x", hash])));
		assert!(may("author_submitExtrinsic", json!(["0x00"])));
		for (method, params) in [
			("author_rotateKeys", json!([])),
			("author_insertKey", json!(["babe", "x", "0x00"])),
			("author_submitAndWatchExtrinsic", json!(["0x00"])),
			("chain_subscribeNewHeads", json!([])),
			("chain_getBlockHash", json!([[1, 2, 3]])),
			("state_getPairs", json!(["0x", hash])),
			("state_traceBlock", json!([hash])),
			("state_call", json!(["Core_execute_block", "0x", hash])),
			("state_call", json!(["LivepeerApi_pool/..", "0x", hash])),
			("state_call", json!(["BridgeApi_message", "0x", hash])),
			("state_call", json!(["LivepeerApi_pool", "0x"])),
			("state_getStorage", json!([format!("0x{}", "00".repeat(257)), hash])),
			("state_getStorage", json!(["26aa", hash])),
			("system_addReservedPeer", json!(["/ip4/1.2.3.4"])),
			("system_dryRun", json!(["0x00"])),
			("author_submitExtrinsic", json!([format!("0x{}", "00".repeat(70_000))])),
		] {
			assert!(!may(method, params), "{method}");
		}
	}

	#[test]
	fn host_that_asks_without_end_should_wait_and_no_other() {
		let mut rates = Rates::new(60);
		let now = Instant::now();
		let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
		let taken = (0..5_000).filter(|_| rates.take(one, 1.0, now)).count();
		assert_eq!(taken, 60 * BURST as usize);
		assert!(rates.take(other, 1.0, now));
		let later = now + Duration::from_secs(2);
		let taken = (0..5_000).filter(|_| rates.take(one, 1.0, later)).count();
		assert_eq!(taken, 120);
		for host in 0..2 * MAX_HOSTS as u32 {
			rates.take(IpAddr::from(host.to_be_bytes()), 1.0, later);
		}
		assert!(rates.hosts.of.len() <= MAX_HOSTS && rates.networks.of.len() <= MAX_HOSTS);
	}

	/// The owner of a site's IPv6 network has 65,536 hosts, and asks from each.
	#[test]
	fn attack_questions_of_many_hosts_of_one_site() {
		let mut rates = Rates::new(60);
		let now = Instant::now();
		let of_site = |n: u16| IpAddr::from([0x2001, 0xdb8, 7, n, 0, 0, 0, 0]);
		let taken = (0..20_000).filter(|n| rates.take(of_site(*n), 1.0, now)).count();
		assert_eq!(taken, 4 * 60 * BURST as usize, "as four hosts");
		assert!(rates.take(IpAddr::from([192, 0, 2, 1]), 1.0, now));
	}

	#[test]
	fn answers_should_be_remembered_within_bounds_and_for_their_time() {
		let mut memory = Memory::default();
		let now = Instant::now();
		let answer = |len: usize| -> Arc<RawValue> {
			RawValue::from_string(format!("\"{}\"", "x".repeat(len))).unwrap().into()
		};
		memory.put("a".into(), answer(10), now + OF_HEAD, now);
		assert!(memory.get("a", now).is_some());
		assert!(memory.get("a", now + OF_HEAD).is_none());
		for place in 0..100 {
			memory.put(place.to_string(), answer(MEMORY / 10), now + OF_BLOCK, now);
			assert!(memory.bytes <= MEMORY);
		}
		memory.put("long".into(), answer(MEMORY / 2), now + OF_BLOCK, now);
		assert!(memory.get("long", now).is_none());
	}

	/// Counts what it is asked, and answers with that.
	struct Counting(Mutex<u32>);

	#[async_trait]
	impl Node for Counting {
		async fn ask(
			&self,
			_: &str,
			_: Box<RawValue>,
		) -> Result<Result<Box<RawValue>, Refused>, ChainError> {
			let mut count = lock(&self.0);
			*count += 1;
			Ok(Ok(RawValue::from_string(count.to_string()).unwrap()))
		}
	}

	/// A node whose runtime has version 7.
	struct Seven(Mutex<u32>);

	#[async_trait]
	impl Node for Seven {
		async fn ask(
			&self,
			method: &str,
			_: Box<RawValue>,
		) -> Result<Result<Box<RawValue>, Refused>, ChainError> {
			*lock(&self.0) += 1;
			let answer = match method {
				"chain_getFinalizedHead" => json!("0xab"),
				"state_getRuntimeVersion" => json!({ "specVersion": 7 }),
				_ => json!("0x01080102"),
			};
			Ok(Ok(RawValue::from_string(answer.to_string()).unwrap()))
		}
	}

	#[tokio::test]
	async fn metadata_should_be_asked_for_once_and_of_the_runtime_that_runs() {
		let node = Arc::new(Seven(Mutex::new(0)));
		let door = Door::new(node.clone(), 2);
		let client = |last| Client(IpAddr::from([192, 0, 2, last]));
		assert!(matches!(door.metadata(client(1), 8).await, Err(Failure::NotFound(_))));
		for (last, packed) in [(2, true), (3, false)] {
			let headers = HeaderMap::from_iter(
				packed.then(|| (header::ACCEPT_ENCODING, "gzip".parse().unwrap())),
			);
			let answer =
				door.metadata(client(last), 7).await.unwrap().answer("x/y", "no-cache", &headers);
			assert_eq!(answer.headers().contains_key(header::CONTENT_ENCODING), packed);
			let bytes = to_bytes(answer.into_body(), 1_000).await.unwrap();
			assert_eq!(bytes[..] == [1, 8, 1, 2], !packed);
		}
		assert_eq!(*lock(&node.0), 2 + 3, "asked for once");
		// A client that keeps asking for other versions waits, and still gets the known one.
		let other = async || door.metadata(client(4), 9).await.err();
		assert!(matches!(other().await, Some(Failure::NotFound(_))));
		assert!(matches!(other().await, Some(Failure::Busy)), "it costs more than he may ask");
		assert!(door.metadata(client(4), 7).await.is_ok());
	}

	/// Answers one question at length, and the next one not at all.
	struct Slow;

	#[async_trait]
	impl Node for Slow {
		async fn ask(
			&self,
			method: &str,
			_: Box<RawValue>,
		) -> Result<Result<Box<RawValue>, Refused>, ChainError> {
			if method != "state_getStorage" {
				std::future::pending::<()>().await;
			}
			Ok(Ok(RawValue::from_string(json!("0".repeat(100_000)).to_string()).unwrap()))
		}
	}

	/// Lists that have a long answer each, and wait for another one.
	#[tokio::test]
	async fn attack_long_answers_that_wait_for_others() {
		let door = Door::new(Arc::new(Slow), 60);
		let memory = Budget::new(150_000, 150_000);
		let hash = format!("0x{}", "ab".repeat(32));
		let ask = || {
			let question = |method: &str, params: Value| Question {
				id: None,
				method: method.into(),
				params: Some(RawValue::from_string(params.to_string()).unwrap()),
			};
			let questions = vec![
				question("state_getStorage", json!(["0x3a636f6465", hash])),
				question("system_health", json!([])),
			];
			door.answers(Client(IpAddr::from([192, 0, 2, 1])), questions, &memory)
		};
		let mut first = std::pin::pin!(ask());
		assert!(timeout(Duration::from_millis(200), &mut first).await.is_err(), "it waits");
		let second = timeout(Duration::from_secs(5), ask()).await;
		assert!(matches!(second, Ok(Err(Failure::Full))), "there is no room for both");
	}

	/// Requests for missing metadata reach the node one at a time.
	#[tokio::test]
	async fn attack_metadata_kept_from_pages_by_questions_for_other_versions() {
		let door = Door::new(Arc::new(Seven(Mutex::new(0))), 60);
		let client = Client(IpAddr::from([192, 0, 2, 1]));
		assert!(door.metadata(client, 7).await.is_ok());
		let _asks = door.asking.lock().await;
		let known = timeout(Duration::from_secs(1), door.metadata(client, 7)).await;
		assert!(known.is_ok_and(|known| known.is_ok()));
	}

	#[tokio::test]
	async fn node_should_be_asked_once_for_what_all_pages_ask() {
		let door = Door::new(Arc::new(Counting(Mutex::new(0))), 60);
		let client = Client(IpAddr::from([192, 0, 2, 1]));
		let ask = |method: &str, params: Value| {
			let params = Some(RawValue::from_string(params.to_string()).unwrap());
			let question = Question { id: Some(5.into()), method: method.into(), params };
			door.answer(client, question)
		};
		let hash = format!("0x{}", "ab".repeat(32));
		let first = ask("chain_getBlock", json!([hash])).await;
		assert_eq!(first, r#"{"jsonrpc":"2.0","id":5,"result":1}"#);
		assert_eq!(ask("chain_getBlock", json!([hash])).await, first);
		assert!(ask("author_submitExtrinsic", json!(["0x00"])).await.contains(":2}"));
		assert!(ask("author_submitExtrinsic", json!(["0x00"])).await.contains(":3}"));
		assert!(ask("author_rotateKeys", json!([])).await.contains("-32601"));
		assert!(ask("chain_getBlock", json!([hash])).await == first);
	}
}
