# The tests: one cmocka program per file below tests/unit/<layer>/, linked with its layer's archive
# and the lower ones only, so that an upward arrow does not link.

TEST_LIBS   = -lcmocka $(LIBS)
UNIT_SRC   := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS  := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
layer_of    = $(firstword $(subst /, ,$(patsubst $(O)/tests/%,%,$(1))))

$(foreach b,$(UNIT_BINS),$(eval $(b): $(patsubst $(O)/tests/%,$(O)/tests/unit/%.o,$(b)) $(call archives,$(LINK_$(call layer_of,$(b)))) $(LLHTTP_LIBS)))

$(O)/tests/%: $(O)/tests/unit/%.o
	@mkdir -p $(@D)
	@$(CC) $(MODE_$(MODE)) -o $@ $< -Wl,--start-group $(filter-out $(O)/tests/unit/% $(LLHTTP_LIBS),$(filter %.a,$^)) \
		-Wl,--end-group $(LLHTTP_LIBS) $(TEST_LIBS) -rdynamic

unit: $(UNIT_BINS) ## run the unit tests (cmocka)
	@for t in $(UNIT_BINS); do echo "== $$t"; timeout 120 $$t || exit 1; done

unit-%: ## one layer's unit tests: make unit-base
	@$(MAKE) --no-print-directory unit UNIT_SRC="$(wildcard tests/unit/$*/test_*.c)"

bench: all deps-bench ## measure beside nginx, node, uvicorn and a bare C loop (BENCH_ARGS=--help)
	@python3 tests/bench/bench.py --moonloop $(BUILD)/moonloop $(BENCH_ARGS)

test: all deps-test ## build and run every test
	@$(MAKE) --no-print-directory unit
