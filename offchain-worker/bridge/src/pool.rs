//! Several endpoints of the same kind: if one does not answer, or answers wrongly, the next is asked.

use std::{
	future::Future,
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};

use anyhow::{anyhow, bail, Result};

use crate::metrics::Metrics;

/// How long an endpoint may take for a question.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many rounds through all endpoints before a question is given up.
const ROUNDS: usize = 2;
/// The pause after the first round.
const PAUSE: Duration = Duration::from_millis(500);

/// An endpoint by the name that is shown.
pub struct Node<T> {
	/// Its address without possible secrets.
	pub name: String,
	/// The client.
	pub client: T,
}

/// The endpoints for one purpose.
pub struct Pool<T> {
	what: &'static str,
	nodes: Vec<Arc<Node<T>>>,
	current: AtomicUsize,
	metrics: Metrics,
}

/// An address without user, password, path and query, which often contain keys.
pub fn public_name(url: &str) -> String {
	let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
	let host = rest.split(['/', '?']).next().unwrap_or_default();
	let host = host.rsplit('@').next().unwrap_or_default();
	match scheme {
		"" => host.to_owned(),
		scheme => format!("{scheme}://{host}"),
	}
}

impl<T> Pool<T> {
	/// Of the endpoints at `urls`.
	pub fn new(
		what: &'static str,
		urls: &[String],
		metrics: Metrics,
		connect: impl Fn(&str) -> Result<T>,
	) -> Result<Self> {
		// Sets the TLS provider; one may be set already.
		let _ = rustls::crypto::ring::default_provider().install_default();
		if urls.is_empty() {
			bail!("no {what} is given");
		}
		let nodes = urls
			.iter()
			.map(|url| Ok(Arc::new(Node { name: public_name(url), client: connect(url)? })))
			.collect::<Result<_>>()?;
		Ok(Self { what, nodes, current: AtomicUsize::new(0), metrics })
	}

	/// All of them.
	pub fn nodes(&self) -> &[Arc<Node<T>>] {
		&self.nodes
	}

	/// Asks one of them.
	async fn one<R, F, Fut>(&self, place: usize, question: &str, ask: &F) -> Result<R>
	where
		F: Fn(Arc<Node<T>>) -> Fut,
		Fut: Future<Output = Result<R>>,
	{
		let Some(node) = self.nodes.get(place).cloned() else {
			bail!("there are not so many: {place}")
		};
		let name = node.name.clone();
		let answer = tokio::time::timeout(PATIENCE, ask(node))
			.await
			.unwrap_or_else(|_| Err(anyhow!("no answer in {} s", PATIENCE.as_secs())));
		answer.map_err(|error| {
			self.metrics.failed(self.what, &name);
			tracing::debug!(node = name, question, "{error:#}");
			error.context(format!("{} {name}, asked for {question}", self.what))
		})
	}

	/// Asks one after the other, beginning with the one that answered last. An answer that `ask` finds wrong
	/// is an error, as no answer is.
	pub async fn ask<R, F, Fut>(&self, question: &str, ask: F) -> Result<R>
	where
		F: Fn(Arc<Node<T>>) -> Fut,
		Fut: Future<Output = Result<R>>,
	{
		let count = self.nodes.len();
		let first = self.current.load(Ordering::Relaxed);
		let mut last = anyhow!("no {} was asked", self.what);
		for attempt in 0..count * ROUNDS {
			if attempt > 0 && attempt % count == 0 {
				tokio::time::sleep(PAUSE).await;
			}
			let place = (first + attempt) % count;
			match self.one(place, question, &ask).await {
				Ok(answer) => {
					self.current.store(place, Ordering::Relaxed);
					return Ok(answer);
				}
				Err(error) => last = error,
			}
		}
		Err(last)
	}

	/// Asks one after the other for something that some may lack. `None` if none has it, and at least one
	/// said so.
	pub async fn find<R, F, Fut>(&self, question: &str, ask: F) -> Result<Option<R>>
	where
		F: Fn(Arc<Node<T>>) -> Fut,
		Fut: Future<Output = Result<Option<R>>>,
	{
		let count = self.nodes.len();
		let first = self.current.load(Ordering::Relaxed);
		let (mut is_nowhere, mut last) = (false, None);
		for place in (0..count).map(|attempt| (first + attempt) % count) {
			match self.one(place, question, &ask).await {
				Ok(Some(answer)) => {
					self.current.store(place, Ordering::Relaxed);
					return Ok(Some(answer));
				}
				Ok(None) => is_nowhere = true,
				Err(error) => last = Some(error),
			}
		}
		last.filter(|_| !is_nowhere).map_or(Ok(None), Err)
	}

	/// Asks all at once; returns the right answers. `None` if none has it, and at least one said so.
	pub async fn all<R, F, Fut>(&self, question: &str, ask: F) -> Result<Vec<R>>
	where
		F: Fn(Arc<Node<T>>) -> Fut,
		Fut: Future<Output = Result<Option<R>>>,
	{
		let asked = (0..self.nodes.len()).map(|place| self.one(place, question, &ask));
		let (mut found, mut is_nowhere, mut last) = (Vec::new(), false, None);
		for answer in futures::future::join_all(asked).await {
			match answer {
				Ok(Some(answer)) => found.push(answer),
				Ok(None) => is_nowhere = true,
				Err(error) => last = Some(error),
			}
		}
		last.filter(|_| found.is_empty() && !is_nowhere).map_or(Ok(found), Err)
	}

	/// From now on the next one is asked first: this one's answer was of no use.
	pub fn pass_over(&self) {
		let next = self.current.load(Ordering::Relaxed).saturating_add(1);
		self.current.store(next % self.nodes.len().max(1), Ordering::Relaxed);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn pool(urls: &[&str]) -> Pool<String> {
		let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
		Pool::new("node", &urls, Metrics::default(), |url| Ok(url.to_owned())).expect("urls")
	}

	#[tokio::test]
	async fn next_endpoint_should_be_asked_when_one_fails_and_be_kept() {
		let pool = pool(&["http://a", "http://b", "http://c"]);
		let ask = |node: Arc<Node<String>>| async move {
			if node.client == "http://b" {
				Ok(node.client.clone())
			} else {
				Err(anyhow!("down"))
			}
		};
		assert_eq!(pool.ask("it", ask).await.ok(), Some("http://b".to_owned()));
		// The one that answered is asked first from now on.
		let first = |node: Arc<Node<String>>| async move { Ok(node.client.clone()) };
		assert_eq!(pool.ask("it", first).await.ok(), Some("http://b".to_owned()));
	}

	#[tokio::test]
	async fn failure_of_all_should_be_said_in_words_after_bounded_attempts() {
		let pool = pool(&["http://user:secret@a/key", "http://b"]);
		let asked = AtomicUsize::new(0);
		let error = pool
			.ask("the head", |_| {
				asked.fetch_add(1, Ordering::Relaxed);
				async { Err::<(), _>(anyhow!("it lies")) }
			})
			.await
			.expect_err("all fail");
		assert_eq!(asked.load(Ordering::Relaxed), 4);
		assert_eq!(format!("{error:#}"), "node http://b, asked for the head: it lies");
	}

	#[tokio::test]
	async fn what_one_does_not_have_should_be_asked_of_the_next() {
		let pool = pool(&["http://a", "http://b", "http://c"]);
		let has = |who: &'static str| {
			move |node: Arc<Node<String>>| async move {
				match node.client.as_str() {
					"http://a" => Ok(None),
					"http://b" => Err(anyhow!("down")),
					name => Ok((name == who).then(|| name.to_owned())),
				}
			}
		};
		assert_eq!(pool.find("it", has("http://c")).await.ok(), Some(Some("http://c".to_owned())));
		assert_eq!(pool.find("it", has("nobody")).await.ok(), Some(None));
		assert_eq!(pool.all("it", has("http://c")).await.ok(), Some(vec!["http://c".to_owned()]));
		assert_eq!(pool.all("it", has("nobody")).await.ok(), Some(vec![]));
		let down = |_: Arc<Node<String>>| async { Err::<Option<()>, _>(anyhow!("down")) };
		assert!(pool.find("it", down).await.is_err());
		assert!(pool.all("it", down).await.is_err());
	}

	#[tokio::test]
	async fn endpoint_whose_answer_leads_nowhere_should_be_passed_over() {
		let pool = pool(&["http://a", "http://b"]);
		let first = |node: Arc<Node<String>>| async move { Ok(node.client.clone()) };
		assert_eq!(pool.ask("it", first).await.ok(), Some("http://a".to_owned()));
		pool.pass_over();
		assert_eq!(pool.ask("it", first).await.ok(), Some("http://b".to_owned()));
		pool.pass_over();
		assert_eq!(pool.ask("it", first).await.ok(), Some("http://a".to_owned()));
	}

	#[test]
	fn names_should_show_no_secrets() {
		assert_eq!(public_name("https://user:secret@host:1/key?token=1"), "https://host:1");
		assert_eq!(public_name("ws://127.0.0.1:9944"), "ws://127.0.0.1:9944");
		assert_eq!(public_name("127.0.0.1:9944"), "127.0.0.1:9944");
	}

	#[test]
	fn no_endpoint_should_be_refused() {
		let empty: &[String] = &[];
		assert!(Pool::<()>::new("node", empty, Metrics::default(), |_| Ok(())).is_err());
	}
}
