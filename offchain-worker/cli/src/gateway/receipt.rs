//! Receipts, to check a segment without the network: see [`crate::offline`].

use axum::{
	extract::{Path, State},
	http::header,
	response::{IntoResponse, Response},
};
use livepeer_primitives::Seq;

use super::{blocking, Failure, Shared};
use crate::{http::Client, offline::ReceiptFile};

/// The signed header and receipt of one segment, with the ladder.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/receipt/{seq}",
	tag = "proof",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("seq" = u64, Path, description = "The segment")
	),
	responses(
		(status = 200, description = "A receipt file", body = Vec<u8>, content_type = "application/octet-stream"),
		Failure
	)
)]
pub(super) async fn receipt(
	State(gateway): Shared,
	client: Client,
	Path((name, seq)): Path<(String, Seq)>,
) -> Result<Response, Failure> {
	let (stream, state) = gateway.state(client, &name).await?;
	let store = gateway.store.clone();
	let records = blocking(move || store.records(stream, seq, 1)).await??;
	let record = records.into_iter().find(|record| record.header().seq == seq);
	// The ladder of an earlier job is not known any more.
	let record = record.filter(|record| record.header().job == state.job);
	let record = record.ok_or(Failure::NotFound("no such segment"))?;
	let file = ReceiptFile { ladder: state.ladder, record };
	let headers = [
		(header::CONTENT_TYPE, "application/octet-stream"),
		(header::CACHE_CONTROL, "public, max-age=3600, immutable"),
		(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
	];
	Ok((headers, file.to_bytes()).into_response())
}
