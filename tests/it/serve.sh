#!/bin/bash
# A live line: an edit at one school appears at the others by itself, also after the server was away;
# several processes use one copy at once.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
on=$(at heath list school name~Heath --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
"$B/fivepits" --home "$T/heath" serve >"$T/heath.log" 2>&1 &
"$B/fivepits" --home "$T/morton" serve >"$T/morton.log" 2>&1 &
shown() { at "$1" show "$2" | grep -q "$3"; }
id=$(at heath add note kind=progress on="$on" text='first word' | tail -n 1)
ok "an edit beside serve appears at another school by itself" wait_for 20 shown morton "$id" 'first word'
at morton set "$id" text='second word' >/dev/null
ok "and an answer comes back" wait_for 20 shown heath "$id" 'second word'
ok "sync beside a running serve wakes it and ends when it is quiet" timeout 20 "$B/fivepits" --home "$T/heath" sync
left=$T/heath/errands/0123456789abcdef0123456789abcdef
echo '99 what a later version may ask for' >"$left.ask"
at heath set "$id" text='a word between' >/dev/null # which rings
ok "what serve can't make out of an errand is answered, too" wait_for 20 grep -q 'of another version' "$left.done"
at heath set "$id" text='third word' >/dev/null
kill -STOP "$SERVER_PID"
(sleep 2 && kill -CONT "$SERVER_PID") &
like "who waits for it on a terminal is told for what" "$(script -qec "'$B/fivepits' --home '$T/heath' sync" /dev/null)" \
	"A running 'fivepits serve' is at it; in another window 'fivepits status'"
server_stop KILL
at heath set "$id" text='while away' >/dev/null
ok "an edit works while the server is away" shown heath "$id" 'while away'
server_start
ok "and is sent when it is back, with nobody asking" wait_for 60 shown morton "$id" 'while away'

# Two join in one folder: one of them is told, and its invitation is still good.
invited() { at pilsley invite --school "$1" --name "Head of $1" --role headteacher 2>>"$T/err" | tail -n 1; }
first=$(invited 'Newton Primary School') second=$(invited 'Tibshelf Infant School')
kill -STOP "$SERVER_PID"
at both join "$first" >"$T/both.out" 2>&1 &
joins=$!
wait_for 10 test -e "$T/both/line"
status 1 "of two who join in one folder one is told" timeout 20 "$B/fivepits" --home "$T/both" join "$second"
kill -CONT "$SERVER_PID"
ok "the other joins" wait $joins
ok "and can sync" at both sync
ok "with the second invitation somebody joins elsewhere" at other join "$second"

# Sixteen processes write to one copy while a catch-up runs into it.
at morton import plan tests/data/plan-2019-20.json >/dev/null 2>&1
pids=()
for i in $(seq 16); do
	at heath add note kind=comment on="$on" text="together $i" >"$T/together.$i" &
	pids+=($!)
done
good=0
for p in "${pids[@]}"; do wait "$p" && good=$((good + 1)); done
is "sixteen processes edit one copy at once" "$good" 16
good=0
for i in $(seq 16); do
	wait_for 30 shown morton "$(tail -n 1 "$T/together.$i")" "together $i" && good=$((good + 1))
done
is "and all of it arrives" "$good" 16
same() { [ "$(common heath)" = "$(common morton)" ] && [ "$(common heath)" = "$(common server)" ]; }
ok "all hold the same" wait_for 20 same
for s in heath morton; do is "the tables of $s follow from its journal" "$(at $s fsck >"$T/out" 2>&1; echo $?)" 0; done
before=$(at heath list note --json | sort)
ok "rebuild makes the tables anew" at heath rebuild
is "and they are the same" "$(at heath list note --json | sort)" "$before"
finish
