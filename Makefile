# Bailey's build. `make` alone lists the targets. Each can be run twice, says what it does, and installs the
# packages that it needs itself (hack/deps.sh; needs root only when one is missing).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

STEP    := hack/step.sh
PAYLOAD := internal/runtime/payload/bin
# What the one binary says of itself; a clone without tags gives a commit, a tarball gives "unknown".
VERSION := $(shell git -c safe.directory='*' describe --tags --always --dirty 2>/dev/null || echo unknown)
VERSIONVAR := github.com/bailey-run/bailey/internal/version.Version

# One way to compile for building, testing and linting, so that what one compiled the others find in the cache.
# Stamping by the Go tool fails in a clone that another user owns; the version comes in through the linker.
export GOFLAGS += -buildvcs=false -trimpath
export CGO_ENABLED := 0

GOSOURCES := $(shell find cmd internal -name '*.go' -not -name '*_test.go' 2>/dev/null)
EMBEDDED  := $(shell find internal -type f -not -name '*.go' -not -path '$(PAYLOAD)/*' -not -path '*/testdata/*' 2>/dev/null)
SUPERVISORSOURCES := $(shell find cmd/bailey-supervisor internal/runtime -name '*.go' -not -name '*_test.go' 2>/dev/null)
RESOLVERSOURCES := $(shell find cmd/bailey-resolver internal/network/resolver internal/network/dns -name '*.go' -not -name '*_test.go' 2>/dev/null)
INITSOURCES := $(shell find cmd/bailey-init -name '*.go' -not -name '*_test.go' 2>/dev/null)
PROBESOURCES := $(shell find cmd/bailey-probe internal/prove internal/*/probes -name '*.go' -not -name '*_test.go' 2>/dev/null)

##@ What a person types

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'VERBOSE=1 shows the output of every step. FUZZTIME=10m, BENCHFLAGS=... and TESTFLAGS=... are passed on.'

.PHONY: build
build: deps-build bin/bailey ## build bin/bailey, one binary that carries its OCI runtime with it
	@echo "bin/bailey $(VERSION) is ready: sudo bin/bailey up --help"

.PHONY: test
test: deps-test bin/bailey clients ## run every test: unit, architecture, end to end (as root; some skip otherwise)
	@echo "==> testing every package (end-to-end tests run in namespaces of their own)"
	@BAILEY_BIN=$(CURDIR)/bin/bailey timeout --foreground -k 30 15m \
		go test -json -vet=off -timeout 14m $(TESTFLAGS) ./... 2>&1 | go run ./hack/testreport

.PHONY: lint
lint: deps-lint ## gofmt, go vet, staticcheck, and the architecture rules of test/arch
	@hack/lint.sh

.PHONY: demo
demo: deps-demo bin/bailey ## make two images without a registry, run them hardened, show what that means
	@go run ./test/demo -bailey bin/bailey

##@ Less often

.PHONY: bench
bench: deps-bench bin/bailey ## measure against SPECIFICATION.md and every engine installed here (PEERS=1 installs some)
	@if [[ -n "$(PEERS)" ]]; then hack/deps.sh peers; fi
	@$(STEP) "compiling the benchmark" go build -o bin/bailey-bench ./test/bench
	@bin/bailey-bench -bailey bin/bailey $(BENCHFLAGS)

.PHONY: test-v2
test-v2: deps-v2 bin/bailey ## try control groups of version 2, AppArmor, disk quotas and Debian's kernel, under qemu (minutes)
	@test/v2/run.sh

.PHONY: test-systemd
test-systemd: deps-v2 bin/bailey ## try the installed service under a real systemd, under qemu (minutes)
	@test/v2/systemd.sh

.PHONY: test-moby
test-moby: deps-moby bin/bailey ## run the integration tests of Docker's own engine against Bailey (PEERS=1: against Docker too)
	@if [[ -n "$(PEERS)" ]]; then hack/deps.sh peers; fi
	@$(STEP) "compiling their runner" go build -o bin/bailey-moby ./test/moby
	@bin/bailey-moby -bailey bin/bailey $(if $(PEERS),-dockerd "$$(command -v dockerd)") $(MOBYFLAGS)

.PHONY: fuzz
fuzz: deps-lint ## run every fuzz target for FUZZTIME each (one minute)
	@hack/fuzz.sh "$${FUZZTIME:-1m}"

.PHONY: install
install: build compose ## install the binary, Compose, the systemd units and the default configuration (PREFIX, DESTDIR)
	@hack/install.sh install

.PHONY: uninstall
uninstall: ## undo install; keeps containers, images and edited configuration
	@hack/install.sh uninstall

.PHONY: clean
clean: ## remove what was built here
	@echo "==> removing bin/ and the built payload"
	@rm -rf bin
	@find $(PAYLOAD) -mindepth 1 -not -name .keep -delete 2>/dev/null || true

# ---- how the binary is built -------------------------------------------------------------------------------

.PHONY: deps-build deps-test deps-lint deps-demo deps-bench deps-v2 deps-moby
deps-build deps-test deps-lint deps-demo deps-bench deps-v2 deps-moby:
	@hack/deps.sh $(@:deps-%=%)

# The runtime: runc at the version that go.mod pins, static, so that no host's old one is used. A payload file
# is replaced only when its bytes changed, so that a touched go.mod does not relink everything.
$(PAYLOAD)/bailey-runc: go.mod go.sum Makefile
	@mkdir -p $(@D)
	@CGO_ENABLED=1 $(STEP) "building the OCI runtime $$(go list -m -f '{{.Path}} {{.Version}}' github.com/opencontainers/runc), static" \
		go build -tags seccomp,netgo,osusergo,runc_nocriu,urfave_cli_no_docs \
		-ldflags '-s -w -linkmode external -extldflags -static' \
		-o $@.new github.com/opencontainers/runc
	@if readelf -l $@.new | grep -q INTERP; then echo "$@.new is not static; is libseccomp.a installed?" >&2; rm -f $@.new; exit 1; fi
	@mv -f $@.new $@

$(PAYLOAD)/bailey-supervisor: $(SUPERVISORSOURCES) go.mod
	@mkdir -p $(@D)
	@$(STEP) "building the supervisor" go build -ldflags '-s -w' -o $@.new ./cmd/bailey-supervisor
	@if cmp -s $@.new $@; then rm $@.new; touch $@; else mv -f $@.new $@; fi

$(PAYLOAD)/bailey-init: $(INITSOURCES) go.mod
	@mkdir -p $(@D)
	@$(STEP) "building the init" go build -ldflags '-s -w' -o $@.new ./cmd/bailey-init
	@if cmp -s $@.new $@; then rm $@.new; touch $@; else mv -f $@.new $@; fi

$(PAYLOAD)/bailey-probe: $(PROBESOURCES) go.mod
	@mkdir -p $(@D)
	@$(STEP) "building the probes" go build -ldflags '-s -w' -o $@.new ./cmd/bailey-probe
	@if cmp -s $@.new $@; then rm $@.new; touch $@; else mv -f $@.new $@; fi

# Their digests, so that a node knows what it unpacked before without reading all that it carries.
$(PAYLOAD)/SHA256SUMS: $(addprefix $(PAYLOAD)/bailey-,runc supervisor init resolver)
	@cd $(@D) && sha256sum $(^F) > $(@F)

# Compose, which bailey compose executes: upstream's own program at the version that its module pins, beside and not in bailey.
COMPOSE := $(shell sed -n 's|.*github.com/docker/compose/v5 \(v[^ ]*\).*|\1|p' cmd/bailey-compose/go.mod 2>/dev/null)
.PHONY: compose
compose: deps-build ## build bin/bailey-compose, with which bailey compose works (make install includes it)
	@$(STEP) "building Compose $(COMPOSE)" \
		go -C cmd/bailey-compose build -ldflags '-s -w -X github.com/docker/compose/v5/internal.Version=$(COMPOSE)' \
		-o $(CURDIR)/bin/bailey-compose github.com/docker/compose/v5/cmd

# What others made and the end-to-end tests drive a node with, pinned by modules of their own. Built before the
# tests' time runs; the Go command knows what is current.
.PHONY: clients
clients:
	@$(STEP) "building the clients of the tests" go test -count=1 -run '^TestClients$$' ./test/harness

$(PAYLOAD)/bailey-resolver: $(RESOLVERSOURCES) go.mod
	@mkdir -p $(@D)
	@$(STEP) "building the resolver" go build -ldflags '-s -w' -o $@.new ./cmd/bailey-resolver
	@if cmp -s $@.new $@; then rm $@.new; touch $@; else mv -f $@.new $@; fi

# Written only when the version changed, so that a commit relinks and an unchanged tree does not.
bin/.version: FORCE
	@mkdir -p bin
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@

bin/bailey: $(GOSOURCES) $(EMBEDDED) $(PAYLOAD)/bailey-runc $(PAYLOAD)/bailey-supervisor $(PAYLOAD)/bailey-init $(PAYLOAD)/bailey-probe $(PAYLOAD)/bailey-resolver $(PAYLOAD)/SHA256SUMS go.mod bin/.version
	@$(STEP) "building bin/bailey $(VERSION)" \
		go build -ldflags '-s -w -X $(VERSIONVAR)=$(VERSION)' -o $@ ./cmd/bailey

.PHONY: FORCE
FORCE:
