//! Assignments in which nothing is sent, or next to nothing.

use livepeer_primitives::BlockNumber;

use super::*;

/// After how many blocks a transcoder ends its assignment: the chain takes that after `idle_from`, and so many
/// segments come, one in twenty blocks. `None` where it does not within a thousand.
async fn ended_after(sim: &Sim, idle_from: BlockNumber, segments: u64) -> Option<BlockNumber> {
	let story = Story::new(sim).await;
	let role = story.role(FakeEngine::default());
	role.registration.refresh().await.unwrap();
	let start = story.head().best;
	story.chain.set_idle_from(start + idle_from);
	for block in 0..1_000 {
		let (seq, rest) = (block / 20, block % 20);
		if rest == 0 && seq < segments {
			receipt(story.send(&role, seq).await);
		}
		story.chain.block();
		role.idle.duties(story.head()).await.unwrap();
		let view = story.chain.client(None).job(At::Best, story.job).await.unwrap();
		if view.unwrap().current.is_none() {
			return Some(story.head().best - start);
		}
	}
	None
}

/// Jobs are opened in which nothing is ever sent, to bind a transcoder's places: it ends them as soon as
/// the chain takes that.
#[test]
fn attack_places_bound_by_jobs_in_which_nothing_is_sent() {
	simulate(|sim| async move {
		let at_once = ended_after(&sim, 0, 0).await.unwrap();
		let (early, late) = (at_once * 3, at_once * 30);
		for idle_from in [early, late] {
			let ended = ended_after(&sim, idle_from, 0).await.unwrap();
			assert!((idle_from..=2 * idle_from + 2).contains(&ended), "{ended} of {idle_from}");
		}
	});
}

/// Segments come now and then that are worth no claim together: they bind the places no longer than anybody
/// else would have to wait to end the assignment, twice the time of its largest claim.
#[test]
fn attack_places_bound_by_segments_that_are_worth_no_claim() {
	simulate(|sim| async move {
		let none = ended_after(&sim, 0, 0).await.unwrap();
		let one = ended_after(&sim, 0, 1).await.unwrap();
		assert!((8 * none..=16 * none).contains(&one), "{one}, and {none} where nothing came");
		assert_eq!(ended_after(&sim, 0, 6).await, Some(one));
	});
}

/// Claims are open for hours, and each has hundreds of leaves: a transcoder with many jobs must not read them
/// more often than one with few, or it would do nothing else.
#[test]
fn attack_many_jobs_whose_open_claims_are_read_over_and_over() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let reads = || async {
			let before = story.store.reads_of_claims();
			role.idle.duties(story.head()).await.unwrap();
			role.claiming.claim_duties(story.head()).await.unwrap();
			story.store.reads_of_claims() - before
		};
		story.send_all(&role, 0..1).await;
		role.registration.refresh().await.unwrap();
		// What is looked for once.
		reads().await;
		let of_one = reads().await;
		for job in 2..8 {
			let name = format!("job {job}");
			story.another_job(&name).await;
			role.registration.refresh().await.unwrap();
			receipt(role.push(story.signed_for(job, &name, 0), bytes(0)).await);
		}
		assert_eq!(reads().await, of_one);
	});
}
