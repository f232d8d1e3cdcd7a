# Figures (tests/bench/bench.sh): what the product does, beside its goal and the floor of the same run.
BENCH := $(addprefix $(B)/tests/bench/,floor relay drafts sessions merge reconcile herd carry store)
$(B)/tests/bench/floor: $(B)/tests/bench/floor.o $(B)/gen/records.pb-c.o $(B)/gen/wire.pb-c.o
$(B)/tests/bench/carry: $(B)/tests/bench/carry.o
$(B)/tests/bench/store: $(B)/tests/bench/store.o $(OBJ_COMMON)
$(B)/tests/bench/relay: $(B)/tests/bench/relay.o
$(B)/tests/bench/drafts: $(B)/tests/bench/drafts.o $(call obj,$(CLIENT)) $(OBJ_COMMON)
$(B)/tests/bench/drafts: EXTRA_LIBS = $(CLIENT_LIBS)
$(B)/tests/bench/sessions $(B)/tests/bench/herd: %: %.o $(B)/tests/bench/device.o $(call obj,$(SERVER)) $(OBJ_COMMON)
$(B)/tests/bench/merge: $(B)/tests/bench/merge.o $(addprefix $(B)/tests/merge/,input.o prose.o) $(OBJ_COMMON)
$(B)/tests/bench/merge: LDFLAGS += -Wl,--wrap=malloc,--wrap=free
$(B)/tests/bench/reconcile: $(addprefix $(B)/tests/,bench/reconcile.o bed.o pipe.o tap.o) $(call obj,$(SERVER)) $(OBJ_COMMON)
IT_PROGRAMS := $(B)/tests/bench/relay $(B)/tests/bench/drafts
$(BENCH):
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(EXTRA_LIBS)

# ONLY="floor w1" measures just these.
bench: deps
	@$(MAKE) --no-print-directory bench-now
bench-now: all $(BENCH) $(SIM)
	@tests/bench/bench.sh $(B) build/bench $(ONLY)
.PHONY: bench bench-now
