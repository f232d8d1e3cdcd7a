# The simulator: a server and up to twelve clients in one process, from a seed (tests/sim/world.h).
# make sim SEEDS=500 FROM=1 ACTIONS=100; make sim SEED=7 repeats one and prints what happens.
SEEDS ?= 500
FROM ?= 1
ACTIONS ?= 100
SIM_PARTS := $(call obj,$(filter-out tests/sim/main.c,$(wildcard tests/sim/*.c)))
$(B)/tests/unit/test_simdisk: $(addprefix $(B)/tests/sim/,disk.o net.o queue.o)
