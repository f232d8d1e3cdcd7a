# The simulator: a server and up to twelve clients in one process, from a seed (tests/sim/world.h).
#   make sim                    SEEDS seeds from FROM, and those that were bad once, in two processes. Each hundred
#                               is written to the ledger; stopped and called again it goes on behind those
#   make sim SEED=7             one seed, told as it goes; if it fails, again with as few actions as it takes
#   make sim-ledger             what the ledger comes to, commit by commit
#   make sim-bite               plant each fault of tests/sim/bite, and see it caught; FAULTS="a b" only these
SEEDS ?= 2000
FROM ?= 1
ACTIONS ?= 100
SIM := $(B)/tests/sim/sim
SIM_PROGRAMS := $(SIM)
SIM_PARTS := $(call obj,$(wildcard tests/sim/*.c))
SIM_LEDGER := build/sim-ledger

$(B)/tests/unit/test_simdisk: $(addprefix $(B)/tests/sim/,disk.o disk_vfs.o net.o queue.o)
$(SIM): $(SIM_PARTS) $(B)/tests/tap.o $(call obj,$(SERVER)) $(call obj,$(CLIENT)) $(OBJ_COMMON)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -Wl,--wrap=head_verify,--wrap=schema_types,--wrap=schema_type,--wrap=program_version -o $@ $^ $(LDLIBS) $(CLIENT_LIBS)

SIM_RUN := $(SIM) -n $(SEEDS) -f $(FROM) -a $(ACTIONS) -l tests/sim/seeds -L $(SIM_LEDGER) -C $(VERSION) -S
sim: $(SIM)
ifdef SEED
	@$(SIM) -s $(SEED) -a $(ACTIONS) -v -S
else
	@mkdir -p $(dir $(SIM_LEDGER))
	@prove -o -j2 --exec 'sh -c' '$(SIM_RUN) -p 0/2' '$(SIM_RUN) -p 1/2'
endif

sim-ledger:
	@awk '{n[$$1]++; s[$$1] += $$3 - $$2 + 1; a[$$1] += ($$3 - $$2 + 1) * $$4; b[$$1] += $$5; t[$$1] += $$6} \
	      END {for (c in n) printf "%s: %d seeds, %d actions, %d failed, %d CPU-s\n", c, s[c], a[c], b[c], t[c]}' \
	     $(SIM_LEDGER)

sim-bite: $(SIM)
	@BUILD=$(B) tests/sim/bite.sh build/bite $(FAULTS)

.PHONY: sim sim-ledger sim-bite
