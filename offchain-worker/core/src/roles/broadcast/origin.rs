//! A broadcaster's service: its own streams.

use std::sync::Arc;

use async_trait::async_trait;
use livepeer_primitives::{Seq, StreamId};
use sp_core::H256;

use crate::{
	ports::{
		store::{OriginStore, StoreError, Streams},
		transport::{
			ChunkRange, Chunks, Playlist, PushReply, Refusal, Service, SignedHeader, MAX_RECORDS,
		},
	},
	shelf::Shelf,
};

/// Answers peers from a broadcaster's own streams.
pub struct Origin {
	store: Arc<dyn OriginStore>,
	shelf: Shelf,
}

impl Origin {
	/// Serves what is in `store`.
	pub fn new(store: Arc<dyn OriginStore>) -> Self {
		Self { shelf: Shelf::new(store.clone()), store }
	}
}

/// A part of a stream from an origin's store: of its newest job, whose ladder the answer names, and without
/// gaps that may still be filled.
pub fn playlist_from(
	store: &(impl Streams + ?Sized),
	stream: StreamId,
	from: Seq,
) -> Result<Option<Playlist>, StoreError> {
	let Some(state) = store.stream(stream)? else { return Ok(None) };
	let mut records = store.records(stream, from.max(state.first), MAX_RECORDS as usize)?;
	records.retain(|record| record.header().seq < state.complete);
	Ok(Some(Playlist { job: state.job, ladder: state.ladder, head: state.head, records }))
}

#[async_trait]
impl Service for Origin {
	async fn size(&self, hash: H256) -> Option<u64> {
		self.shelf.size(hash)
	}

	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.shelf.chunks(hash, range).await
	}

	async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
		Err(Refusal::NotServed)
	}

	async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
		PushReply::Refused(Refusal::NotServed)
	}

	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		playlist_from(self.store.as_ref(), stream, from).unwrap_or_else(|error| {
			tracing::warn!(%error, "cannot serve");
			None
		})
	}

	async fn newest(&self, stream: StreamId) -> Option<SignedHeader> {
		let record = self.store.last_record(stream).unwrap_or_else(|error| {
			tracing::warn!(%error, "cannot serve");
			None
		});
		record.map(|record| record.signed)
	}
}
