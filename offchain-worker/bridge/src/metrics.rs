//! The relayer's metrics, in the OpenMetrics format.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use prometheus_client::{
	encoding::{text::encode, EncodeLabelSet},
	metrics::{counter::Counter, family::Family, gauge::Gauge},
	registry::Registry,
};

/// A kind of thing that is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Kind {
	kind: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Endpoint {
	what: String,
	endpoint: String,
}

fn kind(kind: &str) -> Kind {
	Kind { kind: kind.to_owned() }
}

struct Inner {
	registry: Registry,
	sent: Family<Kind, Counter>,
	duplicates: Family<Kind, Counter>,
	refused: Family<Kind, Counter>,
	failures: Family<Endpoint, Counter>,
	gas: Family<Kind, Counter>,
	spent_wei: Family<Kind, Counter<f64, std::sync::atomic::AtomicU64>>,
	spent_lpt: Family<Kind, Counter<f64, std::sync::atomic::AtomicU64>>,
	earned: Family<Kind, Counter<f64, std::sync::atomic::AtomicU64>>,
	values: Family<Kind, Gauge>,
	alarms: Family<Kind, Gauge>,
}

/// Counters since the start. Clones count the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

impl Default for Metrics {
	fn default() -> Self {
		let mut inner = Inner {
			registry: Registry::default(),
			sent: Family::default(),
			duplicates: Family::default(),
			refused: Family::default(),
			failures: Family::default(),
			gas: Family::default(),
			spent_wei: Family::default(),
			spent_lpt: Family::default(),
			earned: Family::default(),
			values: Family::default(),
			alarms: Family::default(),
		};
		let mut r = Registry::with_prefix("livepeer_bridge");
		r.register("sent", "Transactions that did what they should, by kind", inner.sent.clone());
		let help = "What another relayer had done before, by kind";
		r.register("duplicates", help, inner.duplicates.clone());
		r.register("refused", "Transactions that were refused, by kind", inner.refused.clone());
		let help = "Questions that an endpoint answered wrongly or not at all";
		r.register("endpoint_failures", help, inner.failures.clone());
		r.register("gas", "Gas used on Ethereum, by kind of transaction", inner.gas.clone());
		let help = "ETH spent on Ethereum, by kind of transaction";
		r.register("spent_eth", help, inner.spent_wei.clone());
		let help = "LPT spent on the chain, by kind of transaction";
		r.register("spent_lpt", help, inner.spent_lpt.clone());
		r.register("earned", "Fees of withdrawals, by asset", inner.earned.clone());
		r.register("value", "Where things stand: heights, counts, ages", inner.values.clone());
		r.register("alarm", "1 while something is wrong, by what it is", inner.alarms.clone());
		inner.registry = r;
		Self(Arc::new(inner))
	}
}

/// Smallest units as a number of LPT or ETH, for graphs.
fn whole(units: u128) -> f64 {
	units as f64 / 1e18
}

impl Metrics {
	/// An endpoint did not answer, or wrongly.
	pub fn failed(&self, what: &str, endpoint: &str) {
		let label = Endpoint { what: what.to_owned(), endpoint: endpoint.to_owned() };
		self.0.failures.get_or_create(&label).inc();
	}

	/// A transaction succeeded.
	pub fn sent(&self, what: &str) {
		self.0.sent.get_or_create(&kind(what)).inc();
	}

	/// Another relayer was faster.
	pub fn duplicate(&self, what: &str) {
		self.0.duplicates.get_or_create(&kind(what)).inc();
	}

	/// A transaction was refused.
	pub fn refused(&self, what: &str) {
		self.0.refused.get_or_create(&kind(what)).inc();
	}

	/// What a transaction on Ethereum cost.
	pub fn spent_on_ethereum(&self, what: &str, gas: u64, wei: u128) {
		self.0.gas.get_or_create(&kind(what)).inc_by(gas);
		self.0.spent_wei.get_or_create(&kind(what)).inc_by(whole(wei));
	}

	/// What a transaction on the chain cost.
	pub fn spent_on_chain(&self, what: &str, fee: u128) {
		self.0.spent_lpt.get_or_create(&kind(what)).inc_by(whole(fee));
	}

	/// The fee of a withdrawal.
	pub fn earned(&self, asset: &str, fee: u128) {
		self.0.earned.get_or_create(&kind(asset)).inc_by(whole(fee));
	}

	/// Sets a value.
	pub fn set(&self, what: &str, value: u64) {
		self.0.values.get_or_create(&kind(what)).set(i64::try_from(value).unwrap_or(i64::MAX));
	}

	/// Sets an alarm.
	pub fn alarm(&self, what: &str, is_wrong: bool) {
		self.0.alarms.get_or_create(&kind(what)).set(i64::from(is_wrong));
	}

	/// Everything as text.
	pub fn encode(&self) -> String {
		let mut text = String::new();
		// Writing to a string cannot fail.
		let _ = encode(&mut text, &self.0.registry);
		text
	}

	/// Serves them at this address under `/metrics`, with the limits of the worker's metrics.
	pub async fn serve(self, address: SocketAddr) -> Result<()> {
		livepeer_worker_http::metrics::start(address, move || self.encode(), || Ok(())).await
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_is_counted_should_be_served_under_its_documented_name() {
		let metrics = Metrics::default();
		// A clone counts the same.
		let other = metrics.clone();
		other.sent("deposit");
		other.spent_on_ethereum("withdraw", 100_000, 1_000_000_000_000_000);
		other.spent_on_chain("sync", 500_000_000_000_000_000);
		other.earned("LPT", 2_000_000_000_000_000_000);
		other.set("contract_block", 7);
		other.alarm("books", true);
		other.alarm("forks", true);
		other.alarm("forks", false);
		let text = metrics.encode();
		for line in [
			"livepeer_bridge_sent_total{kind=\"deposit\"} 1",
			"livepeer_bridge_gas_total{kind=\"withdraw\"} 100000",
			"livepeer_bridge_spent_eth_total{kind=\"withdraw\"} 0.001",
			"livepeer_bridge_spent_lpt_total{kind=\"sync\"} 0.5",
			"livepeer_bridge_earned_total{kind=\"LPT\"} 2.0",
			"livepeer_bridge_value{kind=\"contract_block\"} 7",
			"livepeer_bridge_alarm{kind=\"books\"} 1",
			"livepeer_bridge_alarm{kind=\"forks\"} 0",
		] {
			assert!(text.lines().any(|known| known == line), "{line} is not in:\n{text}");
		}
	}
}
