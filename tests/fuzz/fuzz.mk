# Fuzzing (tests/fuzz/fuzz.h). make fuzz FUZZ_SECS=60 drives each target by coverage, for that long;
# FUZZ=session only that one. What it finds to be new stays in build/fuzz/corpus, what fails is left
# there as crash-*. `make check` runs replay_* over the committed corpus and mutations of it.
FUZZ_SECS ?= 60
FUZZ ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PARTS := $(B)/tests/fuzz/fuzz.o $(B)/tests/fuzz/a_copy.o $(B)/tests/sim/disk.o $(B)/tests/sim/disk_vfs.o \
	$(call obj,$(SERVER)) $(call obj,$(CLIENT)) $(OBJ_COMMON)
FUZZ_REPLAY := $(if $(filter fuzz,$(V)),,$(FUZZ:%=$(B)/tests/fuzz/replay_%))
FUZZ_PROGRAMS := $(FUZZ:%=$(B)/tests/fuzz/fuzz_%)

$(FUZZ_REPLAY): $(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(B)/tests/tap.o \
		$(FUZZ_PARTS)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(CLIENT_LIBS)
$(FUZZ_PROGRAMS): %: %.o $(FUZZ_PARTS)
	$(call say,LINK,$@)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS) $(CLIENT_LIBS)
# The corpora: make fuzz-seeds writes tests/fuzz/corpus anew.
$(B)/tests/fuzz/seeds: $(B)/tests/fuzz/seeds.o $(FUZZ_PARTS)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(CLIENT_LIBS)
fuzz-seeds: $(B)/tests/fuzz/seeds
	$< tests/fuzz/corpus

fuzz:
	@$(MAKE) --no-print-directory V=fuzz CC=clang fuzz-now
fuzz-now: $(FUZZ_PROGRAMS)
	@tests/fuzz/run.sh $(B) $(FUZZ_SECS) $(FUZZ)
.PHONY: fuzz fuzz-now fuzz-seeds
