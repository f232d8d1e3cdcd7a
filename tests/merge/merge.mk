# Merging prose against git (tests/unit/test_merge_git.c): `make check` tries 15,000 triples.
#   make merge-oracle N=100000 FROM=1 GIT=1000     N triples from a seed, GIT of them through git itself
N ?= 100000
GIT ?= 1000
TRIPLES := $(addprefix $(B)/tests/merge/,triple.o prose.o)
$(B)/tests/unit/test_merge $(B)/tests/unit/test_merge_git: $(TRIPLES)
$(B)/tests/unit/test_merge_git: EXTRA_LIBS = $(CLIENT_LIBS) -lgit2
$(B)/tests/fuzz/replay_merge $(B)/tests/fuzz/fuzz_merge: $(B)/tests/merge/input.o

merge-oracle: $(B)/tests/unit/test_merge_git
	$< -n $(N) -s $(FROM) -g $(GIT)
.PHONY: merge-oracle
