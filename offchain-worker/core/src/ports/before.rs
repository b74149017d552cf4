//! Wrappers around a chain, an engine or a service, with which misbehaving roles and tests change a part of
//! it.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{AssignmentView, ChallengeView, ClaimTerms, JobView, KeysView, TranscoderView},
	claim::ClaimInfo,
	keys::Purpose,
	params::VerificationTerms,
	service::ServiceRecord,
	video::ProfileId,
	AccountId, AssignmentIndex, ClaimId, Hash, JobId, Seq, StreamId, ToolchainId,
};
use tokio::sync::watch;

use super::{
	chain::{At, Call, Chain, ChainError, Free, Head, Limits, Wait},
	engine::{Examined, Format, MediaEngine, MediaError, Transcoded, Variant},
	transport::{
		ChunkRange, Chunks, Playlist, PushReply, Refusal, Service, SignedHeader, SignedPass,
	},
};

/// A chain that wraps another one: it passes everything on, except what it overrides.
#[async_trait]
pub trait BeforeChain: Send + Sync {
	/// The chain that is asked.
	fn behind(&self) -> &dyn Chain;

	/// Comes before each read that waits for an answer.
	async fn before_read(&self) {}

	/// Does what [`Chain::submit`] does.
	async fn pass_on(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		self.behind().submit(call, wait).await
	}
}

#[async_trait]
impl<T: BeforeChain> Chain for T {
	fn genesis(&self) -> Hash {
		self.behind().genesis()
	}

	fn account(&self) -> Option<AccountId> {
		self.behind().account()
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.behind().heads()
	}

	async fn limits(&self) -> Result<Limits, ChainError> {
		self.before_read().await;
		self.behind().limits().await
	}

	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		self.before_read().await;
		self.behind().operator_keys(account, purpose).await
	}

	async fn free(&self, account: &AccountId) -> Result<Free, ChainError> {
		self.before_read().await;
		self.behind().free(account).await
	}

	fn is_for_tests(&self) -> bool {
		self.behind().is_for_tests()
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		self.before_read().await;
		self.behind().transcoder(account).await
	}

	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError> {
		self.before_read().await;
		self.behind().transcoders().await
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		self.before_read().await;
		self.behind().service(account).await
	}

	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError> {
		self.before_read().await;
		self.behind().origin(stream).await
	}

	async fn jobs_of(&self, broadcaster: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.before_read().await;
		self.behind().jobs_of(broadcaster).await
	}

	async fn job(&self, at: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		self.before_read().await;
		self.behind().job(at, id).await
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		self.before_read().await;
		self.behind().job_of_stream(stream).await
	}

	async fn assignment(
		&self,
		at: At,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<AssignmentView>, ChainError> {
		self.before_read().await;
		self.behind().assignment(at, job, assignment).await
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.before_read().await;
		self.behind().assignments(transcoder).await
	}

	async fn claim(&self, at: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		self.before_read().await;
		self.behind().claim(at, id).await
	}

	async fn challenge(&self, at: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		self.before_read().await;
		self.behind().challenge(at, id).await
	}

	async fn claims_of(&self, at: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		self.before_read().await;
		self.behind().claims_of(at, transcoder).await
	}

	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError> {
		self.before_read().await;
		self.behind().claim_terms(job, assignment).await
	}

	async fn job_terms(&self) -> Result<VerificationTerms, ChainError> {
		self.before_read().await;
		self.behind().job_terms().await
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		self.before_read().await;
		self.behind().toolchains().await
	}

	async fn submit(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		self.pass_on(call, wait).await
	}
}

/// A media engine that wraps another one: it passes everything on, except what it overrides.
#[async_trait]
pub trait BeforeEngine: Send + Sync {
	/// The engine that is asked.
	fn behind(&self) -> &dyn MediaEngine;

	/// Does what [`MediaEngine::transcode`] does.
	async fn make(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		self.behind().transcode(format, input, variant).await
	}

	/// Does what [`MediaEngine::examine`] does.
	async fn judge(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		self.behind().examine(format, input, outputs, seed, index).await
	}
}

#[async_trait]
impl<T: BeforeEngine> MediaEngine for T {
	fn toolchain(&self) -> ToolchainId {
		self.behind().toolchain()
	}

	async fn attest(&self) -> Result<ToolchainId, MediaError> {
		self.behind().attest().await
	}

	fn is_replaced(&self) -> bool {
		self.behind().is_replaced()
	}

	fn is_over(&self) -> bool {
		self.behind().is_over()
	}

	fn profiles(&self) -> Vec<ProfileId> {
		self.behind().profiles()
	}

	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError> {
		self.make(format, input, variant).await
	}

	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), MediaError> {
		self.behind().accept(format, input).await
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		self.judge(format, input, outputs, seed, index).await
	}
}

/// A service that wraps another one: it passes everything on, except what it overrides.
#[async_trait]
pub trait BeforeService: Send + Sync {
	/// The service that is asked.
	fn behind(&self) -> &dyn Service;

	/// Does what [`Service::size`] does.
	async fn has(&self, hash: Hash) -> Option<u64> {
		self.behind().size(hash).await
	}

	/// Does what [`Service::chunks`] does.
	async fn give(&self, hash: Hash, range: ChunkRange) -> Option<Chunks> {
		self.behind().chunks(hash, range).await
	}

	/// Does what [`Service::push`] does.
	async fn take(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.behind().push(signed, bytes).await
	}

	/// Does what [`Service::playlist`] does.
	async fn tell(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		self.behind().playlist(stream, from).await
	}
}

#[async_trait]
impl<T: BeforeService> Service for T {
	async fn size(&self, hash: Hash) -> Option<u64> {
		self.has(hash).await
	}

	async fn chunks(&self, hash: Hash, range: ChunkRange) -> Option<Chunks> {
		self.give(hash, range).await
	}

	async fn is_judge(&self, pass: &SignedPass) -> bool {
		self.behind().is_judge(pass).await
	}

	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
		self.behind().admit(signed).await
	}

	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.take(signed, bytes).await
	}

	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		self.tell(stream, from).await
	}

	async fn newest(&self, stream: StreamId) -> Option<SignedHeader> {
		self.behind().newest(stream).await
	}
}
