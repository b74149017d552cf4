//! Gathers the bytes of drawn leaves into this judge's own store: from the transcoder, otherwise from fellow
//! judges.

use std::{
	future::Future,
	pin::pin,
	sync::{atomic::Ordering, Arc},
};

use futures::future::{ready, select, BoxFuture, Either};
use livepeer_primitives::{
	offchain::VerifyTask,
	receipt::Output,
	service::ServiceRecord,
	verdict::{Pass, UnavailableKind},
	video::MAX_SEGMENT_BYTES,
};
use sp_core::H256;
use tokio::sync::{AcquireError, SemaphorePermit};

use super::{fellows, places::Place, AtWork, Inner};
use crate::{
	aside,
	fetching::{patience_ms, Fetched},
	ports::{
		events::Event,
		store::StoreError,
		transport::{NetError, SignedPass},
	},
};

/// The pause between two attempts to fetch the same bytes.
pub(super) const RETRY_MS: u64 = 500;
/// The pause before bytes for which the store had no room are fetched again. It doubles each time: a judge whose disk
/// is full must not take a transcoder's line. The last time is so long before they are given up.
const ROOM_MS: u64 = 5_000;
/// Failed attempts to fetch the same bytes after which the node is told that they are missing.
const LACKING_ATTEMPTS: u32 = 2;

/// How often it is noted that bytes are slow.
const SLOW_AGAIN_MS: u64 = 1_000;

/// The bytes of a leaf, and the place for examining them.
pub(super) struct Gathered {
	pub input: Vec<u8>,
	pub outputs: Vec<Vec<u8>>,
	_place: Place,
}

impl Inner {
	/// Fetches the bytes of a leaf, input first, into this verifier's own store, waits for a place and reads
	/// them; or returns why they cannot be had before the deadline. Leaves that wait for bytes or a place
	/// hold no memory.
	pub(super) async fn gather(
		&self,
		at: &AtWork<'_>,
		wanted: &[Output],
	) -> Result<Result<Gathered, UnavailableKind>, String> {
		let fetches = wanted.iter().map(|output| self.obtain(at, *output));
		let had = futures::future::try_join_all(fetches).await?;
		if let Some(kind) = had.into_iter().find_map(Result::err) {
			return Ok(Err(kind));
		}
		let failed = |error: StoreError| error.to_string();
		let hashes: Vec<H256> = wanted.iter().map(|output| output.hash).collect();
		let place = self.places.take(at.deadline, at.over).await;
		let store = self.store.clone();
		let read = aside(move || {
			hashes.into_iter().map(|hash| store.get(hash)).collect::<Result<Option<Vec<_>>, _>>()
		});
		let mut bytes = read.await.map_err(failed)?.ok_or("bytes that were fetched are gone")?;
		let outputs = bytes.split_off(1);
		let input = bytes.pop().ok_or("a leaf names its input")?;
		Ok(Ok(Gathered { input, outputs, _place: place }))
	}

	/// Stores bytes, unless they are there, and pins them for the task, also for the time of a dispute; or
	/// returns why they could not be had before the deadline. They are pinned at once, because another claim
	/// with the same bytes may be closed before the leaf is complete, and an incomplete leaf must not leave
	/// them behind.
	async fn obtain(
		&self,
		at: &AtWork<'_>,
		output: Output,
	) -> Result<Result<(), UnavailableKind>, String> {
		let hash = output.hash;
		let failed = |error: StoreError| error.to_string();
		let owner = format!("{}/{hash:?}", at.owner);
		let (store, pinning) = (self.store.clone(), owner.clone());
		let known = {
			let _turn = self.looks.acquire().await.map_err(|_| "stopping".to_owned())?;
			aside(move || match store.get(hash)? {
				Some(_) => store.pin(&pinning, &[hash]).map(|()| true),
				None => Ok(false),
			})
			.await
		};
		match known {
			Ok(true) => return Ok(Ok(())),
			// A store removes damaged bytes, which are then fetched again.
			Ok(false) | Err(StoreError::Damaged(_)) => {}
			Err(error) => return Err(failed(error)),
		}
		let pass = self.pass(at.task);
		let mut attempts = 0u32;
		let (mut pause, mut full) = (ROOM_MS, None);
		loop {
			// Bytes that are asked for later have no time to come.
			let late = at.lacking.midpoint(at.deadline);
			let room = Box::pin(self.room(at));
			let room = match select(self.clock.sleep_until(late), room).await {
				Either::Left(((), room)) => {
					// One fetch is the transcoder's alone: its other bytes have taken that, and come slowly.
					if at.is_slow() {
						self.note_lacking(at.task);
					}
					match select(self.clock.sleep_until(at.deadline), room).await {
						Either::Left(_) => return given_up(full, at.without_room()),
						Either::Right((room, _)) => room?,
					}
				}
				Either::Right((room, _)) => room?,
			};
			let start = self.clock.now_ms();
			// Waiting for room alone says nothing about who serves the bytes: those that had to wait are
			// missing after half of the time that is left, if that is a quarter of all the time or more.
			let has_time = attempts > 0 || start < late;
			let lacking = if start < at.lacking { at.lacking } else { start.midpoint(at.deadline) };
			let service = self.service(at.task);
			let fetch = self.fetch(at, &service, &output, attempts, pass.as_ref());
			let slow_from = match has_time {
				true => start.saturating_add(patience_ms(output.len.into())),
				// It is given up before.
				false => at.over,
			};
			let fetch = Box::pin(self.watched(at, slow_from, fetch));
			let fetched = match select(fetch, self.clock.sleep_until(lacking)).await {
				Either::Left((fetched, _)) => Some(fetched),
				Either::Right((_, fetch)) => {
					// Bytes that trickle until it is too late to ask for them count as missing, like refused
					// ones.
					if has_time {
						self.note_lacking(at.task);
					}
					match select(fetch, self.clock.sleep_until(at.deadline)).await {
						Either::Left((fetched, _)) => Some(fetched),
						Either::Right(_) => None,
					}
				}
			};
			let error = match fetched {
				Some(Ok(Fetched { bytes, from })) => {
					let len = bytes.len() as u32;
					match self.put(&owner, bytes).await {
						Ok(()) => {}
						// Tasks that end meanwhile make room.
						Err(error @ (StoreError::Quota { .. } | StoreError::DiskFull(_))) => {
							drop(room);
							let now_ms = self.clock.now_ms();
							let last = at.deadline.saturating_sub(ROOM_MS);
							if now_ms >= last {
								return Err(failed(error));
							}
							full = Some(failed(error));
							self.clock.sleep_until(now_ms.saturating_add(pause).min(last)).await;
							pause = pause.saturating_mul(2);
							continue;
						}
						Err(error) => return Err(failed(error)),
					}
					self.events.emit(Event::Fetched {
						claim: at.task.claim,
						hash: format!("{hash:?}"),
						len,
						peer_id: self.net.peer_name(&from),
						fetch_ms: self.clock.now_ms().saturating_sub(start),
					});
					return Ok(Ok(()));
				}
				Some(Err(error)) => error,
				None if !has_time => return given_up(full, at.without_room()),
				None => NetError::Timeout,
			};
			drop(room);
			tracing::info!(claim = at.task.claim, ?hash, %error, "not fetched");
			attempts = attempts.saturating_add(1);
			if attempts == LACKING_ATTEMPTS {
				self.note_lacking(at.task);
			}
			let again = self.clock.now_ms().saturating_add(RETRY_MS);
			if again >= at.deadline {
				return given_up(full, kind_of(&error));
			}
			self.clock.sleep_until(again).await;
		}
	}

	/// Waits until one more blob of a task can be fetched.
	async fn room<'a>(&'a self, at: &'a AtWork<'_>) -> Result<[SemaphorePermit<'a>; 3], String> {
		let stopping = |_: AcquireError| "stopping".to_owned();
		let of_task = at.fetches.acquire().await.map_err(stopping)?;
		let of_transcoder = at.own.all.acquire().await.map_err(stopping)?;
		let room = tokio::select! {
			biased;
			own = at.own.first.acquire() => own,
			shared = self.fetches.acquire() => shared,
		};
		Ok([of_task, of_transcoder, room.map_err(stopping)?])
	}

	/// Waits for a fetch. Every second from `slow_from` on, it notes that bytes of the transcoder are slow.
	async fn watched<T>(
		&self,
		at: &AtWork<'_>,
		mut slow_from: u64,
		fetch: impl Future<Output = T>,
	) -> T {
		let mut fetch = pin!(fetch);
		loop {
			match select(fetch.as_mut(), self.clock.sleep_until(slow_from)).await {
				Either::Left((fetched, _)) => return fetched,
				Either::Right(_) => {
					let now_ms = self.clock.now_ms();
					at.own.slow_ms.fetch_max(now_ms, Ordering::Relaxed);
					slow_from = now_ms.saturating_add(SLOW_AGAIN_MS);
				}
			}
		}
	}

	/// The bytes that a leaf describes: from the transcoder, otherwise from fellow judges, in each attempt
	/// from others. Once bytes are missing, fellows are asked first: the transcoder may send each piece just
	/// fast enough not to be replaced, and all of them too slowly.
	async fn fetch(
		&self,
		at: &AtWork<'_>,
		service: &ServiceRecord,
		output: &Output,
		attempts: u32,
		pass: Option<&SignedPass>,
	) -> Result<Fetched, NetError> {
		let fellows = async {
			let Some(fellows) = self.fellows.get() else { return Vec::new() };
			let turn = (attempts as usize).saturating_mul(fellows::MOST_ASKED);
			let turn = turn.saturating_add(output.hash.0[0].into());
			fellows.of(&*self.net, at.task, turn).await
		};
		let mut first = Vec::new();
		let mut more: BoxFuture<'_, Vec<ServiceRecord>> = Box::pin(fellows);
		if self.clock.now_ms() >= at.lacking {
			first = more.await;
			more = Box::pin(ready(Vec::new()));
		}
		first.push(service.clone());
		match self.fetcher.fetch(output, first, more, pass).await {
			// A wrong description of right bytes must not make them unobtainable: the hash identifies them,
			// and the rest is judged afterwards.
			Err(NetError::WrongBytes) => {
				let bytes = self.net.fetch(service, output.hash, MAX_SEGMENT_BYTES, pass).await?;
				Ok(Fetched { bytes, from: service.clone() })
			}
			fetched => fetched,
		}
	}

	/// What this verifier shows to be kept a place, if the node signed it.
	fn pass(&self, task: &VerifyTask) -> Option<SignedPass> {
		let pass = Pass {
			genesis: task.genesis,
			claim: task.claim,
			tranche: task.tranche,
			account: task.verifier.clone(),
			peer_id: self.net.peer_id().try_into().ok()?,
		};
		Some(SignedPass { pass, signature: task.pass.clone()? })
	}

	/// Stores bytes for `owner`; if there is no room, removes the bytes of finished tasks, the oldest first.
	async fn put(&self, owner: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
		let bytes = Arc::new(bytes);
		loop {
			let (store, owner, bytes) = (self.store.clone(), owner.to_owned(), bytes.clone());
			let put = move || store.put(&bytes).and_then(|hash| store.pin(&owner, &[hash]));
			let full = match aside(put).await {
				Err(full @ (StoreError::Quota { .. } | StoreError::DiskFull(_))) => full,
				stored => return stored,
			};
			let mut tasks = self.tasks();
			let oldest = tasks.take_oldest().ok_or(full)?;
			self.store.unpin(&oldest.name())?;
			self.tell_fellows(&tasks);
		}
	}
}

/// What it means that bytes are given up. If they came once and there was no room for them, that is this machine's
/// fault, whatever became of those who served them.
fn given_up(
	full: Option<String>,
	kind: Result<UnavailableKind, String>,
) -> Result<Result<(), UnavailableKind>, String> {
	full.map_or(kind, Err).map(Err)
}

/// What a failed fetch shows about the bytes; an error if the fault is this machine's.
pub(super) fn kind_of(error: &NetError) -> Result<UnavailableKind, String> {
	match error {
		NetError::BadRecord(_) | NetError::Unreachable(_) => Ok(UnavailableKind::Unreachable),
		NetError::NotFound | NetError::Busy => Ok(UnavailableKind::Refused),
		NetError::WrongBytes | NetError::Protocol(_) => Ok(UnavailableKind::WrongBytes),
		NetError::Timeout => Ok(UnavailableKind::TooLate),
		NetError::Local(error) => Err(error.clone()),
	}
}
