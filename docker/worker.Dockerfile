# The worker of the Livepeer chain: every role that touches video, with Debian's FFmpeg libraries,
# which are the toolchain that the chain accepts.
#
#   docker build -f docker/worker.Dockerfile -t livepeer-worker .
#
# compiles it from this repository; see docker/node.Dockerfile for the rest. The stage `cheat` adds
# the roles that misbehave, for demonstrations only.
ARG BASE=debian:bookworm-slim
ARG BINARIES=compiled

FROM ${BASE} AS toolchain
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends build-essential \
		ca-certificates clang curl git libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev \
		libclang-dev libssl-dev libswresample-dev libswscale-dev pkg-config protobuf-compiler \
	&& rm -rf /var/lib/apt/lists/*
ENV PATH=/root/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /source
COPY rust-toolchain.toml ./
RUN channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml) \
	&& curl --proto '=https' --tlsv1.2 -sSf https://static.rust-lang.org/rustup/rustup-init.sh \
	| sh -s -- -y --profile minimal --default-toolchain "$channel" --target wasm32v1-none

# The pages that the gateway shows; its binary holds them.
FROM ${BASE} AS pages
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ca-certificates nodejs npm \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /pages
COPY offchain-worker/pages/package.json offchain-worker/pages/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY offchain-worker/pages ./
RUN npm run --silent build

FROM toolchain AS compiled
COPY . .
COPY --from=pages /pages/dist offchain-worker/pages/dist
RUN --mount=type=cache,target=/root/.cargo/registry --mount=type=cache,target=/root/.cargo/git \
	--mount=type=cache,target=/target,id=livepeer-worker-target \
	CARGO_TARGET_DIR=/target SKIP_WASM_BUILD=1 \
	cargo build --release --locked -p livepeer-worker -p livepeer-cheat -p livepeer-demo \
	&& install -D -s -t /out /target/release/livepeer-worker /target/release/livepeer-cheat \
		/target/release/livepeer-demo

FROM scratch AS handed-in
COPY livepeer-worker livepeer-cheat /out/

FROM ${BINARIES} AS binaries

FROM ${BASE} AS system
# Only the libraries that the worker links, without the graphics drivers that they recommend.
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
		ca-certificates libavcodec59 libavformat59 libavutil57 libswscale6 \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* /var/cache/debconf/*-old \
		/var/log/* /usr/share/doc/*/changelog* /root/.[!.]* \
	&& groupadd --gid 10001 livepeer \
	&& useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin livepeer \
	&& install -d -o livepeer -g livepeer -m 0750 /data
COPY --chmod=755 docker/rootfs/run docker/rootfs/healthy-worker /usr/local/bin/
USER 10001:10001
ENV HOME=/data
WORKDIR /data
VOLUME /data
# Peers over TCP, the gateway. The verify service listens on loopback unless told otherwise.
EXPOSE 4100 8935
# A role ends in order within 15 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["healthy-worker"]

FROM system AS cheat
# It makes its black pictures with the command line tool.
USER 0:0
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ffmpeg \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
USER 10001:10001
LABEL org.opencontainers.image.title="livepeer-cheat" \
	org.opencontainers.image.description="Roles that misbehave, for demonstrations only" \
	org.opencontainers.image.licenses="GPL-2.0-or-later"
COPY --from=binaries /out/livepeer-cheat /usr/local/bin/
ENTRYPOINT ["run", "livepeer-cheat"]

FROM system
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="livepeer-worker" \
	org.opencontainers.image.description="Broadcasting, transcoding, verifying and playing on the Livepeer chain" \
	org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-or-later" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"
COPY --from=binaries /out/livepeer-worker /usr/local/bin/
ENTRYPOINT ["run", "livepeer-worker"]
