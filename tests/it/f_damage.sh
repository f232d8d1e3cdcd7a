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

# The log beside the database: SQLite drops what follows damage in it, so that what was saved is gone without a word.
log=$T/heath/copy.db-wal
for i in 1 2 3 4; do at heath set "$id" text="Heath says $i" >/dev/null; done
before=$(stat -c %s "$log") # of what is followed by some more that was saved
for i in 5 6 7; do at heath set "$id" text="Heath says $i" >/dev/null; done
ok "F14: a log with edits in it is sound" at heath fsck
cp "$log" "$T/log"
for ((at = RANDOM % 3000, n = 0, found = 0; at < before; at += 8000 + RANDOM % 8000, n++)); do
	python3 -c 'import sys; f = open(sys.argv[1], "r+b"); at = int(sys.argv[2]); f.seek(at); b = f.read(1)[0]; f.seek(at)
f.write(bytes([b ^ 1 << at % 8]))' "$log" "$at"
	at heath fsck >"$T/out" 2>&1 || found=$((found + $(grep -c '^the log of .* is damaged' "$T/out")))
	[ $n != 0 ] || like "F14: every command says so" "$(at heath status 2>&1)" "warning: this computer's disk has damaged"
	cp "$T/log" "$log"
done
is "F14: damage in the log is found wherever it is" "$found" "$n"
truncate -s -5000 "$log"
ok "F14: an end that a power cut may have left is none" at heath fsck

finish
