# `make help` lists what there is. Everything built is kept in $(PLENUM_CACHE), outside the
# checkout, so that a second clone starts in seconds.

PLENUM_CACHE ?= $(HOME)/.cache/plenum
export PLENUM_CACHE
export CARGO_TARGET_DIR ?= $(PLENUM_CACHE)/target

# Cargo takes the sources of two checkouts for the same, and what is older than the last build
# of either for built. So a checkout that was not the last to build is made newer.
$(shell last=$(CARGO_TARGET_DIR)/last-checkout; \
    [ "$$(cat $$last 2>/dev/null)" = "$(CURDIR)" ] || { \
        git ls-files -z | xargs -0r touch -c && mkdir -p $(CARGO_TARGET_DIR) && \
        echo "$(CURDIR)" >$$last; })

TRIPLE := x86_64-unknown-linux-gnu
RELEASE := $(CARGO_TARGET_DIR)/$(TRIPLE)/release
IMAGE := $(PLENUM_CACHE)/image/plenum.tar
# Static, so that they run in an empty image. Whatever is measured is built alike.
STATIC := RUSTFLAGS="-C target-feature=+crt-static" cargo
BUILD := $(STATIC) build --release --target $(TRIPLE)
E2E := $(RELEASE)/plenum-e2e
# What the cluster, the media checks and the tests of the directory need of Debian.
PACKAGES := runc containernetworking-plugins iptables conntrack busybox-static iproute2 ffmpeg postgresql
# And what the matrix of firewalls needs besides.
MATRIX_PACKAGES := iptables iproute2 dnsmasq-base squid tshark
CARGO_DENY := $(PLENUM_CACHE)/bin/cargo-deny
CARGO_DENY_VERSION := 0.20.2

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: tools image ## A cluster, a zone, people who join; the pool grows and drains back; a table of figures
	$(E2E) demo --image $(IMAGE) --chart charts/plenum --plenum $(RELEASE)/plenum --samples samples --reports target/reports

.PHONY: down
down: ## Remove all that demo or cluster-up made
	@if [ -x $(E2E) ]; then $(E2E) down; else $(MAKE) --no-print-directory build && $(E2E) down; fi

.PHONY: test
test: export PLENUM_POSTGRES := required
test: packages lint-rust lint-chart test-fast test-chart test-matrix test-operator test-cluster ## Everything, the cluster included (needs root)

.PHONY: test-fast
test-fast: ## All tests that need neither root nor a cluster
	cargo test --workspace --quiet

.PHONY: test-cluster
test-cluster: tools image ## The local cluster itself, then the scenarios on it (needs root)
	cargo test -p plenum-e2e --test cluster --quiet -- --ignored --test-threads 1
	$(E2E) test --image $(IMAGE) --chart charts/plenum --plenum $(RELEASE)/plenum --samples samples --reports target/reports

.PHONY: test-operator
test-operator: tools ## The operator while requests fail: some schedules of each case (docs/reliability.md)
	$(E2E) faults --reports target/reports

.PHONY: test-faults
test-faults: tools ## The operator while requests fail, at length: CASES="T1 T2" for some of them (docs/reliability.md)
	$(E2E) faults --long --reports target/reports $(CASES)

.PHONY: test-chart
test-chart: tools ## The chart under many values
	cargo test -p plenum-e2e --test chart --quiet -- --include-ignored --skip promtool::

# Apart from `test`: building Prometheus takes as long as half of all the rest.
.PHONY: test-monitoring
test-monitoring: tools image ## Alerts by promtool, dashboards on a real Prometheus beside people who talk (needs root)
	cargo test -p plenum-e2e --test chart --quiet -- --ignored promtool::
	$(E2E) test --image $(IMAGE) --chart charts/plenum --plenum $(RELEASE)/plenum --samples samples --reports target/reports dashboards::

.PHONY: matrix
matrix: build matrix-packages ## Join from behind firewalls, proxies and bad names, in networks of its own (needs root)
	$(E2E) matrix --plenum $(RELEASE)/plenum --samples samples --reports target/reports $(FILTER)

# Beside each other, as most of a scenario is waiting: this is for what happens, `matrix` for
# how long it takes.
.PHONY: test-matrix
test-matrix: build matrix-packages
	$(E2E) matrix --together 4 --plenum $(RELEASE)/plenum --samples samples --reports target/reports

.PHONY: lint
lint: lint-rust lint-chart $(CARGO_DENY) ## clippy pedantic, rustfmt, cargo-deny, helm lint
	$(CARGO_DENY) --offline check bans licenses sources

.PHONY: lint-rust
lint-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

.PHONY: lint-chart
lint-chart: tools
	$$($(E2E) tools --path)/helm lint --strict charts/plenum

.PHONY: bench
bench: build build-bench ## Measure what a forwarded packet costs beside stock quinn, a core's capacity, a join, a participant
	$(RELEASE)/plenum-bench compare --reports target/reports
	$(RELEASE)/plenum-bench capacity --reports target/reports
	$(E2E) bench --plenum $(RELEASE)/plenum --reports target/reports

# How much there is in `make scale`.
ZONES ?= 1000
NODES ?= 5000

.PHONY: scale
scale: tools ## The operator at ZONES=1000 and NODES=5000 on an API server of its own: times, memory, requests
	$(BUILD) -p plenum-operator -p plenum-e2e
	$(E2E) scale --operator $(RELEASE)/plenum-operator --reports target/reports --zones $(ZONES) --nodes $(NODES)

.PHONY: bench-directory
bench-directory: packages ## Measure lookups at a directory with 100,000 meetings in PostgreSQL
	$(STATIC) bench --target $(TRIPLE) -p plenum-directory --bench lookup

.PHONY: bench-joins
bench-joins: ## Measure joins at a zone controller that knows 2,000 routers and 200,000 people
	$(STATIC) bench --target $(TRIPLE) -p plenum --bench joins

# Apart from `build`: nothing else needs a WebRTC library.
.PHONY: bench-peers
bench-peers: janus ## Measure what a forwarded packet costs beside Janus, with WebRTC subscribers (needs root)
	$(BUILD) -p plenum-bench-peers
	$(RELEASE)/plenum-bench-peers peers --reports target/reports

# Debian starts what it installs; ours is started with settings of its own.
.PHONY: janus
janus:
	@dpkg -s janus >/dev/null 2>&1 || { \
	    apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends janus && \
	    service janus stop >/dev/null; }

.PHONY: image
image: build ## The container image with both binaries
	$(E2E) image --plenum $(RELEASE)/plenum --operator $(RELEASE)/plenum-operator --out $(IMAGE)

.PHONY: crds
crds: ## Write the custom resource definitions into the chart
	cargo run --quiet -p plenum-crds --bin crds

.PHONY: chart-readme
chart-readme: ## Write the table of values into the chart's README
	cargo run --quiet -p plenum-e2e --bin chart-readme -- charts/plenum

.PHONY: api-reference
api-reference: ## Write the OpenAPI document of the directory's API into docs/openapi.json
	cargo run --quiet -p plenum -- directory openapi >docs/openapi.json

.PHONY: cluster-up
cluster-up: tools image ## Start a real cluster of 4 nodes on this machine (needs root)
	$(E2E) up --nodes 4 --image $(IMAGE)

.PHONY: cluster-down
cluster-down: down ## Stop it and remove what it made

# How long each fuzz target runs, in seconds, and what life the model test lives.
SECONDS ?= 60
SEED ?= 1

.PHONY: fuzz
fuzz: ## Run each fuzz target for SECONDS=60; fails on a finding (docs/fuzzing.md)
	fuzz/build.sh --quiet
	fuzz/run.sh $(SECONDS)

# What is tried of each operation of the directory, at most, as each role.
EXAMPLES ?= 20
SCHEMATHESIS := $(PLENUM_CACHE)/schemathesis

.PHONY: fuzz-api
fuzz-api: $(SCHEMATHESIS)/installed ## Ask a directory whatever its OpenAPI document allows, EXAMPLES=20 of each; fails on a finding
	cargo build --quiet -p plenum
	$(SCHEMATHESIS)/bin/python fuzz/api/run.py --plenum $(CARGO_TARGET_DIR)/debug/plenum --examples $(EXAMPLES) --reports target/reports

$(SCHEMATHESIS)/installed: fuzz/api/requirements.txt
	python3 -m venv --clear $(SCHEMATHESIS)
	$(SCHEMATHESIS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.PHONY: quality
quality: build ## Measure what is heard and seen over bad networks
	$(E2E) quality --plenum $(RELEASE)/plenum --reports target/reports

.PHONY: overload
overload: build ## Twice as much to do as a core has time for, for a minute; fails when a voice is lost (needs root)
	$(E2E) overload --plenum $(RELEASE)/plenum --reports target/reports

# How long the directory is away in `make away`, in seconds.
AWAY ?= 180

.PHONY: away
away: ## People in six meetings at a site with a replica, its directory away for AWAY=180 seconds; fails if somebody is dropped or misses a hundredth
	PLENUM_AWAY_S=$(AWAY) cargo test -p plenum --test directory --quiet -- --nocapture people_join_by_the_replica

.PHONY: directory-restarts
directory-restarts: ## PostgreSQL crashes and restarts while people change their meetings; nothing acknowledged may be lost
	PLENUM_POSTGRES=required cargo test -p plenum-directory --test api --quiet -- postgres::under_load

# How long `make soak` lasts, how many people are there at once, and what share of its CPU the
# site uses when it is busiest: it is held to so much, which needs root. Empty for no limit.
MINUTES ?= 20
PEOPLE ?= 120
LOAD ?= 0.7

.PHONY: soak
soak: build ## People come and go for MINUTES=20 at LOAD=0.7; fails when memory, descriptors or meetings are left over (needs root)
	$(E2E) soak --plenum $(RELEASE)/plenum --reports target/reports --minutes $(MINUTES) --people $(PEOPLE) $(if $(LOAD),--load $(LOAD))

.PHONY: soak-model
soak-model: ## The model test of the SFU for a million operations from SEED=1
	OPERATIONS=1000000 SEED=$(SEED) cargo test -p plenum-router --test spec --quiet -- --nocapture a_long_life

.PHONY: build
build: ## The programs plenum, plenum-operator, kubectl-plenum and plenum-e2e, into the cache
	$(BUILD) -p plenum -p plenum-operator -p kubectl-plenum -p plenum-e2e

PREFIX ?= /usr/local

.PHONY: install-kubectl
install-kubectl: ## kubectl-plenum into PREFIX=/usr/local, for `kubectl plenum` (docs/kubectl.md)
	$(BUILD) -p kubectl-plenum
	install -D -m 755 $(RELEASE)/kubectl-plenum $(DESTDIR)$(PREFIX)/bin/kubectl-plenum

# Apart from `build`: only the bench targets need it.
.PHONY: build-bench
build-bench:
	$(BUILD) -p plenum-bench

.PHONY: tools
tools: build packages
	$(E2E) tools

# Debian makes a database with the server it installs, and starts it; the tests have their own.
.PHONY: packages
packages: export DEBIAN_FRONTEND := noninteractive
packages:
	@if [ ! -e /usr/lib/postgresql ] && [ ! -e /etc/postgresql-common ]; then \
	    mkdir /etc/postgresql-common && \
	    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf; fi; \
	$(call install,$(PACKAGES))

# Debian starts what it installs; ours is started with settings of its own.
.PHONY: matrix-packages
matrix-packages:
	@squid=$$(command -v squid); $(call install,$(MATRIX_PACKAGES)); \
	if [ -z "$$squid" ]; then service squid stop >/dev/null 2>&1 || true; fi

install = missing=$$(for package in $(1); do \
	    dpkg -s $$package >/dev/null 2>&1 || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	    apt-get update -qq && \
	    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $$missing; fi

$(CARGO_DENY):
	cargo install --locked --quiet --root $(PLENUM_CACHE) cargo-deny@$(CARGO_DENY_VERSION)
