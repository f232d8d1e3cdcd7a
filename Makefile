# Fivepits: make, make demo, make check. `make help` lists the rest. V=release|asan|fuzz|tsan names a variant,
# which is a folder of build/; V1=1 shows the commands.
V ?= release
B := build/$(V)
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo 0)
Q := $(if $(V1),,@)
say = $(if $(V1),,@printf '  %-6s %s\n' $(1) $(2);)

PACKAGES := gcc make pkg-config protobuf-compiler protobuf-c-compiler libprotobuf-c-dev libevent-dev \
	libsqlite3-dev libssl-dev libzstd-dev libjansson-dev libarchive-dev libxml2-dev libseccomp-dev \
	libmagic-dev scdoc
CHECK_PACKAGES := $(PACKAGES) clang libclang-rt-14-dev cppcheck shellcheck mandoc perl sqlite3 openssl \
	faketime universal-ctags git libgit2-dev python3 bubblewrap poppler-utils

LIBS := libprotobuf-c libevent_core libevent_openssl openssl sqlite3 libzstd
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wno-sign-conversion -Werror
CFLAGS_release := -O2
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS_clang := -O1
CPPFLAGS := -D_GNU_SOURCE -I. -I$(B)/gen $(EXTRA_CPPFLAGS)
CFLAGS := -std=c11 -g -fstack-protector-strong -D_FORTIFY_SOURCE=$(if $(filter release,$(V)),2,0) -fPIE $(CFLAGS_$(V))
LDFLAGS := $(filter -fsanitize=address%,$(CFLAGS_$(V))) -pie -Wl,-z,relro,-z,now
ifneq ($(MAKECMDGOALS),deps)
CPPFLAGS += $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LDLIBS := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
endif

COMMON := $(wildcard common/*.c)
SERVER := $(filter-out server/main.c,$(wildcard server/*.c))
CLIENT := $(filter-out client/main.c,$(wildcard client/*.c))
GEN := $(B)/gen/records.pb-c.c $(B)/gen/wire.pb-c.c
HDR := $(B)/gen/version.h $(B)/gen/records.pb-c.h $(B)/gen/wire.pb-c.h $(B)/gen/server_schema.h $(B)/gen/client_schema.h
obj = $(patsubst %.c,$(B)/%.o,$(1))
OBJ_COMMON := $(call obj,$(COMMON)) $(B)/gen/records.pb-c.o $(B)/gen/wire.pb-c.o
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))

all: $(B)/fivepitsd $(B)/fivepits $(B)/fivepits-extract

$(B)/fivepitsd: $(B)/server/main.o $(call obj,$(SERVER)) $(OBJ_COMMON)
$(B)/fivepits: $(B)/client/main.o $(call obj,$(CLIENT)) $(OBJ_COMMON)
# The client's own: JSON, and what a file is.
CLIENT_LIBS := -ljansson -lmagic
$(B)/fivepits: EXTRA_LIBS = $(CLIENT_LIBS)
# The text of documents is read by parsers with a history, in a process that can do nothing else.
EXTRACT := $(call obj,$(wildcard client/extract/*.c) common/mem.c common/err.c common/utf8.c)
$(B)/client/extract/%.o: CPPFLAGS += $(shell pkg-config --cflags libxml-2.0)
$(B)/fivepits-extract: $(EXTRACT)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs libprotobuf-c libarchive libxml-2.0 libseccomp)
$(B)/tests/unit/test_sandbox: $(B)/client/extract/sandbox.o
$(UNIT): %: %.o $(B)/tests/tap.o $(B)/tests/pipe.o $(B)/tests/bed.o $(call obj,$(SERVER)) $(call obj,$(CLIENT)) $(OBJ_COMMON)
$(UNIT): EXTRA_LIBS = $(CLIENT_LIBS)
$(B)/tests/unit/test_sandbox: EXTRA_LIBS += -lseccomp
$(B)/fivepitsd $(B)/fivepits $(UNIT):
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(EXTRA_LIBS)

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D)
	$(call say,PROTO,$<)protoc-c --c_out=$(B)/gen -I proto $<
# A schema is text that a person reads; the programs carry it, and the store's, as one string.
$(B)/gen/%_schema.h: %/schema.sql common/store.sql
	@mkdir -p $(@D)
	$(call say,SQL,$<)sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $^ >$@
# Written only when it differs, so that a new commit compiles only the file that says it.
$(B)/gen/version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define FIVEPITS_VERSION "$(VERSION)"' | cmp -s - $@ || echo '#define FIVEPITS_VERSION "$(VERSION)"' >$@
FORCE:
$(B)/gen/%.o: $(B)/gen/%.c Makefile
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/%.o: %.c Makefile | $(HDR)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP -c -o $@ $<
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- Tests: each folder brings its own rules; tests/run.sh runs programs that speak TAP and counts ----

-include tests/sim/sim.mk tests/merge/merge.mk tests/fuzz/fuzz.mk tests/bench/bench.mk

IT := $(sort $(wildcard tests/it/*.sh))
programs: all $(UNIT) $(SIM_PROGRAMS) $(FUZZ_REPLAY) $(IT_PROGRAMS)

check: deps-check
	@$(MAKE) --no-print-directory check-now
check-now: programs
	@tests/run.sh $(B) lint unit sim fuzz it
asan: deps-check
	@$(MAKE) --no-print-directory V=asan asan-now
asan-now: programs
	@SEEDS=$${SEEDS:-60} tests/run.sh $(B) unit sim fuzz it
unit: programs
	@tests/run.sh $(B) unit
it: programs
	@tests/run.sh $(B) it
check-large: all
	@FIVEPITS_BUILD=$(B) tests/large.sh
lint:
	@tests/lint.sh

# ---- Try it ---------------------------------------------------------------------------------

demo: deps
	@$(MAKE) --no-print-directory all
	@tests/demo.sh $(B) build/demo
run: deps
	@$(MAKE) --no-print-directory all
	@tests/demo.sh $(B) build/demo --run

# ---- What Debian brings, and where things go ------------------------------------------------

deps:
	@tests/deps.sh $(PACKAGES)
deps-check:
	@tests/deps.sh $(CHECK_PACKAGES)

docs: $(B)/fivepits.1 $(B)/fivepitsd.8 $(B)/fivepits.bash
$(B)/%: client/%.scd
	$(call say,MAN,$@)scdoc <$< >$@
$(B)/%: server/%.scd
	$(call say,MAN,$@)scdoc <$< >$@
$(B)/fivepits.bash: $(B)/fivepits
	$(call say,GEN,$@)$< completion bash >$@

install: all docs
	install -D -m755 $(B)/fivepits $(DESTDIR)$(PREFIX)/bin/fivepits
	install -D -m755 $(B)/fivepits-extract $(DESTDIR)$(PREFIX)/libexec/fivepits-extract
	install -D -m755 $(B)/fivepitsd $(DESTDIR)$(PREFIX)/sbin/fivepitsd
	install -D -m644 $(B)/fivepits.1 $(DESTDIR)$(PREFIX)/share/man/man1/fivepits.1
	install -D -m644 $(B)/fivepitsd.8 $(DESTDIR)$(PREFIX)/share/man/man8/fivepitsd.8
	install -D -m644 $(B)/fivepits.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/fivepits

clean:
	rm -rf build

help:
	@printf '%s\n' 'make            build build/release/fivepitsd and build/release/fivepits' \
	  'make demo       twelve schools in sync, in build/demo' \
	  'make run        the server of the same area, in the foreground' \
	  'make check      all tests; also: unit, it, sim, lint' \
	  'make check-large  a document of 5 GiB, which takes a minute' \
	  'make asan       the tests under AddressSanitizer and UBSan' \
	  'make sim        the simulator: SEED=n repeats one seed, SEEDS=n FROM=m runs many' \
	  'make merge-oracle  merging prose against git: N=triples' \
	  'make fuzz       fuzz every parser for FUZZ_SECS seconds each' \
	  'make bench      measure, beside the limit in the same run' \
	  'make install    to PREFIX ($(PREFIX)), below DESTDIR'

.PHONY: FORCE all programs check check-now check-large asan asan-now unit it lint demo run deps deps-check docs install clean help
.SECONDARY:
.DELETE_ON_ERROR:
