# The node of the Livepeer chain, without a compiler and without video code.
#
#   docker build -f docker/node.Dockerfile -t livepeer-node .
#
# compiles it from this repository. Where it is compiled already, docker/build.sh hands the binary in
# as the build's context, and nothing is compiled (BINARIES=handed-in).
ARG BASE=debian:bookworm-slim
ARG BINARIES=compiled

# What compiling needs. Dependencies stay in caches of the builder, apart from the sources.
FROM ${BASE} AS toolchain
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends build-essential \
		ca-certificates clang curl git libclang-dev libssl-dev pkg-config protobuf-compiler \
	&& rm -rf /var/lib/apt/lists/*
ENV PATH=/root/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /source
COPY rust-toolchain.toml ./
RUN channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml) \
	&& curl --proto '=https' --tlsv1.2 -sSf https://static.rust-lang.org/rustup/rustup-init.sh \
	| sh -s -- -y --profile minimal --default-toolchain "$channel" --target wasm32v1-none

FROM toolchain AS compiled
COPY . .
RUN --mount=type=cache,target=/root/.cargo/registry --mount=type=cache,target=/root/.cargo/git \
	--mount=type=cache,target=/target,id=livepeer-node-target \
	CARGO_TARGET_DIR=/target cargo build --release --locked -p livepeer-node \
	&& install -D -s /target/release/livepeer-node /out/livepeer-node

FROM scratch AS handed-in
COPY livepeer-node /out/livepeer-node

FROM ${BINARIES} AS binaries

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="livepeer-node" \
	org.opencontainers.image.description="Node of the Livepeer chain" \
	org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later WITH Classpath-exception-2.0" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"
# No package manager's lists, no caches, no logs; accounts as systemd's units name them.
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
		ca-certificates libssl3 \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* /var/cache/debconf/*-old \
		/var/log/* /usr/share/doc/*/changelog* /root/.[!.]* \
	&& groupadd --gid 10001 livepeer \
	&& useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin livepeer \
	&& install -d -o livepeer -g livepeer -m 0750 /data
COPY --from=binaries /out/livepeer-node /usr/local/bin/
COPY --chmod=755 docker/rootfs/run docker/rootfs/healthy-node /usr/local/bin/
USER 10001:10001
# Chains and keys lie below /data unless --base-path says otherwise.
ENV HOME=/data XDG_DATA_HOME=/data
WORKDIR /data
VOLUME /data
# Peers, RPC, Prometheus.
EXPOSE 30333 9944 9615
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["healthy-node"]
ENTRYPOINT ["run", "livepeer-node"]
