# The simulator: a server and up to twelve clients in one process, from a seed (tests/sim/world.h).
#   make sim                    SEEDS seeds from FROM, and those that were bad once, in two processes
#   make sim SEED=7             one seed, told as it goes
#   make sim-bite               plant each fault of tests/sim/bite, and see it caught
SEEDS ?= 500
FROM ?= 1
ACTIONS ?= 100
SIM := $(B)/tests/sim/sim
SIM_PROGRAMS := $(SIM)
SIM_PARTS := $(call obj,$(wildcard tests/sim/*.c))

$(B)/tests/unit/test_simdisk: $(addprefix $(B)/tests/sim/,disk.o net.o queue.o)
$(SIM): $(SIM_PARTS) $(B)/tests/tap.o $(call obj,$(SERVER)) $(call obj,$(CLIENT)) $(OBJ_COMMON)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) -Wl,--wrap=head_verify -o $@ $^ $(LDLIBS) -ljansson

SIM_RUN := $(SIM) -n $(SEEDS) -f $(FROM) -a $(ACTIONS) -l tests/sim/seeds
sim: $(SIM)
ifdef SEED
	@$(SIM) -s $(SEED) -a $(ACTIONS) -v
else
	@prove -o -j2 --exec 'sh -c' '$(SIM_RUN) -p 0/2' '$(SIM_RUN) -p 1/2'
endif

sim-bite:
	@tests/sim/bite.sh build/bite

.PHONY: sim sim-bite
