#!/bin/bash
# kill -9 of the server and of the client while they sync, 50 times each: what was acknowledged stays,
# nothing is there twice. The ledger of what exited 0 is kept here, outside the product.
. "$(dirname "$0")/lib.sh"
ROUNDS=${ROUNDS:-50}
RANDOM=${SEED:-7}
delay() { printf '0.%03d' $((RANDOM % ${1:-60})); }

area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
at pilsley add event kind=meeting title='Cluster Heads' day=2019-10-10 >"$T/event"
EVENT=$(tail -n 1 "$T/event")
for s in pilsley heath morton; do at $s sync --quiet; done

edits() { # edits SCHOOL N: make N notes, those that exit 0 go to the ledger
	local i id
	for i in $(seq "$2"); do
		id=$(at "$1" add note on="$EVENT" kind=progress text="$1 $RANDOM $i" 2>/dev/null | tail -n 1) && [ -n "$id" ] &&
			echo "$id" >>"$T/ledger"
	done
}

cut=0
for round in $(seq "$ROUNDS"); do # the server dies
	edits heath 3 &
	one=$!
	edits morton 3
	wait $one
	at heath sync --quiet >/dev/null 2>&1 &
	one=$!
	at morton sync --quiet >/dev/null 2>&1 &
	two=$!
	sleep "$(delay)"
	server_stop KILL
	wait $one || cut=$((cut + 1))
	wait $two || cut=$((cut + 1))
	server_start
done
like "the server was killed $ROUNDS times, often in the midst of a sync" "$cut" '^([5-9]|[1-9][0-9]+)$'

# A client is started without the function `at`, which would be a shell that is killed in its stead.
died() { # died PID: kill it; was that what ended it?
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	[ $? = 137 ]
}
kills=0
for round in $(seq $((20 * ROUNDS))); do # a client dies in sync
	[ $kills -lt "$ROUNDS" ] || break
	edits heath 2
	"$B/fivepits" --home "$T/heath" sync --quiet >/dev/null 2>&1 &
	one=$!
	sleep "$(delay 25)"
	died $one && kills=$((kills + 1))
done
is "clients were killed in sync" "$kills times" "$ROUNDS times"
kills=0
for round in $(seq $((20 * ROUNDS))); do # and in an edit
	[ $kills -lt "$ROUNDS" ] || break
	"$B/fivepits" --home "$T/morton" add note on="$EVENT" kind=progress text="dying $round" >"$T/dying" 2>/dev/null &
	one=$!
	sleep "$(delay 12)"
	if died $one; then kills=$((kills + 1)); else tail -n 1 "$T/dying" >>"$T/ledger"; fi
done
is "and in an edit" "$kills times" "$ROUNDS times"

for s in heath morton pilsley heath morton; do ok "$s syncs afterwards" at $s sync --quiet; done
for s in heath morton pilsley; do is "$s holds what the server holds" "$(common $s)" "$(common server)"; done
at pilsley list note --json | grep -o '"id": *"[0-9a-f-]*"' | sed 's/.*"\([0-9a-f-]*\)"/\1/' | sort >"$T/held"
sort "$T/ledger" >"$T/made"
like "the ledger has hundreds of edits" "$(wc -l <"$T/made")" '^[4-9][0-9][0-9]$|^[0-9]{4}$'
is "every edit that was acknowledged is there" "$(comm -23 "$T/made" "$T/held" | wc -l)" 0
is "none is there twice" "$(sort "$T/held" | uniq -d | wc -l)" 0
twice=0
while read -r id; do
	[ "$(at pilsley history "$id" --json | grep -c '"number"')" = 1 ] || twice=$((twice + 1))
done < <(shuf -n 40 --random-source=<(yes) "$T/made")
is "each has one entry in the history" "$twice" 0
for s in heath morton; do is "$s has nothing pending" "$(at $s status --json | sed -n 's/.*"pending": *\([0-9]*\).*/\1/p')" 0; done
ok "the server's files are sound" fivepitsd fsck "$T/server"
for s in heath morton; do ok "$s's copy is sound" at $s fsck; done
finish
