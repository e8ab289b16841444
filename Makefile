# Two commands do all the set-up on a machine with Go and gcc: `make demo` and `make test`.
BIN := bin/plumbline
GO  ?= go

.PHONY: all build static demo test lint conformance live live-stop bench clean

all: build

build: $(BIN)

# The linker needs no symbols or DWARF to run; leaving them out halves the binary and the link time.
$(BIN): FORCE
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/plumbline

.PHONY: FORCE
FORCE:

# One file for any Linux of this architecture: DuckDB's libraries are linked in, names are resolved by Go itself.
static:
	@mkdir -p bin
	$(GO) build -trimpath -tags netgo,osusergo -ldflags '-s -w -linkmode external -extldflags "-static"' -o bin/plumbline-static ./cmd/plumbline

demo: build
	$(BIN) demo

# The whole test run: format, lint, vet, race tests, fuzz seeds, generated docs; with CI=true or REQUIRE_LIVE=1 nothing may be skipped.
test:
	bash .ci/test

lint:
	$(GO) tool -modfile=.ci/lint.mod golangci-lint run

conformance: build
	bash .ci/conformance.sh $(BIN)

# The real servers of the live tests; prints the variables that the tests read: eval "$$(make -s live)". SERVERS names which.
SERVERS ?= opensearch
live:
	@bash test/servers/live start $(SERVERS)

live-stop:
	@bash test/servers/live stop $(SERVERS)

bench:
	@cat bench/README.md

clean:
	rm -rf bin
