# Every listed target sets up what it needs; see README.md. `make` alone lists them.
SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(HOME)/.cache/livepeer-appchain/target
export PATH := $(HOME)/.cargo/bin:$(PATH)

BIN := $(CARGO_TARGET_DIR)/release
# One cargo invocation per feature set, so that dependencies are built once.
# Packages whose binaries are used; the same set for building and for testing, so that features
# are the same. The tests need the fakes.
NATIVE := -p livepeer-node -p livepeer-settings -p livepeer-worker -p livepeer-cheat -p livepeer-demo \
	$(foreach c,chain core hosts http ingest media net store,-p livepeer-worker-$(c)) -p wasm-opt \
	--features livepeer-worker-core/fakes
# The last one has no code: it makes the features below the state machine those of NATIVE.
STATE_MACHINE := -p livepeer-primitives -p livepeer-runtime -p livepeer-integration-tests \
	-p livepeer-simulation -p livepeer-features \
	$(foreach p,beacon chain-config challenge-lottery eth-bridge eth-light-client inflation jobs lpt-staking operator-keys rounds transcoder-election,-p pallet-$(p))
# The pages of the gateway.
PAGES := offchain-worker/pages
PAGE_SOURCES := $(shell find $(PAGES)/src -type f) \
	$(addprefix $(PAGES)/,index.html package.json package-lock.json tsconfig.json vite.config.ts)
# The tool that measures weights brings some hundred crates that nothing else needs, the light client
# that ours is compared with some sixty, and features for which the SDK is compiled once more.
EVERYDAY := --workspace --exclude livepeer-bencher --exclude livepeer-light-client-upstream
STATE_FEATURES := --features livepeer-runtime/runtime-benchmarks,livepeer-runtime/try-runtime

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 21

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
demo: build $(if $(BRIDGE),bridge-parts) ## Show the main job: ONCE=1 REPORT=out.json CHEAT=name VARIANTS=10 STREAMS=3 INPUT=file LIVE=rtmp BRIDGE=1 DATA=dir
	$(BIN)/livepeer-demo --bin-dir $(BIN) $(if $(ONCE),--once) $(if $(STREAMS),--streams $(STREAMS)) $(if $(REPORT),--report $(REPORT)) \
		$(if $(CHEAT),--cheat $(CHEAT)) $(if $(VARIANTS),--variants $(VARIANTS)) $(if $(INPUT),--input $(INPUT)) $(if $(LIVE),--live $(LIVE)) $(if $(DATA),--data $(DATA)) \
		$(if $(BRIDGE),--bridge "node $(abspath tests/bridge/story.mjs) --bin-dir $(BIN)")

.PHONY: test
test: build ## Prove it: formatting, versions, unit, story and end-to-end tests
	scripts/test.sh

# Which commits have passed how many seeds. What is not committed is played, and not noted.
SIM_RECORD := docs/sim-record.txt
.PHONY: sim
sim: setup ## Cheats against honesty on the real runtime, with seeds: SEEDS=1000 FROM=0
	if test -z "$$(git status --porcelain -- . ':!$(SIM_RECORD)')"; then \
		export SIM_LOG=$(CARGO_TARGET_DIR)/sim.log SIM_RECORD=$(CURDIR)/$(SIM_RECORD); fi; \
	SIM_COMMIT=$$(git rev-parse --short=11 HEAD) \
		SKIP_WASM_BUILD=1 SIM_SEEDS=$(or $(SEEDS),1000) SIM_FROM=$(or $(FROM),0) cargo test --release --locked \
		$(STATE_MACHINE) $(STATE_FEATURES) --test sim -- --nocapture

.PHONY: sim-roles
sim-roles: setup ## The worker's roles and cheats on the real runtime while all kinds of things fail: SEEDS=20 FROM=0 SCALE=5
	SKIP_WASM_BUILD=1 SIM_SEEDS=$(or $(SEEDS),20) SIM_FROM=$(or $(FROM),0) SIM_SCALE=$(or $(SCALE),5) \
		cargo test --release --locked $(STATE_MACHINE) $(STATE_FEATURES) --test roles -- --nocapture

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
test-pages-browser: build ## The pages in a browser on a local network: ONLY=watch,stake SHOTS=dir
	scripts/pages-test.sh $(BIN)

.PHONY: test-withdrawal bench-pages
test-withdrawal: build ## Unbonds in a browser and waits until it can be withdrawn (a quarter of an hour)
	ONLY=withdraw scripts/pages-test.sh $(BIN)
bench-pages: build ## What the pages load, how soon they can be used, what an hour of playing costs: MINUTES=60
	ONLY=size,interactive,soak MINUTES=$(or $(MINUTES),60) scripts/pages-test.sh $(BIN)

.PHONY: stranger
stranger: ## From a fresh clone to the first picture, an embedded player, a delegation: FRESH=1 builds anew
	scripts/stranger.sh

.PHONY: test-inputs
test-inputs: build ## Cut and transcode films that are odd in one way each: INPUTS=dir runs others
	$(if $(INPUTS),INPUTS=$(abspath $(INPUTS))) ALL_INPUTS=1 cargo test --release --locked $(NATIVE) --test inputs --test step -- --nocapture

.PHONY: test-inputs-browser
test-inputs-browser: build ## Play the same films, cut and transcoded, to their ends in Chromium: INPUTS=dir plays others, WRITE_DOCS=1 writes docs/inputs.md
	inputs=$(if $(INPUTS),$(abspath $(INPUTS)),$$(mktemp -d)); $(if $(INPUTS),,trap 'rm -rf "$$inputs"' EXIT;) \
	$(if $(INPUTS),,KEEP_INPUTS=$$inputs ALL_INPUTS=1 cargo test --release --locked $(NATIVE) --test inputs &&) \
	node tests/js/inputs.mjs $(BIN)/livepeer-media $$inputs $(if $(INPUTS),,own)

.PHONY: test-corpus test-mutations
test-corpus: build ## Every attack on real and generated clips at four sizes, 500 honest segments, other encoders; writes docs/verification.md and docs/hardware-tier.md
	CORPUS=$$(scripts/bench-quality.py --clips) OTHER_FFMPEG=$$(scripts/bench-quality.py --ffmpeg) WRITE_DOCS=1 \
		cargo test --release --locked $(NATIVE) --test corpus -- --nocapture
test-mutations: build ## 10,000 segments, outputs and pushes changed at random, judged on four levels of the processor
	MUTATIONS=10000 cargo test --release --locked $(NATIVE) --test mutations -- --nocapture

.PHONY: cheats
cheats: build ## Every cheat's story, honest ones of one to three streams; writes docs/verification.md: STORIES="black lazy" plays some (an hour and a half)
	scripts/cheats.py $(BIN) --write $(STORIES)

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
docker: build ## Build the container images, tagged local and with the version: TAG=name BASE=image
	docker/build.sh $(BIN)
docker-demo: build ## The demo with every role in a container: ONCE=1 CHEAT=black INPUT=file REPORT=out.json DATA=dir MONITORING=1 DISTURB=1
	docker/demo.sh $(BIN)
docker-test: ## Look at the images: sizes, users, sandbox, health; after `make docker test-native`
	docker/test.sh $(BIN)

.PHONY: packages packages-test
packages: build ## Build the Debian packages of node and worker
	packaging/build.sh $(BIN)
packages-test: build ## Install, upgrade, remove and purge the packages in a fresh Debian (wants root)
	packaging/test.sh $(BIN)

.PHONY: monitoring-test alerts-test runbooks-test restore-test operating-test
monitoring-test: ## Does every alert fire when it should, and is it explained?
	docker/monitoring/test.sh
alerts-test: build ## Cause what alerts are for on local networks: each must fire (20 minutes)
	scripts/alerts-test.py $(BIN)
runbooks-test: build ## Run the commands of docs/operators on a local network: VALIDATORS=5
	scripts/runbooks-test.py $(BIN)
restore-test: build ## Put a validator, a transcoder and a broadcaster back from old copies, none may sign twice: BLOCKS=1800
	scripts/restore-test.py $(BIN)
operating-test: build ## Walk through docs/operating.md by its own commands (five minutes)
	scripts/operating-test.py $(BIN)

.PHONY: attack
attack: build ## Strangers hold sockets, send half requests, trickle and noise, and read nothing; nobody may be hurt: LIVE=srt
	$(BIN)/livepeer-demo --bin-dir $(BIN) --once --live $(or $(LIVE),rtmp) --attack "python3 tests/net/attack.py"

.PHONY: flood
flood: build ## Send a validator's node verdicts that nobody owes for a minute: none in a block, the others in time
	$(BIN)/livepeer-demo --bin-dir $(BIN) --once --attack "node tests/js/flood.mjs ws://127.0.0.1:9945 60"

.PHONY: one-key-test
one-key-test: build ## Two processes sign with one key at the same time: no call fails, none is done twice (four minutes)
	scripts/one-key-test.sh $(BIN)

.PHONY: validators-drill
validators-drill: build ## Validators join, leave, sign twice, are gone for good, also during a stream (half an hour): ONLY="validators slashed double stream stalled"
	scripts/validators-drill.sh $(BIN)

.PHONY: live-figures
live-figures: build ## Delay and stalls of live streams in a browser, at fail-over and under attack too (half an hour): STORIES="rtmp killed" OUT=live.json WRITE_DOCS=1
	scripts/live-figures.py $(BIN) $(STORIES) $(if $(OUT),--out $(OUT))

.PHONY: soak
soak: build ## Two live streams for an hour: memory, disk, delay, stalls: MINUTES=60 WARM_UP=10 OUT=soak.json WRITE_DOCS=1
	scripts/soak.py $(BIN) $(or $(MINUTES),60) $(or $(WARM_UP),10) $(OUT)

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
test-bridge: bridge-parts ## Test the bridge's relayer, and what it says of a beacon node's messages
	cargo test --release --locked -p livepeer-bridge -p livepeer-bridge-formats
	node tests/bridge/check-update.mjs --bin-dir $(BIN)

.PHONY: test-upstream
test-upstream: setup ## Does the light client judge as Snowbridge's does? Recorded updates, changed ones, random ones
	SKIP_WASM_BUILD=1 cargo test --release --locked -p livepeer-light-client-upstream

# A workspace of its own, so that revm's crates are in no lock file of what is released.
GAS := --manifest-path tests/bridge/revm/Cargo.toml

.PHONY: test-gas
test-gas: setup ## Does all that `make bench-gas` measures cost the same in revm, on Osaka and Amsterdam?
	@scripts/setup.sh --bridge
	@mkdir -p $(CARGO_TARGET_DIR)
	GAS_STORIES=$(CARGO_TARGET_DIR)/gas-stories.json node $(CONTRACTS)/scripts/gas.mjs --print >/dev/null
	cargo fmt $(GAS) --check
	cargo clippy --release --locked $(GAS) --all-targets -- -D warnings
	cargo run --release --locked $(GAS) -- $(CARGO_TARGET_DIR)/gas-stories.json

# What the demonstrations of the bridge need besides.
.PHONY: bridge-parts
bridge-parts: bridge
	@scripts/setup.sh --bridge

.PHONY: demo-bridge
demo-bridge: build bridge-parts ## Deposits and withdrawals over anvil, a simulated beacon chain, a node and relayers: SHORT=1
	node tests/bridge/demo.mjs --bin-dir $(BIN) $(if $(SHORT),--short)

.PHONY: bridge-vectors
bridge-vectors: ## Write the golden vectors of the bridge's formats (tests/bridge/vectors.json)
	@scripts/setup.sh --bridge
	node $(CONTRACTS)/scripts/vectors.mjs

.PHONY: bench-gas
bench-gas: ## Measure what the bridge costs on Ethereum, Osaka and Amsterdam; writes docs/bridge.md
	@scripts/setup.sh --bridge
	node $(CONTRACTS)/scripts/gas.mjs

.PHONY: bench
bench: build ## Speed beside two ffmpeg command lines, 720p into three and 1080p into four; what a pixel costs
	scripts/bench.sh

.PHONY: bench-quality
bench-quality: build ## Quality at equal bytes against ffmpeg's continuous encode; writes docs/media.md: FRONT=1 for speed, MINUTES=10 for what is kept of the target
	scripts/bench-quality.py --write $(if $(FRONT),--front) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: test-equal
test-equal: build ## 500 segments twice: other order, load, processor level; not a byte may differ
	SEGMENTS=500 cargo test --release --locked $(NATIVE) --test mixed -- --nocapture

.PHONY: weights
weights: setup ## Measure the weights of our pallets: PALLETS="jobs rounds" STEPS=20 REPEAT=10
	scripts/weights.sh

# Both run the tests that compare these files with the code, and let them write.
WRITE := SKIP_WASM_BUILD=1 WRITE_DOCS=1 cargo test --quiet --release --locked $(STATE_MACHINE) $(STATE_FEATURES)

.PHONY: metadata
metadata: setup ## Write what the worker uses of the runtime's metadata, without a node
	$(WRITE) --test metadata

.PHONY: docs-tables
docs-tables: setup ## Write the tables of docs/parameters.md, docs/scale.md, docs/inputs.md and docs/verification.md
	$(WRITE) --test documentation --test growth
	WRITE_DOCS=1 cargo test --quiet --release --locked $(NATIVE) --test inputs --test corpus table

.PHONY: economics
economics: ## Write the tables of docs/economics.md: what cheating pays, how many streams can be judged; SEEDS=1000 repeats it
	scripts/economics.py --write --seeds $(or $(SEEDS),0)

.PHONY: features
features: setup ## Write the list of features by which the tests use what the build has compiled
	scripts/features.py --write --release $(NATIVE) -- --release $(STATE_MACHINE) $(STATE_FEATURES)

# The Wasm of an upgrade is that of `make reproducible`.
.PHONY: release
release: setup $(PAGES)/dist/index.html ## Build what is released, optimised for long, and put it together with checksums: target/release-files
	scripts/tools.sh cargo-auditable
	LIVEPEER_COMMIT=$$(git describe --always --dirty --exclude='*' --abbrev=11) PATH="$$(scripts/tools.sh --bin):$$PATH" \
		cargo auditable build --profile production --locked \
		-p livepeer-node -p livepeer-worker --bin livepeer-node --bin livepeer-worker \
		--features livepeer-node/metadata-hash
	packaging/release.sh $(CARGO_TARGET_DIR)/production

.PHONY: setup-time
setup-time: ## Measure a newcomer's wait, from nothing, on an idle machine (hours): REV=commit STEPS="demo test again checkout"
	scripts/setup-time.py

.PHONY: mutants
mutants: setup ## Do the tests notice? Break the code in many places: ACTION=list SHARD=0/8 MINUTES=60 SEED=1 SAMPLE=240
	scripts/mutants.py

.PHONY: docs
docs: setup ## Build the API documentation
	SKIP_WASM_BUILD=1 RUSTDOCFLAGS="-D warnings" cargo doc --release --locked $(EVERYDAY) --no-deps
