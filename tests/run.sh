#!/bin/bash
# Run tests that speak TAP, two at a time, and end with "N passed, N failed".
# usage: tests/run.sh BUILD KIND...   where KIND is lint, unit, sim, fuzz or it
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1
shift
out=$build/results
rm -rf "$out" && mkdir -p "$out" || exit 2
export FIVEPITS_BUILD=$PWD/$build

list() { # the commands of a kind, one a line
	case $1 in
	lint) echo tests/lint.sh ;;
	unit) find "$build/tests/unit" -name 'test_*' -perm -u+x | sort ;;
	sim)
		for part in 0/2 1/2; do echo "$build/tests/sim/sim -n ${SEEDS:-1200} -f 1 -a 100 -l tests/sim/seeds -p $part"; done
		case $build in *release) echo "env BUILD=$build tests/sim/bite.sh $build/bite --six" ;; esac
		;;
	fuzz) find "$build/tests/fuzz" -name 'replay_*' -perm -u+x | sort ;;
	it) find tests/it -name '*.sh' ! -name lib.sh | sort ;;
	esac
}

one() { # run one command, keep its output, print a line about it
	local command=$1 name log start status seconds
	name=$(echo "$command" | sed "s|$build/||; s|tests/||; s| -.* | |; s|[/ ]|.|g")
	log=$2/$name.tap
	start=$SECONDS
	# shellcheck disable=SC2086 # a command and its arguments
	timeout -k 10 "${TEST_SECONDS:-900}" $command >"$log" 2>"$log.err" </dev/null
	status=$?
	seconds=$((SECONDS - start))
	passed=$(grep -c '^ok ' "$log")
	failed=$(grep -c '^not ok ' "$log")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | tail -n 1)
	if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "${planned:-x}" != "$passed" ]; }; then
		failed=1
		echo "not ok - ended with status $status after $passed of ${planned:-?} tests" >>"$log"
	fi
	printf '%-34s %5d passed %3d failed %4d s\n' "$name" "$passed" "$failed" "$seconds"
	if [ "$failed" != 0 ]; then
		grep -A 3 '^not ok' "$log" | head -n 60
		tail -n 25 "$log.err"
	fi
	echo "$passed $failed" >"$log.count"
}
export -f one
export build

# shellcheck disable=SC2016 # the inner shell expands them
for kind in "$@"; do
	list "$kind"
done | xargs -P 2 -I{} bash -c 'one "$1" "$2"' _ {} "$out"

cat "$out"/*.count 2>/dev/null | awk '{p += $1; f += $2} END {printf "%d passed, %d failed\n", p, f; exit f > 0 || p == 0}'
