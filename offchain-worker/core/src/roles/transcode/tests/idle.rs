//! Assignments in which nothing is sent.

use super::*;

/// Jobs are opened in which nothing is ever sent, to bind a transcoder's places: it ends them as soon as
/// the chain takes that, and none in which something waits to be claimed.
#[test]
fn attack_places_bound_by_jobs_in_which_nothing_is_sent() {
	simulate(|sim| async move {
		let quiet_for = |idle_from: u32, sends: bool| {
			let sim = sim.clone();
			async move {
				let story = Story::new(&sim).await;
				let role = story.role(FakeEngine::default());
				role.registration.refresh().await.unwrap();
				if sends {
					receipt(story.send(&role, 0).await);
				}
				let start = story.head().best;
				story.chain.set_idle_from(start + idle_from);
				for _ in 0..1_000 {
					story.chain.block();
					role.idle.duties(story.head()).await.unwrap();
					let view = story.chain.client(None).job(At::Best, story.job).await.unwrap();
					if view.unwrap().current.is_none() {
						return Some(story.head().best - start);
					}
				}
				None
			}
		};
		let at_once = quiet_for(0, false).await.unwrap();
		let (early, late) = (at_once * 3, at_once * 30);
		for idle_from in [early, late] {
			let ended = quiet_for(idle_from, false).await.unwrap();
			assert!((idle_from..=2 * idle_from + 2).contains(&ended), "{ended} of {idle_from}");
		}
		assert_eq!(quiet_for(0, true).await, None);
	});
}
