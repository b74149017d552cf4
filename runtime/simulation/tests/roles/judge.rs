//! A validator that judges: its node runs the runtime's own off-chain worker after each block, and that asks the
//! verify role.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use codec::{Decode, Encode};
use livepeer_primitives::{
	keys::VERIFIER,
	offchain::{
		Finalized, ToolchainsQuestion, VerifyEndpoint, VerifyStatus, VerifyTask, FINALIZED,
		TOOLCHAINS_PATH, VERIFY_ENDPOINT, VERIFY_PATH,
	},
	verdict::{Evidence, MismatchKind, Verdict},
	Hash,
};
use livepeer_runtime::UncheckedExtrinsic;
use livepeer_worker_core::{ports::clock::Clock, roles::verify::VerifyRole};
use sp_core::{
	offchain::{
		testing::{TestOffchainExt, TestTransactionPoolExt},
		DbExternalities, Externalities, HttpError, HttpRequestId, HttpRequestStatus, OffchainDbExt,
		OffchainWorkerExt, OpaqueNetworkState, StorageKind, Timestamp, TransactionPoolExt,
	},
	OpaquePeerId,
};
use sp_keystore::{testing::MemoryKeystore, Keystore, KeystoreExt};

use crate::{
	chain::{lock, Ledger},
	faults::Machine,
};

/// How a judge judges: what its service says of a task of which the role says this.
pub struct Judging {
	/// Its name.
	pub name: &'static str,
	/// What the node is told.
	pub says: fn(&VerifyTask, VerifyStatus) -> VerifyStatus,
}

/// Whoever does what it should.
pub static HONEST: Judging = Judging { name: "honest", says: |_, status| status };

/// Judges that cheat.
pub static CHEATS: [Judging; 3] = [
	Judging { name: "lazy", says: |task, _| made_up(task) },
	Judging { name: "silent", says: |_, _| VerifyStatus::Working },
	Judging { name: "lying", says: |_, status| lied(status) },
];

/// All is right, and the evidence is any.
fn made_up(task: &VerifyTask) -> VerifyStatus {
	let verdicts = vec![Verdict::Valid; task.leaves.len()];
	let evidence = Evidence { recipe: 1, hash: Hash::repeat_byte(0xee) };
	VerifyStatus::Done { verdicts: verdicts.try_into().expect("few leaves"), evidence }
}

/// The contrary of what is true.
fn lied(status: VerifyStatus) -> VerifyStatus {
	let lie = |verdict: &Verdict| match verdict {
		Verdict::Valid => Verdict::Mismatch(MismatchKind::Video),
		_ => Verdict::Valid,
	};
	match status {
		VerifyStatus::Done { verdicts, evidence } => {
			let lies: Vec<Verdict> = verdicts.iter().map(lie).collect();
			VerifyStatus::Done { verdicts: lies.try_into().expect("as many"), evidence }
		}
		other => other,
	}
}

/// Where nodes find their verify service.
const URL: &str = "http://service";

/// The role of a machine that is on.
pub type Service = Arc<Mutex<Option<VerifyRole>>>;

/// The node of a judge.
pub struct Node {
	machine: Arc<Machine>,
	judging: &'static Judging,
	service: Service,
	database: TestOffchainExt,
	keys: MemoryKeystore,
}

impl Node {
	/// The node beside a machine, whose key judges too.
	pub fn new(
		machine: Arc<Machine>,
		secret: &str,
		judging: &'static Judging,
		service: Service,
	) -> Self {
		let keys = MemoryKeystore::new();
		keys.sr25519_generate_new(VERIFIER, Some(secret)).expect("it is a path");
		let (mut database, _) = TestOffchainExt::new();
		let endpoint = VerifyEndpoint {
			url: URL.into(),
			token: b"token".to_vec(),
			peer_id: machine.name.as_bytes().to_vec(),
		};
		put(&mut database, VERIFY_ENDPOINT, &endpoint);
		Self { machine, judging, service, database, keys }
	}

	/// What a node does after each new best block. Its transactions are in the next one, unless they are lost.
	pub fn run(&self, ledger: &Ledger) {
		let head = *ledger.heads().borrow();
		let mut database = self.database.clone();
		let finalized = Finalized { number: head.finalized, hash: head.finalized_hash };
		put(&mut database, FINALIZED, &finalized);
		let host = Host {
			machine: self.machine.clone(),
			judging: self.judging,
			service: lock(&self.service).clone(),
			exchanges: BTreeMap::new(),
		};
		let (pool, sent) = TestTransactionPoolExt::new();
		ledger.with(|world| {
			world.off_chain(
				OffchainDbExt::new(database),
				OffchainWorkerExt::new(host),
				TransactionPoolExt::new(pool),
				KeystoreExt::new(self.keys.clone()),
			);
		});
		let sent = std::mem::take(&mut sent.write().transactions);
		for bytes in sent.iter().filter(|_| self.machine.line.carries_now()) {
			let extrinsic = UncheckedExtrinsic::decode(&mut &bytes[..]).expect("it is one");
			// The worker reads in the next block what became of it.
			drop(ledger.send(None, extrinsic.function));
		}
	}
}

/// Writes into a node's database.
fn put(database: &mut TestOffchainExt, key: &[u8], value: &impl Encode) {
	let kind = StorageKind::PERSISTENT;
	DbExternalities::local_storage_set(database, kind, key, &value.encode());
}

/// A question to the verify service, and how much of the answer was read.
#[derive(Default)]
struct Exchange {
	path: String,
	body: Vec<u8>,
	answer: Option<(u16, Vec<u8>)>,
	read: usize,
}

/// What a node does for its off-chain worker: it asks the verify role in this process, which answers at once.
struct Host {
	machine: Arc<Machine>,
	judging: &'static Judging,
	service: Option<VerifyRole>,
	exchanges: BTreeMap<HttpRequestId, Exchange>,
}

impl Host {
	/// The answer to a question, with its status; `None` while the service is off.
	fn answer(&self, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
		let role = self.service.as_ref()?;
		Some(match path {
			VERIFY_PATH => {
				let task = VerifyTask::decode(&mut &body[..]).expect("it is a task");
				match role.post(task.clone()) {
					Ok(status) => (200, (self.judging.says)(&task, status).encode()),
					Err(_) => (503, Vec::new()),
				}
			}
			TOOLCHAINS_PATH => {
				let question = ToolchainsQuestion::decode(&mut &body[..]);
				(200, role.toolchains(question.expect("it is a question")).encode())
			}
			_ => (404, Vec::new()),
		})
	}
}

impl Externalities for Host {
	fn is_validator(&self) -> bool {
		true
	}

	fn network_state(&self) -> Result<OpaqueNetworkState, ()> {
		Err(())
	}

	fn timestamp(&mut self) -> Timestamp {
		Timestamp::from_unix_millis(self.machine.clock.wall_ms())
	}

	fn sleep_until(&mut self, _: Timestamp) {}

	fn random_seed(&mut self) -> [u8; 32] {
		self.machine.line.salt()
	}

	fn http_request_start(&mut self, _: &str, url: &str, _: &[u8]) -> Result<HttpRequestId, ()> {
		let id = HttpRequestId(self.exchanges.len() as u16);
		let path = url.strip_prefix(URL).ok_or(())?.to_owned();
		self.exchanges.insert(id, Exchange { path, ..Default::default() });
		Ok(id)
	}

	fn http_request_add_header(&mut self, _: HttpRequestId, _: &str, _: &str) -> Result<(), ()> {
		Ok(())
	}

	fn http_request_write_body(
		&mut self,
		id: HttpRequestId,
		chunk: &[u8],
		_: Option<Timestamp>,
	) -> Result<(), HttpError> {
		let exchange = self.exchanges.get_mut(&id).ok_or(HttpError::Invalid)?;
		exchange.body.extend(chunk);
		if !chunk.is_empty() {
			return Ok(());
		}
		let (path, body) = (exchange.path.clone(), std::mem::take(&mut exchange.body));
		let answer = self.answer(&path, &body).ok_or(HttpError::IoError)?;
		let exchange = self.exchanges.get_mut(&id).ok_or(HttpError::Invalid)?;
		exchange.answer = Some(answer);
		Ok(())
	}

	fn http_response_wait(
		&mut self,
		ids: &[HttpRequestId],
		_: Option<Timestamp>,
	) -> Vec<HttpRequestStatus> {
		let status = |id: &HttpRequestId| match self
			.exchanges
			.get(id)
			.and_then(|known| known.answer.as_ref())
		{
			Some((code, _)) => HttpRequestStatus::Finished(*code),
			None => HttpRequestStatus::IoError,
		};
		ids.iter().map(status).collect()
	}

	fn http_response_headers(&mut self, _: HttpRequestId) -> Vec<(Vec<u8>, Vec<u8>)> {
		Vec::new()
	}

	fn http_response_read_body(
		&mut self,
		id: HttpRequestId,
		buffer: &mut [u8],
		_: Option<Timestamp>,
	) -> Result<usize, HttpError> {
		let exchange = self.exchanges.get_mut(&id).ok_or(HttpError::Invalid)?;
		let (_, answer) = exchange.answer.as_ref().ok_or(HttpError::Invalid)?;
		let rest = &answer[exchange.read..];
		let count = rest.len().min(buffer.len());
		buffer[..count].copy_from_slice(&rest[..count]);
		exchange.read += count;
		Ok(count)
	}

	fn set_authorized_nodes(&mut self, _: Vec<OpaquePeerId>, _: bool) {}
}
