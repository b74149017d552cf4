//! The chain's calls, reads and storage as types that subxt generates from `metadata.scale`.
//!
//! Types of the protocol are those of `livepeer-primitives` in [`subxt::utils::Static`], which encodes them
//! directly. A test of [`crate::metadata`] asserts that they have the metadata's shape; the live chain's
//! shape is compared when the worker connects.

#[subxt::subxt(
	runtime_metadata_path = "metadata.scale",
	substitute_type(
		path = "bounded_collections::bounded_vec::BoundedVec<T>",
		with = "::std::vec::Vec<T>"
	),
	substitute_type(
		path = "sp_core::crypto::AccountId32",
		with = "::subxt::utils::Static<::livepeer_primitives::AccountId>"
	),
	substitute_type(
		path = "sp_arithmetic::per_things::Perbill",
		with = "::subxt::utils::Static<::sp_runtime::Perbill>"
	),
	substitute_type(
		path = "livepeer_primitives::video::Rendition",
		with = "::subxt::utils::Static<::livepeer_primitives::video::Rendition>"
	),
	substitute_type(
		path = "livepeer_primitives::video::SourceLimits",
		with = "::subxt::utils::Static<::livepeer_primitives::video::SourceLimits>"
	),
	substitute_type(
		path = "livepeer_primitives::service::ServiceRecord",
		with = "::subxt::utils::Static<::livepeer_primitives::service::ServiceRecord>"
	),
	substitute_type(
		path = "livepeer_primitives::segment::SegmentHeader",
		with = "::subxt::utils::Static<::livepeer_primitives::segment::SegmentHeader>"
	),
	substitute_type(
		path = "livepeer_primitives::receipt::Receipt",
		with = "::subxt::utils::Static<::livepeer_primitives::receipt::Receipt>"
	),
	substitute_type(
		path = "livepeer_primitives::leaf::Leaf",
		with = "::subxt::utils::Static<::livepeer_primitives::leaf::Leaf>"
	),
	substitute_type(
		path = "livepeer_primitives::sum_tree::SumNode",
		with = "::subxt::utils::Static<::livepeer_primitives::sum_tree::SumNode>"
	),
	substitute_type(
		path = "livepeer_primitives::variant::VariantOpening",
		with = "::subxt::utils::Static<::livepeer_primitives::variant::VariantOpening>"
	),
	substitute_type(
		path = "livepeer_primitives::claim::WorkClaim",
		with = "::subxt::utils::Static<::livepeer_primitives::claim::WorkClaim>"
	),
	substitute_type(
		path = "livepeer_primitives::claim::ClaimInfo",
		with = "::subxt::utils::Static<::livepeer_primitives::claim::ClaimInfo>"
	),
	substitute_type(
		path = "livepeer_primitives::duty::Acceptance",
		with = "::subxt::utils::Static<::livepeer_primitives::duty::Acceptance>"
	),
	substitute_type(
		path = "livepeer_primitives::duty::Availability",
		with = "::subxt::utils::Static<::livepeer_primitives::duty::Availability>"
	),
	substitute_type(
		path = "livepeer_primitives::duty::Heartbeat",
		with = "::subxt::utils::Static<::livepeer_primitives::duty::Heartbeat>"
	),
	substitute_type(
		path = "livepeer_primitives::keys::OperatorKey",
		with = "::subxt::utils::Static<::livepeer_primitives::keys::OperatorKey>"
	),
	substitute_type(
		path = "livepeer_primitives::keys::OperatorSignature",
		with = "::subxt::utils::Static<::livepeer_primitives::keys::OperatorSignature>"
	),
	substitute_type(
		path = "livepeer_primitives::keys::Purpose",
		with = "::subxt::utils::Static<::livepeer_primitives::keys::Purpose>"
	),
	substitute_type(
		path = "livepeer_primitives::api::KeysView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::KeysView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::ClockView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::ClockView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::WorkerLimits",
		with = "::subxt::utils::Static<::livepeer_primitives::api::WorkerLimits>"
	),
	substitute_type(
		path = "livepeer_primitives::api::TranscoderView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::TranscoderView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::StakeView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::StakeView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::InflationView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::InflationView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::YieldView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::YieldView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::TermsView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::TermsView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::BackingView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::BackingView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::PoolSeat",
		with = "::subxt::utils::Static<::livepeer_primitives::api::PoolSeat>"
	),
	substitute_type(
		path = "livepeer_primitives::api::ValidatorView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::ValidatorView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::ClaimTerms",
		with = "::subxt::utils::Static<::livepeer_primitives::api::ClaimTerms>"
	),
	substitute_type(
		path = "livepeer_primitives::params::VerificationTerms",
		with = "::subxt::utils::Static<::livepeer_primitives::params::VerificationTerms>"
	),
	substitute_type(
		path = "livepeer_primitives::api::AssignmentView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::AssignmentView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::JobView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::JobView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::ChallengeView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::ChallengeView>"
	),
	substitute_type(
		path = "livepeer_primitives::api::JudgementView",
		with = "::subxt::utils::Static<::livepeer_primitives::api::JudgementView>"
	)
)]
mod generated {}

pub use generated::{
	runtime_apis::{livepeer_api::LivepeerApi, RuntimeApi},
	runtime_types::{
		pallet_jobs::types::{LeafEvidence, Scope},
		pallet_transcoder_election::types::Terms,
	},
	tx,
};

/// The reads of the protocol's state.
pub fn api() -> LivepeerApi {
	RuntimeApi.livepeer_api()
}
