# Every listed target sets up what it needs; see README.md. `make` alone lists them.
SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(HOME)/.cache/livepeer-appchain/target
export PATH := $(HOME)/.cargo/bin:$(PATH)

BIN := $(CARGO_TARGET_DIR)/release
# One cargo invocation per feature set, so that dependencies are built once.
# Packages whose binaries are used; the same set for building and for testing, so that features
# are the same. The tests need the fakes.
NATIVE := -p livepeer-node -p livepeer-worker -p livepeer-cheat -p livepeer-demo \
	$(foreach c,chain core ingest media net store,-p livepeer-worker-$(c)) -p wasm-opt \
	--features livepeer-worker-core/fakes
# The last one has no code: it makes the features below the state machine those of NATIVE.
STATE_MACHINE := -p livepeer-primitives -p livepeer-runtime -p livepeer-integration-tests \
	-p livepeer-features \
	$(foreach p,beacon chain-config challenge-lottery eth-bridge eth-light-client inflation jobs lpt-staking operator-keys rounds transcoder-election,-p pallet-$(p))
# The pages of the gateway.
PAGES := offchain-worker/pages
PAGE_SOURCES := $(shell find $(PAGES)/src -type f) \
	$(addprefix $(PAGES)/,index.html package.json package-lock.json tsconfig.json vite.config.ts)
# The tool that measures weights brings some hundred crates that nothing else needs.
EVERYDAY := --workspace --exclude livepeer-bencher
STATE_FEATURES := --features livepeer-runtime/runtime-benchmarks,livepeer-runtime/try-runtime

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: setup
setup: ## Install what is missing (Debian packages, Rust target, npm packages)
	@scripts/setup.sh

.PHONY: build
build: setup $(PAGES)/dist/index.html ## Build the node, the worker and the demo
	cargo build --release --locked $(NATIVE)

# What the gateway shows; its binary holds them. Built when their sources have changed.
.PHONY: pages
pages: $(PAGES)/dist/index.html ## Build the pages that the gateway shows
$(PAGES)/dist/index.html: $(PAGE_SOURCES) | setup
	npm run --silent --prefix $(PAGES) build

.PHONY: node
node: build ## Run a development node on ws://127.0.0.1:9944
	$(BIN)/livepeer-node --dev --tmp

.PHONY: demo
demo: build $(if $(BRIDGE),bridge-parts) ## Show the main job: ONCE=1 REPORT=out.json CHEAT=name VARIANTS=10 INPUT=file LIVE=rtmp BRIDGE=1 DATA=dir
	$(BIN)/livepeer-demo --bin-dir $(BIN) $(if $(ONCE),--once) $(if $(REPORT),--report $(REPORT)) \
		$(if $(CHEAT),--cheat $(CHEAT)) $(if $(VARIANTS),--variants $(VARIANTS)) $(if $(INPUT),--input $(INPUT)) $(if $(LIVE),--live $(LIVE)) $(if $(DATA),--data $(DATA)) \
		$(if $(BRIDGE),--bridge "node $(abspath tests/bridge/story.mjs) --bin-dir $(BIN)")

.PHONY: test
test: build ## Prove it: formatting, versions, unit, story and end-to-end tests
	scripts/test.sh

.PHONY: test-state-machine test-native
test-state-machine:
	SKIP_WASM_BUILD=1 cargo test --release --locked $(STATE_MACHINE) $(STATE_FEATURES) $(ARGS)
test-native:
	cargo test --release --locked $(NATIVE)

.PHONY: pages-package
pages-package: pages ## Pack the player for npm: OUT=dir
	cd $(PAGES) && node test/package.mjs $(OUT)

.PHONY: test-pages test-pages-browser
test-pages: pages ## Types of the pages, and what they verify against the golden vectors
	npm run --silent --prefix $(PAGES) check
	npm test --silent --prefix $(PAGES)
	cd $(PAGES) && node test/package.mjs
test-pages-browser: build ## The pages in a browser on a local network: watched, tampered with, staked on
	scripts/pages-test.sh $(BIN)

.PHONY: test-inputs
test-inputs: build ## Cut and transcode films that are odd in one way each: INPUTS=dir runs others
	$(if $(INPUTS),INPUTS=$(abspath $(INPUTS))) ALL_INPUTS=1 cargo test --release --locked $(NATIVE) --test inputs -- --nocapture

.PHONY: test-corpus test-mutations
test-corpus: build ## Every attack on real and generated clips at four sizes, 500 honest segments; writes docs/verification.md
	CORPUS=$$(scripts/bench-quality.py --clips) WRITE_DOCS=1 \
		cargo test --release --locked $(NATIVE) --test corpus -- --nocapture
test-mutations: build ## 10,000 segments and outputs changed at random, judged on four levels of the processor
	MUTATIONS=10000 cargo test --release --locked $(NATIVE) --test mutations -- --nocapture

.PHONY: formats-check
formats-check: ## Compute every signed and hashed format in Python, from docs/formats.md alone
	python3 tests/formats/check.py

.PHONY: test-long
test-long: build ## What is too long for every day: clippy, properties with many cases, the drill
	scripts/test-long.sh

.PHONY: offline-test
offline-test: build ## Sign a transaction as a hardware wallet does, on a runtime that knows its metadata's hash
	scripts/offline-test.sh

.PHONY: apps-test
apps-test: build ## Walk through docs/apps.md with @polkadot/api on a chain of one node (a minute)
	scripts/apps-test.sh

.PHONY: reproducible
reproducible: setup ## Build the runtime of a release twice in two folders and compare the hashes (an hour)
	scripts/reproducible.sh

.PHONY: drill
drill: build ## Kill nodes and workers during a stream, and a live one's transcoder; nothing may be lost
	$(BIN)/livepeer-demo --bin-dir $(BIN) --once --kill --segments 32 $(if $(REPORT),--report $(REPORT))
	$(BIN)/livepeer-demo --bin-dir $(BIN) --once --kill --live rtmp

.PHONY: docker docker-demo docker-test
docker: build ## Build the container images: TAG=local BASE=image
	docker/build.sh $(BIN)
docker-demo: build ## The demo with every role in a container: ONCE=1 CHEAT=black INPUT=file REPORT=out.json DATA=dir MONITORING=1 DISTURB=1
	docker/demo.sh $(BIN)
docker-test: ## Look at the images: sizes, users, sandbox, health
	docker/test.sh

.PHONY: packages packages-test
packages: build ## Build the Debian packages of node and worker
	packaging/build.sh $(BIN)
packages-test: build ## Install, upgrade, remove and purge the packages in a fresh Debian (wants root)
	packaging/test.sh $(BIN)

.PHONY: monitoring-test runbooks-test
monitoring-test: ## Does every alert fire when it should, and is it explained?
	docker/monitoring/test.sh
runbooks-test: build ## Run the commands of docs/operators on a local network
	scripts/runbooks-test.py $(BIN)

.PHONY: attack
attack: build ## Strangers hold sockets, send half requests and read nothing; nobody may be hurt
	$(BIN)/livepeer-demo --bin-dir $(BIN) --once --live rtmp --attack "python3 tests/net/attack.py"

.PHONY: upgrade-drill
upgrade-drill: build ## Upgrade the runtime in mid-stream, with a parameter more and a migration (half an hour)
	scripts/upgrade-drill.sh

.PHONY: lint
lint: setup ## Formatting, clippy, documentation, licences, advisories, one line of every SDK crate
	cargo fmt --all --check
	scripts/check-versions.sh
	scripts/check-docs.py
	scripts/supply-chain.sh
	scripts/features.py --check --release $(NATIVE) -- --release $(STATE_MACHINE) $(STATE_FEATURES)
	SKIP_WASM_BUILD=1 cargo clippy --release --locked $(EVERYDAY) --all-targets -- -D warnings

# The bridge's contracts on Ethereum. They need Node.js and npm packages that nothing else does.
CONTRACTS := pallets/eth-bridge/contracts

.PHONY: contracts
contracts: ## Compile the bridge's contracts and compare with the artefacts in the tree; SAVE=1 writes them
	@scripts/setup.sh --bridge
	node $(CONTRACTS)/scripts/compile.mjs $(if $(SAVE),,--check)

.PHONY: test-contracts
test-contracts: ## Test the bridge's contracts in an Ethereum in memory, and the beacon simulator
	@scripts/setup.sh --bridge
	cd $(CONTRACTS) && node --test --test-reporter=dot test/*.test.mjs
	cd tests/bridge/beacon-sim && node --test --test-reporter=dot *.test.mjs

.PHONY: test-anvil
test-anvil: ## The same contracts on anvil, deployed by the script, under the beacon simulator
	@scripts/setup.sh --bridge
	node $(CONTRACTS)/test/anvil.mjs

.PHONY: bridge
bridge: setup ## Build the bridge's relayer, which no other target needs
	cargo build --release --locked -p livepeer-bridge

.PHONY: test-bridge
test-bridge: setup ## Test the bridge's relayer
	cargo test --release --locked -p livepeer-bridge -p livepeer-bridge-formats

# What the demonstrations of the bridge need besides.
.PHONY: bridge-parts
bridge-parts: bridge
	@scripts/setup.sh --bridge

.PHONY: demo-bridge
demo-bridge: build bridge-parts ## Deposits and withdrawals over anvil, a simulated beacon chain, a node and relayers
	node tests/bridge/demo.mjs --bin-dir $(BIN)

.PHONY: bridge-vectors
bridge-vectors: ## Write the golden vectors of the bridge's formats (tests/bridge/vectors.json)
	@scripts/setup.sh --bridge
	node $(CONTRACTS)/scripts/vectors.mjs

.PHONY: bench-gas
bench-gas: ## Measure what the bridge costs on Ethereum, Osaka and Amsterdam; writes docs/bridge.md
	@scripts/setup.sh --bridge
	node $(CONTRACTS)/scripts/gas.mjs

.PHONY: bench
bench: build ## Speed against the raw tool: transcoding as a ratio to the ffmpeg command line
	scripts/bench.sh

.PHONY: bench-quality
bench-quality: build ## Quality at equal bytes against ffmpeg's continuous encode; writes docs/media.md
	scripts/bench-quality.py --write

.PHONY: test-equal
test-equal: setup ## 500 segments twice: other order, load, processor level; not a byte may differ
	SEGMENTS=500 cargo test --release --locked -p livepeer-worker-media --test mixed

.PHONY: weights
weights: setup ## Measure the weights of our pallets: PALLETS="jobs rounds" STEPS=20 REPEAT=10
	scripts/weights.sh

# Both run the tests that compare these files with the code, and let them write.
WRITE := SKIP_WASM_BUILD=1 WRITE_DOCS=1 cargo test --quiet --release --locked $(STATE_MACHINE) $(STATE_FEATURES)

.PHONY: metadata
metadata: setup ## Write what the worker uses of the runtime's metadata, without a node
	$(WRITE) --test metadata

.PHONY: docs-tables
docs-tables: setup ## Write the tables of docs/parameters.md, docs/inputs.md and docs/verification.md
	$(WRITE) --test documentation
	WRITE_DOCS=1 cargo test --quiet --release --locked $(NATIVE) --test inputs --test corpus table

.PHONY: features
features: setup ## Write the list of features by which the tests use what the build has compiled
	scripts/features.py --write --release $(NATIVE) -- --release $(STATE_MACHINE) $(STATE_FEATURES)

# The Wasm of an upgrade is that of `make reproducible`.
.PHONY: release
release: setup $(PAGES)/dist/index.html ## Build what is released, optimised for long, and put it together with checksums: target/release-files
	scripts/tools.sh cargo-auditable
	LIVEPEER_COMMIT=$$(git rev-parse --short=11 HEAD) PATH="$$(scripts/tools.sh --bin):$$PATH" \
		cargo auditable build --profile production --locked \
		-p livepeer-node -p livepeer-worker --bin livepeer-node --bin livepeer-worker \
		--features livepeer-node/metadata-hash
	packaging/release.sh $(CARGO_TARGET_DIR)/production

.PHONY: mutants
mutants: setup ## Do the tests notice? Break the code in many places: ACTION=list SHARD=0/8 SEED=1 SAMPLE=240
	scripts/mutants.sh

.PHONY: docs
docs: setup ## Build the API documentation
	SKIP_WASM_BUILD=1 RUSTDOCFLAGS="-D warnings" cargo doc --release --locked $(EVERYDAY) --no-deps
