#!/bin/bash
# The disk is full in the midst of a document, at the server and at a school: nothing half is published or kept, the
# person is told, records go on as long as there is room for them, and when there is room what came before is not
# sent again.
. "$(dirname "$0")/lib.sh"
${CC:-gcc} -O1 -shared -fPIC -Wall -Werror -o "$T/room.so" "$ROOT/tests/it/room.c" -ldl 2>"$T/err" ||
	fail "the disk of little room is built" "$(cat "$T/err")"
${CC:-gcc} -O1 -shared -fPIC -Wall -Werror -o "$T/fault.so" "$ROOT/tests/it/fault.c" -ldl 2>"$T/err" ||
	fail "the disk that fails is built" "$(cat "$T/err")"
room() { printf '%020d' "$1" >"$T/room"; } # so many bytes may yet be added
low=(env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" ROOM="$T/room" LD_PRELOAD="$T/room.so")
size=60000000
overhead=$((size / 500 + 2 * 16384)) # of TLS and frames, and what each of two calls says anyway
area_on_line
school heath 'Heath Primary School'
school morton 'Morton Primary School'
at morton policy partnership all --up-to any --quiet
head -c $size /dev/urandom >"$T/paper"

# ---- At the server ----
server_stop
SERVER_WITH=("${low[@]}" ROOM_DIR="$T/server")
room 1000000000
server_start
id=$(at heath put "$T/paper" --title 'A large paper' --quiet)
at heath add action text='Beside it' --quiet >/dev/null
: >"$T/line.log"
room 40000000
ok "the server's disk is full half-way" at heath sync
like "sync says that the document waits" "$(cat "$T/out")" "^1 change waits on this computer: 'fivepits outbox' says for what"
like "and the outbox for what" "$(at heath outbox | tr '\n' ' ')" "sending [0-9]+ %.*the server's disk is full"
like "status too" "$(at heath status)" '^Sending documents: [0-9]+ % of 57\.2 MiB'
came=$(weighs server)
like "part of it is at the server ($came bytes)" $((came / 1000000)) '^(1[6-9]|2[0-9]|3[0-9])$'
sync_all morton
like "records that find room go on" "$(at morton list action)" 'Beside it'
status 1 "the document is not published" at morton show "$id"
at heath sync --quiet
at heath sync --quiet
is "nor after another try" "$(count heath pending)" 1
told=$(at heath status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["documents_sent_bytes"])')
# The server had answered for two steps of 8 MiB that it could not keep, and for what was on the line.
like "no more is told to be sent than has come ($told of $(weighs server) bytes)" "$told.$(($(weighs server) + 18000000 - told))" '^[1-9][0-9]{7}\.[0-9]'
room 0
for i in {1..10}; do
	head -c 150000 /dev/urandom | base64 >"$T/words"
	at heath add action text="Without room $i" details="@$T/words" >/dev/null 2>"$T/err" ||
		fail "an action of many words" "$(cat "$T/err")"
done
ok "without any room at all" at heath sync
like "records wait for it as well" "$(count heath pending)" '^([2-9]|1[01])$'
like "with the reason" "$(at heath outbox)" "the server's disk is full"
server_stop KILL
room 9000000
server_start
ok "after a crash on the full disk the server's files are sound" fivepitsd fsck "$T/server"
is "all records go once there is a little room" "$(at heath sync --no-documents --quiet; count heath pending)" 1
came=$(weighs server)
wait_for 10 test "$(carried up)" -gt "$came"
: >"$T/line.log"
room 1000000000
ok "there is room" at heath sync
is "and the document goes" "$(count heath pending)" 0
at heath sync --quiet # whose line is in the log when the one before is
wait_for 10 test "$(carried up)" -gt $((size - came)) || fail "the line knows what it carried"
like "what had come is not sent again ($came bytes had, $(carried up) more came)" $(($(carried up) + came - size - overhead)) '^-'
sync_all morton
ok "it is published" at morton get "$id" -o "$T/back"
ok "byte for byte" cmp "$T/paper" "$T/back"
SERVER_WITH=()
server_stop
server_start
ok "the server's store is sound" fivepitsd fsck "$T/server"

# ---- Where somebody joins ----
mkdir "$T/tibshelf"
join() { "${low[@]}" LD_PRELOAD="$1" ROOM_DIR="$T/tibshelf" FAULT=full FAULT_AT=2 "$B/fivepits" --home "$T/tibshelf" join "$invitation"; }
invitation=$(at pilsley invite --school 'Tibshelf Infant School' --name 'Head of Tibshelf' --role headteacher | tail -n 1)
room 100000
status 1 "where there is no room for a copy, nobody joins" join "$T/room.so"
like "and it is said" "$(cat "$T/err")" 'make room on the disk, then try again'
status 1 "a disk that fails at the last moment costs the invitation" join "$T/fault.so"
like "which was good until then, and that is said" "$(cat "$T/err")" 'key.pem.*the invitation is used up by now.*join with a new one'
room 1000000000
status 1 "it is used up" join "$T/room.so"
invitation=$(at pilsley invite --school 'Tibshelf Infant School' --name 'Head of Tibshelf' --role headteacher | tail -n 1)
ok "with a new one and with room it joins" join "$T/room.so"

# ---- At a school ----
scarce() { "${low[@]}" ROOM_DIR="$T/newton" "$B/fivepits" --home "$T/newton" "$@"; }
serve_scarce() { # its process is $serve, and no shell's
	"${low[@]}" ROOM_DIR="$T/newton" "$B/fivepits" --home "$T/newton" serve >"$T/serve.log" 2>&1 &
	serve=$!
}
school newton 'Newton Primary School'
at newton policy partnership all --up-to any --quiet
: >"$T/line.log"
room 40000000
status 1 "a school's disk is full half-way" scarce sync
like "which is said in words" "$(cat "$T/err")" 'the disk is full; make room on the disk, then try again'
came=$(weighs newton)
like "part of it is there ($came bytes)" $((came / 1000000)) '^(1[6-9]|2[0-9]|3[0-9])$'
like "status says what is to come" "$(at newton status)" 'Documents: 0 of 1 on this computer .*; 57\.2 MiB to come'
at heath add action text='Meanwhile' --quiet >/dev/null
sync_all heath
status 1 "it is still full" scarce sync
like "records that find room go on" "$(at newton list action)" 'Meanwhile'
status 1 "the document can't be had" scarce get "$id" -o "$T/none"
is "and nothing half is written" "$(find "$T" -maxdepth 1 -name 'none*')" ''
ok "the copy is sound" at newton fsck
came=$(weighs newton)
wait_for 10 test "$(carried down)" -gt "$came"
: >"$T/line.log"
room 1000000000
ok "there is room" scarce sync
like "and the document comes" "$(at newton status)" 'Documents: 1 of 1 on this computer'
at newton sync --quiet
wait_for 10 test "$(carried down)" -gt $((size - came)) || fail "the line knows what it carried"
like "what had come is not sent again ($came bytes had, $(carried down) more came)" $(($(carried down) + came - size - overhead)) '^-'
ok "it is whole" at newton get "$id" -o "$T/back" --force
ok "byte for byte" cmp "$T/paper" "$T/back"
ok "the copy is sound" at newton fsck
nowhere() { at newton get "$id" -o - >/dev/full; }
status 1 "where there is no room for the file itself, it is said" nowhere

# ---- Beside a running serve ----
at newton policy partnership on-demand --quiet
at newton fetch --drop "$id" >/dev/null
room 40000000
serve_scarce
wait_for 10 grep -q serve.up "$T/serve.log"
status 1 "that the disk is full is no fault of the server's" at newton fetch "$id"
like "and said as it is" "$(cat "$T/err")" 'the disk is full; make room on the disk, then try again'
room 1000000000
wait_for 20 at newton fetch "$id"
is "once there is room, it is fetched" "$(at newton status | grep -c '1 of 1 on this computer')" 1
kill $serve
wait $serve 2>/dev/null

# ---- No room for a word between a command and a running serve ----
answers() { find "$T/newton/errands" -type f | wc -l; }
serve_scarce
wait_for 10 grep -q serve.up "$T/serve.log"
at heath add action text='No room for this' --quiet >/dev/null
room 0
sync_all heath
status 1 "where serve has no room for anything, whoever asks it is answered" timeout 20 "$B/fivepits" --home "$T/newton" sync
like "and told what to do" "$(cat "$T/err")" 'the disk is full; make room on the disk, then try again'
is "nothing of it is left" "$(answers)" 0
status 1 "where there is no room to ask serve, it is said" scarce sync
like "in the same words" "$(cat "$T/err")" 'make room on the disk, then try again'
is "and nothing is left" "$(answers)" 0
room 1000000000
ok "once there is room, serve answers" timeout 20 "$B/fivepits" --home "$T/newton" sync
is "and what it took is gone" "$(answers)" 0
kill $serve
wait $serve 2>/dev/null

# ---- Many files into little room ----
mkdir "$T/many"
for i in 1 2 3 4 5; do head -c 2000000 /dev/urandom >"$T/many/$i"; done
had=$(at newton list document | wc -l)
room 5000000
status 1 "of many files those that find no room are refused" scarce put "$T/many" --quiet
left=$(sed -n 's/.*\([1-5]\) of 5 files were not kept.*/\1/p' "$T/err")
like "which is said of all of them" "$(cat "$T/err")" '[2-5] of 5 files were not kept; the first: .*No space'
is "and the others are kept" $(($(at newton list document | wc -l) - had)) $((5 - ${left:-9}))
room 1000000000
ok "the copy is sound" at newton fsck
finish
