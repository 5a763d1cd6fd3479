# moonloop: `make help` lists the targets.

MODE   ?= release
PREFIX ?= /usr/local
BUILD  ?= build

# ---- packages: the one list ---------------------------------------------------------------------

PACKAGES_BUILD = gcc libc6-dev make pkg-config libev-dev libluajit2-5.1-dev libssl-dev libc-ares-dev libpcre2-dev \
	zlib1g-dev libbrotli-dev libzstd-dev \
	$(shell pkg-config --exists libllhttp 2>/dev/null || echo node-llhttp)
PACKAGES_TEST  = git libcmocka-dev lua-busted lua-check libedit2 clang-format-14 curl python3 openssl \
	libtest-json-schema-acceptance-perl python3-selenium chromium chromium-driver \
	$(shell command -v npm >/dev/null || echo npm)
PACKAGES_BENCH = nginx-light libnginx-mod-http-lua lua-cjson nodejs uvicorn python3-uvloop python3-httptools

# ---- flags --------------------------------------------------------------------------------------

CC      ?= gcc
O       := $(BUILD)/$(MODE)
JOBS     = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wundef -Wformat=2 -Wno-unused-parameter

MODE_debug   := -O0 -g3
MODE_release := -O2 -g -fno-plt
MODE_asan    := -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
MODE_tsan    := -O1 -g3 -fno-omit-frame-pointer -fsanitize=thread
ifeq ($(MODE_$(MODE)),)
$(error MODE=$(MODE) is none of debug release asan tsan)
endif
ifneq ($(words $(BUILD)),1)
$(error BUILD="$(BUILD)": make cannot work with a path that has spaces)
endif

LUAJIT_CFLAGS = $(shell pkg-config --cflags luajit)
LUAJIT_LIBS   = $(shell pkg-config --libs luajit)
PCRE2_LIBS    = $(shell pkg-config --libs libpcre2-8)

# llhttp: the system's library where there is one, else Debian's sources, compiled here.
ifeq ($(shell pkg-config --exists libllhttp 2>/dev/null && echo yes),yes)
LLHTTP_CFLAGS = $(shell pkg-config --cflags libllhttp)
LLHTTP_LIBS   = $(shell pkg-config --libs libllhttp)
else
LLHTTP_SRC    = /usr/share/llhttp
LLHTTP_CFLAGS = -isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1
LLHTTP_OBJS   = $(O)/llhttp/api.o $(O)/llhttp/http.o $(O)/llhttp/llhttp.o
LLHTTP_LIBS   = $(O)/libllhttp.a
endif

CFLAGS_ALL = -std=gnu11 $(MODE_$(MODE)) $(WARN) -Iserver -I$(O)/gen $(LUAJIT_CFLAGS) $(LLHTTP_CFLAGS) \
	-D_GNU_SOURCE -MMD -MP $(CFLAGS)
LIBS       = -lev $(LUAJIT_LIBS) -lssl -lcrypto -lcares $(PCRE2_LIBS) -lz -lbrotlienc -lbrotlidec -lzstd -lpthread -lm -ldl

# ---- layers: one archive each, arrows point right ------------------------------------------------

LAYERS := base net http runtime bindings process
src     = $(wildcard server/$(1)/*.c)
obj     = $(patsubst %.c,$(O)/%.o,$(call src,$(1)))

LINK_base     := base
LINK_net      := net base
LINK_http     := http net base
LINK_runtime  := runtime net base
LINK_bindings := bindings http runtime net base
LINK_process  := process net base
archives       = $(patsubst %,$(O)/lib%.a,$(1))

# What the page /docs is shown with: lua/moonloop/web/docs.lua.
VIEWER    := $(BUILD)/viewer/node_modules/swagger-ui-dist

GEN_OBJS  := $(O)/gen/lua_bundle.o
LUA_FILES := $(shell find lua -name '*.lua' ! -path '*/types/*' ! -path '*/templates/*' | sort)
# What the binary carries as text: annotations for editors, files of new projects, what browsers get.
TEXT_FILES := $(shell find lua/moonloop/types lua/moonloop/templates lua/moonloop/dev/*.css lua/moonloop/dev/*.js -type f | sort)
BIN       := $(O)/moonloop

.PHONY: all run test deps deps-test deps-bench install bench lint format clean help unit wire specs lasgi e2e FORCE
.DEFAULT_GOAL := all
.PRECIOUS: $(O)/%.o

all: deps ## build build/moonloop
	@pkg-config --exists luajit || { echo "pkg-config is missing, or does not find luajit" >&2; exit 1; }
	@$(MAKE) $(JOBS) --no-print-directory $(BUILD)/moonloop

# That of the MODE asked for last, which may be older than what is there.
$(BUILD)/moonloop: $(BIN) FORCE
	@[ $(BIN) -ef $@ ] || ln -f $(BIN) $@ 2>/dev/null || cp -f $(BIN) $@

run: all ## build, then serve apps/welcome on http://127.0.0.1:8000
	$(BUILD)/moonloop run apps/welcome

$(BIN): $(O)/server/main.o $(O)/server/worker.o $(O)/server/worker_logs.o $(GEN_OBJS) $(call archives,$(LAYERS)) $(LLHTTP_LIBS)
	@echo "  LINK $@"
	@$(CC) $(MODE_$(MODE)) -o $@ $(O)/server/main.o $(O)/server/worker.o $(O)/server/worker_logs.o $(GEN_OBJS) \
		-Wl,--whole-archive $(O)/libbindings.a -Wl,--no-whole-archive \
		-Wl,--start-group $(call archives,$(LAYERS)) -Wl,--end-group \
		$(LLHTTP_LIBS) $(LIBS) -rdynamic $(LDFLAGS)

define layer
$(O)/lib$(1).a: $(call obj,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))

$(O)/libllhttp.a: $(LLHTTP_OBJS)
	@ar rcs $@ $^

$(O)/llhttp/%.o: $(LLHTTP_SRC)/%.c
	@mkdir -p $(@D)
	@$(CC) -O2 -g $(LLHTTP_CFLAGS) -c $< -o $@

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS_ALL) -c $< -o $@

# ---- generated: the Lua bundle and the cdef ------------------------------------------------------

$(O)/gen/cdef.lua: server/bindings/ffi_api.h server/runtime/fs_ops.tbl.h
	@mkdir -p $(@D)
	@{ echo 'return [['; $(CC) -E -P -Iserver -DMOONLOOP_CDEF $<; echo ']]'; } > $@

# Changes when a Lua file comes or goes.
$(O)/gen/lua_files: FORCE
	@mkdir -p $(@D)
	@echo '$(LUA_FILES) $(TEXT_FILES)' | cmp -s - $@ || echo '$(LUA_FILES) $(TEXT_FILES)' > $@

$(O)/gen/lua_bundle.S: $(LUA_FILES) $(TEXT_FILES) $(O)/gen/lua_files $(O)/gen/cdef.lua lua/bundle.sh
	@sh lua/bundle.sh $(O)/gen/cdef.lua $(LUA_FILES) $(TEXT_FILES) > $@

$(O)/gen/lua_bundle.o: $(O)/gen/lua_bundle.S
	@$(CC) -c $< -o $@

# ---- tests ---------------------------------------------------------------------------------------

include tests/tests.mk

# ---- packages ------------------------------------------------------------------------------------

deps: ## install the packages that the build needs
	@sh tests/install-packages.sh $(PACKAGES_BUILD)
	@sh lua/moonloop/web/viewer/install.sh $(BUILD)/viewer

# One after the other: two apt-get at once would refuse each other.
deps-test: deps ## install the packages that the tests and checks need, too
	@sh tests/install-packages.sh $(PACKAGES_TEST)
	@sh lua/moonloop/web/viewer/install.sh $(BUILD)/viewer

deps-bench: deps
	@sh tests/install-packages.sh --optional $(PACKAGES_BENCH)

# ---- manners -------------------------------------------------------------------------------------

install: all ## install below PREFIX=/usr/local
	install -D -m 755 $(BUILD)/moonloop $(DESTDIR)$(PREFIX)/bin/moonloop
	@for f in $$(find apps examples -type f); do \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/moonloop/$$f; done
	@install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/moonloop/types lua/moonloop/types/*.lua
	@install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/moonloop/types/web lua/moonloop/types/web/*.lua
	@for f in swagger-ui-bundle.js swagger-ui.css LICENSE NOTICE; do [ ! -f $(VIEWER)/$$f ] || \
		install -D -m 644 $(VIEWER)/$$f $(DESTDIR)$(PREFIX)/share/moonloop/swagger-ui/$$f; done

format: ## format the C sources
	@clang-format-14 -i $(shell find server tests -name '*.[ch]' ! -name '*.tbl.h')

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z0-9%-]*\):.*## \(.*\)/\1|\2/p' Makefile tests/tests.mk | \
		awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo "  MODE=debug|release|asan|tsan   PREFIX=DIR   BUILD=DIR"

-include $(shell find $(O) -name '*.d' 2>/dev/null)
