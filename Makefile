# Weir. `make help` says what there is to make.

FLAVOR  ?= release
B       := build/$(FLAVOR)
CC      ?= cc
VERSION := 0.1.0
Q       := $(if $(V),,@)

# Every Debian package, in one place. `make run` needs the first line, `make test` the second too,
# the slower proofs the third.
PACKAGES_BUILD := gcc libc6-dev make pkg-config liblua5.4-dev lua-cjson libwebsockets-dev \
                  libwebsockets-evlib-uv libuv1-dev libssl-dev libcap-dev
PACKAGES_TEST  := lua5.4 lua-busted lua-filesystem git curl openssl nodejs npm chromium
PACKAGES_PROOF := clang libclang-rt-14-dev llvm valgrind lua-check clang-format clang-tidy

PKGS     := lua5.4 libwebsockets libuv openssl
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
ASSETS   := $(sort $(wildcard lua/*.lua) $(wildcard core/net/static/*))
HOST_SRC := $(sort $(wildcard spec/support/*.c))
HOST_OBJ := $(HOST_SRC:%.c=$(B)/%.o)
ROOMS    := $(patsubst spec/support/room_%.c,%,$(filter spec/support/room_%.c,$(HOST_SRC)))

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: help build

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | awk -F'\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

build: $(B)/weir ## build/weir, hardened and optimised (FLAVOR=debug|asan|tsan|cov for others)
ifeq ($(FLAVOR),release)
	@ln -sf release/weir build/weir
endif

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

-include $(CORE_OBJ:.o=.d) $(HOST_OBJ:.o=.d)
