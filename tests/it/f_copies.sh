#!/bin/bash
# F10, F11, F21: copied and restored copies. Elsewhere an old home that was put back overwrote newer files and deleted
# what it did not know; two machines with one identity stopped each other's sync; a clock of the copy's own that
# was behind made each later edit lose. F22: a removed device went on as if nothing had happened.
. "$(dirname "$0")/lib.sh"
three_schools
printf 'a paper' >"$T/paper.txt"
old=$(at heath put "$T/paper.txt" --quiet)
sync_all heath morton
look heath
look morton
measure() { at "$1" show "${actions[$2]}" --json | sed -n 's/^ *"measure": "\(.*\)",/\1/p'; }

# F10, F21: Heath's computer is set back to yesterday, with an edit that waited then and was sent since.
write heath "${actions[0]}" measure 'waiting in the backup'
cp -a "$T/heath" "$T/yesterday"
cp "$T/ledger/heath.log" "$T/yesterday.log"
write heath "${actions[1]}" measure 'sent after the backup'
printf 'a newer paper' >"$T/paper.txt"
at heath put "$T/paper.txt" --document "$old" --quiet >/dev/null
new=$(at heath put "$T/paper.txt" --quiet)
sync_all heath
for s in morton heath; do
	at $s sync --quiet
	look $s
done
write morton "${actions[0]}" measure 'Morton, having seen it'
write morton "${actions[2]}" measure 'Morton alone'
sync_all morton
kinds() { at "$1" list --all | grep -v '^conflict'; }
kinds morton >"$T/kinds"
rm -rf "$T/heath" && mv "$T/yesterday" "$T/heath"
mv "$T/ledger/heath.log" "$T/ledger/heath-lost.log" # all of it was sent: it counts as another writer's
grep -v 'waiting in the backup' "$T/yesterday.log" >"$T/ledger/heath.log"
look heath
write heath "${actions[1]}" measure 'on yesterday'\''s copy, not having seen it'
write heath "${actions[3]}" measure 'on yesterday'\''s copy alone'
sync_all heath morton heath
for s in heath morton; do
	is "F10: what is stale does not overwrite what is newer ($s)" "$(measure $s 0)" 'Morton, having seen it'
	is "F10: what was made meanwhile is there ($s)" "$(measure $s 2)" 'Morton alone'
	is "F10: what the restored copy did not know is not deleted ($s)" "$(kinds $s)" "$(cat "$T/kinds")"
	is "F10: nor the document ($s)" "$(at $s get "$new" -o -)$(at $s get "$old" -o -)" 'a newer papera newer paper'
	is "F21: its edits land ($s)" "$(measure $s 3)" "on yesterday's copy alone"
	like "F21: or make two versions ($s)" "$(at $s conflicts | tr '\n' ' ')" "sent after the backup.*on yesterday's copy, not having"
done
is "F10: what waited in the backup was entered once" "$(at morton history "${actions[0]}" --json | grep -c '"to": "waiting in')" 1
write heath "${actions[4]}" measure 'later, on the restored copy'
sync_all heath morton
is "F21: later edits of the restored copy stand" "$(measure morton 4)" 'later, on the restored copy'
is "F10: the ledger" "$(ledger morton)" '7 edits: 0 lost, 0 not in the history, 0 twice, 0 needless'
sync_all pilsley
same_everywhere "F10: equal" heath morton pilsley

# F11: the copy's folder is copied to a second computer, and both go on, turn about and at once.
cp -a "$T/heath" "$T/heath2"
for who in heath heath2; do look $who; done
for round in 1 2 3; do
	for who in heath heath2; do
		write $who "${actions[4 + round]}" measure "$who in round $round"
		write $who "${actions[8]}" "$([ $who = heath ] && echo resources_text || echo monitored_by_text)" "$who own $round"
	done
	if [ $round = 2 ]; then # in the very same moment, one of them staying on the line
		at heath sync --quiet >/dev/null 2>&1 &
		one=$!
		at heath2 sync --quiet >/dev/null 2>&1
		wait $one
	fi
	sync_all heath heath2 heath
	for who in heath heath2; do look $who; done
done
sync_all morton heath2
is "F11: two computers with one device's copy lose nothing to each other" "$(ledger morton)" \
	'19 edits: 0 lost, 0 not in the history, 0 twice, 0 needless'
sync_all pilsley
same_everywhere "F11: equal" heath heath2 morton pilsley
for who in heath heath2; do
	is "F11: nothing waits at $who" "$(count $who pending) $(count $who refused)" '0 0'
	ok "F11: and its copy is sound" at $who fsck
done

"$B/fivepits" --home "$T/heath" serve >"$T/serve.log" 2>&1 &
serving=$!
there() { at heath show "${actions[9]}" | grep -q 'from the clone'; }
look heath2
write heath2 "${actions[9]}" measure 'from the clone'
ok "F11: beside a serve of the one the other can sync" timeout 30 "$B/fivepits" --home "$T/heath2" sync --quiet
ok "F11: and the one that is served hears of it" wait_for 30 there
kill $serving
wait $serving
sync_all pilsley
like "F11: an administrator is told that a copy was copied" "$(at pilsley list note kind=notice)" 'copied'

# F22: a device that was removed sees a sign, can't come back by itself, and nothing of it is taken.
"$B/fivepits" --home "$T/morton" serve >"$T/serve.log" 2>&1 &
serving=$!
cp -a "$T/morton" "$T/morton-before"
device=$(at morton status --json | sed -n 's/.*"device": *"\([0-9a-f-]*\)".*/\1/p')
caught_up() { [ "$(common morton)" = "$(common server)" ]; }
wait_for 10 caught_up
at pilsley revoke "$device" --reason 'left on a train' >/dev/null
began=$(date +%s%N)
sync_all pilsley
ended() { grep -q "reason=REVOKED" "$T/server.log"; }
ok "F22: an open session of a revoked device ends" wait_for 5 ended
like "F22: within five seconds" "$((($(date +%s%N) - began) / 1000000))" '^[0-4]?[0-9]{1,3}$'
before=$(common server)
at morton set "${actions[10]}" measure='after the revoking' >/dev/null
for time in once again; do
	status 1 "F22: the person is told, $time" at morton sync
done
like "F22: in words" "$(cat "$T/err")" 'may no longer be used'
like "F22: status tells it too" "$(at morton status)" "turned this computer away: this device may no longer"
is "F22: what was written there stays there" "$(count morton pending)" 1
kill $serving 2>/dev/null
wait $serving
status 1 "F22: a backup of the device gets no further" at morton-before sync
at heath sync --quiet
at heath2 sync --quiet
sync_all pilsley heath
is "F22: nobody else brings it back" "$(at pilsley show "$device" --json | grep -c '"revoked": true')" 1
status 1 "F22: nor can anybody" at pilsley set "$device" revoked=no
is "F22: and nothing of it was entered" "$(common server)" "$before"
is "F22: nor is there a session" "$(at heath show "${actions[10]}" | grep -c 'after the revoking')" 0
finish
