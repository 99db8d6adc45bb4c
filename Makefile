SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A cluster of your own instead of the one hack/cluster builds: make run CONTEXT=kind-kind IMAGE=<what it can pull>
CONTEXT ?=
IMAGE   ?=
# The organisation of config/samples that make run applies.
SAMPLE  ?= three-tier
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

BIN     := $(CURDIR)/bin
CLUSTER := go run -C hack/cluster .
GO_LDFLAGS := -s -w -X github.com/caseload-dev/caseload/internal/version.Version=$(VERSION)

CONTROLLER_GEN := $(BIN)/controller-gen
GOLANGCI_LINT  := $(BIN)/golangci-lint
HELM           := $(BIN)/helm

export CONTEXT IMAGE SAMPLE VERSION BIN HELM
# One setting for all builds, so that tests and the static binary share the build cache.
export CGO_ENABLED := 0

##@ Start here

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make <target>"} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## From a bare machine to the sample organisation on a real node, with tickets flowing
	@hack/run.sh

.PHONY: stop
stop: ## Stop what `make run` started and clean up
	@hack/stop.sh

.PHONY: test
test: ## Everything: drift, lint, unit, API and controllers, end to end; says what it skips
	@hack/test.sh

.PHONY: demo
demo: build ## A desk and its queue workers in one process: no cluster, no root
	$(BIN)/caseload demo

##@ Build

.PHONY: build
build: ## The binary, in bin/
	go build -ldflags "$(GO_LDFLAGS)" -o $(BIN)/caseload .

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Generated code, CRDs and the chart's copy of them
	$(CONTROLLER_GEN) object paths=./api/...
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	hack/chart-crds.sh
	hack/chart-rbac.sh

##@ Test, part by part

.PHONY: verify
verify: ## Fail if generated files, formatting or go.mod are out of date
	@hack/verify.sh

.PHONY: lint
lint: $(GOLANGCI_LINT) ## golangci-lint with kube-api-linter
	$(GOLANGCI_LINT) run ./...

.PHONY: test-unit
test-unit: $(HELM) ## Pure packages, the store, the desk and the commands
	go test $$(go list ./... | grep -v -e /controllers -e /test/e2e)

.PHONY: test-api
test-api: ## The kinds and controllers against a real kube-apiserver and etcd
	KUBEBUILDER_ASSETS=$$($(CLUSTER) build --only envtest) go test ./controllers/... ./internal/desk/auth/...

.PHONY: test-e2e
test-e2e: ## The installed chart on a real node, with faults; needs root, or CONTEXT and IMAGE
	@hack/e2e.sh

.PHONY: bench
bench: ## Performance, each figure beside a floor measured in the same run
	@hack/bench.sh

##@ Cluster

.PHONY: cluster
cluster: ## Build and start a real one-node Kubernetes on this machine (root)
	$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Stop it and clean up
	$(CLUSTER) down

# The tools are pinned by modules of their own, so that their dependencies stay out of the project's.
$(CONTROLLER_GEN): hack/tools/go.sum
	go build -C hack/tools -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen

$(HELM): hack/tools/helm/go.sum
	go build -C hack/tools/helm -o $@ helm.sh/helm/v4/cmd/helm

$(GOLANGCI_LINT): hack/tools/lint/go.sum
	go build -C hack/tools/lint -o $@ sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter
