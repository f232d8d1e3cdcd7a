#!/bin/bash
# F14: elsewhere a disk's damage went unseen by the very program that looks for it. One place at a time of an area's and of a
# copy's database and documents is damaged: fsck finds it, or it is proved to be where nobody reads. DAMAGES=10000 for all.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
event=$(at pilsley add event kind=meeting title='Cluster Heads' day=2019-10-10 --quiet)
sync_all pilsley heath morton
for i in 1 2 3 4; do
	id=$(at heath add note kind=progress on="$event" text="number $i" --quiet)
	at heath set "$id" text="number $i again" >/dev/null
done
for size in 0 1 3000; do
	head -c "$size" /dev/urandom >"$T/file.$size"
	at heath put "$T/file.$size" --quiet >/dev/null
done
sync_all heath morton
at heath set "$id" text='Heath says' >/dev/null
at morton set "$id" text='Morton says' >/dev/null
sync_all heath morton heath
server_stop
for db in "$T/server/area.db" "$T/heath/copy.db"; do sqlite3 "$db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null; done
ok "F14: the server's files are sound at first" fivepitsd fsck "$T/server"
ok "F14: and the copy" at heath fsck
ok "F14: there are two versions in it" test "$(count heath conflicts)" = 1
each=$((${DAMAGES:-600} / 2))
"$ROOT/tests/it/damage.py" "$T/server" $each "${SEED:-1}" "$B/fivepitsd" fsck "$T/server" >"$T/of-server" 2>"$T/missed-server" &
"$ROOT/tests/it/damage.py" "$T/heath" $each "${SEED:-1}" "$B/fivepits" --home "$T/heath" fsck >"$T/of-copy" 2>"$T/missed-copy"
wait $!
for of in server copy; do
	like "F14: of the $of: $(cat "$T/of-$of")" "$(cat "$T/of-$of")" '^[1-9][0-9]* damages: [1-9][0-9]+ found, [0-9]+ harmless, '
	is "F14: none of the $of was missed" "$(cat "$T/missed-$of")" ''
done

finish
