//! Runs the commands of the command line.

use crate::{
	chain_spec,
	cli::{Cli, ConfigSubcommand, GenesisParams, KeySubcommand, Subcommand},
	client::Client,
	partial, preflight, service, session_keys, settings,
};
use clap::CommandFactory;
use livepeer_runtime::opaque::Block;
use sc_cli::SubstrateCli;
use sc_network::config::NetworkBackendType;
use sc_service::{config::BasePath, PartialComponents};
use std::{path::Path, sync::Arc};

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Livepeer Node".into()
	}

	fn impl_version() -> String {
		// Only a release names its commit: otherwise every commit would compile the node again.
		match option_env!("LIVEPEER_COMMIT") {
			Some(commit) => concat!(env!("CARGO_PKG_VERSION"), "-").to_string() + commit,
			None => env!("CARGO_PKG_VERSION").into(),
		}
	}

	fn description() -> String {
		env!("CARGO_PKG_DESCRIPTION").into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		concat!(env!("CARGO_PKG_REPOSITORY"), "/issues").into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
		let preset_alone = GenesisParams::default();
		let genesis = match &self.subcommand {
			Some(Subcommand::ExportChainSpec(command)) => &command.genesis,
			Some(Subcommand::BuildSpec(command)) => &command.genesis,
			_ => &preset_alone,
		};
		// Generating a node key asks for the default chain by its empty name.
		let id = match &self.subcommand {
			Some(Subcommand::Key(KeySubcommand::Sdk(_))) if id.is_empty() => "local",
			_ => id,
		};
		let spec = chain_spec::load(id, genesis)?;
		Ok(Box::new(match &self.subcommand {
			// Print the readable form, not the stored one.
			Some(Subcommand::ExportChainSpec(_) | Subcommand::BuildSpec(_)) => spec,
			_ => chain_spec::with_genesis_built(id, spec)?,
		}))
	}
}

/// An error as one line.
pub fn one_line(error: &sc_cli::Error) -> String {
	let text = match error {
		sc_cli::Error::NetworkKeyNotFound(path) => no_node_key(path),
		sc_cli::Error::Input(text) => text.clone(),
		sc_cli::Error::Service(sc_service::Error::Other(text)) => text.clone(),
		other => other.to_string(),
	};
	text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Advice for a validator without a node key; `path` is where the key should be.
fn no_node_key(path: &Path) -> String {
	let secret = path.display();
	format!(
		"a validator needs a node key, and there is none at {secret}: run `mkdir -p {} && \
		 livepeer-node key generate-node-key --file {secret}` once, then start again",
		path.parent().unwrap_or(path).display(),
	)
}

/// Runs the command line of this process.
pub fn run() -> sc_cli::Result<()> {
	let environment = |name: &str| std::env::var_os(name);
	let arguments = settings::complete(std::env::args_os().collect(), &environment)
		.map_err(sc_cli::Error::Input)?;
	let cli = Cli::from_iter(arguments);
	match &cli.subcommand {
		None => run_node(&cli),
		Some(Subcommand::Key(KeySubcommand::Session(command))) => session_keys::run(command, &cli),
		Some(Subcommand::Key(KeySubcommand::Sdk(command))) => command.run(&cli),
		Some(Subcommand::ExportChainSpec(command)) => {
			let spec = cli.load_spec(&command.sdk.chain)?;
			command.sdk.run(spec)
		}
		Some(Subcommand::BuildSpec(command)) => {
			let runner = cli.create_runner(&command.sdk)?;
			runner.sync_run(|config| command.sdk.run(config.chain_spec, config.network))
		}
		Some(Subcommand::CheckBlock(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, import_queue, .. } =
					partial::new_partial(&config)?;
				Ok((command.run(client, import_queue), task_manager))
			})
		}
		Some(Subcommand::ExportBlocks(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, .. } = partial::new_partial(&config)?;
				Ok((command.run(client, config.database), task_manager))
			})
		}
		Some(Subcommand::ExportState(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, .. } = partial::new_partial(&config)?;
				Ok((command.run(client, config.chain_spec), task_manager))
			})
		}
		Some(Subcommand::ImportBlocks(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, import_queue, .. } =
					partial::new_partial(&config)?;
				Ok((command.run(client, import_queue), task_manager))
			})
		}
		Some(Subcommand::PurgeChain(command)) => {
			let runner = cli.create_runner(command)?;
			runner.sync_run(|config| command.run(config.database))
		}
		Some(Subcommand::Revert(command)) => {
			let runner = cli.create_runner(command)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, backend, .. } =
					partial::new_partial(&config)?;
				let revert_consensus = Box::new(|client: Arc<Client>, backend, blocks| {
					sc_consensus_babe::revert(client.clone(), backend, blocks)?;
					sc_consensus_grandpa::revert(client, blocks)?;
					Ok(())
				});
				Ok((command.run(client, backend, Some(revert_consensus)), task_manager))
			})
		}
		Some(Subcommand::ChainInfo(command)) => {
			let runner = cli.create_runner(command)?;
			runner.sync_run(|config| {
				preflight::database_there(&config.database)?;
				command.run::<Block>(&config)
			})
		}
		Some(Subcommand::Config(ConfigSubcommand::Check { file })) => {
			for argument in settings::check(file).map_err(sc_cli::Error::Input)? {
				println!("{argument}");
			}
			Ok(())
		}
		Some(Subcommand::Completions { shell }) => {
			let name = env!("CARGO_PKG_NAME");
			clap_complete::generate(*shell, &mut Cli::command(), name, &mut std::io::stdout());
			Ok(())
		}
		Some(Subcommand::Man { dir }) => {
			clap_mangen::generate_to(Cli::command(), dir).map_err(|error| {
				format!("cannot write manual pages to {}: {error}", dir.display()).into()
			})
		}
	}
}

fn run_node(cli: &Cli) -> sc_cli::Result<()> {
	let verify = service::VerifyService { endpoint: preflight::verify_endpoint(&cli.verify)? };
	// Checked here because the SDK would open the database first, and give a worse message.
	if let Some(path) = cli.run.shared_params.base_path()?.as_ref().map(BasePath::path) {
		preflight::writable(path)?;
	}
	let runner = cli.create_runner(&cli.run)?;
	preflight::writable(&runner.config().data_path)?;
	if runner.config().role.is_authority() {
		preflight::keys_readable(&runner.config().keystore)?;
	}
	preflight::ports_free(runner.config())?;
	let storage_monitor = cli.storage_monitor.clone();
	runner.run_node_until_exit(|mut config| async move {
		// The runtime indexes about a hundred bytes a block, from which withdrawals are proven.
		config.offchain_worker.indexing_enabled = true;
		let database = config.database.path().map(Path::to_path_buf);
		let tasks = match config.network.network_backend {
			NetworkBackendType::Libp2p => service::new_full::<
				sc_network::NetworkWorker<Block, livepeer_runtime::Hash>,
			>(config, verify)?,
			NetworkBackendType::Litep2p => {
				service::new_full::<sc_network::Litep2pNetworkBackend>(config, verify)?
			}
		};
		if let Some(path) = database {
			sc_storage_monitor::StorageMonitorService::try_spawn(
				storage_monitor,
				path,
				&tasks.spawn_essential_handle(),
			)
			.map_err(|error| sc_service::Error::Application(error.into()))?;
		}
		Ok::<_, sc_cli::Error>(tasks)
	})
}
