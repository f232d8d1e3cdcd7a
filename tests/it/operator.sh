#!/bin/bash
# The administrator's bad days: an init that is cut off or finds no room goes on when it is said again, and a database that is
# lost is called lost.
. "$(dirname "$0")/lib.sh"
${CC:-gcc} -O1 -shared -fPIC -o "$T/fault.so" "$ROOT/tests/it/fault.c" -ldl || fail "the fault is built"
words=(--name 'Five Pits' --school 'Lead School' --admin 'A. Head' --listen 127.0.0.1:0)
faulty() { # faulty FAULT N COMMAND...: it happens at the N-th call
	FAULT=$1 FAULT_AT=$2 FAULT_COUNT=$T/calls LD_PRELOAD="$T/fault.so" \
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "${@:3}"
}
faulty kill 0 "$B/fivepitsd" init "$T/whole" "${words[@]}" >/dev/null
calls=$(cat "$T/calls")
cut=0 stuck='' unsaid=''
for fault in kill 'full!'; do
	for ((n = 1; n <= calls; n += 1 + calls / 40)); do
		rm -rf "$T/area"
		(faulty "$fault" $n "$B/fivepitsd" init "$T/area" "${words[@]}" >/dev/null; exit) 2>"$T/err" && continue
		[ $fault = kill ] || grep -qiE 'full|no space' "$T/err" || unsaid=$unsaid$(cat "$T/err")
		if [ -e "$T/area/config" ]; then continue; fi # the area was made, but for the invitation
		cut=$((cut + 1))
		fivepitsd init "$T/area" "${words[@]}" >"$T/out" 2>"$T/err" && grep -q '^fivepits:' "$T/out" &&
			fivepitsd fsck "$T/area" >/dev/null || stuck="$stuck $fault:$n"
	done
done
like "init was cut off, or found no room ($calls calls)" "$cut" '^[1-9][0-9]'
is "said again it goes on" "$stuck" ''
is "that the disk is full is said as it is" "$unsaid" ''
fivepitsd init "$T/named" "${words[@]}" >/dev/null && rm "$T/named/config"
ok "one that goes on may be given another name" fivepitsd init "$T/named" --name 'Another' "${words[@]:2}"
like "and says that the first one counts" "$(cat "$T/out")" '^An init that was cut off had begun this area: the names that it was given count\.'
status 1 "what is made is not made again" fivepitsd init "$T/whole" "${words[@]}"
like "and what may be wanted is told" "$(cat "$T/err")" "'fivepitsd invite' prints an invitation"

# A database that is lost, or was emptied.
mv "$T/whole/area.db" "$T/area.db"
cp "$T/whole/area.db-wal" "$T/log"
for how in gone empty; do
	[ $how = gone ] || : >"$T/whole/area.db"
	for command in run fsck digest recovery; do
		status 1 "$how: $command" timeout 10 "$B/fivepitsd" $command "$T/whole"
		like "$how: $command says what to do" "$(cat "$T/err")" 'area.db is gone or empty: restore a backup'
	done
	status 1 "$how: no backup of nothing" fivepitsd backup "$T/whole" "$T/none.tar"
	status 1 "$how: nor a new area in its place" fivepitsd init "$T/whole" "${words[@]}"
done
ok "the log beside it stays" cmp "$T/log" "$T/whole/area.db-wal"
mv "$T/area.db" "$T/whole/area.db"
ok "so that it can be put back" fivepitsd fsck "$T/whole"

# Files that belong to another user than the one who runs the server.
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$T" && cp "$B/fivepitsd" "$T/program"
	as_nobody() { setpriv --reuid=nobody --clear-groups timeout 10 "$T/program" "$@"; }
	chown -R nobody "$T/whole"
	for file in area.db area.db-wal; do
		chown root "$T/whole/$file"
		status 1 "$file is another user's" as_nobody run "$T/whole"
		like "which is said" "$(cat "$T/err")" 'belongs to another'
		chown nobody "$T/whole/$file"
	done
fi

# A space is to be served as it is, beside a server whose disk is full.
${CC:-gcc} -O1 -shared -fPIC -Wall -Werror -o "$T/room.so" "$ROOT/tests/it/room.c" -ldl || fail "the disk of little room is built"
ok "an area is saved" fivepitsd backup "$T/whole" "$T/backup.tar"
ok "and restored" fivepitsd restore "$T/server" "$T/backup.tar"
space=$(fivepitsd recovery "$T/server" --json | sed -n 's/.*"space": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
printf '%020d' 1000000000 >"$T/room"
SERVER_WITH=(env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" ROOM="$T/room" ROOM_DIR="$T/server"
	LD_PRELOAD="$T/room.so")
server_start
sqlite3 "$T/server/area.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null # so that the log has no room of its own
printf '%020d' 0 >"$T/room"
status 1 "what the server could not do is not said to be done" fivepitsd recovery "$T/server" --serve "$space"
like "where it stands is" "$(cat "$T/err")" 'could not do it: its log says why'
like "and there it stands" "$(cat "$T/server.log")" 'error turn.full'
printf '%020d' 1000000000 >"$T/room"
ok "once there is room it is done" fivepitsd recovery "$T/server" --serve "$space"
unlike "and waits no more" "$(fivepitsd recovery "$T/server")" "$space"
server_stop

# The server's certificate is to be made anew, and there is no room for that either.
clock -300d "$B/fivepitsd" init "$T/old" "${words[@]}" >/dev/null
printf '%020d' 0 >"$T/room"
SERVER_WITH=("${SERVER_WITH[@]/$T\/server/$T/old}")
server_start "$T/old"
like "the server serves with the one that it has" "$(cat "$T/old.out")" '^listening'
like "and its log says so" "$(cat "$T/old.log")" 'error ca.server_certificate why=.*No space left'
server_stop
printf '%020d' 1000000000 >"$T/room"
server_start "$T/old"
like "it is made once there is room" "$(cat "$T/old.log")" 'info ca.server_certificate days='
server_stop

# Files may not grow beyond a limit that the system sets (ulimit -f).
rm -rf "$T/server"
SERVER_WITH=(bash -c 'ulimit -f 300 && exec "$@"' limited)
area
head -c 150000 /dev/urandom | base64 -w 0 >"$T/words"
for _ in 1 2 3; do at pilsley add action text='Many words' details="@$T/words" --quiet >/dev/null; done
ok "such a limit does not end the server" at pilsley sync
is "it is as a full disk" "$(at pilsley outbox | grep -c "the server's disk is full")" 3
finish
