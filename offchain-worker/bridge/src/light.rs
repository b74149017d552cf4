//! Converts a beacon node's light client data, in JSON and SSZ, into the form of the chain's light client.

use anyhow::{anyhow, bail, ensure, Context, Result};
use livepeer_bridge_formats::{
	ethereum::Branch,
	ssz::{chunk, merkle, number, pair, PackedKey},
	types::{
		BeaconHeader, Bootstrap, BroughtCommittee, Layout, SyncAggregate, SyncCommittee, Update,
		COMMITTEE,
	},
	H256,
};
use serde_json::Value;

/// A beacon block's header with the execution block that its body leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
	/// The header.
	pub beacon: BeaconHeader,
	/// The hash of its execution block; from Gloas on, of its parent's execution block.
	pub execution_hash: H256,
	/// The siblings from that hash up to the body's root.
	pub hash_branch: Branch,
}

/// A bootstrap and the execution block of its header.
#[derive(Clone, Debug, PartialEq)]
pub struct FullBootstrap {
	/// The block.
	pub header: Header,
	/// The chain's form of it.
	pub bootstrap: Bootstrap,
}

/// An update and the execution block of its finalised header.
#[derive(Clone, Debug, PartialEq)]
pub struct FullUpdate {
	/// The finalised block.
	pub finalized: Header,
	/// The chain's form of it.
	pub update: Update,
}

/// The depth of the execution payload in a body, and the hash's field in the payload, from Capella to Fulu.
const PAYLOAD_DEPTH: usize = 4;
const HASH_FIELD: usize = 12;

/// The siblings of leaf `index` in the tree over the leaves, whose number is a power of two.
fn siblings(mut row: Vec<H256>, mut index: usize) -> Vec<H256> {
	let mut siblings = Vec::new();
	while row.len() > 1 {
		siblings.extend(row.get(index ^ 1));
		row = row.chunks(2).filter_map(|both| Some(pair(both.first()?, both.get(1)?))).collect();
		index /= 2;
	}
	siblings
}

/// The branch of the execution block's hash: within the payload, given the roots of its fields, and from the
/// payload up.
fn hash_branch(mut fields: Vec<H256>, above: &[H256]) -> Result<Branch> {
	fields.resize(fields.len().next_power_of_two(), H256::zero());
	let mut branch = siblings(fields, HASH_FIELD);
	branch.extend(above);
	Branch::try_from(branch).map_err(|_| anyhow!("a branch is too long"))
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
	let text = value.as_str().context("not a string of hexadecimal digits")?;
	hex::decode(text.strip_prefix("0x").unwrap_or(text)).context("not hexadecimal")
}

fn fixed<const N: usize>(value: &Value) -> Result<[u8; N]> {
	let bytes = bytes(value)?;
	let found = bytes.len();
	bytes.try_into().map_err(|_| anyhow!("{found} bytes where there are {N}"))
}

fn hash(value: &Value) -> Result<H256> {
	Ok(H256(fixed(value)?))
}

/// A number, which the beacon API writes as a string.
pub fn uint(value: &Value) -> Result<u64> {
	value
		.as_u64()
		.or_else(|| value.as_str()?.parse().ok())
		.ok_or_else(|| anyhow!("not a number: {value}"))
}

fn branch(value: &Value) -> Result<Branch> {
	let nodes = value.as_array().context("a branch is not a list")?;
	// Longer than any valid branch.
	ensure!(nodes.len() <= 64, "a branch is too long");
	let nodes = nodes.iter().map(hash).collect::<Result<Vec<_>>>()?;
	Branch::try_from(nodes).map_err(|_| anyhow!("a branch is too long"))
}

fn beacon_header(value: &Value) -> Result<BeaconHeader> {
	Ok(BeaconHeader {
		slot: uint(&value["slot"])?,
		proposer_index: uint(&value["proposer_index"])?,
		parent_root: hash(&value["parent_root"])?,
		state_root: hash(&value["state_root"])?,
		body_root: hash(&value["body_root"])?,
	})
}

/// A number of 256 bits in decimal, least byte first.
fn wide(value: &Value) -> Result<[u8; 32]> {
	let text = value.as_str().context("not a number")?;
	Ok(text.parse::<alloy_primitives::U256>().context("not a number")?.to_le_bytes())
}

fn header(value: &Value) -> Result<Header> {
	let beacon = beacon_header(&value["beacon"])?;
	if let Some(found) = value.get("execution_block_hash") {
		return Ok(Header {
			beacon,
			execution_hash: hash(found)?,
			hash_branch: branch(&value["execution_branch"])?,
		});
	}
	let e = value.get("execution").context("a header without its execution block")?;
	let uint = |name: &str| Ok::<_, anyhow::Error>(number(uint(&e[name])?));
	let root = |name: &str| hash(&e[name]);
	let extra = bytes(&e["extra_data"])?;
	ensure!(extra.len() <= 32, "extra data is too long");
	let fields = vec![
		root("parent_hash")?,
		chunk(&fixed::<20>(&e["fee_recipient"])?),
		root("state_root")?,
		root("receipts_root")?,
		merkle(fixed::<256>(&e["logs_bloom"])?.chunks(32).map(chunk).collect()),
		root("prev_randao")?,
		uint("block_number")?,
		uint("gas_limit")?,
		uint("gas_used")?,
		uint("timestamp")?,
		pair(&chunk(&extra), &number(extra.len() as u64)),
		wide(&e["base_fee_per_gas"])?.into(),
		root("block_hash")?,
		root("transactions_root")?,
		root("withdrawals_root")?,
		uint("blob_gas_used")?,
		uint("excess_blob_gas")?,
	];
	let above = branch(&value["execution_branch"])?;
	ensure!(above.len() == PAYLOAD_DEPTH, "the execution branch has another length");
	Ok(Header {
		beacon,
		execution_hash: root("block_hash")?,
		hash_branch: hash_branch(fields, &above)?,
	})
}

fn committee(value: &Value) -> Result<SyncCommittee> {
	let keys = value["pubkeys"].as_array().context("a committee without keys")?;
	ensure!(keys.len() == COMMITTEE as usize, "a committee of {}", keys.len());
	let keys = keys.iter().map(fixed).collect::<Result<Vec<PackedKey>>>()?;
	let keys = keys.try_into().map_err(|_| anyhow!("a committee of another size"))?;
	Ok(SyncCommittee { keys, sum: fixed(&value["aggregate_pubkey"])? })
}

/// The content of `data`, if there is such a field.
fn data(value: &Value) -> &Value {
	value.get("data").unwrap_or(value)
}

/// A bootstrap in JSON.
pub fn bootstrap(value: &Value) -> Result<FullBootstrap> {
	let value = data(value);
	let header = header(&value["header"])?;
	Ok(FullBootstrap {
		bootstrap: Bootstrap {
			header: header.beacon,
			committee: committee(&value["current_sync_committee"])?,
			committee_branch: branch(&value["current_sync_committee_branch"])?,
		},
		header,
	})
}

/// An update or a finality update in JSON.
pub fn update(value: &Value) -> Result<FullUpdate> {
	let value = data(value);
	let finalized = header(&value["finalized_header"])?;
	let aggregate = &value["sync_aggregate"];
	let next = match value.get("next_sync_committee") {
		Some(next) => Some(BroughtCommittee {
			committee: committee(next)?,
			branch: branch(&value["next_sync_committee_branch"])?,
		}),
		None => None,
	};
	Ok(FullUpdate {
		update: Update {
			attested: beacon_header(&value["attested_header"]["beacon"])?,
			next,
			finalized: finalized.beacon,
			finality_branch: branch(&value["finality_branch"])?,
			aggregate: SyncAggregate {
				bits: fixed(&aggregate["sync_committee_bits"])?,
				signature: fixed(&aggregate["sync_committee_signature"])?,
			},
			signature_slot: uint(&value["signature_slot"])?,
		},
		finalized,
	})
}

/// Reads SSZ from its beginning.
struct Reader<'a> {
	bytes: &'a [u8],
	at: usize,
}

impl<'a> Reader<'a> {
	fn take(&mut self, length: usize) -> Result<&'a [u8]> {
		let end = self.at.checked_add(length).context("too long")?;
		let taken = self.bytes.get(self.at..end).context("it ends too early")?;
		self.at = end;
		Ok(taken)
	}

	fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
		self.take(N)?.try_into().context("it ends too early")
	}

	fn hash(&mut self) -> Result<H256> {
		Ok(H256(self.array()?))
	}

	fn uint(&mut self) -> Result<u64> {
		Ok(u64::from_le_bytes(self.array()?))
	}

	fn offset(&mut self) -> Result<usize> {
		Ok(u32::from_le_bytes(self.array()?) as usize)
	}

	fn branch(&mut self, index: u16) -> Result<Branch> {
		let nodes = (0..index.ilog2()).map(|_| self.hash()).collect::<Result<Vec<_>>>()?;
		Branch::try_from(nodes).map_err(|_| anyhow!("a branch is too long"))
	}

	fn beacon_header(&mut self) -> Result<BeaconHeader> {
		Ok(BeaconHeader {
			slot: self.uint()?,
			proposer_index: self.uint()?,
			parent_root: self.hash()?,
			state_root: self.hash()?,
			body_root: self.hash()?,
		})
	}

	fn committee(&mut self) -> Result<SyncCommittee> {
		let keys = (0..COMMITTEE).map(|_| self.array()).collect::<Result<Vec<PackedKey>>>()?;
		let keys = keys.try_into().map_err(|_| anyhow!("a committee of another size"))?;
		Ok(SyncCommittee { keys, sum: self.array()? })
	}

	/// A header: in place if its length is fixed, behind an offset otherwise.
	fn header(&mut self, layout: &Layout) -> Result<Header> {
		if is_fixed(layout) {
			return Ok(Header {
				beacon: self.beacon_header()?,
				execution_hash: self.hash()?,
				hash_branch: self.branch(layout.execution_hash)?,
			});
		}
		let at = self.offset()?;
		let mut inner = Reader { bytes: self.bytes.get(at..).context("it ends too early")?, at: 0 };
		let beacon = inner.beacon_header()?;
		let execution = inner.offset()?;
		let above = (0..PAYLOAD_DEPTH).map(|_| inner.hash()).collect::<Result<Vec<_>>>()?;
		let bytes = inner.bytes.get(execution..).context("it ends too early")?;
		let mut e = Reader { bytes, at: 0 };
		let mut fields = vec![e.hash()?, chunk(e.take(20)?), e.hash()?, e.hash()?];
		fields.push(merkle(e.take(256)?.chunks(32).map(chunk).collect()));
		fields.push(e.hash()?);
		for _ in 0..4 {
			fields.push(number(e.uint()?));
		}
		let extra_at = e.offset()?;
		let extra_field = fields.len();
		fields.push(H256::zero());
		for _ in 0..4 {
			fields.push(e.hash()?);
		}
		fields.push(number(e.uint()?));
		fields.push(number(e.uint()?));
		// The payload's only list: another header follows it, or nothing.
		let extra = bytes.get(extra_at..).context("it ends too early")?;
		let (execution_hash, beacon_body) =
			(fields.get(HASH_FIELD).copied().unwrap_or_default(), beacon.body_root);
		for length in 0..=extra.len().min(32) {
			let extra = extra.get(..length).unwrap_or_default();
			if let Some(field) = fields.get_mut(extra_field) {
				*field = pair(&chunk(extra), &number(length as u64));
			}
			let branch = hash_branch(fields.clone(), &above)?;
			if livepeer_bridge_formats::verify::is_at(
				execution_hash,
				&branch,
				layout.execution_hash,
				beacon_body,
			) {
				return Ok(Header { beacon, execution_hash, hash_branch: branch });
			}
		}
		bail!("the execution block is not at its place in the beacon block's body")
	}
}

/// From Gloas on headers have no list in them.
fn is_fixed(layout: &Layout) -> bool {
	layout.execution_hash != Layout::ELECTRA.execution_hash
}

/// A bootstrap in SSZ.
pub fn bootstrap_ssz(bytes: &[u8], layout: &Layout) -> Result<FullBootstrap> {
	let mut reader = Reader { bytes, at: 0 };
	let header = reader.header(layout)?;
	Ok(FullBootstrap {
		bootstrap: Bootstrap {
			header: header.beacon,
			committee: reader.committee()?,
			committee_branch: reader.branch(layout.current_committee)?,
		},
		header,
	})
}

/// An update in SSZ, or a finality update.
pub fn update_ssz(bytes: &[u8], layout: &Layout, brings: bool) -> Result<FullUpdate> {
	let mut reader = Reader { bytes, at: 0 };
	let attested = reader.header(layout)?;
	let next = match brings {
		true => Some(BroughtCommittee {
			committee: reader.committee()?,
			branch: reader.branch(layout.next_committee)?,
		}),
		false => None,
	};
	let finalized = reader.header(layout)?;
	let finality_branch = reader.branch(layout.finality)?;
	let aggregate = SyncAggregate { bits: reader.array()?, signature: reader.array()? };
	Ok(FullUpdate {
		update: Update {
			attested: attested.beacon,
			next,
			finalized: finalized.beacon,
			finality_branch,
			aggregate,
			signature_slot: reader.uint()?,
		},
		finalized,
	})
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;

	use super::*;

	/// The bytes of a finality update from Gloas on: two headers with their branches, the branch between
	/// them, who signed, the signature, its slot.
	const GLOAS_FINALITY: usize = 2 * (112 + 32 + 11 * 32) + 9 * 32 + 64 + 96 + 8;

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(256))]

		#[test]
		fn decoders_should_not_panic_when_fed_anything(
			mut bytes in prop::collection::vec(any::<u8>(), 0..30_000),
			offsets in prop::collection::vec((0usize..1_200, any::<u16>()), 0..8),
		) {
			// Offsets that lead somewhere, now and then.
			for (at, offset) in offsets {
				if let Some(place) = bytes.get_mut(at..at + 4) {
					place.copy_from_slice(&u32::from(offset).to_le_bytes());
				}
			}
			for layout in [Layout::DENEB, Layout::ELECTRA, Layout::GLOAS] {
				let _ = bootstrap_ssz(&bytes, &layout);
				for brings in [true, false] {
					let _ = update_ssz(&bytes, &layout, brings);
				}
			}
			if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
				let _ = (bootstrap(&value).is_ok(), update(&value).is_ok());
			}
		}

		#[test]
		fn what_ends_too_early_should_be_refused(
			bytes in prop::collection::vec(any::<u8>(), GLOAS_FINALITY),
			cut in 0..GLOAS_FINALITY,
		) {
			let whole = update_ssz(&bytes, &Layout::GLOAS, false);
			let slot = whole.map(|full| full.update.signature_slot.to_le_bytes());
			prop_assert!(slot.is_ok_and(|slot| bytes.ends_with(&slot)));
			prop_assert!(update_ssz(&bytes[..cut], &Layout::GLOAS, false).is_err());
		}
	}
}
