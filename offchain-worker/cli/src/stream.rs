//! `stream`: the streams of an account as the chain has them.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Result};
use clap::{Args, Subcommand};
use livepeer_primitives::{
	api::JobView, segment::stream_id, work::fee, AccountId, Balance, JobId, StreamId,
};
use livepeer_worker_core::{
	decimal,
	ports::chain::{At, Call, Chain, Wait},
};

use crate::{
	setup::{KeyArgs, NodeArgs},
	units::{account, amount},
};

/// Whose stream it is, and what signs.
#[derive(Args, Debug)]
pub struct OwnerArgs {
	/// The account, or a spending key of it.
	#[command(flatten)]
	pub key: KeyArgs,
	/// The account whose stream it is [default: the key's].
	#[arg(long, value_name = "ADDRESS", value_parser = account)]
	pub account: Option<AccountId>,
	/// The stream's name.
	#[arg(long)]
	pub name: String,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
}

/// Lists streams, ends them, and adds to their budgets.
#[derive(Debug, Subcommand)]
pub enum StreamCommand {
	/// Print an account's streams on the chain, with their jobs and what they wait for.
	List {
		/// The account.
		#[arg(value_parser = account)]
		account: AccountId,
		/// Names of streams. The chain has only ids, made of account and name; streams whose name is not
		/// given here are listed by their id.
		#[arg(long = "name")]
		names: Vec<String>,
		/// The node.
		#[command(flatten)]
		node: NodeArgs,
	},
	/// End the job of a stream. The rest of its budget comes back once nothing more can be claimed.
	End(OwnerArgs),
	/// Add to the budget of a stream's job.
	TopUp {
		/// How much, in ETH.
		#[arg(long, value_name = "ETH", value_parser = amount)]
		add: Balance,
		/// The stream.
		#[command(flatten)]
		owner: OwnerArgs,
	},
}

/// Runs the command.
pub async fn run(command: StreamCommand) -> Result<()> {
	match command {
		StreamCommand::List { account, names, node } => {
			let lines = list(&*node.connect(None).await?, &account, &names).await?;
			if lines.is_empty() {
				println!("the chain knows no stream of {account}");
			}
			lines.iter().for_each(|line| println!("{line}"));
			Ok(())
		}
		StreamCommand::End(owner) => {
			let key = owner.key.key()?;
			let account = owner.account.clone().unwrap_or_else(|| key.account());
			let chain = owner.node.connect(Some(key)).await?;
			println!("{}", end(&*chain, &account, &owner.name).await?);
			Ok(())
		}
		StreamCommand::TopUp { add, owner } => {
			let key = owner.key.key()?;
			let account = owner.account.clone().unwrap_or_else(|| key.account());
			let chain = owner.node.connect(Some(key)).await?;
			println!("{}", top_up(&*chain, &account, &owner.name, add).await?);
			Ok(())
		}
	}
}

/// The streams of an account, a line each.
pub async fn list(chain: &dyn Chain, account: &AccountId, names: &[String]) -> Result<Vec<String>> {
	let now = chain.limits().await?.now;
	let mut streams = BTreeMap::<StreamId, Option<JobView>>::new();
	for job in chain.jobs_of(account).await? {
		if let Some(job) = chain.job(At::Best, job).await? {
			// A later job of the same stream takes its place.
			streams.insert(job.stream, Some(job));
		}
	}
	// Without a job, only a known name shows whose stream it is.
	let known: BTreeMap<StreamId, &String> =
		names.iter().map(|name| (stream_id(account, name), name)).collect();
	for stream in known.keys() {
		if !streams.contains_key(stream) && chain.origin(*stream).await?.is_some() {
			streams.insert(*stream, None);
		}
	}
	let line = |(stream, job): (&StreamId, &Option<JobView>)| {
		let name = known.get(stream).map_or_else(|| format!("{stream:?}"), ToString::to_string);
		let state = job.as_ref().map_or_else(|| "no job".to_owned(), |job| describe(job, now));
		format!("{name}: {state}")
	};
	Ok(streams.iter().map(line).collect())
}

/// A job in words.
pub(crate) fn describe(job: &JobView, now: u32) -> String {
	let id = job.id;
	if job.ended {
		return format!("job {id} has ended; its last claims may still be made");
	}
	let left = job.end.saturating_sub(now);
	let (who, allowance) = match &job.current {
		None => ("waits for a transcoder".to_owned(), 0),
		Some(current) if current.toolchain.is_none() => {
			(format!("is offered to {}", current.transcoder), current.allowance)
		}
		Some(current) => (format!("runs with {}", current.transcoder), current.allowance),
	};
	let budget = job.unreserved.saturating_add(allowance);
	let price = job.current.as_ref().map_or(job.max_price, |current| current.price);
	let segments = budget / fee(job.max_leaf_work, price).max(1);
	format!(
		"job {id} {who}, {left} blocks to go, {} ETH left, enough for {segments} segments of the largest kind",
		decimal(budget)
	)
}

async fn job_of(chain: &dyn Chain, account: &AccountId, name: &str) -> Result<JobView> {
	let job = match chain.job_of_stream(stream_id(account, name)).await? {
		Some(job) => chain.job(At::Best, job).await?,
		None => None,
	};
	match job {
		Some(job) if !job.ended => Ok(job),
		Some(job) => bail!("job {} of {name} has ended already", job.id),
		None => bail!("{account} has no job for a stream {name}: `livepeer-worker stream list {account}` shows what there is"),
	}
}

/// Ends the job of a stream, and prints the consequences.
pub async fn end(chain: &dyn Chain, account: &AccountId, name: &str) -> Result<String> {
	let job: JobId = job_of(chain, account, name).await?.id;
	chain.submit(Call::EndJob { job }, Wait::Finalized).await?;
	let grace = chain.limits().await?.claim_grace;
	Ok(format!(
		"job {job} has ended; what is left of its budget comes back in {grace} blocks, and what is claimed until then and fails later on"
	))
}

/// Adds to the budget of a stream's job, and prints the new budget.
pub async fn top_up(
	chain: &dyn Chain,
	account: &AccountId,
	name: &str,
	amount: Balance,
) -> Result<String> {
	ensure!(amount > 0, "nothing would be added: give --add above 0");
	let job = job_of(chain, account, name).await?.id;
	chain.submit(Call::TopUp { job, amount }, Wait::Finalized).await?;
	let view = job_of(chain, account, name).await?;
	Ok(format!("{name}: {}", describe(&view, chain.limits().await?.now)))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use livepeer_primitives::{video::SourceLimits, UNIT};
	use livepeer_worker_core::{
		fakes::{rendition, FakeChain, FakeChainClient, FakeNet},
		key::Key,
		ports::before::BeforeChain,
	};
	use std::sync::atomic::{AtomicU32, Ordering};

	/// A chain that counts what is read of it.
	struct Counted(FakeChainClient, AtomicU32);

	#[async_trait::async_trait]
	impl BeforeChain for Counted {
		fn behind(&self) -> &dyn Chain {
			&self.0
		}

		async fn before_read(&self) {
			self.1.fetch_add(1, Ordering::Relaxed);
		}
	}

	/// Every stream of the chain used to be asked about.
	#[tokio::test]
	async fn streams_of_others_should_not_be_read() {
		let chain = FakeChain::default();
		let [account, other] = ["//Broadcaster", "//Eve"].map(|uri| Key::from_uri(uri).unwrap());
		let (account, client) = (account.account(), chain.client(Some(account)));
		let others = chain.client(Some(other));
		let origin =
			|name: &str| Call::SetOrigin { name: name.into(), record: FakeNet::record("o") };
		client.submit(origin("one"), Wait::Finalized).await.unwrap();
		let counted = Counted(client, AtomicU32::new(0));
		let names = ["one", "two"].map(str::to_owned);
		let mut reads = Vec::new();
		for name in ["a", "b", "c"] {
			let lines = list(&counted, &account, &names).await.unwrap();
			assert_eq!(lines, ["one: no job"]);
			reads.push(counted.1.swap(0, Ordering::Relaxed));
			others.submit(origin(name), Wait::Finalized).await.unwrap();
		}
		assert!(reads.iter().all(|read| *read == reads[0]), "{reads:?}");
	}

	#[tokio::test]
	async fn streams_of_an_account_should_be_listed_topped_up_and_ended() {
		let (chain, key) = (FakeChain::default(), Key::from_uri("//Broadcaster").unwrap());
		let (account, client) = (key.account(), chain.client(Some(key)));
		for name in ["one", "two"] {
			let origin = Call::SetOrigin { name: name.into(), record: FakeNet::record("o") };
			client.submit(origin, Wait::Finalized).await.unwrap();
			let call = Call::CreateJob {
				broadcaster: account.clone(),
				name: name.into(),
				ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
				limits: SourceLimits::new(128, 72, 30),
				max_price: 1,
				end: 100,
				budget: UNIT,
			};
			client.submit(call, Wait::Finalized).await.unwrap();
		}
		let names = ["one".to_owned()];
		let lines = list(&client, &account, &names).await.unwrap();
		assert_eq!(lines.len(), 2);
		assert!(lines.iter().any(|line| line.starts_with("one: job 1 waits for a transcoder")));
		let said = top_up(&client, &account, "one", UNIT / 2).await.unwrap();
		assert!(said.contains("1.5 ETH left"), "{said}");
		assert!(top_up(&client, &account, "three", UNIT).await.is_err());
		assert!(end(&client, &account, "one").await.unwrap().contains("20 blocks"));
		let again = end(&client, &account, "one").await.unwrap_err().to_string();
		assert!(again.contains("has ended already"), "{again}");
		let lines = list(&client, &account, &names).await.unwrap();
		assert!(lines.iter().any(|line| line.starts_with("one: job 1 has ended")));
		assert!(lines.iter().any(|line| line.contains("job 2 waits")), "the other goes on");
		let stranger = Key::from_uri("//Eve").unwrap().account();
		assert!(list(&client, &stranger, &[]).await.unwrap().is_empty());
	}
}
