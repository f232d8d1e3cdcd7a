#!/bin/bash
# Does the simulator bite? Each fault of tests/sim/bite is planted in a scratch copy of the sources, which
# is built and run seed by seed until it is caught. Speaks TAP.
# usage: tests/sim/bite.sh FOLDER [FAULT...]      SIM_BITE_SEEDS=1000 is how many seeds a fault gets
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(realpath -m "$1")
shift
seeds=${SIM_BITE_SEEDS:-1000}
faults=("$@")
[ ${#faults[@]} -gt 0 ] || mapfile -t faults < <(basename -s .patch -a tests/sim/bite/*.patch)

rm -rf "$scratch"
mkdir -p "$scratch" && cp -r Makefile common server client proto tests "$scratch/" && cd "$scratch" || exit 2
echo build >.gitignore
git init -q . && git add -A && git -c user.name=sim -c user.email=sim@localhost commit -q -m sources || exit 2

plant() { # the sources with this fault and no other, built
	git checkout -q . && git apply "tests/sim/bite/$1.patch" &&
		make -s -j2 build/release/tests/sim/sim >build.log 2>&1
}

number=0
for fault in "${faults[@]}"; do
	number=$((number + 1))
	if ! plant "$fault"; then
		echo "not ok $number - $fault can be planted and built"
		continue
	fi
	caught=
	for seed in $(seq 1 "$seeds"); do
		if ! timeout 60 build/release/tests/sim/sim -s "$seed" >out 2>&1; then
			caught=$seed
			break
		fi
	done
	if [ -n "$caught" ]; then
		echo "ok $number - $fault is caught by seed $caught"
		grep -m 1 '^# seed' out
	else
		echo "not ok $number - $fault is caught within $seeds seeds"
	fi
done
echo "1..$number"
