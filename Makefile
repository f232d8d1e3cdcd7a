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
	libsqlite3-dev libssl-dev libjansson-dev scdoc
CHECK_PACKAGES := $(PACKAGES) clang libclang-rt-14-dev cppcheck shellcheck mandoc perl sqlite3 openssl \
	faketime universal-ctags git

LIBS := libprotobuf-c libevent_core libevent_openssl openssl sqlite3
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wno-sign-conversion -Werror
CFLAGS_release := -O2
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS_clang := -O1
CPPFLAGS := -D_GNU_SOURCE -DFIVEPITS_VERSION='"$(VERSION)"' -I. -I$(B)/gen $(EXTRA_CPPFLAGS)
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
HDR := $(B)/gen/records.pb-c.h $(B)/gen/wire.pb-c.h $(B)/gen/server_schema.h $(B)/gen/client_schema.h
obj = $(patsubst %.c,$(B)/%.o,$(1))
OBJ_COMMON := $(call obj,$(COMMON)) $(B)/gen/records.pb-c.o $(B)/gen/wire.pb-c.o
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))

all: $(B)/fivepitsd $(B)/fivepits

$(B)/fivepitsd: $(B)/server/main.o $(call obj,$(SERVER)) $(OBJ_COMMON)
$(B)/fivepits: $(B)/client/main.o $(call obj,$(CLIENT)) $(OBJ_COMMON)
$(B)/fivepits: EXTRA_LIBS = -ljansson
$(UNIT): %: %.o $(B)/tests/tap.o $(call obj,$(SERVER)) $(call obj,$(CLIENT)) $(OBJ_COMMON)
$(UNIT): EXTRA_LIBS = -ljansson
$(B)/fivepitsd $(B)/fivepits $(UNIT):
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(EXTRA_LIBS)

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D)
	$(call say,PROTO,$<)protoc-c --c_out=$(B)/gen -I proto $<
# A schema is text that a person reads; the programs carry it as one string.
$(B)/gen/%_schema.h: %/schema.sql
	@mkdir -p $(@D)
	$(call say,SQL,$<)sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $< >$@
$(B)/gen/%.o: $(B)/gen/%.c Makefile
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/%.o: %.c Makefile | $(HDR)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP -c -o $@ $<
include tests/sim/sim.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)

unit: $(UNIT)
	@prove $(UNIT)

clean:
	rm -rf build

.PHONY: all unit clean
.SECONDARY:
.DELETE_ON_ERROR:
