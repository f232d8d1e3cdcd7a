#!/bin/bash
# Does the simulator bite? Each fault of tests/sim/bite is planted in a copy of the sources of its own, in which
# only what it touches is compiled again, and the seeds are run until one fails. Speaks TAP.
# usage: tests/sim/bite.sh SCRATCH [--six | FAULT...]
#   SIM_BITE_SEEDS=2000   how many seeds a fault gets        BUILD=build/release   a build to begin from
#   --six                 the six that are built and caught the quickest, as make check does
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(realpath -m "$1")
shift
build=${BUILD:-build/release}
faults=("$@")
six=(forged-offer-taken chain-not-checked unknown-fields-stripped no-dedupe seen-taken-at-save refused-dropped-by-the-program)
if [ "${1:-}" = --six ]; then
	faults=("${six[@]}")
elif [ ${#faults[@]} = 0 ]; then
	for patch in tests/sim/bite/*.patch; do faults+=("$(basename "$patch" .patch)"); done
fi

# What they all begin from: the sources as they are now, and the objects that were made of them.
prepare() {
	rm -rf "$scratch" && mkdir -p "$scratch/whole/build/release/tests" || return 1
	cp -a Makefile common server client proto tests "$scratch/whole/" || return 1
	if [ -d "$build/gen" ]; then
		cp -a "$build"/{common,server,client,gen} "$scratch/whole/build/release/" &&
			cp -a "$build"/tests/{sim,tap.*} "$scratch/whole/build/release/tests/" || return 1
	fi
	remake "$scratch/whole"
}

remake() { # in a folder
	make -s -C "$1" VERSION=bite build/release/tests/sim/sim >"$1/build.log" 2>&1
}

bite() { # plant one fault; the line of TAP that comes of it, behind "ok " or "not ok " a number is put later
	local fault=$1 here=$scratch/$1 said status
	if ! { cp -a "$scratch/whole" "$here" && GIT_CEILING_DIRECTORIES=$scratch git -C "$here" apply - \
		<"tests/sim/bite/$fault.patch" && remake "$here"; } >"$scratch/$fault.log" 2>&1; then
		cat "$scratch/$fault.log" "$here/build.log" >&2
		echo "not ok - $fault can be planted and built"
		return
	fi
	said=$(cd "$here" && timeout "${SIM_BITE_TIMEOUT:-800}" build/release/tests/sim/sim -U \
		-n "${SIM_BITE_SEEDS:-2000}" 2>&1)
	status=$?
	said=$(tail -n 1 <<<"$said")
	rm -rf "$here"
	if [ "$status" = 1 ] || [ "$status" = 134 ] || [ "$status" = 139 ]; then # or it ended by a signal
		echo "ok - $fault is caught by seed ${said%% *}#${said#* }"
	else
		echo "not ok - $fault is caught within ${SIM_BITE_SEEDS:-2000} seeds"
	fi
}
export -f bite remake
export scratch

if ! prepare; then
	tail -n 20 "$scratch/whole/build.log" >&2
	echo "not ok 1 - the simulator can be built in a copy of the sources"
	echo "1..1"
	exit 1
fi
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\n' "${faults[@]}" | xargs -P "${SIM_BITE_JOBS:-2}" -I{} bash -c 'bite "$1"' _ {} |
	awk '{sub(/ok -/, "ok " NR " -"); split($0, a, "#"); print a[1]; if (a[2]) print "#   " a[2]; fflush()}
	     /^not/ {bad = 1} END {print "1.." NR; exit bad}'
status=${PIPESTATUS[2]}
rm -rf "$scratch/whole"
exit "$status"
