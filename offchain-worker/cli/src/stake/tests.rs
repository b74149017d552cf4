#![allow(clippy::unwrap_used)]

use clap::Parser;
use livepeer_primitives::{
	api::{LeaveReason, StakeView, TermsView, ValidatorView},
	AccountId, Balance, UNIT,
};
use livepeer_worker_core::{
	fakes::{FakeChain, FakeChainClient, FakeNet, FEE},
	key::Key,
	ports::{
		chain::{Call, Chain as _, Free, Wait},
		stake_call::StakeCall,
	},
};
use sp_runtime::Perbill;

use super::*;

struct World {
	chain: FakeChain,
	alice: FakeChainClient,
	bob: FakeChainClient,
}

impl World {
	/// Bob and Charlie can transcode; Alice has LPT.
	async fn new() -> Self {
		let chain = FakeChain::default();
		let client = |name| chain.client(Some(Key::from_uri(name).unwrap()));
		let (alice, bob) = (client("//Alice"), client("//Bob"));
		for transcoder in [&bob, &client("//Charlie")] {
			let call = Call::Transcoder {
				price: 1,
				reward_cut: Perbill::from_percent(10),
				fee_share: Perbill::from_percent(50),
				service: FakeNet::record("t"),
			};
			transcoder.submit(call, Wait::Finalized).await.unwrap();
		}
		chain.stakes(|stakes| stakes.round = 7);
		Self { alice, bob, chain }
	}

	fn stake(&self, of: &FakeChainClient) -> StakeView {
		let account = of.account().unwrap();
		self.chain.stakes(|stakes| stakes.accounts.get(&account).cloned().unwrap_or_default())
	}
}

fn of(client: &FakeChainClient) -> AccountId {
	client.account().unwrap()
}

fn named(name: &str) -> AccountId {
	Key::from_uri(name).unwrap().account()
}

fn lpt(amount: u32) -> Balance {
	Balance::from(amount) * UNIT
}

/// What is said, with `--yes`.
async fn done(client: &FakeChainClient, action: Action) -> Result<String> {
	let mut out = Vec::new();
	act(client, &of(client), action, None::<Ask<&[u8]>>, &mut out).await?;
	Ok(String::from_utf8(out)?)
}

async fn refused(client: &FakeChainClient, action: Action) -> String {
	done(client, action).await.unwrap_err().to_string()
}

#[tokio::test]
async fn cost_and_consequence_should_be_said_before_anything_is_signed() {
	let world = World::new().await;
	let action = || Action::Bond { amount: lpt(10), to: Some(of(&world.bob)) };
	let before = world.chain.calls().len();
	let mut out = Vec::new();
	let ask = Some(Ask { terminal: true, answers: &b"n\n"[..] });
	let answer = act(&world.alice, &of(&world.alice), action(), ask, &mut out).await;
	assert_eq!(answer.unwrap_err().to_string(), "nothing was signed");
	let said = String::from_utf8(out).unwrap();
	for part in [
		"Bonds 10 LPT",
		"10% of rewards",
		"from round 8 on",
		"withdrawn after 15 rounds (about 15 minutes)",
		"about 0.001 LPT",
	] {
		assert!(said.contains(part), "{part}: {said}");
	}
	let nobody = Some(Ask { terminal: false, answers: &b"y\n"[..] });
	let answer = act(&world.alice, &of(&world.alice), action(), nobody, &mut Vec::new()).await;
	assert!(answer.unwrap_err().to_string().contains("--yes"));
	assert_eq!(world.chain.calls().len(), before);
	let ask = Some(Ask { terminal: true, answers: &b"y\n"[..] });
	act(&world.alice, &of(&world.alice), action(), ask, &mut Vec::new()).await.unwrap();
	assert_eq!(world.stake(&world.alice).next_round, lpt(10));
}

/// A transcoder announces that it keeps everything from the next round on, in which new bonds begin to count,
/// and shows its old terms until then.
#[tokio::test]
async fn attack_terms_that_are_over_before_the_stake_counts() {
	let world = World::new().await;
	let (alice, bob) = (&world.alice, of(&world.bob));
	let greedy = TermsView { price: 1, reward_cut: Perbill::one(), fee_share: Perbill::zero() };
	let next = "from the next round on: ";
	let shown = async || transcoders_lines(&transcoders(alice).await.unwrap()).join("\n");
	assert!(!shown().await.contains(next));
	world.chain.stakes(|stakes| {
		stakes.terms.insert(bob.clone(), greedy);
	});
	let said = done(alice, Action::Bond { amount: lpt(10), to: Some(bob) }).await.unwrap();
	let warned = "keeps 100% of rewards and shares 0% of fees (in this one 10% and 50%)";
	assert!(said.contains(warned), "{said}");
	let lines = shown().await;
	let (_, after) = lines.split_once(next).unwrap();
	assert!(after.contains("100% of rewards are its own, 0% of fees are shared"), "{lines}");
}

#[tokio::test]
async fn stake_should_be_bonded_moved_and_withdrawn() {
	let world = World::new().await;
	let (alice, bob, charlie) = (&world.alice, of(&world.bob), named("//Charlie"));
	done(alice, Action::Bond { amount: lpt(30), to: Some(bob.clone()) }).await.unwrap();
	let said = done(alice, Action::Unbond { amount: Some(lpt(10)) }).await.unwrap();
	assert!(said.contains("no part in this round's reward"), "{said}");
	assert_eq!(world.stake(alice).locks[0].value, lpt(10));
	let early = refused(alice, Action::Withdraw { lock: 0 }).await;
	assert!(early.contains("round 22") && early.contains("15 rounds"), "{early}");
	done(alice, Action::Rebond { lock: 0, to: None }).await.unwrap();
	let said = done(alice, Action::Move { to: charlie.clone() }).await.unwrap();
	assert!(said.contains("round 22"), "{said}");
	let early = refused(alice, Action::Rebond { lock: 0, to: None }).await;
	assert!(early.contains("until round 22") && early.contains("--to"), "{early}");
	world.chain.stakes(|stakes| stakes.round = 22);
	let said = done(alice, Action::Rebond { lock: 0, to: None }).await.unwrap();
	assert!(said.contains(&charlie.to_string()), "{said}");
	done(alice, Action::Unbond { amount: None }).await.unwrap();
	world.chain.stakes(|stakes| stakes.round = 37);
	let said = done(alice, Action::Withdraw { lock: 0 }).await.unwrap();
	assert!(said.contains("Pays 30 LPT out"), "{said}");
	assert_eq!(world.stake(alice), StakeView::default());
}

#[tokio::test]
async fn bond_should_change_its_owner_when_it_is_offered_and_accepted() {
	let world = World::new().await;
	let (alice, dave) = (&world.alice, world.chain.client(Some(Key::from_uri("//Dave").unwrap())));
	done(alice, Action::Bond { amount: lpt(30), to: Some(of(&world.bob)) }).await.unwrap();
	done(alice, Action::Transfer { amount: Some(lpt(20)), to: of(&dave) }).await.unwrap();
	let other = refused(&world.bob, Action::Accept { from: of(alice), lock: 0 }).await;
	assert!(other.contains("not offered"), "{other}");
	done(&dave, Action::Accept { from: of(alice), lock: 0 }).await.unwrap();
	assert_eq!(world.stake(&dave).delegate, Some(of(&world.bob)));
	assert_eq!(world.stake(&dave).next_round, lpt(20));
	assert_eq!(world.stake(alice).next_round, lpt(10));
}

#[tokio::test]
async fn what_the_chain_would_refuse_should_be_refused_with_what_to_do() {
	let world = World::new().await;
	let (alice, bob, charlie) = (&world.alice, of(&world.bob), named("//Charlie"));
	let bond = |amount, to: &AccountId| Action::Bond { amount, to: Some(to.clone()) };
	let nobody = named("//Nobody");
	let said = refused(alice, bond(lpt(10), &nobody)).await;
	assert!(said.contains("is not a transcoder") && said.contains("stake transcoders"), "{said}");
	let said = refused(alice, bond(1, &bob)).await;
	assert!(said.contains("at least"), "{said}");
	world.chain.jail(&charlie, true);
	let said = refused(alice, bond(lpt(10), &charlie)).await;
	assert!(said.contains("jailed"), "{said}");
	world.chain.jail(&charlie, false);
	for action in [
		Action::Unbond { amount: None },
		Action::Move { to: bob.clone() },
		Action::Transfer { amount: None, to: nobody.clone() },
	] {
		let said = refused(alice, action).await;
		assert!(said.contains("has no bond"), "{said}");
	}
	done(alice, bond(lpt(10), &bob)).await.unwrap();
	let said = refused(alice, bond(lpt(10), &charlie)).await;
	assert!(said.contains("stake move"), "{said}");
	let said = refused(alice, Action::Unbond { amount: Some(lpt(11)) }).await;
	assert!(said.contains("worth 10 LPT") && said.contains("--all"), "{said}");
	let said = refused(alice, Action::Unbond { amount: Some(lpt(10) - 1) }).await;
	assert!(said.contains("leave more, or give --all"), "{said}");
	let said = refused(alice, Action::Move { to: bob.clone() }).await;
	assert!(said.contains("already"), "{said}");
	let said = refused(alice, Action::Withdraw { lock: 0 }).await;
	assert!(said.contains("no locks"), "{said}");
	let said = refused(alice, Action::Fees).await;
	assert!(said.contains("no fees"), "{said}");
	let said = refused(alice, Action::Unjail).await;
	assert!(said.contains("not a transcoder"), "{said}");
	let said = refused(&world.bob, Action::Unjail).await;
	assert!(said.contains("not jailed"), "{said}");
}

#[tokio::test]
async fn delegator_should_be_warned_who_could_pay_for_little() {
	let world = World::new().await;
	let (alice, bob) = (&world.alice, of(&world.bob));
	let leave = |lpt| world.chain.leave(&of(alice), Free { lpt, eth: 0 });
	let bond = || Action::Bond { amount: lpt(10), to: Some(bob.clone()) };
	leave(lpt(10));
	let said = refused(alice, bond()).await;
	assert!(said.contains("has 10 LPT free"), "{said}");
	leave(lpt(10) + 4 * FEE);
	let said = done(alice, bond()).await.unwrap();
	assert!(said.contains("stay free, too little"), "{said}");
	// Leaving pays for itself, and nothing else does.
	leave(0);
	let said = done(alice, Action::Unbond { amount: None }).await.unwrap();
	assert!(said.contains("comes out of what this frees"), "{said}");
	let said = refused(alice, Action::Rebond { lock: 0, to: None }).await;
	assert!(said.contains("has 0 LPT free"), "{said}");
}

#[tokio::test]
async fn transcoder_should_be_told_that_it_loses_its_place() {
	let world = World::new().await;
	let bob = &world.bob;
	done(bob, Action::Bond { amount: lpt(60), to: None }).await.unwrap();
	let said = done(bob, Action::Unbond { amount: Some(lpt(5)) }).await.unwrap();
	assert!(!said.contains("leaves the list"), "{said}");
	let said = done(bob, Action::Unbond { amount: Some(lpt(10)) }).await.unwrap();
	assert!(said.contains("leaves the list of candidates"), "{said}");
	world.chain.jail(&of(bob), true);
	done(bob, Action::Unjail).await.unwrap();
	done(bob, Action::Resign).await.unwrap();
	assert!(world.alice.transcoder(&of(bob)).await.unwrap().is_none());
}

#[tokio::test]
async fn bond_to_oneself_should_say_what_is_lacking_when_one_is_no_transcoder() {
	let world = World::new().await;
	let own = || Action::Bond { amount: lpt(10), to: None };
	let said = done(&world.alice, own()).await.unwrap();
	assert!(said.contains("earns nothing until") && !said.contains("counts and earns"), "{said}");
	let said = done(&world.bob, own()).await.unwrap();
	assert!(said.contains("counts and earns"), "{said}");
}

#[tokio::test]
async fn status_should_be_readable_by_people_and_machines() {
	let world = World::new().await;
	let bob = &world.bob;
	done(bob, Action::Bond { amount: lpt(60), to: None }).await.unwrap();
	done(bob, Action::Unbond { amount: Some(lpt(5)) }).await.unwrap();
	world.chain.stakes(|stakes| {
		stakes.accounts.get_mut(&of(bob)).unwrap().fees = UNIT / 4;
		stakes.open.insert(of(bob), vec![(6, 2), (7, 1)]);
	});
	let seen = status(&world.alice, &of(bob), None).await.unwrap();
	let json = serde_json::to_value(&seen).unwrap();
	assert_eq!(json["nextRound"], lpt(55).to_string());
	assert_eq!(json["fees"], (UNIT / 4).to_string());
	assert_eq!(json["locks"][0]["release"], 22);
	assert_eq!(json["locks"][0]["value"], lpt(5).to_string());
	assert_eq!(json["delegate"], of(bob).to_string());
	assert_eq!(json["transcoder"]["rewardCut"], 100_000_000);
	assert_eq!(json["transcoder"]["open"], 3);
	let lines = status_lines(&seen).join("\n");
	for part in ["bonded to itself", "0.25 ETH", "lock 0: 5 LPT", "in 15 rounds", "10% of rewards"]
	{
		assert!(lines.contains(part), "{part}: {lines}");
	}
	// For an earlier block only the stake is known.
	let then = status(&world.alice, &of(bob), Some(1)).await.unwrap();
	assert_eq!((then.block, then.free_lpt, then.transcoder), (1, None, None));
	let all = transcoders(&world.alice).await.unwrap();
	assert_eq!(all.len(), 2);
	assert!(transcoders_lines(&all).join("\n").contains("served 0 of 0"));
}

#[tokio::test]
async fn validators_should_be_shown_with_who_leaves_next() {
	let world = World::new().await;
	let view = |name, next, leaves| ValidatorView {
		account: named(name),
		stake: lpt(100),
		in_force: true,
		planned: true,
		next,
		leaves,
	};
	world.chain.stakes(|stakes| {
		stakes.validators = vec![
			view("//Alice", true, None),
			view("//Bob", false, Some(LeaveReason::Offline)),
			view("//Charlie", true, Some(LeaveReason::Jailed)),
		];
	});
	let lines = validators_lines(&validators(&world.alice).await.unwrap());
	assert!(lines[0].ends_with("100 LPT, validates"), "{lines:?}");
	assert!(lines[1].contains("leaves: it made no blocks"), "{lines:?}");
	assert!(lines[2].contains("it is jailed, and it stays only while"), "{lines:?}");
}

#[derive(Parser)]
struct Cli {
	#[command(subcommand)]
	command: StakeCommand,
}

#[test]
fn commands_should_say_what_they_need() {
	let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|cli| cli.command);
	let bob = named("//Bob");
	assert!(parse(&format!("stake delegate --amount 10 --to {bob} --suri //Alice --yes")).is_ok());
	assert!(parse("stake bond --amount 10 --suri //Alice").is_ok());
	assert!(parse("stake unbond --all --suri //Alice").is_ok());
	assert!(parse(&format!("stake status {bob} --json --block 7")).is_ok());
	for wrong in [
		"stake delegate --amount 10 --suri //Alice",
		"stake unbond --suri //Alice",
		"stake unbond --all --amount 3 --suri //Alice",
		"stake bond --amount 10",
		"stake withdraw --suri //Alice",
	] {
		assert!(parse(wrong).is_err(), "{wrong}");
	}
	let call = Call::Stake(StakeCall::Unjail);
	assert_eq!(call.name(), "TranscoderElection.unjail");
}
