# Three commands do everything: make dev runs the chat, make check looks at a change before it is committed, make test sets up and runs
# every test.
.PHONY: dev deploy-local test test-waiting test-sleeping test-computing test-alone check histories suites lint bench bill fuzz tests/node_modules tests/.venv tests/.sam

GOTOOL = go tool -modfile=tools/go.mod

# The chat on the embedded store. make dev ARGS='-v -jitter 20ms' passes flags on.
# exec takes the shell away, which Ctrl-C would end before the command and make would report as an error.
dev: export DOZE_AS = make dev
dev: tests/node_modules
	go build -o bin/doze ./cmd/doze
	@exec bin/doze dev $(ARGS)

# The template, deployed to MiniStack until Ctrl-C. make deploy-local GATEWAY=1 puts Doze's gateway before the functions, ENDPOINT=URL takes
# another stand-in for AWS.
deploy-local: export DOZE_AS = make deploy-local
deploy-local: tests/node_modules tests/.venv tests/.sam
	go build -o bin/deploy ./tests/deployed/deploy
	@exec bin/deploy $(if $(GATEWAY),-gateway) $(if $(ENDPOINT),-endpoint $(ENDPOINT)) $(ARGS)

# Four groups. What waits for other programs (databases, sam and what it deploys, browsers), where the race detector finds little
# and costs most, and what hardly computes, since it lets time pass, run beside what computes, a package of each at a time. Then, with
# the machine to themselves, the official suites, some of whose cases are about 200 ms. Whatever fails, all groups run; the last line
# adds them up.
WAITING = /pkg/store/dynamo$$|/tests/(costs/bill|kit/badtable|deployed/deploy|docs|survives/histories|survives/disconnects|deployed/project|deployed/template)$$
SLEEPING = /tests/(survives/sweeps|asnode/upgrades)$$
ALONE = TestOfficialSuites
BESIDE = test-waiting test-sleeping test-computing
RESULTS = tests/artifacts/results
GOTEST = $(GOTOOL) gotestsum --format pkgname --hide-summary skipped --jsonfile $(RESULTS)/$@.json -- -tags full -timeout 25m
test: tests/node_modules tests/.venv tests/.sam
	@echo building the tests
	@go list -export -test -deps -race -tags full ./... >/dev/null
	@rm -rf $(RESULTS) && mkdir -p $(RESULTS)
	@ended=0; $(MAKE) --no-print-directory -k -j $(BESIDE) || ended=1; $(MAKE) --no-print-directory test-alone || ended=1; \
		go run ./tests/kit/results $(patsubst %,$(RESULTS)/%.json,$(BESIDE) test-alone) && exit $$ended
test-waiting:
	@$(GOTEST) -p 1 -skip '^$(ALONE)' $$(go list -tags full ./... | grep -E '$(WAITING)')
test-sleeping:
	@$(GOTEST) -race -p 1 -skip '^$(ALONE)' $$(go list -tags full ./... | grep -E '$(SLEEPING)')
test-computing:
	@$(GOTEST) -race -p 1 -skip '^$(ALONE)' $$(go list -tags full ./... | grep -vE '$(WAITING)|$(SLEEPING)')
test-alone:
	@$(GOTEST) -race -p 1 -run '^$(ALONE)' $$(git grep -l --untracked 'func $(ALONE)' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's,^,./,')

# What to run before each commit: lint, and the tests that need neither Node nor Python nor Chromium.
# Packages that let time pass run beside others.
check: lint
	go test -p 4 ./...
	@echo "that was lint, and what needs nothing but Go, without the race detector; make test runs the rest"

# All the random histories of joins, emits, upgrades and faults, of which make test plays a part.
histories: tests/node_modules
	go test -tags full -count=1 -v -timeout 25m ./tests/survives/histories -histories 1000

# The official suites ten times in a row, in memory, on a table and as processes: on all ways, or on those whose names have WAY in them
# (direct, AWS, ordered).
suites: tests/node_modules
	go test -tags full -count=10 -timeout 45m -run '^TestOfficialSuites/$(WAY)' ./tests

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "run gofmt -w on: $$unformatted"; exit 1; }
	go mod tidy -diff
	go vet -tags full ./...
	$(GOTOOL) staticcheck -tags full ./...

# Doze beside Node's socket.io, zishang520's in Go and socketioxide in Rust, in one run; then Doze on a table with DynamoDB's latency, the
# CPU of its message function, cold starts beside an empty function's, and the CPU of a post beside the SDK's.
bench: tests/node_modules
	go run ./tests/costs/bench
	go run ./tests/costs/bench -table
	go run ./tests/costs/bench -function
	go run ./tests/costs/coldstart
	@echo "A post: the goal is 30 us of CPU, and three times as many as the SDK's client makes in the same time"
	go test ./pkg/apigw/outgoing -run '^$$' -bench Posts -cpu 1 -benchtime 3x

# What each operation costs, measured and its ceiling: the table of docs/costs.md. It fails above a ceiling.
bill: tests/node_modules
	@cd tests/costs/bill && go test -tags full -count=1 -run '^TestBill' -markdown

# Every fuzz target for a while: make fuzz FUZZTIME=60s
FUZZTIME = 20s
fuzz:
	@for package in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		for target in $$(go test -list '^Fuzz' ./$$package | grep ^Fuzz); do \
			go test ./$$package -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x || exit 1; done; done

# The stamp is written last: an installation that broke off is done again.
tests/node_modules: tests/node_modules/.installed
tests/node_modules/.installed: tests/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node 20.14 or newer; without it: go run ./cmd/doze dev, make check"; exit 1; }
	npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Pythons of their own: one for what stands in for AWS and checks templates, one for sam, whose dependencies are others.
# The files name all that is needed, so that pip has nothing to find out. The stamp is written last: what broke off is done again.
tests/.venv: tests/.venv/installed
tests/.venv/installed: tests/requirements.txt
tests/.sam: tests/.sam/installed
tests/.sam/installed: tests/deployed/deploy/requirements.txt
tests/.venv/installed tests/.sam/installed:
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.10 or newer with its venv module; without it: make check"; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$$(python3 --version) is too old: install Python 3.10 or newer"; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	@echo "installing $< to $(@D), once; pip says nothing meanwhile"
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# What sam build calls for each function: a reproducible binary for Lambda, small, without the parts of aws-lambda-go that
# provided.al2023 has no use for. The function that answers GET brings the client along.
GOARCH ?= arm64
CLIENT = tests/node_modules/socket.io/client-dist

.PHONY: build-ConnectFunction build-PollFunction build-MessageFunction build-DisconnectFunction build-HeartbeatFunction
build-MessageFunction build-ConnectFunction build-DisconnectFunction build-HeartbeatFunction build-PollFunction: build-%Function:
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags='-s -buildid=' \
		-o $(ARTIFACTS_DIR)/bootstrap ./functions/$$(echo $* | tr A-Z a-z)
	$(if $(filter Poll,$*),mkdir -p $(ARTIFACTS_DIR)/client && cp $(CLIENT)/*.js $(CLIENT)/../package.json $(ARTIFACTS_DIR)/client)
build-PollFunction: tests/node_modules
