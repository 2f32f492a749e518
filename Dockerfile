# pgveil in a small image that is not root and can load a PKCS#11 module.
#
#   docker build -t pgveil .
#   docker run -v ./configs:/etc/pgveil:ro -p 6432:6432 pgveil serve --config /etc/pgveil/pgveil.yaml
#
# For another HSM, mount its module and name it in custodian.module.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# C is needed: PostgreSQL's parser, and PKCS#11, which loads its module at run time.
RUN CGO_ENABLED=1 go build -trimpath -ldflags='-s -w' -o /out/pgveil ./cmd/pgveil

FROM debian:bookworm-slim
# The same glibc as where it was built. SoftHSM is the module for trials.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates softhsm2 tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/pgveil --create-home --shell /usr/sbin/nologin pgveil \
 && install -d -o pgveil -g pgveil -m 0700 /var/lib/pgveil/hsm /var/lib/pgveil/keys
COPY --from=build /out/pgveil /usr/local/bin/pgveil
COPY deploy/compose/ready.sh /usr/local/bin/pgveil-ready
USER 10001:10001
WORKDIR /var/lib/pgveil
# The protocol; health and metrics.
EXPOSE 6432 9632
VOLUME ["/var/lib/pgveil/hsm", "/var/lib/pgveil/keys"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=12 CMD ["pgveil-ready", "9632"]
ENTRYPOINT ["pgveil"]
CMD ["--help"]
