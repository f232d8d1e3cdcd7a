#!/bin/bash
# Run fuzz targets under libFuzzer, two at a time.
# usage: tests/fuzz/run.sh BUILD SECONDS TARGET...
set -u
build=$1 seconds=$2
shift 2
export build seconds
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1

one() {
	local name=$1 log=$build/fuzz-$1.log
	mkdir -p "$build/corpus/$name"
	if "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="$build/corpus/$name-" "$build/corpus/$name" \
		"tests/fuzz/corpus/$name" >"$log" 2>&1; then
		printf '%-8s nothing found: %s runs, cover %s\n' "$name" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
			"$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)"
	else
		printf '%-8s FAILED, see %s\n' "$name" "$log"
		tail -n 30 "$log"
		return 1
	fi
}
export -f one
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one "$1"' _ {}
