//! Transcoders that keep back what they owe: the bytes from judges, or the leaves from the chain.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, PoisonError},
	time::{Duration, Instant},
};

use async_trait::async_trait;
use livepeer_primitives::{
	api::{ChallengeView, ClaimTerms, JobView, KeysView, TranscoderView},
	claim::ClaimInfo,
	keys::Purpose,
	params::VerificationTerms,
	receipt::TranscodeResult,
	service::ServiceRecord,
	AccountId, AssignmentIndex, ClaimId, Hash, JobId, Seq, StreamId, ToolchainId,
};
use livepeer_worker_core::ports::{
	chain::{At, Call, Chain, ChainError, Free, Head, Limits, Wait},
	transport::{Playlist, PushReply, Refusal, Service, SignedHeader, SignedPass},
};
use sp_core::H256;
use tokio::sync::watch;

/// How long outputs are served: long enough for the broadcaster, which fetches at once.
const SERVED: Duration = Duration::from_secs(15);

/// Serves who pays; whoever comes later, as judges do, gets nothing, or something else.
pub struct Withholding {
	honest: Arc<dyn Service>,
	/// Whether who comes later gets bytes, but not those that were signed.
	garbles: bool,
	/// Outputs, and when they were made.
	made: Mutex<BTreeMap<H256, Instant>>,
}

impl Withholding {
	pub fn new(honest: Arc<dyn Service>, garbles: bool) -> Self {
		Self { honest, garbles, made: Mutex::default() }
	}

	fn is_new(&self, hash: H256) -> bool {
		let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
		made.get(&hash).is_some_and(|at| at.elapsed() < SERVED)
	}
}

#[async_trait]
impl Service for Withholding {
	async fn size(&self, hash: H256) -> Option<u64> {
		if !self.garbles && !self.is_new(hash) {
			return None;
		}
		self.honest.size(hash).await
	}

	async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
		let is_new = self.is_new(hash);
		if !self.garbles && !is_new {
			return None;
		}
		let mut bytes = self.honest.fetch(hash).await?;
		if let Some(first) = bytes.first_mut().filter(|_| !is_new) {
			*first ^= 1;
		}
		Some(bytes)
	}

	async fn is_judge(&self, pass: &SignedPass) -> bool {
		self.honest.is_judge(pass).await
	}

	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
		self.honest.admit(signed).await
	}

	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		let reply = self.honest.push(signed, bytes).await;
		if let PushReply::Done { receipt, .. } = &reply {
			if let TranscodeResult::Transcoded(outputs) = &receipt.result {
				let now = Instant::now();
				let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
				made.retain(|_, at| at.elapsed() < SERVED);
				made.extend(outputs.iter().flatten().map(|output| (output.hash, now)));
			}
		}
		reply
	}

	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		self.honest.playlist(stream, from).await
	}

	async fn newest(&self, stream: StreamId) -> Option<SignedHeader> {
		self.honest.newest(stream).await
	}
}

/// Sends everything but the leaves that are drawn.
pub struct Unrevealing(pub Arc<dyn Chain>);

#[async_trait]
impl Chain for Unrevealing {
	fn genesis(&self) -> Hash {
		self.0.genesis()
	}

	fn account(&self) -> Option<AccountId> {
		self.0.account()
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.0.heads()
	}

	async fn limits(&self) -> Result<Limits, ChainError> {
		self.0.limits().await
	}

	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		self.0.operator_keys(account, purpose).await
	}

	async fn free(&self, account: &AccountId) -> Result<Free, ChainError> {
		self.0.free(account).await
	}

	fn is_for_tests(&self) -> bool {
		self.0.is_for_tests()
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		self.0.transcoder(account).await
	}

	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError> {
		self.0.transcoders().await
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		self.0.service(account).await
	}

	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError> {
		self.0.origin(stream).await
	}

	async fn origins(&self) -> Result<Vec<StreamId>, ChainError> {
		self.0.origins().await
	}

	async fn job(&self, at: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		self.0.job(at, id).await
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		self.0.job_of_stream(stream).await
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.0.assignments(transcoder).await
	}

	async fn claim(&self, at: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		self.0.claim(at, id).await
	}

	async fn challenge(&self, at: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		self.0.challenge(at, id).await
	}

	async fn claims_of(&self, at: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		self.0.claims_of(at, transcoder).await
	}

	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError> {
		self.0.claim_terms(job, assignment).await
	}

	async fn job_terms(&self) -> Result<VerificationTerms, ChainError> {
		self.0.job_terms().await
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		self.0.toolchains().await
	}

	async fn submit(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		match call {
			Call::RevealLeaf { .. } => Ok(()),
			call => self.0.submit(call, wait).await,
		}
	}
}
