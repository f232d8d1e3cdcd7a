#!/bin/bash
# F05, F06, F10, F12, F13: a server put back from a backup. Elsewhere the newer files of the clients were deleted without a
# word, what was lost was never sent again, sync stopped until files were copied by hand, or the server until it was
# started anew. Here nobody does anything but sync.
. "$(dirname "$0")/lib.sh"
three_schools
server_stop
cp -a "$T/server" "$T/backup"
server_start
for s in heath morton; do look $s; done
for i in $(seq 12); do
	write heath "${actions[i]}" measure "Heath, after the backup, $i"
	write morton "${actions[i + 12]}" measure "Morton, after the backup, $i"
done
write heath "${actions[30]}" measure 'Heath has one version'
write morton "${actions[30]}" measure 'Morton has another'
printf 'written after the backup' >"$T/paper"
paper=$(at heath put "$T/paper" --quiet)
sync_all heath morton heath pilsley
school newton 'Newton Primary School' # who is not in the backup
for s in heath newton; do look $s; done
write newton "${actions[31]}" measure 'Newton, who joined after the backup'
sync_all newton morton
write heath "${actions[29]}" measure 'Heath, waiting when the server was put back'

# Yesterday's files are put in place while nobody looks.
server_stop
rm -rf "$T/server" && mv "$T/backup" "$T/server"
server_start
pid=$SERVER_PID
: >"$T/words"
settled() { # settled SCHOOL: it syncs to the end
	at "$1" sync --quiet 2>>"$T/words"
}
pids=()
for s in morton heath newton pilsley; do # whoever comes first: they wait for each other
	"$B/fivepits" --home "$T/$s" sync --quiet 2>>"$T/words" &
	pids+=($!)
done
wait "${pids[@]}"
for s in morton heath newton pilsley heath morton newton; do ok "F12: $s syncs by itself in the end" wait_for 60 settled $s; done
like "F12: it had noticed" "$(cat "$T/server.log")" 'recover'
is "F13: the server was not started anew" "$(kill -0 "$pid" && echo "$SERVER_PID")" "$pid"
same_everywhere "F05: equal again" morton heath newton pilsley
for s in morton heath newton pilsley; do
	is "F05: nothing newer is gone ($s)" "$(at $s list action --json | grep -c 'after the backup')" 25
	like "F05: nor what stood beside it ($s)" "$(at $s conflicts | tr '\n' ' ')" 'Heath has one version.*Morton has another'
	is "F06: nothing waits or was refused ($s)" "$(count $s pending) $(count $s refused)" '0 0'
	like "F06: what had waited is there ($s)" "$(at $s show "${actions[29]}")" 'waiting when the server was put back'
done
is "F06: the ledger" "$(ledger pilsley)" '28 edits: 0 lost, 0 not in the history, 0 twice, 0 needless'
school tibshelf 'Tibshelf Infant and Nursery School'
is "F10: who joins now has the same" "$(common tibshelf)" "$(common server)"
is "F10: and the document's bytes" "$(at tibshelf get "$paper" -o -)" 'written after the backup'
write newton "${actions[31]}" measure 'Newton goes on'
sync_all newton morton
like "F10: who joined after the backup is still known" "$(at morton show "${actions[31]}")" 'Newton goes on'
unlike "F12: nobody was told to copy anything" "$(cat "$T/words")" 'copy|rm |delete|join'
ok "F14: the server's files are sound" fivepitsd fsck "$T/server"
ok "F14: and a copy" at heath fsck
finish
