#!/bin/bash
# F02, F20: elsewhere, clocks that did not agree made thousands of copies, stopped the sync without a word, or let a
# far-future stamp win for ever. Here the same story is told under clocks that are years apart, from the same
# state: what stands, what has two versions and the digest are the same each time.
. "$(dirname "$0")/lib.sh"
three_schools
server_stop
mkdir "$T/start" && cp -a "$T"/server "$T"/heath "$T"/morton "$T/start/"

say() { clock "$1" at "$2" set "${actions[$3]}" measure="$4" >/dev/null || fail "F02: an edit at $1"; }
sync() { clock "$1" at "$2" sync --quiet || fail "F20: a sync at $1"; }
story() { # story SERVER HEATH MORTON: each one's clock; a second one of a school is for its later commands
	local h=$2 m=$3 h2=${4:-$2} m2=${5:-$3}
	rm -rf "$T/server" "$T/heath" "$T/morton" && cp -a "$T"/start/* "$T/"
	clock "$1" server_start
	say "$h" heath 0 'one'
	say "$h2" heath 0 'two'
	say "$m" morton 1 'three'
	sync "$h2" heath
	sync "$m" morton
	say "$m2" morton 0 'four, having seen two'
	sync "$m2" morton
	sync "$h2" heath
	same_everywhere "F02: equal with the server $1, Heath $h then $h2, Morton $m then $m2" heath morton
	common heath >"$T/told"
	say "$h" heath 2 'of Heath, sent first'
	say "$m" morton 2 'of Morton, sent second'
	sync "$h" heath
	sync "$m" morton
	sync "$h2" heath
	for s in heath morton; do
		at $s list action --json | grep -E '"(ref|measure|two_versions)"'
		at $s conflicts --json | grep -E '"(measure|name|school_name|stands)"' | tr -d '\n ' | sed 's/"name"/\n&/g' | sort
		echo
		echo "pending $(count $s pending)"
	done >>"$T/told"
	server_stop
}
story +0 +0 +0
mv "$T/told" "$T/right"
like "F20: with right clocks it is as it should be" "$(tr -d '\n' <"$T/right")" 'four, having seen two.*three.*of Heath, sent first'
for case in '+0 -10y +300d' '+0 +300d -10y' '+0 -10y -10y' '+0 +300d +300d' '+0 -6m +6m' '-10y +0 +0' '+300d +0 +0' \
	'-10y +300d +0' '+300d -10y +0' '+0 +300d -10y -10y +300d' '+0 +0 +0 -3d +3d'; do
	# shellcheck disable=SC2086 # a clock each
	story $case
	is "F20: no clock decides anything ($case)" "$(diff "$T/told" "$T/right")" ""
done

# What people are told. A clock ten years fast sees no certificate that is still good: it says so, and keeps everything.
server_start
say +10y heath 3 'written in ten years'
status 75 "F20: where a clock stops the sync it is said" clock +10y at heath sync
like "F20: in words of clocks" "$(cat "$T/err")" "is this computer's clock right\\?"
is "F20: and what was written waits" "$(count heath pending)" 1
sync +0 heath
sync +0 morton
like "F20: until the clock is right" "$(at morton show "${actions[3]}")" 'written in ten years'
say +0 morton 3 'written today'
sync +0 morton
sync +0 heath
like "F20: and does not win for ever" "$(at heath show "${actions[3]}")" 'Measure +written today'
for by in -6m +6m -10y +300d; do
	sync "$by" morton
	like "F20: a clock that is $by off is shown" "$(at morton status)" "This computer's clock is [0-9]+ (minutes|days) (fast|slow)\\."
	like "F20: in milliseconds too" "$(at morton status --json)" '"clock_skew_ms": -?[1-9][0-9]{5}'
done
sync +0 morton
unlike "F20: a right one is not" "$(at morton status)" 'clock'

# A clock that is set back between two edits does not turn round the order in which they are taken back.
edit() { clock "$1" at heath set "${actions[5]}" measure="$2" --json | sed -n 's/.*"change": *"\([0-9a-f-]*\)".*/\1/p'; }
first=$(edit +0 'made first')
second=$(edit -3d 'made second, by a clock set back')
ok "both edits are taken back, whichever is named first" at heath undo "$first" "$second"
unlike "and neither stands" "$(at heath show "${actions[5]}")" 'made (first|second)'

# The server's own clock jumps while it runs, and a client's while it is in step.
server_stop
echo '+0' >"$T/clock"
export FAKETIME_TIMESTAMP_FILE=$T/clock FAKETIME_NO_CACHE=1
unset FAKETIME
jumpy() { LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1) ASAN_OPTIONS=verify_asan_link_order=0 FAKETIME_DONT_FAKE_MONOTONIC=1 "$@"; }
jumpy server_start
jumpy "$B/fivepits" --home "$T/heath" serve >"$T/heath.log" 2>&1 &
shown() { at heath show "${actions[4]}" | grep -q "$1"; }
for by in -3d +200d -1y +0; do
	echo "$by" >"$T/clock"
	at morton set "${actions[4]}" measure="when it was $by" >/dev/null
	at morton sync --quiet
	ok "F20: the clock jumps to $by and nobody waits for it" wait_for 20 shown "when it was $by"
done
same_everywhere "F20: equal after jumps" heath morton
ok "F20: the area is sound" fivepitsd fsck "$T/server"
finish
