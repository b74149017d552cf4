//! The demo's reads of the chain: events of finalised blocks and balances, over one node's RPC.

use anyhow::{Context, Result};
use livepeer_primitives::{
	params::{ProtocolParameters, Timing},
	AccountId, ETH,
};
use serde_json::Value as Json;
use subxt::{
	client::{ClientAtBlock, OnlineClientAtBlockImpl},
	dynamic::Value,
	ext::codec::Decode,
	OnlineClient, SubstrateConfig,
};

use crate::{
	events::{exact, to_json, Event},
	report::Balances,
};

type AtBlock = ClientAtBlock<SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>>;

/// A connection to one node.
#[derive(Clone)]
pub struct Chain {
	client: OnlineClient<SubstrateConfig>,
}

impl Chain {
	/// Connects to a node.
	pub async fn connect(url: &str) -> Result<Self> {
		let client = OnlineClient::from_insecure_url(url)
			.await
			.with_context(|| format!("no node answers at {url}"))?;
		Ok(Self { client })
	}

	/// The genesis hash in hex.
	pub fn genesis(&self) -> String {
		format!("{:?}", self.client.genesis_hash())
	}

	/// The newest finalised height.
	pub async fn finalized(&self) -> Result<u32> {
		Ok(self.finalized_block().await?.0)
	}

	/// The newest finalised block.
	pub async fn finalized_block(&self) -> Result<(u32, String)> {
		let at = self.client.at_current_block().await?;
		Ok((at.block_number() as u32, format!("{:?}", at.block_hash())))
	}

	/// The hash of the block at `number`.
	pub async fn hash(&self, number: u32) -> Result<String> {
		Ok(format!("{:?}", self.at(number).await?.block_hash()))
	}

	/// The events of the finalised block at `number`.
	pub async fn events(&self, number: u32) -> Result<Vec<Event>> {
		let at = self.client.at_block(number).await?;
		let mut events = Vec::new();
		for event in at.events().fetch().await?.iter() {
			let event = event?;
			let fields = event.decode_fields_unchecked_as::<Value>()?;
			events.push(Event {
				block: number,
				pallet: event.pallet_name().to_owned(),
				name: event.event_name().to_owned(),
				fields: to_json(&fields),
			});
		}
		Ok(events)
	}

	async fn at(&self, number: u32) -> Result<AtBlock> {
		Ok(self.client.at_block(number).await?)
	}

	/// The slot of the block at `number`, by its time stamp.
	pub async fn slot(&self, number: u32, slot_milliseconds: u64) -> Result<u64> {
		let now = self.read(number, "Timestamp", "Now", vec![]).await?;
		Ok(now.as_u64().unwrap_or(0) / slot_milliseconds.max(1))
	}

	/// A storage value as JSON; `Null` if there is none.
	async fn read(&self, number: u32, pallet: &str, entry: &str, keys: Vec<Value>) -> Result<Json> {
		let at = self.at(number).await?;
		let address = subxt::dynamic::storage::<Vec<Value>, Value>(pallet, entry);
		let value = at.storage().try_fetch(address, keys).await?;
		Ok(value.map(|v| v.decode()).transpose()?.map_or(Json::Null, |v| to_json(&v)))
	}

	/// The value of a runtime API call as JSON.
	pub async fn call(&self, number: u32, method: &str, args: Vec<Value>) -> Result<Json> {
		let at = self.at(number).await?;
		let payload =
			subxt::dynamic::runtime_api_call::<Vec<Value>, Value>("LivepeerApi", method, args);
		Ok(to_json(&at.runtime_apis().call(payload).await?))
	}

	/// The parameters in force at a block, and the constants of the genesis.
	pub async fn rules(&self, number: u32) -> Result<(ProtocolParameters, Timing)> {
		let at = self.at(number).await?;
		let apis = at.runtime_apis();
		let parameters = apis.call_raw("LivepeerApi_parameters", None).await?;
		let timing = apis.call_raw("LivepeerApi_timing", None).await?;
		Ok((ProtocolParameters::decode(&mut &parameters[..])?, Timing::decode(&mut &timing[..])?))
	}

	/// An account's balances at a block.
	pub async fn balances(&self, number: u32, account: &AccountId) -> Result<Balances> {
		let key = || Value::from_bytes(<[u8; 32]>::from(account.clone()));
		let eth_id = || Value::u128(ETH.into());
		let system = self.read(number, "System", "Account", vec![key()]).await?;
		let asset = self.read(number, "Assets", "Account", vec![eth_id(), key()]).await?;
		let held =
			self.read(number, "AssetsHolder", "BalancesOnHold", vec![eth_id(), key()]).await?;
		let delegator = self.call(number, "delegator", vec![key()]).await?;
		let lpt = amount(&system["data"]["free"]) + amount(&system["data"]["reserved"]);
		Ok(Balances {
			lpt: lpt.to_string(),
			eth: (amount(&asset["balance"]) + amount(&held)).to_string(),
			bonded: amount(&delegator["stake"]).to_string(),
			fees: amount(&delegator["fees"]).to_string(),
		})
	}

	/// LPT and ETH in existence. It is an error if the chain does not say how much there is: twice nothing would look as
	/// if nothing were lost.
	pub async fn issuance(&self, number: u32) -> Result<(u128, u128)> {
		let lpt = self.read(number, "Balances", "TotalIssuance", vec![]).await?;
		let eth = self.read(number, "Assets", "Asset", vec![Value::u128(ETH.into())]).await?;
		let exact = |value: &Json, token: &str| {
			exact(value)
				.with_context(|| format!("the chain does not say how much {token} there is"))
		};
		Ok((exact(&lpt, "LPT")?, exact(&eth["supply"], "ETH")?))
	}
}

/// An amount from JSON; 0 if there is none.
pub fn amount(value: &Json) -> u128 {
	exact(value).unwrap_or(0)
}
