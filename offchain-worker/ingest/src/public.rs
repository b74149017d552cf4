//! HTTP requests to public addresses only, so that strangers' URLs lead nowhere else.

use std::net::{IpAddr, SocketAddr};

use livepeer_worker_hosts::is_public;
use reqwest::{
	dns::{Addrs, Name, Resolve, Resolving},
	Url,
};

/// The literal IP address in a URL.
pub fn literal(url: &Url) -> Option<IpAddr> {
	let host = url.host_str()?;
	host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Resolves to public addresses only, except for one host. The resolved addresses are those that are
/// connected to, so a name cannot change in between.
#[derive(Clone, Debug, Default)]
pub struct PublicOnly {
	/// A host that may have any address, in a URL's form.
	but: Option<String>,
}

impl PublicOnly {
	/// The same, and this host at any address.
	pub fn but(host: impl Into<String>) -> Self {
		Self { but: Some(host.into()) }
	}

	/// Whether a URL may be requested, as far as it tells: a name's addresses are checked when it is
	/// resolved.
	pub fn admits(&self, url: &Url) -> bool {
		literal(url).is_none_or(is_public) || self.is_but(url.host_str().unwrap_or_default())
	}

	fn is_but(&self, host: &str) -> bool {
		self.but.as_deref() == Some(host)
	}
}

impl Resolve for PublicOnly {
	fn resolve(&self, name: Name) -> Resolving {
		let is_but = self.is_but(name.as_str());
		Box::pin(async move {
			let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
			let public: Vec<SocketAddr> = found.filter(|at| is_but || is_public(at.ip())).collect();
			if public.is_empty() {
				return Err("no public address".into());
			}
			Ok(Box::new(public.into_iter()) as Addrs)
		})
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn one_host_should_be_admitted_wherever_it_is_and_no_other() {
		let url = |text: &str| text.parse::<Url>().unwrap();
		let strict = PublicOnly::default();
		assert!(strict.admits(&url("http://1.1.1.1/")) && strict.admits(&url("http://a.example/")));
		for inside in ["http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://10.0.0.1/"] {
			assert!(!strict.admits(&url(inside)), "{inside}");
		}
		let camera = PublicOnly::but("192.168.1.9");
		assert!(camera.admits(&url("http://192.168.1.9:8080/x")));
		assert!(!camera.admits(&url("http://192.168.1.1/")));
	}
}
