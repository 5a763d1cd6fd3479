# The tests: one cmocka program per file below tests/unit/<layer>/, linked with its layer's archive
# and the lower ones only, so that an upward arrow does not link.

TEST_LIBS   = -lcmocka $(LIBS)
UNIT_SRC   := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS  := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
layer_of    = $(firstword $(subst /, ,$(patsubst $(O)/tests/%,%,$(1))))

# What several test programs share: an in-memory peer, a clock that stands still, an application in
# C. From the archive a program links only what it asks for, so the layers stay apart.
SUPPORT_SRC := $(wildcard tests/unit/support/*.c)
SUPPORT_LIB := $(O)/tests/libsupport.a

$(O)/tests/%: CFLAGS_ALL += -Itests/unit/support

$(SUPPORT_LIB): $(patsubst %.c,$(O)/%.o,$(SUPPORT_SRC))
	@rm -f $@
	@ar rcs $@ $^

$(foreach b,$(UNIT_BINS),$(eval $(b): $(patsubst $(O)/tests/%,$(O)/tests/unit/%.o,$(b)) $(SUPPORT_LIB) $(call archives,$(LINK_$(call layer_of,$(b)))) $(LLHTTP_LIBS)))

# The verbs are found by name when Lua runs: the bindings come whole, and with the binary's Lua.
WHOLE_bindings = $(GEN_OBJS) -Wl,--whole-archive $(O)/libbindings.a -Wl,--no-whole-archive
$(filter $(O)/tests/bindings/%,$(UNIT_BINS)): $(GEN_OBJS)

$(O)/tests/%: $(O)/tests/unit/%.o
	@mkdir -p $(@D)
	@$(CC) $(MODE_$(MODE)) -o $@ $< $(WHOLE_$(call layer_of,$@)) \
		-Wl,--start-group $(filter-out $(O)/tests/unit/% $(LLHTTP_LIBS),$(filter %.a,$^)) \
		-Wl,--end-group $(LLHTTP_LIBS) $(TEST_LIBS) -rdynamic

unit: $(UNIT_BINS) ## run the unit tests (cmocka)
	@for t in $(UNIT_BINS); do echo "== $$t"; timeout 120 $$t || exit 1; done

unit-%: ## one layer's unit tests: make unit-base
	@$(MAKE) --no-print-directory unit UNIT_SRC="$(wildcard tests/unit/$*/test_*.c)"

# Conversations over HTTP/1: tests/wire/README.md.
WIRE_RUN   := $(O)/tests/wire-run
WIRE_FILES := $(sort $(wildcard tests/wire/*.wire))
FUZZ_ROUNDS ?= 20000

$(WIRE_RUN): $(patsubst %.c,$(O)/%.o,$(wildcard tests/wire/*.c)) $(SUPPORT_LIB) \
		$(call archives,$(LINK_http)) $(LLHTTP_LIBS)
	@$(CC) $(MODE_$(MODE)) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

wire: $(WIRE_RUN) ## run the conversations over HTTP/1, and a bounded fuzz of them
	@timeout 600 $(WIRE_RUN) $(WIRE_FILES)
	@timeout 600 $(WIRE_RUN) --fuzz $(FUZZ_ROUNDS) $(WIRE_FILES)

# What the tests take from the npm registry: tests/npm/package.json.
NPM := $(BUILD)/npm

$(NPM)/.installed: tests/npm/package.json tests/npm/package-lock.json
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# The rest needs the binary: specs inside its runtime, the contract and real clients over sockets.
specs: $(BIN) $(NPM)/.installed ## run the Lua specs (busted); SPEC=task: only those in files with that name
	@MOONLOOP_DNS_SERVERS=127.0.0.1:$$((20000 + $$$$ % 10000)) NPM_MODULES="$(abspath $(NPM)/node_modules)" \
		timeout 600 $(BIN) test $(or $(wildcard tests/lua/*$(SPEC)*_spec.lua),tests/lua/$(SPEC)_spec.lua)

lasgi: $(BIN) ## run the LASGI contract suite
	@cd tests/lasgi && MOONLOOP="$(abspath $(BIN))" timeout 900 python3 -m unittest -q

e2e: $(BIN) $(NPM)/.installed ## run the end-to-end tests with real clients, and the soak
	@NPM_MODULES="$(abspath $(NPM)/node_modules)" timeout 1800 python3 tests/e2e/run.py "$(abspath $(BIN))" --soak

# One suite after the other, also with -j: what they time would suffer.
test: all deps-test ## build and run every test (MODE=asan too)
	@for suite in unit wire specs lasgi e2e; do $(MAKE) $(JOBS) --no-print-directory $$suite || exit 1; done

lint: deps-test ## check layers, format and Lua
	@python3 tests/style/lint.py

bench: all deps-bench ## measure beside nginx, node, uvicorn and a bare C loop (BENCH_ARGS=--help); figures also in build/bench.json
	@python3 tests/bench/bench.py --moonloop $(BUILD)/moonloop --json $(BUILD)/bench.json $(BENCH_ARGS)
	@$(BUILD)/moonloop check tests/bench/json.lua
