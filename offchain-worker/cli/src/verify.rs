//! `verify`: the service that a validator's node asks over loopback HTTP. What it does with files is
//! in [`crate::offline`].

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{ensure, Context, Result};
use axum::{
	body::to_bytes,
	extract::{Request, State},
	http::{header, StatusCode},
	response::{IntoResponse, Response},
	routing::{get, post},
	Router,
};
use clap::{ArgMatches, Args, FromArgMatches};
use codec::{DecodeAll, Encode};
use livepeer_primitives::{
	offchain::{
		ToolchainsAnswer, ToolchainsQuestion, VerifyStatus, VerifyTask, TOOLCHAINS_PATH,
		VERIFY_PATH,
	},
	Hash,
};
use livepeer_worker_core::{
	ports::{chain::Chain, clock::SystemClock, engine::MediaEngine, events::Event},
	roles::verify::{Fellows, QueueFull, VerifyRole},
};
use livepeer_worker_media::{Engine, PoolConfig};
use livepeer_worker_net::{Multiaddr, NetLimits};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
	http::{serve, HttpLimits},
	metrics::Metrics,
	offline::OfflineArgs,
	secrets,
	setup::{
		asking_net, engine, serving_net, stop_signal, unless_stopped, DialArgs, Home, HomeArgs,
		NodeArgs,
	},
	transcode::Swap,
	units::{multiaddr, socket},
};

/// A task has at most sixteen leaves; this is far above its size.
const LARGEST_TASK: usize = 256 * 1024;
/// How long a task's bytes may take to arrive.
const ARRIVES: Duration = Duration::from_secs(10);

/// How long a stopped service still answers earlier requests, and how long it then still works.
const DRAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
	/// Address of the HTTP service, which only the node should be able to reach.
	#[arg(long, value_name = "ADDRESS", value_parser = socket, default_value = "127.0.0.1:7936")]
	pub listen: SocketAddr,
	/// File with the token that the node sends.
	#[arg(long, value_name = "FILE")]
	pub token_file: PathBuf,
	/// Segments verified at a time [default: one less than processors].
	#[arg(long)]
	pub parallel: Option<usize>,
	/// Memory that all segments in work may take together, in MiB [default: seven tenths of what the machine
	/// has, or the container or service may use]. Several roles on one machine do not know of each other:
	/// give each its part.
	#[arg(long, value_name = "MIB")]
	pub memory_mib: Option<u64>,
	/// Another build of this program, whose libraries make another toolchain, for claims that name that one;
	/// may be given several times.
	#[arg(long, value_name = "PROGRAM")]
	pub also: Vec<PathBuf>,
	/// The chain's genesis hash [default: asked of the node]. With it, the service asks no node: it does not
	/// know whether the chain is for tests, nor who judges the same claims.
	#[arg(long, value_name = "HASH")]
	pub genesis: Option<Hash>,
	/// Serve fetched bytes at this multiaddress to judges of the same claims, and to nobody else; may be
	/// given several times. They find it in the account's record: publish it by `keys register` if the
	/// account only validates, by `transcode --announce ADDRESS/p2p/PEER` if it transcodes too.
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr, conflicts_with = "genesis")]
	pub serve: Vec<Multiaddr>,
	/// Folder and logs.
	#[command(flatten)]
	pub home: HomeArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
	/// Where peers are called.
	#[command(flatten)]
	pub dial: DialArgs,
}

/// The two uses of `verify`: serve a node, or judge files.
#[derive(Debug)]
pub enum VerifyCommand {
	/// Serve a validator's node.
	Serve(Box<VerifyArgs>),
	/// Judge files.
	Files(OfflineArgs),
}

/// The argument that tells the two apart.
const FILES: &str = "files";

impl Args for VerifyCommand {
	fn augment_args(command: clap::Command) -> clap::Command {
		let command = VerifyArgs::augment_args(command)
			.mut_args(|arg| match arg.is_required_set() {
				true => arg.required(false).required_unless_present(FILES),
				false => arg,
			})
			.override_usage(concat!(
				"livepeer-worker verify --data-dir <DIR> --token-file <FILE> [OPTIONS]\n",
				"       livepeer-worker verify [--rendition <WxH@RATE>]... [--key <ADDRESS>]...",
				" [--picture <FILE>] [--json] <FILE>...",
			));
		OfflineArgs::augment_args(command)
	}

	fn augment_args_for_update(command: clap::Command) -> clap::Command {
		Self::augment_args(command)
	}
}

impl FromArgMatches for VerifyCommand {
	fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
		if matches.contains_id(FILES) {
			OfflineArgs::from_arg_matches(matches).map(Self::Files)
		} else {
			VerifyArgs::from_arg_matches(matches).map(|args| Self::Serve(Box::new(args)))
		}
	}

	fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
		*self = Self::from_arg_matches(matches)?;
		Ok(())
	}
}

/// What answers a validator's node.
pub trait Answers: Send + Sync {
	/// Takes a task, or returns its progress.
	fn post(&self, task: VerifyTask) -> Result<VerifyStatus, QueueFull>;

	/// Says which toolchains are made here.
	fn toolchains(&self, question: ToolchainsQuestion) -> ToolchainsAnswer;
}

impl Answers for VerifyRole {
	fn post(&self, task: VerifyTask) -> Result<VerifyStatus, QueueFull> {
		VerifyRole::post(self, task)
	}

	fn toolchains(&self, question: ToolchainsQuestion) -> ToolchainsAnswer {
		VerifyRole::toolchains(self, question)
	}
}

/// Parts of the role that an embedding program replaces; none by default.
pub struct Swaps {
	/// Instead of the engine.
	pub engine: Swap<dyn MediaEngine>,
	/// Instead of what answers the node.
	pub answers: Swap<dyn Answers>,
}

impl Default for Swaps {
	fn default() -> Self {
		Self { engine: Box::new(|engine| engine), answers: Box::new(|answers| answers) }
	}
}

struct Service {
	answers: Arc<dyn Answers>,
	token: String,
	metrics: Arc<Metrics>,
}

/// Verifies until it is stopped.
pub async fn run(args: VerifyArgs, swaps: Swaps) -> Result<()> {
	let mut stop = stop_signal()?;
	let token =
		secrets::read(&args.token_file).context("the token file cannot be used")?.trim().to_owned();
	ensure!(
		!token.is_empty(),
		"the token file {} is empty: delete it, and make another with `livepeer-worker token`",
		args.token_file.display()
	);
	let home = args.home.open().await?;
	let started = start(&args, &home, swaps.engine);
	let (mut is_replaced, mut has_ended) = (false, false);
	if let Some((listener, role, working)) = unless_stopped(&mut stop, started).await? {
		tracing::info!(address = %args.listen, "waiting for tasks");
		let limits = HttpLimits::default();
		let answers = (swaps.answers)(Arc::new(role.clone()));
		let router = router(answers, token, home.metrics.clone());
		tokio::select! {
			served = serve(listener, router, stop, DRAIN.0, limits) => served?,
			() = role.replaced() => is_replaced = true,
			_ = working => has_ended = true,
		}
		// The node posts tasks again that are not done by then.
		let _ = tokio::time::timeout(DRAIN.1, role.idle()).await;
	}
	home.events.emit(Event::Stopped);
	ensure!(
		!has_ended,
		"a fault of this program, which the log names, has ended the judging: start it again"
	);
	ensure!(
		!is_replaced,
		"libraries were replaced since this program was started, so that only another process can make golden vectors \
		 anew, or judge: start it again"
	);
	Ok(())
}

/// Starts everything that is needed to take tasks, and what works on them, which never ends.
async fn start(
	args: &VerifyArgs,
	home: &Home,
	swap: Swap<dyn MediaEngine>,
) -> Result<(TcpListener, VerifyRole, JoinHandle<()>)> {
	let listener = TcpListener::bind(args.listen)
		.await
		.with_context(|| format!("cannot listen on {} (--listen)", args.listen))?;
	let mut pool = PoolConfig::default().within(args.memory_mib);
	pool.verify = args.parallel.unwrap_or(pool.verify).max(1);
	let parallel = pool.verify;
	let own = engine(pool).await?;
	let pool = own.pool().clone();
	let mut engines = vec![swap(Arc::new(own))];
	for program in &args.also {
		// Not cached: this program's cache says nothing about another program's libraries.
		let engine = Engine::start(pool.with_program(program.clone())).await;
		let engine = engine.with_context(|| format!("{} cannot be used", program.display()))?;
		tracing::info!(program = %program.display(), toolchain = ?engine.toolchain(), "also");
		engines.push(Arc::new(engine));
	}
	let clock = Arc::new(SystemClock::default());
	let (genesis, dial_private, fellows) = match args.genesis {
		Some(genesis) => {
			home.belongs_to(genesis)?;
			(genesis, args.dial.dial_private, None)
		}
		None => {
			let chain = args.node.connect_home(home, None).await?;
			let dial_private = args.dial.private_on(&*chain);
			let fellows = Fellows::new(chain.clone(), home.store.clone(), clock.clone());
			(chain.genesis(), dial_private, Some(Arc::new(fellows)))
		}
	};
	let net = match &fellows {
		Some(fellows) if !args.serve.is_empty() => {
			// No places for strangers: judges have their own.
			let limits = NetLimits { requests: 0, ..Default::default() };
			let (service, listen) = (fellows.clone(), args.serve.clone());
			serving_net(home, genesis, listen, service, dial_private, limits).await?
		}
		_ => asking_net(&home.dir, genesis, dial_private).await?,
	};
	let net = Arc::new(net);
	for address in net.listening() {
		tracing::info!("fellow judges are answered at {address}/p2p/{}", net.peer_id());
	}
	home.events.emit(Event::Started {
		account: None,
		peer_id: Some(net.peer_id().to_string()),
		listen: vec![args.listen.to_string()],
	});
	let (role, runner) = VerifyRole::new(
		genesis,
		home.store.clone(),
		net,
		engines,
		home.events.clone(),
		clock,
		parallel,
	)?;
	if let Some(fellows) = fellows {
		role.join(fellows);
		let releasing = role.clone();
		tokio::spawn(async move { releasing.release_closed().await });
	}
	let working = tokio::spawn(runner.run());
	Ok((listener, role, working))
}

/// The service's routes; a client with `token` may post tasks. `metrics` counts the questions.
pub fn router(answers: Arc<dyn Answers>, token: String, metrics: Arc<Metrics>) -> Router {
	let service = Arc::new(Service { answers, token, metrics });
	Router::new()
		.route(VERIFY_PATH, post(take))
		.route(TOOLCHAINS_PATH, post(toolchains))
		.route("/healthz", get(|| async { "ok\n" }))
		.with_state(service)
}

/// Takes a task, or returns its progress.
async fn take(State(service): State<Arc<Service>>, request: Request) -> Response {
	let task = match asked::<VerifyTask>(&service, request, "not a SCALE VerifyTask\n").await {
		Ok(task) => task,
		Err(refusal) => return refusal.into_response(),
	};
	match service.answers.post(task) {
		Ok(status) => scale(&status),
		Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many tasks\n").into_response(),
	}
}

/// Says which toolchains are made here.
async fn toolchains(State(service): State<Arc<Service>>, request: Request) -> Response {
	let unlike = "not a SCALE ToolchainsQuestion\n";
	match asked::<ToolchainsQuestion>(&service, request, unlike).await {
		Ok(question) => scale(&service.answers.toolchains(question)),
		Err(refusal) => refusal.into_response(),
	}
}

/// An answer in SCALE.
fn scale(answer: &impl Encode) -> Response {
	([(header::CONTENT_TYPE, "application/octet-stream")], answer.encode()).into_response()
}

/// The question of a client that has the token, or why it is refused; `unlike` is the answer to what is not a
/// question.
async fn asked<Q: DecodeAll>(
	service: &Service,
	request: Request,
	unlike: &'static str,
) -> Result<Q, (StatusCode, &'static str)> {
	let given = request
		.headers()
		.get(header::AUTHORIZATION)
		.and_then(|value| value.to_str().ok())
		.and_then(|value| value.strip_prefix("Bearer "));
	if !given.is_some_and(|given| same(given.as_bytes(), service.token.as_bytes())) {
		// Who shows none is a stranger; who shows another may be our own node, with an old one.
		if given.is_some() {
			service.metrics.add_question(false);
		}
		return Err((StatusCode::UNAUTHORIZED, "wrong token\n"));
	}
	service.metrics.add_question(true);
	// Only now: a client without the token must not make us wait for a body that never comes.
	let body = to_bytes(request.into_body(), LARGEST_TASK);
	let body = match tokio::time::timeout(ARRIVES, body).await {
		Ok(Ok(body)) => body,
		Ok(Err(_)) => return Err((StatusCode::PAYLOAD_TOO_LARGE, "larger than any task\n")),
		Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "too slow\n")),
	};
	Q::decode_all(&mut &body[..]).map_err(|_| (StatusCode::BAD_REQUEST, unlike))
}

/// Compares in constant time.
fn same(a: &[u8], b: &[u8]) -> bool {
	a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
