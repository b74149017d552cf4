//! Replaces a transcoder that does not answer, or answers and gives nothing back: its job is handed on to the
//! next one.

use futures::future::{select, Either};
use livepeer_primitives::{
	api::AssignmentView,
	keys::{Generation, Purpose},
	service::ServiceRecord,
	work::fee,
	AccountId, JobId, StreamId,
};

use super::{delivery::Assigned, Broadcaster};
use crate::ports::{
	chain::{At, Call, ChainError, Refused, Wait},
	events::Event,
};

/// How long a transcoder may be silent before its job is handed on: long enough to ask it again two or three
/// times. Viewers wait for that long, and then for two blocks.
const PATIENCE_MS: u64 = 1_000;
/// How many times as long it may answer without giving anything back, because it stays busy or keeps
/// refusing.
const DELIVERS: u64 = 30;
/// The longest patience, if handing on does not help.
const LONGEST_MS: u64 = 60_000;
/// How long it may take to answer a ping. The end of a process is noticed at once, because its connections
/// break; those to a dead machine do not.
const THERE_MS: u64 = 5_000;

/// Silence counts if it is found again after this time: a single broken connection is not silence.
const AGAIN_MS: u64 = 200;

/// Since when a transcoder does not answer.
#[derive(Clone, Copy, Debug)]
struct Gap {
	since_ms: u64,
	/// Whether that was found twice.
	is_again: bool,
	/// Whether only pings found the silence. Answering a ping does not answer what was sent.
	only_asked: bool,
}

/// Since when a transcoder does not answer, or gives nothing back.
#[derive(Debug)]
pub(super) struct Silence {
	gap: Option<Gap>,
	/// Since when it owes segments and has given none back.
	owes_since_ms: Option<u64>,
	patience_ms: u64,
}

impl Default for Silence {
	fn default() -> Self {
		Self { gap: None, owes_since_ms: None, patience_ms: PATIENCE_MS }
	}
}

impl Silence {
	/// It did not answer a sending.
	pub(super) fn silent(&mut self, now_ms: u64) {
		self.note(now_ms);
		if let Some(gap) = &mut self.gap {
			gap.only_asked = false;
		}
	}

	/// It did not answer a ping. Once proves nothing: a machine may be busy for seconds.
	pub(super) fn away(&mut self, now_ms: u64) {
		self.note(now_ms);
	}

	fn note(&mut self, now_ms: u64) {
		let gap =
			self.gap.get_or_insert(Gap { since_ms: now_ms, is_again: false, only_asked: true });
		gap.is_again |= now_ms.saturating_sub(gap.since_ms) >= AGAIN_MS;
	}

	/// It answered a ping.
	pub(super) fn there(&mut self) {
		self.gap = self.gap.filter(|gap| !gap.only_asked);
	}

	/// It answered.
	pub(super) fn heard(&mut self) {
		self.gap = None;
	}

	/// Whether it owes segments now.
	pub(super) fn owes(&mut self, owes: bool, now_ms: u64) {
		self.owes_since_ms = owes.then(|| self.owes_since_ms.unwrap_or(now_ms));
	}

	/// It was right about a segment that will never come back.
	pub(super) fn settled(&mut self) {
		(self.gap, self.owes_since_ms) = (None, None);
	}

	/// It gave a segment back, which clears everything.
	pub(super) fn returned(&mut self) {
		*self = Self::default();
	}

	/// A new transcoder is assigned, or the same one again.
	pub(super) fn begin_anew(&mut self) {
		self.settled();
	}

	/// When to hand the job on; [`u64::MAX`] for never.
	pub(super) fn due_ms(&self) -> u64 {
		self.silent_ms().min(self.owing_ms())
	}

	/// When its silence becomes too long.
	fn silent_ms(&self) -> u64 {
		let gap = self.gap.filter(|gap| gap.is_again);
		gap.map_or(u64::MAX, |gap| gap.since_ms.saturating_add(self.patience_ms))
	}

	/// When its time without giving anything back becomes too long.
	fn owing_ms(&self) -> u64 {
		let patience_ms = self.patience_ms.saturating_mul(DELIVERS);
		self.owes_since_ms.map_or(u64::MAX, |since| since.saturating_add(patience_ms))
	}

	/// The fault, and since when.
	pub(super) fn fault(&self, now_ms: u64) -> (&'static str, u64) {
		let (what, since) = match now_ms >= self.silent_ms() {
			true => ("does not answer", self.gap.map(|gap| gap.since_ms)),
			false => ("gives nothing back", self.owes_since_ms),
		};
		(what, since.map_or(0, |since| now_ms.saturating_sub(since)))
	}

	/// Notes the result of handing on. Each time costs a fee and somebody's place, so the next time waits
	/// longer unless a segment comes back.
	pub(super) fn answered(&mut self, now_ms: u64, handed_on: &Result<bool, ChainError>) {
		if let Err(error) = handed_on {
			tracing::warn!(%error, "the job cannot be handed on");
		}
		self.gap = self.gap.map(|gap| Gap { since_ms: now_ms, ..gap });
		self.owes_since_ms = self.owes_since_ms.map(|_| now_ms);
		self.patience_ms = self.patience_ms.saturating_mul(2).min(LONGEST_MS);
	}
}

impl Broadcaster {
	/// The assignment under which segments are sent: an accepted one; or, after a handover, an offered one,
	/// because its transcoder is known and begins the work while it accepts. Its keys are those that both
	/// parties will have agreed to.
	pub(super) async fn at_work(
		&self,
		mut current: AssignmentView,
	) -> Result<Option<AssignmentView>, ChainError> {
		if current.toolchain.is_none() {
			if current.index == 0 {
				return Ok(None);
			}
			let own = self.own.account();
			current.transcoder_keys = self.newest(&current.transcoder, Purpose::Duties).await?;
			current.broadcaster_keys = self.newest(own, Purpose::Segments).await?;
		}
		Ok(Some(current))
	}

	/// Whether a transcoder answers a ping, which costs it nothing.
	pub(super) async fn is_there(&self, service: &ServiceRecord, stream: StreamId) -> bool {
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(THERE_MS));
		match select(self.net.newest(service, stream), late).await {
			Either::Left((answer, _)) => !answer.is_err_and(|error| error.is_silence()),
			Either::Right(_) => false,
		}
	}

	async fn newest(&self, who: &AccountId, purpose: Purpose) -> Result<Generation, ChainError> {
		let keys = self.chain.operator_keys(who, purpose).await?;
		Ok(keys.first().map_or(0, |keys| keys.generation))
	}

	/// Hands a job on from a transcoder that has had a fault for so long, if there is another one; returns
	/// whether it did.
	pub(super) async fn hand_on(
		&self,
		job: JobId,
		from: &Assigned,
		(fault, silent_ms): (&'static str, u64),
	) -> Result<bool, ChainError> {
		let Some(view) = self.chain.job(At::Best, job).await?.filter(|view| !view.ended) else {
			return Ok(false);
		};
		// Another transcoder may have it already; and an offer lapses by itself.
		let is_running = view
			.current
			.as_ref()
			.is_some_and(|current| current.index == from.index && current.toolchain.is_some());
		if !is_running {
			return Ok(false);
		}
		let transcoders = self.chain.transcoders().await?;
		let has_other = transcoders.iter().any(|other| {
			other.active
				&& !other.jailed
				&& other.capacity > 0
				&& other.account != from.transcoder
				&& other.price <= view.max_price
				&& fee(view.max_leaf_work, other.price) <= view.unreserved
		});
		if !has_other {
			self.warnings.wait(format!(
				"the transcoder {} of job {job} {fault}, and no other one is active at its price \
				 that what is left of its budget pays for: segments wait until it does",
				from.transcoder
			));
			return Ok(false);
		}
		let (who, assignment) = (&from.transcoder, from.index);
		tracing::warn!(job, assignment, %who, silent_ms, "the transcoder {fault}; its job is handed on");
		let call = Call::NextTranscoder { job, assignment };
		match self.chain.submit(call, Wait::InBlock).await {
			Ok(()) => {
				self.events.emit(Event::HandedOn { job, assignment, silent_ms });
				Ok(true)
			}
			// The chain was faster.
			Err(ChainError::Refused { refused: Refused::NoAssignment, .. }) => Ok(false),
			Err(error) => Err(error),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn job_should_be_handed_on_after_silence_and_ever_later_when_that_does_not_help() {
		let mut silence = Silence::default();
		assert_eq!(silence.due_ms(), u64::MAX);
		silence.silent(1_000);
		assert_eq!(silence.due_ms(), u64::MAX, "a connection may break");
		silence.silent(1_500);
		let due_ms = 1_000 + PATIENCE_MS;
		assert_eq!(silence.due_ms(), due_ms);
		assert_eq!(silence.fault(due_ms), ("does not answer", PATIENCE_MS));
		silence.heard();
		assert_eq!(silence.due_ms(), u64::MAX);
		silence.silent(5_000);
		silence.silent(5_500);
		silence.answered(7_000, &Ok(true));
		assert_eq!(silence.due_ms(), 7_000 + 2 * PATIENCE_MS, "the old one, still silent");
		silence.begin_anew();
		for _ in 0..10 {
			silence.silent(0);
			silence.silent(AGAIN_MS);
			silence.answered(0, &Ok(true));
		}
		assert_eq!(silence.due_ms(), LONGEST_MS);
		silence.returned();
		silence.silent(0);
		silence.silent(AGAIN_MS);
		assert_eq!(silence.due_ms(), PATIENCE_MS);
	}

	#[test]
	fn job_should_be_handed_on_when_nothing_comes_back_for_long() {
		let mut silence = Silence::default();
		silence.owes(true, 1_000);
		silence.heard();
		silence.owes(true, 9_000);
		let due_ms = 1_000 + DELIVERS * PATIENCE_MS;
		assert_eq!(silence.due_ms(), due_ms, "that it is busy does not count");
		assert_eq!(silence.fault(due_ms), ("gives nothing back", DELIVERS * PATIENCE_MS));
		silence.owes(false, 10_000);
		assert_eq!(silence.due_ms(), u64::MAX, "it owes nothing");
		silence.owes(true, 11_000);
		silence.settled();
		assert_eq!(silence.due_ms(), u64::MAX);
		silence.owes(true, 12_000);
		silence.answered(50_000, &Ok(true));
		assert_eq!(silence.due_ms(), 50_000 + 2 * DELIVERS * PATIENCE_MS);
		silence.begin_anew();
		assert_eq!(silence.due_ms(), u64::MAX);
	}

	#[test]
	fn attack_transcoder_that_is_there_and_takes_no_segment() {
		let mut silence = Silence::default();
		silence.away(1_000);
		silence.away(1_500);
		silence.there();
		assert_eq!(silence.due_ms(), u64::MAX, "it was away for a moment");
		silence.away(2_000);
		silence.silent(2_100);
		silence.there();
		silence.silent(2_400);
		silence.there();
		assert_eq!(silence.due_ms(), 2_000 + PATIENCE_MS, "segments were not answered");
		silence.away(2_500);
		silence.there();
		assert_eq!(silence.due_ms(), 2_000 + PATIENCE_MS);
		silence.returned();
		assert_eq!(silence.due_ms(), u64::MAX);
	}

	#[test]
	fn machine_that_is_gone_with_its_connections_should_be_missed_when_it_does_not_answer_in_time()
	{
		let mut silence = Silence::default();
		silence.away(1_000);
		assert_eq!(silence.due_ms(), u64::MAX, "it may be busy");
		silence.away(1_000 + THERE_MS);
		assert_eq!(silence.due_ms(), 1_000 + PATIENCE_MS);
		silence.there();
		assert_eq!(silence.due_ms(), u64::MAX, "it was only slow");
	}
}
