# Prometheus as Debian packages it, with this project's alerts.
#   docker build -f docker/monitoring/prometheus.Dockerfile -t livepeer-prometheus docker/monitoring
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update -q \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends prometheus \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
	&& install -d -o 10002 -g 10002 /prometheus
COPY --chmod=644 prometheus.yaml rules.yaml /etc/livepeer/
USER 10002:10002
EXPOSE 9090
VOLUME /prometheus
HEALTHCHECK --interval=10s --timeout=5s CMD ["promtool", "query", "instant", "http://127.0.0.1:9090", "vector(1)"]
ENTRYPOINT ["prometheus", "--config.file=/etc/livepeer/prometheus.yaml", "--storage.tsdb.path=/prometheus"]
