//! `keys`: makes and inspects keys, and sends what an account's own key declares on the chain.
//!
//! The commands that change the chain use the account's own secret once. It need not be on the machine where
//! roles run: roles are given operator keys and spending keys.

use std::{path::PathBuf, sync::Arc};

use anyhow::{anyhow, bail, ensure, Context, Result};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use livepeer_primitives::{
	keys::{Generation, OperatorKey, OperatorKeys, Purpose as OperatorPurpose},
	service::ServiceRecord,
	AccountId, Balance, BlockNumber,
};
use livepeer_worker_chain::SubxtChain;
use livepeer_worker_core::{
	key::Key,
	ports::chain::{Call, Chain, Spending, Wait},
};
use livepeer_worker_net::{peer_name, record_for, record_of, PeerId};
use sp_core::{crypto::Ss58Codec, sr25519};
use sp_runtime::Perbill;

use crate::{
	secrets,
	setup::{identity_in, read_key, KeyArgs, NetArgs, NodeArgs},
	units::{account, amount, peer},
};

/// What an operator key signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Purpose {
	/// A broadcaster's segments.
	Segments,
	/// A transcoder's receipts, claims and duties.
	Duties,
}

impl From<Purpose> for OperatorPurpose {
	fn from(purpose: Purpose) -> Self {
		match purpose {
			Purpose::Segments => Self::Segments,
			Purpose::Duties => Self::Duties,
		}
	}
}

/// An account's own key, and the node that takes its calls.
#[derive(Args, Debug)]
pub struct WalletArgs {
	/// The account.
	#[command(flatten)]
	pub key: KeyArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
}

/// A role, wherever it will run.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("role").args(["peer_id", "data_dir"]).required(true))]
pub struct RoleArgs {
	/// The role's peer id, as `keys peer` prints it on the machine where the role will run.
	#[arg(long, value_name = "PEER", value_parser = peer)]
	pub peer_id: Option<PeerId>,
	/// The role's folder, if it is on this machine: the peer id is read from it.
	#[arg(long, value_name = "DIR")]
	pub data_dir: Option<PathBuf>,
	/// Where peers will reach it.
	#[command(flatten)]
	pub net: NetArgs,
}

/// Makes and inspects keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
	/// Make a key, keep its phrase in a new file and print its address.
	New {
		/// The file, which must not exist yet.
		file: PathBuf,
	},
	/// Print the address of a key.
	Inspect {
		/// The file with its secret.
		file: PathBuf,
	},
	/// Print the peer id of a role; makes one if there is none.
	Peer {
		/// The role's folder.
		#[arg(long, value_name = "DIR")]
		data_dir: PathBuf,
	},
	/// Print the operator keys of an account.
	Show {
		/// The account.
		#[arg(value_parser = account)]
		account: AccountId,
		/// The node.
		#[command(flatten)]
		node: NodeArgs,
	},
	/// Announce a new generation of operator keys, for what is accepted from now on.
	Announce {
		/// What they sign.
		#[arg(long, value_enum)]
		purpose: Purpose,
		/// Address of an operator key, as `keys new` prints it; may be given several times.
		#[arg(long = "operator", value_name = "ADDRESS", required = true, value_parser = account)]
		operators: Vec<AccountId>,
		/// Address of the key that draws a transcoder's forced variants; every machine that works under these
		/// keys must hold it [default: the first operator key].
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		vrf: Option<AccountId>,
		/// The account that answers for them.
		#[command(flatten)]
		wallet: WalletArgs,
	},
	/// Revoke an operator key: the chain takes nothing new that it signs.
	Revoke {
		/// What it signs.
		#[arg(long, value_enum)]
		purpose: Purpose,
		/// Its generation, as `keys show` prints it.
		#[arg(long)]
		generation: Generation,
		/// Its place in the generation, from 0.
		#[arg(long, default_value_t = 0)]
		place: u8,
		/// The account that answers for it.
		#[command(flatten)]
		wallet: WalletArgs,
	},
	/// Let a key spend ETH of this account on jobs.
	Spend {
		/// The key's address.
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: AccountId,
		/// The most that it may ever spend in total, in ETH.
		#[arg(long, value_name = "ETH", value_parser = amount)]
		cap: Balance,
		/// Blocks for which it may spend.
		#[arg(long, value_name = "BLOCKS", default_value_t = 432_000)]
		lasts: BlockNumber,
		/// Whose ETH it is.
		#[command(flatten)]
		wallet: WalletArgs,
	},
	/// Revoke a spending key.
	Unspend {
		/// The key's address.
		#[arg(long, value_name = "ADDRESS", value_parser = account)]
		to: AccountId,
		/// Whose ETH it is.
		#[command(flatten)]
		wallet: WalletArgs,
	},
	/// Publish where a stream of this account will be found.
	Origin {
		/// The stream's name.
		#[arg(long)]
		name: String,
		/// The broadcaster's role.
		#[command(flatten)]
		role: RoleArgs,
		/// Whose stream it is.
		#[command(flatten)]
		wallet: WalletArgs,
	},
	/// Register this account as transcoder, or change its terms and address.
	Register {
		/// Price of a standard segment (2 s of 720p30), in ETH [default: as registered, or 0.0001].
		#[arg(long, value_name = "ETH", value_parser = amount)]
		price: Option<Balance>,
		/// Own share of rewards, in percent [default: as registered, or 10].
		#[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
		reward_cut: Option<u32>,
		/// Delegators' share of fees, in percent [default: as registered, or 50].
		#[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
		fee_share: Option<u32>,
		/// The transcoder's role.
		#[command(flatten)]
		role: RoleArgs,
		/// The account.
		#[command(flatten)]
		wallet: WalletArgs,
	},
}

impl RoleArgs {
	/// The record to publish for the role. Makes no identity: this machine does not choose the peer id of a
	/// role that runs elsewhere.
	fn record(&self) -> Result<ServiceRecord> {
		let (addresses, url) = (self.net.published()?, &self.net.service_url);
		match (&self.peer_id, &self.data_dir) {
			(Some(peer), _) => Ok(record_for(*peer, addresses, url)?),
			(None, Some(dir)) => {
				let identity = identity_in(dir);
				ensure!(
					identity.exists(),
					"{} is not the folder of a role that has run: give --peer-id, which `livepeer-worker \
					 keys peer --data-dir DIR` prints where the role will run",
					dir.display()
				);
				Ok(record_of(&identity, addresses, url)?)
			}
			(None, None) => bail!("give --peer-id, or --data-dir"),
		}
	}
}

impl WalletArgs {
	/// Connects as the account.
	pub(crate) async fn connect(&self) -> Result<(Arc<SubxtChain>, AccountId)> {
		let key = self.key.key()?;
		let account = key.account();
		Ok((self.node.connect(Some(key)).await?, account))
	}

	async fn submit(&self, call: Call) -> Result<()> {
		let (chain, account) = self.connect().await?;
		let name = call.name();
		chain.submit(call, Wait::Finalized).await?;
		println!("{name}: final, for {account}");
		Ok(())
	}
}

/// Runs the command.
pub async fn run(command: KeysCommand) -> Result<()> {
	match command {
		KeysCommand::New { file } => {
			let (key, phrase) = Key::generate();
			secrets::write(&file, &phrase)?;
			println!("{}", key.account());
			Ok(())
		}
		KeysCommand::Inspect { file } => {
			println!("{}", read_key(&file)?.account());
			Ok(())
		}
		KeysCommand::Peer { data_dir } => {
			std::fs::create_dir_all(&data_dir)
				.with_context(|| format!("cannot make the folder {}", data_dir.display()))?;
			println!("{}", peer_name(&record_of(&identity_in(&data_dir), &[], "")?));
			Ok(())
		}
		KeysCommand::Show { account, node } => show(&*node.connect(None).await?, &account).await,
		KeysCommand::Announce { purpose, operators, vrf, wallet } => {
			ensure!(
				purpose == Purpose::Duties || vrf.is_none(),
				"--vrf goes with --purpose duties: nothing is drawn for segments"
			);
			let vrf = vrf.as_ref().or(operators.first()).map(public);
			let vrf = vrf.filter(|_| purpose == Purpose::Duties);
			let keys: Vec<OperatorKey> =
				operators.iter().map(|address| OperatorKey::Sr25519(public(address))).collect();
			let keys = OperatorKeys::try_from(keys).map_err(|_| {
				anyhow!("a generation has at most eight keys: give --operator fewer times")
			})?;
			wallet.submit(Call::SetKeys { purpose: purpose.into(), keys, vrf }).await
		}
		KeysCommand::Revoke { purpose, generation, place, wallet } => {
			let purpose = purpose.into();
			wallet.submit(Call::RevokeKey { purpose, generation, key: place }).await
		}
		KeysCommand::Spend { to, cap, lasts, wallet } => {
			let now = wallet.node.connect(None).await?.limits().await?.now;
			let spending = Spending { cap, expiry: now.saturating_add(lasts) };
			wallet.submit(Call::SetSpending { key: to, spending }).await
		}
		KeysCommand::Unspend { to, wallet } => {
			let broadcaster = wallet.key.key()?.account();
			wallet.submit(Call::RemoveSpending { broadcaster, key: to }).await
		}
		KeysCommand::Origin { name, role, wallet } => {
			let record = role.record()?;
			wallet.submit(Call::SetOrigin { name, record }).await
		}
		KeysCommand::Register { price, reward_cut, fee_share, role, wallet } => {
			let service = role.record()?;
			let (chain, account) = wallet.connect().await?;
			let known = chain.transcoder(&account).await?;
			let known = known.as_ref();
			let call = Call::Transcoder {
				price: price
					.or(known.map(|view| view.price))
					.unwrap_or(livepeer_primitives::UNIT / 10_000),
				reward_cut: share(reward_cut, known.map(|view| view.reward_cut), 10),
				fee_share: share(fee_share, known.map(|view| view.fee_share), 50),
				service,
			};
			chain.submit(call, Wait::Finalized).await?;
			println!("TranscoderElection.transcoder: final, for {account}");
			Ok(())
		}
	}
}

/// The given share; otherwise the registered one; otherwise the default.
pub fn share(given: Option<u32>, registered: Option<Perbill>, default: u32) -> Perbill {
	given.map(Perbill::from_percent).or(registered).unwrap_or(Perbill::from_percent(default))
}

/// The public key in an address: sr25519 keys are their own accounts.
fn public(address: &AccountId) -> sr25519::Public {
	sr25519::Public::from(<[u8; 32]>::from(address.clone()))
}

async fn show(chain: &dyn Chain, account: &AccountId) -> Result<()> {
	for (name, purpose) in
		[("segments", OperatorPurpose::Segments), ("duties", OperatorPurpose::Duties)]
	{
		for view in chain.operator_keys(account, purpose).await? {
			if view.keys.is_empty() {
				println!("{name}, generation {}: the account itself", view.generation);
			}
			for (place, key) in view.keys.iter().enumerate() {
				let address = match key {
					OperatorKey::Sr25519(key) => key.to_ss58check(),
					OperatorKey::Ed25519(key) => key.to_ss58check(),
				};
				let revoked = view.revoked.get(place).copied().unwrap_or(false);
				let revoked = if revoked { ", revoked" } else { "" };
				println!("{name}, generation {}, key {place}: {address}{revoked}", view.generation);
			}
			if let Some(vrf) = view.vrf {
				let address = vrf.to_ss58check();
				println!("{name}, generation {}, variants: {address}", view.generation);
			}
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use clap::Parser;
	use livepeer_worker_net::load_identity;

	#[derive(Parser)]
	struct Cli {
		#[command(flatten)]
		role: RoleArgs,
	}

	fn record(arguments: &[&str]) -> Result<ServiceRecord> {
		let announce = ["worker", "--announce", "/ip4/192.0.2.1/tcp/4100"];
		Cli::try_parse_from(announce.iter().chain(arguments))?.role.record()
	}

	#[test]
	fn no_other_peer_id_should_be_published_than_that_of_the_role_that_will_run() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().to_str().unwrap();
		let refused = record(&["--data-dir", path]).unwrap_err().to_string();
		assert!(refused.contains("--peer-id"), "{refused}");
		assert!(!identity_in(dir.path()).exists(), "none is made");
		let peer = load_identity(&identity_in(dir.path())).unwrap().public().to_peer_id();
		let of_folder = record(&["--data-dir", path]).unwrap();
		let name = peer.to_string();
		let of_name = record(&["--peer-id", &name]).unwrap();
		assert_eq!(of_folder, of_name);
		assert_eq!(of_name.peer_id.to_vec(), peer.to_bytes());
		let refused = |arguments: &[&str]| record(arguments).unwrap_err().to_string();
		let said = refused(&[]);
		assert!(said.contains("--peer-id") && said.contains("--data-dir"), "{said}");
		assert!(refused(&["--peer-id", &name, "--data-dir", path]).contains("cannot be used with"));
		assert!(refused(&["--peer-id", "no peer"]).contains("is not a peer id"));
	}
}
