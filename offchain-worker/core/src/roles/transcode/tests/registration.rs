//! Registering, accepting offers, and the operator's warnings.

use super::*;

/// A lost transcoder leaves many jobs behind, and each offer lapses after a few blocks.
#[test]
fn offers_should_be_accepted_side_by_side() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		for name in ["b", "c", "d", "e", "f", "g", "h", "i"] {
			story.another_job(name).await;
		}
		let role = story.role(FakeEngine::default());
		story.chain.slow_jobs(&sim.clock, 1_000);
		// One read before and one after, for all of them.
		sim.within(2_500, role.registration.refresh()).await.unwrap().unwrap();
		assert_eq!(lock(&role.intake.assigned).len(), 9);
		let accepted = |event: &Event| matches!(event, Event::Accepted { .. });
		assert_eq!(story.events.events().iter().filter(|event| accepted(event)).count(), 9);
	})
}

#[test]
fn transcoder_should_register_when_the_node_comes_back() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let before = story.chain.calls().len();
		let away = ChainError::Unreachable { url: "ws://node".into(), reason: "restart".into() };
		story.chain.fail_next(away);
		role.register(&FakeNet::record("elsewhere")).await.unwrap();
		assert!(story.chain.calls().len() > before);
		// A refusal of the node does not pass by itself.
		let refused = ChainError::NotIncluded { call: "x", reason: "no funds".into() };
		story.chain.fail_next(refused);
		assert!(role.register(&FakeNet::record("elsewhere")).await.is_err());
	})
}

/// A machine that has moved is found where it is; one that has not costs no call.
#[test]
fn address_should_be_announced_when_it_is_another_one() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		let written = || {
			let calls = story.chain.calls();
			calls.iter().filter(|call| matches!(call, Call::Transcoder { .. })).count()
		};
		let before = written();
		role.register(&FakeNet::record("t")).await.unwrap();
		assert_eq!(written(), before, "the chain has it");
		role.register(&FakeNet::record("elsewhere")).await.unwrap();
		assert_eq!(written(), before + 1);
		let view = story.chain.client(None).transcoder(&story.key.account()).await.unwrap();
		assert_eq!(view.map(|view| view.service), Some(FakeNet::record("elsewhere")));
	})
}

#[test]
fn role_should_not_register_when_its_toolchain_is_not_accepted() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { toolchain: Hash::repeat_byte(1), ..Default::default() };
		let error = story.role(engine).register(&FakeNet::record("t")).await.unwrap_err();
		assert!(matches!(error, TranscodeError::Toolchain(_)));
	})
}

#[test]
fn heartbeat_should_be_sent_in_every_interval() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = Arc::new(story.role(FakeEngine::default()));
		let stop = watch::Sender::new(false);
		let (running, stopped) = (role.clone(), stop.subscribe());
		let task = Rc::new(Cell::new(false));
		let ended = task.clone();
		sim.spawn(async move {
			running.run(stopped).await;
			ended.set(true);
		});
		for _ in 0..40 {
			sim.sleep(2_000).await;
			story.chain.block();
		}
		stop.send(true).unwrap();
		sim.sleep(1).await;
		assert!(task.get());
		let calls = story.chain.calls();
		let beats = calls.iter().filter(|call| matches!(call, Call::Heartbeat(..))).count();
		assert!((5..=8).contains(&beats), "{beats} heartbeats in 40 blocks with an interval of 10");
		let accepted = calls.iter().filter(|call| matches!(call, Call::AcceptJob(..))).count();
		assert_eq!(accepted, 1);
	})
}

#[test]
fn duties_should_be_done_when_the_account_is_cold() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let cold = Key::from_uri("//Transcoder").unwrap();
		let [old, new] = ["//Old", "//New"].map(|uri| Key::from_uri(uri).unwrap());
		let account = cold.account();
		let config = TranscodeConfig { claim_leaves: 2, ..config() };
		let role = |keys: Vec<Key>| {
			let ring = Keyring::new(account.clone(), keys);
			story.role_with(ring, None, FakeEngine::default(), config.clone())
		};
		let nobody = role(vec![old.clone()]).register(&FakeNet::record("t")).await.unwrap_err();
		assert!(matches!(nobody, TranscodeError::Key(_)), "no key was announced: {nobody}");
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&old]), 1);
		let moved = role(vec![old.clone()]).register(&FakeNet::record("u")).await.unwrap_err();
		assert!(matches!(moved, TranscodeError::Terms(_)), "{moved}");
		role(vec![old.clone()]).register(&FakeNet::record("t")).await.unwrap();

		// Accepted under the first generation, and judged by it to the end.
		let broadcaster = story.chain.client(Some(story.broadcaster.clone()));
		story.chain.remove_job(1);
		let owner = story.broadcaster.clone();
		let job = |name: &str| job_call(&owner, name, 100);
		broadcaster.submit(job("demo"), Wait::InBlock).await.unwrap();
		let first = role(vec![old.clone()]);
		first.registration.refresh().await.unwrap();
		let story = Story { job: 2, ..story };
		let generation = |reply| match reply {
			PushReply::Done { signature, .. } => signature.signer.generation,
			other => panic!("{other:?}"),
		};
		assert_eq!(generation(story.send(&first, 0).await), 1);
		assert_eq!(story.chain.set_keys(&account, Purpose::Duties, &[&new]), 2);
		let ring = Keyring::new(account.clone(), vec![new, old]);
		let both = story.role_with(ring, None, FakeEngine::default(), config.clone());
		both.registration.refresh().await.unwrap();
		assert_eq!(generation(story.send(&both, 1).await), 1, "rotated in mid-assignment");
		story.duties(&both).await;
		let claims = story.chain.claims();
		assert_eq!(claims.values().next().map(|claim| claim.info.transcoder_keys), Some(1));
		// The next assignment is accepted under the keys that are new then.
		broadcaster.submit(job("next"), Wait::InBlock).await.unwrap();
		both.registration.refresh().await.unwrap();
		let view = story.chain.client(None).job(crate::ports::chain::At::Best, 3).await.unwrap();
		assert_eq!(view.and_then(|view| view.current).map(|c| c.transcoder_keys), Some(2));
	})
}

#[test]
fn role_should_end_when_it_cannot_register_and_is_not_needed() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine { toolchain: Hash::repeat_byte(1), ..Default::default() };
		let ended = serve(&story, story.role(engine.clone()));
		sim.sleep(5_000).await;
		assert_eq!(ended.get(), Some(false));
		// With a claim it stays for as long as that is open.
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		story.duties(&role).await;
		story.duties(&role).await;
		let ended = serve(&story, story.role(engine));
		sim.sleep(60_000).await;
		assert_eq!(ended.get(), None);
		story.chain.close(story.store.claims().unwrap()[0].id.unwrap());
		sim.sleep(60_000).await;
		assert_eq!(ended.get(), Some(false));
	})
}

/// A reorganisation can undo the block of the keys that sign an announcement, or the announcement's own.
#[test]
fn role_should_announce_again_when_the_pool_drops_its_announcement() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let announced = || {
			let calls = story.chain.calls();
			calls.iter().filter(|call| matches!(call, Call::Announce(..))).count()
		};
		let call = "TranscoderElection.announce";
		let dropped = |reason: &str| ChainError::NotIncluded { call, reason: reason.into() };
		// Somebody who cannot pay is told at once.
		story.chain.fail_next(dropped("Inability to pay some fees"));
		let ended = serve(&story, story.role(FakeEngine::default()));
		sim.sleep(5_000).await;
		assert_eq!(ended.get(), Some(false));
		let before = announced();
		story.chain.fail_next(dropped("Transaction is invalid"));
		let ended = serve(&story, story.role(FakeEngine::default()));
		sim.sleep(60_000).await;
		assert_eq!((ended.get(), announced()), (None, before + 1));
	})
}

#[test]
fn operator_should_be_told_of_jail_slash_and_a_low_balance() {
	use crate::ports::chain::Free;
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let account = story.key.account();
		let _role = serve(&story, story.role(FakeEngine::default()));
		let warned = |what: Warning| {
			let is = |event: &Event| matches!(event, Event::Warned { what: w, .. } if *w == what);
			story.events.events().iter().any(is)
		};
		sim.sleep(30_000).await;
		assert!(!warned(Warning::Jailed) && !warned(Warning::LowBalance));
		story.chain.jail(&account, true);
		story.chain.leave(&account, Free::default());
		sim.sleep(30_000).await;
		for what in [Warning::Jailed, Warning::StakeFell, Warning::LowBalance] {
			assert!(warned(what), "{what:?}");
		}
		let capacity = || async {
			story.chain.client(None).transcoder(&account).await.unwrap().unwrap().capacity
		};
		assert_eq!(capacity().await, 0);
		story.chain.jail(&account, false);
		sim.sleep(30_000).await;
		assert_eq!(capacity().await, 2, "announced again once it is free");
	})
}

#[test]
fn operator_should_be_told_when_the_runtime_is_one_that_the_worker_would_misread() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let ended = serve(&story, story.role(FakeEngine::default()));
		sim.sleep(30_000).await;
		assert!(story.warned(Warning::Outdated).is_empty());
		story.chain.outgrow();
		sim.sleep(30_000).await;
		assert_eq!(story.warned(Warning::Outdated).len(), 1);
		assert_eq!(ended.get(), None, "the node may be given another runtime again");
	})
}

#[test]
fn operator_should_be_told_once_the_toolchain_retires() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let engine = FakeEngine::default();
		let toolchain = engine.toolchain;
		let ended = serve(&story, story.role(engine));
		sim.sleep(30_000).await;
		assert!(story.warned(Warning::Toolchain).is_empty());
		story.chain.retire_toolchain(toolchain);
		sim.sleep(30_000).await;
		assert_eq!(story.warned(Warning::Toolchain).len(), 1);
		assert_eq!(ended.get(), None, "what is open is still answered");
	})
}
