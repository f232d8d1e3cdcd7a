#!/bin/bash
# The server as a process: a reader that stands still holds nobody up, one server an area, the log's
# details on and off, a clean end in time, and an area that is there again afterwards.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
"$B/fivepits" --home "$T/heath" serve >"$T/heath.log" 2>&1 &
still=$!
on=$(at pilsley list school name~Heath --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
note=$(at pilsley add note kind=progress on="$on" text='before it stood still' | tail -n 1)
at pilsley sync --quiet
there() { at heath show "$note" | grep -q 'before it stood still'; }
ok "a school is served" wait_for 20 there
kill -STOP $still
at pilsley import plan tests/data/plan-2019-20.json >/dev/null
ok "when it stands still the others are served" timeout 20 "$B/fivepits" --home "$T/pilsley" sync
like "with all that they have" "$(at pilsley status)" '^All sent'
status 1 "a second server on one area is refused in words" timeout 10 "$B/fivepitsd" run "$T/server"
like "that say why" "$(cat "$T/err")" 'another process'
kill -USR1 "$SERVER_PID"
detailed() { at pilsley sync --quiet && grep -q ' debug session.state .*to=ready' "$T/server.log"; }
ok "SIGUSR1 turns the log's details on" wait_for 10 detailed
kill -USR1 "$SERVER_PID"
unlike "no line of the log is more than a line" "$(grep -vE '^[0-9T:.-]+Z (info|debug|warn|error) [a-z]+\.[a-z_]+( |$)' "$T/server.log")" .
began=$SECONDS
server_stop TERM
is "SIGTERM ends it well, with a reader that stands still" $? 0
like "within seconds" $((SECONDS - began)) '^[0-5]$'
like "and the log says so" "$(tail -n 1 "$T/server.log")" 'info run\.stopped err=0$'
kill -CONT $still
server_start
caught_up() { [ "$(common heath)" = "$(common server)" ]; }
ok "started again it feeds the one that stood still, which nobody asked" wait_for 60 caught_up
kill $still
wait $still
is "which ends well too" $? 0
ok "the area is sound" fivepitsd fsck "$T/server"
finish
