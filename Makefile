# Weir. `make help` says what there is to make.

FLAVOR  ?= release
B       := build/$(FLAVOR)
CC      ?= cc
VERSION := 0.1.0
Q       := $(if $(V),,@)
# Once: the makes below share the jobs of the first. Not where somebody has said how many (which make tells its
# makefile only from 4.4 on; until then the command line is looked at).
SAID_JOBS = $(filter -j% --jobs%,$(MAKEFLAGS)) \
            $(shell { tr '\0' '\n' </proc/$$PPID/cmdline; printenv MAKEFLAGS; } 2>/dev/null | \
              grep -E '^-([A-Za-z]*j|-jobs)|(^| )-j')
ifeq ($(MAKELEVEL)$(strip $(SAID_JOBS)),0)
MAKEFLAGS += --jobs=$(shell nproc)
endif

# Every Debian package, in one place. `make run` needs the first line, `make test` the second too,
# the slower proofs another, `make bench PEERS=all` the servers to compare with.
PACKAGES_BUILD := gcc libc6-dev make pkg-config liblua5.4-dev lua-cjson libwebsockets-dev \
                  libwebsockets-evlib-uv libuv1-dev liburing-dev libssl-dev zlib1g-dev libcap-dev \
                  libpcre2-dev libcurl4-openssl-dev
PACKAGES_TEST  := lua5.4 lua-busted lua-filesystem git curl jq openssl bsdutils chromium \
                  $(if $(shell command -v npm),,nodejs npm)
PACKAGES_PEERS := mosquitto nats-server nginx-light libnginx-mod-nchan
PACKAGES_PROOF := clang libclang-rt-14-dev llvm valgrind lua-check clang-format clang-tidy

PKGS     := lua5.4 libwebsockets libuv liburing openssl zlib libpcre2-8 libcurl
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wno-missing-field-initializers
HARDEN   := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
FLAGS_release := -O2 -g -DNDEBUG $(HARDEN)
FLAGS_debug   := -Og -g3 -Werror $(HARDEN)
FLAGS_asan    := -O1 -g -Werror -fPIE -fsanitize=address,undefined -fno-sanitize-recover=undefined \
                 -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -Werror -fPIE -fsanitize=thread -fno-omit-frame-pointer
FLAGS_cov     := -O0 -g -fPIE --coverage
CFLAGS   := -std=c11 -D_GNU_SOURCE -Icore -MMD -MP $(WARN) $(FLAGS_$(FLAVOR)) -DWEIR_VERSION='"$(VERSION)"'
LDFLAGS  := -pie -Wl,-z,relro,-z,now -Wl,-E $(filter -fsanitize% --coverage,$(FLAGS_$(FLAVOR)))
# Asked only when something is built, so that `make help` works on a bare machine.
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS)) -lpthread -ldl -lm

CORE_SRC := $(sort $(wildcard core/*/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o) $(B)/assets.o
LIB_OBJ  := $(filter-out $(B)/core/main/main.o,$(CORE_OBJ))
# Examples are what `weir new` makes copies of, where they have a page.
EXAMPLES := $(dir $(wildcard examples/*/index.html))
ASSETS   := $(sort $(wildcard lua/*.lua) $(wildcard core/net/static/*) $(wildcard $(EXAMPLES:%=%*.lua) $(EXAMPLES:%=%*.html)))
HOST_SRC := $(sort $(wildcard spec/support/*.c))
HOST_OBJ := $(HOST_SRC:%.c=$(B)/%.o)
ROOMS    := $(patsubst spec/support/room_%.c,%,$(filter spec/support/room_%.c,$(HOST_SRC)))

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: help build run dev install-build install-test install-proof install-peers test test-asan test-tsan spec proof \
        fuzz schema-suite reload-storm audience-cost json-suite bench costs reference \
        proof-host torture memory churn valgrind bench-check format lint clean

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{ printf "  make %-13s %s\n", $$1, $$2 }'

run: install-build ## install what is missing, build, run the chat (WEIR_LISTEN=127.0.0.1:8001: elsewhere)
	@$(MAKE) --no-print-directory build
	@exec build/weir dev examples/chat

build: $(B)/weir ## build/weir, hardened and optimised (FLAVOR=debug|asan|tsan|cov for others)
ifeq ($(FLAVOR),release)
	@ln -sf release/weir build/weir
endif

# ---- packages ----

# Installs those of $(1) that dpkg does not know, through sudo where we are not root.
define install
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing:" $$missing; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	  $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

install-build: ## the packages that building and running need
	$(call install,$(PACKAGES_BUILD))

install-test: install-build ## ... and those of the tests
	$(call install,$(PACKAGES_TEST))
	@cmp -s spec/clients/package-lock.json spec/clients/node_modules/.lock-installed || \
	  { cd spec/clients && npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/.lock-installed; }

install-proof: install-test ## ... and those of the slower proofs
	$(call install,$(PACKAGES_PROOF))

# ---- the program, and the host of its specs ----

$(B)/weir: $(CORE_OBJ)
	@echo "  link $@"
	$(Q)$(CC) $(CFLAGS) $^ -o $@ $(LDFLAGS) $(PKG_LIBS)

$(B)/host: $(LIB_OBJ) $(HOST_OBJ)
	@echo "  link $@"
	$(Q)$(CC) $(CFLAGS) $^ -o $@ $(LDFLAGS) $(PKG_LIBS)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  cc   $<"
	$(Q)$(CC) $(CFLAGS) $(PKG_CFLAGS) -c $< -o $@

# The rooms that specs may enter: one luaopen_room_NAME per spec/support/room_NAME.c.
$(B)/rooms.h: $(HOST_SRC) Makefile
	@mkdir -p $(@D)
	@printf '$(foreach r,$(ROOMS),ROOM($(r))\n)' > $@
$(B)/spec/support/host.o: $(B)/rooms.h
$(B)/spec/support/host.o: CFLAGS += -I$(B)

# Files compiled into the program (see base/asset.h).
$(B)/assets.S: $(ASSETS) Makefile
	@mkdir -p $(@D)
	@{ i=0; echo '.section .rodata'; \
	for f in $(ASSETS); do echo ".Lb$$i: .incbin \"$$f\""; echo ".Le$$i: .byte 0"; \
	  echo ".Ln$$i: .asciz \"$$f\""; i=$$((i+1)); done; \
	echo '.section .data.rel.ro,"aw"'; echo '.balign 8'; echo '.globl asset_table'; echo 'asset_table:'; \
	n=0; while [ $$n -lt $$i ]; do echo ".quad .Ln$$n, .Lb$$n, .Le$$n"; n=$$((n+1)); done; \
	echo '.quad 0, 0, 0'; echo '.section .note.GNU-stack,"",@progbits'; } > $@
$(B)/assets.o: $(B)/assets.S
	$(CC) -c $< -o $@

# ---- tests ----

# ONE=pattern runs the spec files whose path has it.
SPECS = $(if $(ONE),$(shell find spec -name '*_spec.lua' | grep -e '$(ONE)'),spec)
BUSTED = build/$(FLAVOR)/host /usr/bin/busted

test: install-test ## install what the tests need, build, run every spec (ONE=pattern: some)
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory FLAVOR=debug spec

# Needs no installing: for the second and later time. The last line counts.
spec: $(B)/weir $(B)/host ## the specs of one flavor (FLAVOR=debug|asan|tsan ONE=pattern)
	@FLAVOR=$(FLAVOR) TSAN_OPTIONS=suppressions=$(CURDIR)/spec/support/tsan.supp \
	  lua5.4 spec/support/run.lua $(BUSTED) $(SPECS)

test-asan: install-test ## every spec under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory FLAVOR=asan spec

test-tsan: install-test ## the specs of what crosses threads, and the server's with 4 workers, under the thread sanitizer
	@WEIR_WORKERS=4 $(MAKE) --no-print-directory FLAVOR=tsan ONE='$(or $(ONE),core/loop\|core/store\|core/hub\|spec/server\|clients/centrifuge)' spec

reference: ## docs/scripting/reference.md anew, of lua/weir.d.lua
	@lua5.4 spec/support/reference.lua

# ---- proofs that take longer ----

FUZZ_SECONDS ?= 60
FUZZ_TARGETS := $(patsubst spec/fuzz/%.c,%,$(sort $(wildcard spec/fuzz/*.c)))
FUZZ_FLAGS   := -std=c11 -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"' -g -O1 -fsanitize=fuzzer,address,undefined \
                -fno-sanitize-recover=undefined -Icore
FUZZ_SRC     := $(sort $(wildcard core/base/*.c core/wire/*.c core/rule/*.c core/auth/*.c) core/dialect/command.c core/dialect/emulation.c)

fuzz: install-proof ## every parser of what strangers send, FUZZ_SECONDS (60) each, ONE=pattern for some
	@set -e; for t in $(if $(ONE),$(filter $(ONE),$(FUZZ_TARGETS)),$(FUZZ_TARGETS)); do \
	  mkdir -p build/fuzz/$$t; \
	  clang $(FUZZ_FLAGS) spec/fuzz/$$t.c $(filter-out core/base/asset.c,$(FUZZ_SRC)) -lcrypto -lz -lpcre2-8 -lm -o build/fuzz/$$t.bin; \
	  echo "fuzz $$t"; build/fuzz/$$t.bin -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 \
	    -artifact_prefix=build/fuzz/$$t- -verbosity=0 -print_final_stats=1 build/fuzz/$$t 2>&1 | grep -E 'number_of_executed|ERROR|SUMMARY' ; \
	done

json-suite: $(if $(DIR),$(B)/host) ## every *.json below DIR, named as in JSONTestSuite, through our scanner: which are judged wrongly
	@$(if $(DIR),$(B)/host spec/support/json_suite.lua '$(DIR)',echo 'which folder? make json-suite DIR=JSONTestSuite/test_parsing'; exit 1)

# Laid out as the public JSON-Schema-Test-Suite: DIR/tests/draft2020-12, DIR/remotes.
schema-suite: install-test ## the cases of a JSON-Schema-Test-Suite (DIR=path) through rule/schema
	@$(MAKE) --no-print-directory FLAVOR=debug build/debug/host
	@build/debug/host spec/support/schema_suite.lua $(or $(DIR),spec/core/rule/schema)

reload-storm: install-test ## 1,000 connections, 2,000 messages/s, 20 s, a reload every 200 ms, 1 and 4 workers
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory FLAVOR=debug build/debug/host
	@STORM=large FLAVOR=release build/debug/host /usr/bin/busted spec/server/reload_storm_spec.lua

audience-cost: install-test ## what three views and 200 filters cost 1,000 subscribers, as ratios in one run
	@$(MAKE) --no-print-directory FLAVOR=release build build/release/host
	@FLAVOR=release build/release/host spec/proof/audience_cost.lua

costs: install-test ## measures what each declared thing costs, writes docs/scripting/costs.md (COST_ROUNDS=20)
	@$(MAKE) --no-print-directory FLAVOR=release build build/release/host
	@FLAVOR=release build/release/host spec/proof/costs.lua $(COST_ROUNDS)

# PEERS=all installs the servers that are compared; PEERS='nats ws' takes some of those that are there.
install-peers: install-test
	$(call install,$(PACKAGES_PEERS))
	@cmp -s spec/bench/package-lock.json spec/bench/node_modules/.lock-installed || \
	  { cd spec/bench && npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/.lock-installed; }

bench: $(if $(filter all,$(PEERS)),install-peers,install-build) ## compares with other servers, writes docs/benchmarks.md (PEERS=all installs them, ROWS, BENCH_SECONDS, BENCH_ROUNDS)
	@$(MAKE) --no-print-directory FLAVOR=release build build/bench/floor
	@PEERS='$(PEERS)' ROWS='$(ROWS)' BENCH_SECONDS='$(BENCH_SECONDS)' BENCH_ROUNDS='$(BENCH_ROUNDS)' lua5.4 spec/bench/bench.lua

build/bench/floor: spec/bench/floor.c
	@mkdir -p $(@D)
	@$(CC) -std=c11 -D_GNU_SOURCE $(FLAGS_release) -Wall -Wextra $< -o $@ -pie

# The drivers are ordinary Lua on the host of the specs; the server is the released one.
proof-host: install-test
	@$(MAKE) --no-print-directory build build/release/host

# Under the address sanitizer; ONE: the scenarios whose name has it.
torture: install-test ## memory of scripts refused at every n in every kind of hook, at load and at reload (ONE=publish)
	@$(MAKE) --no-print-directory FLAVOR=asan build/asan/host
	@build/asan/host spec/proof/torture.lua $(ONE)

memory: proof-host ## what 10,000 idle connections cost, 2,000 with TLS, and that it comes back
	@build/release/host spec/proof/memory.lua

VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite
# It makes everything some thirty times slower. Left out, and run by `make test-asan`: how much may be said in a second
# (hub/limit), what is held or summed up for 100 ms (hub/render, hub/rollup), a budget of CPU time that a run just keeps
# (script/vm_wait), patterns that use theirs up (script/match: hours).
VALGRIND_NOT := $(patsubst %,spec/core/%_spec.lua,hub/limit hub/render hub/rollup script/vm_wait script/match)

valgrind: install-proof ## the specs of spec/core under memcheck, ONE=pattern for some; half an hour
	@$(MAKE) --no-print-directory FLAVOR=debug build/debug/host
	@FLAVOR=debug SPEC_SECONDS=900 lua5.4 spec/support/run.lua '$(VALGRIND) build/debug/host' /usr/bin/busted \
	  $(filter-out $(VALGRIND_NOT),$(shell find spec/core -name '*_spec.lua' | grep -e '$(or $(ONE),.)'))

$(B)/instructions: $(LIB_OBJ) $(B)/spec/proof/instructions.o
	@echo "  link $@"
	$(Q)$(CC) $(CFLAGS) $^ -o $@ $(LDFLAGS) $(PKG_LIBS)

bench-check: install-proof ## instructions a delivery, a publish, a command, against spec/proof/budget.txt (+5 %)
	@$(MAKE) --no-print-directory build/release/instructions
	@lua5.4 spec/proof/budget.lua build/release/instructions

CHURN_SECONDS ?= $(or $(SECONDS),600)

churn: proof-host ## connect, subscribe, publish, vanish: SECONDS (600) of it leave memory and descriptors as they were
	@build/release/host spec/proof/churn.lua $(CHURN_SECONDS) $(CHURN_RATE)

format: ## clang-format over the core
	@clang-format -i core/*/*.[ch] spec/support/*.c spec/fuzz/*.c spec/proof/*.c

lint: install-proof ## luacheck and clang-tidy
	@luacheck -q lua examples scripts spec
	@clang-tidy --quiet $(CORE_SRC) -- -std=c11 -D_GNU_SOURCE -Icore -DWEIR_VERSION='"$(VERSION)"' $(PKG_CFLAGS) 2>/dev/null

clean: ## forget what was built
	@rm -rf build

-include $(CORE_OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(B)/spec/proof/instructions.d
