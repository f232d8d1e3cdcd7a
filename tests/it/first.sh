#!/bin/bash
# A school that joins an area with a long history: first it has all records as they stand, for few bytes, and
# can work; what they were before comes behind that, and may be interrupted.
. "$(dirname "$0")/lib.sh"
relayed=0
total() { # how many bytes went through the relay, both ways, of lines that have closed
	sed -n 's/^closed up=\([0-9]*\) down=\([0-9]*\).*/\1 \2/p' "$T/relay.out" | awk '{n += $1 + $2} END {print n + 0}'
}
has_closed() { [ "$(grep -c '^closed' "$T/relay.out")" -gt "$relayed" ]; }
sync_through() { # sync_through NAME OPTION...: heath syncs through the relay
	local name=$1
	shift
	relayed=$(grep -c '^closed' "$T/relay.out")
	ok "$name" at heath sync "$@"
	wait_for 5 has_closed || fail "the relay sees the end of the line"
}

area
# A history takes a sync of the disk for each change that is made: in memory that costs nothing.
memory=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d -p "$T")
trap 'rm -rf "$memory"' EXIT
mv "$T/pilsley" "$memory/pilsley" && ln -s "$memory/pilsley" "$T/pilsley"
at pilsley import plan tests/data/plan-2019-20.json >/dev/null 2>&1 || fail "the plan is imported"
ok "Pilsley makes 200 actions, and 3,000 edits" "$B/tests/bench/drafts" "$T/pilsley" 1 200 3000
ok "which are sent" at pilsley sync --quiet

echo "$ADDRESS" >"$T/target"
"$B/tests/bench/relay" "$T/target" >"$T/relay.out" &
RELAY_PID=$!
wait_for 5 grep -q '^listening' "$T/relay.out" || fail "a relay listens"
invitation=$(at pilsley invite --school 'Heath Primary School' --name 'Head of Heath' --role headteacher 2>"$T/err" | tail -n 1)
ok "Heath joins" "$B/fivepits" --home "$T/heath" join \
	"fivepits:$(sed -n 's/^listening on //p' "$T/relay.out")/${invitation#*/}"
before=$(total)
at pilsley sync --quiet
sync_through "and fetches what it needs" --no-history
first=$(($(total) - before))
like "what is to come is said" "$(cat "$T/out")" 'What records were before [0-9,]+ changes is not fetched yet'
missing=$(count heath history_missing)
if [ "${missing:-0}" -gt 2000 ]; then pass "it is most of the history ($missing changes)"; else fail "little is missing" "$missing"; fi
same_everywhere "the records are equal" heath pilsley
is "all actions are listed" "$(at heath list action --json | grep -c '"ref"')" 233
id=$(at heath list action ref=00.007 --json | first_id)
like "as they were edited last" "$(at heath show "$id")" 'Seen 14 times'
at heath history "$id" >"$T/history"
like "who edited it when is known" "$(cat "$T/history")" 'Pat Pilsley'
like "what it was before is not" "$(cat "$T/history")" 'Details: not fetched yet'
change=$(at heath history "$id" --json | sed -n 's/.*"change": *"\([^"]*\)".*/\1/p' | sed -n 3p)
status 1 "nor can it be taken back" at heath undo "$change" --yes
ok "the copy is sound" at heath fsck
ok "and its tables can be made anew" at heath rebuild
is "with the same records" "$(common heath)" "$(common server)"
ok "an edit can be made" at heath set "$id" details='Heath has read it.'
sync_through "and sent" --no-history
at pilsley sync --quiet
like "Pilsley has it" "$(at pilsley show "$id")" 'Heath has read it'
is "and no two versions" "$(at pilsley conflicts --json | tr -d ' \n')" '[]'

# Killed while history comes: what has come stays.
before=$(total)
for after in 0.02 0.03 0.04 0.05 0.06; do
	timeout -s KILL $after "$B/fivepits" --home "$T/heath" sync --quiet >/dev/null 2>&1
	left=$(count heath history_missing)
	ok "after a kill (with $left changes to come) the copy is sound" at heath fsck
done
sync_through "it goes on"
later=$(($(total) - before))
like "to the end" "$(cat "$T/out")" 'All sent and fetched'
is "nothing is missing" "$(count heath history_missing)" 0
unlike "the history is told" "$(at heath history "$id")" 'not fetched yet'
is "as by who made it" "$(at heath history "$id" | sed 's/([^)]*)//g' | md5sum)" "$(at pilsley history "$id" | sed 's/([^)]*)//g' | md5sum)"
ok "the copy is sound" at heath fsck
same_everywhere "at the end all are equal" heath pilsley
echo "# usable after $first bytes, the history came in $later more"
if [ $((first * 2)) -lt $((first + later)) ]; then
	pass "the first part is less than half of it"
else
	fail "the first part is too large" "$first of $((first + later))"
fi
kill "$RELAY_PID"
finish
