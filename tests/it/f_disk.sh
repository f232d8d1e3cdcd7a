#!/bin/bash
# F07, F15, F17, F18: the disk is full, a call fails, or the program ends, at each of its writes. Elsewhere that emptied
# tables, moved a cursor past what was never stored, or acknowledged what was not on disk.
. "$(dirname "$0")/lib.sh"
${CC:-gcc} -O1 -shared -fPIC -Wall -Werror -o "$T/fault.so" "$ROOT/tests/it/fault.c" -ldl 2>"$T/err" ||
	fail "the fault is built" "$(cat "$T/err")"
fault() { # fault KIND N COMMAND...
	local kind=$1 at=$2
	shift 2
	echo 0 >"$T/count"
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 FAULT=$kind FAULT_AT=$at FAULT_COUNT=$T/count \
		LD_PRELOAD=$T/fault.so "$@"
}
reached() { [ "$(cat "$T/count")" -ge "$1" ]; } # the command came to its N-th call
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
at pilsley import plan tests/data/plan-2019-20.json >/dev/null
event=$(at pilsley add event kind=meeting title='Cluster Heads' day=2019-10-10 --quiet)
sync_all pilsley heath morton
notes() { at "$1" list note on="$event" --json | sed -n 's/^ *"text": "\(.*\)",$/\1/p' | sort; }

# F15: no room at each write of an edit, once and from then on; F17: the end at each write or sync of it.
: >"$T/made"
for kind in full 'full!' kill; do
	wrong=0
	for n in $(seq 200); do
		fault "$kind" "$n" "$B/fivepits" --home "$T/heath" add note kind=progress on="$event" text="$kind at $n" >"$T/out" 2>"$T/err"
		case $?.$kind in
		0.*) echo "$kind at $n" >>"$T/made" ;;
		1.full*) [ "$(wc -l <"$T/err")" = 1 ] || wrong=$((wrong + 1)) ;;
		137.kill) continue ;;
		*) wrong=$((wrong + 1)) ;;
		esac
		reached "$n" || break
	done
	like "F15: an edit met '$kind' at each of its writes" "$n" '^[1-9][0-9]$'
	is "F15: each ended as it should ($kind)" $wrong 0
	ok "F15: the copy is sound ($kind)" at heath fsck
	like "F15: all that exited 0 is there ($kind)" "$(comm -13 <(notes heath) <(sort "$T/made") | wc -l)" '^0$'
done
is "F15: and what was refused is not" "$(comm -23 <(notes heath) <(sort "$T/made") | grep -vc kill)" 0
sync_all heath morton
is "F15: at another school it is the same" "$(notes morton)" "$(notes heath)"

# F07: the cursor was stored ahead of what it stands for. A client that fetches and sends at once ends, or finds no
# room, at each write, from the same state each time.
import() { at pilsley add note kind=comment on="$event" text="$1" --quiet >/dev/null; }
for i in 1 2 3 4 5; do import "to fetch $i"; done
sync_all pilsley
at morton add note kind=comment on="$event" text='to send 1' --quiet >/dev/null
at morton set "$event" place='Heath' >/dev/null
cp -a "$T/morton" "$T/behind"
for kind in kill 'full!' eio; do
	wrong=0
	for n in $(seq 300); do
		rm -rf "$T/morton" && cp -a "$T/behind" "$T/morton"
		fault "$kind" "$n" "$B/fivepits" --home "$T/morton" sync --quiet >"$T/out" 2>"$T/err"
		got=$?
		[ $kind = kill ] || [ $got = 0 ] || [ "$(wc -l <"$T/err")" = 1 ] || wrong=$((wrong + 1))
		at morton fsck >"$T/fsck" 2>&1 || wrong=$((wrong + 1))
		at morton sync --quiet 2>>"$T/err" || wrong=$((wrong + 1))
		[ $got != 137 ] || continue
		reached "$n" || break
	done
	like "F07: a sync met '$kind' at each of its writes" "$n" '^[1-9][0-9]*$'
	is "F07: the copy was sound each time, and caught up ($kind)" $wrong 0
	is "F07: with the same in it ($kind)" "$(common morton)" "$(common server)"
done
is "F07: what was sent again and again was entered once" "$(at pilsley sync --quiet; notes pilsley | grep -c 'to send 1')" 1

# F18: the server acknowledged what was not on disk yet. It meets a full disk, a sync that fails, or its end, somewhere
# in its work; whatever it had acknowledged is there when it runs again.
RANDOM=${SEED:-18}
server_stop
lost=0 hit=0
serve() {
	: >"$T/server.out"
	"$B/fivepitsd" run "$T/server" >"$T/server.out" 2>>"$T/server.log" &
	SERVER_PID=$!
}
up_or_gone() { grep -q '^listening on' "$T/server.out" || ! kill -0 "$SERVER_PID" 2>/dev/null; }
for round in $(seq 18); do
	kinds=(kill 'full!' eio)
	fault "${kinds[round % 3]}" $((2 + RANDOM % 40)) serve
	wait_for 20 up_or_gone
	for s in heath morton; do
		at $s add note kind=comment on="$event" text="round $round of $s" --quiet >/dev/null
		at $s sync --quiet >/dev/null 2>&1
		[ "$(count $s pending)" != 0 ] || echo "round $round of $s" >>"$T/acknowledged"
	done
	kill -0 "$SERVER_PID" 2>/dev/null || hit=$((hit + 1))
	server_stop KILL
	fivepitsd fsck "$T/server" >"$T/fsck" 2>&1 || lost=$((lost + 1))
done
server_start
sync_all pilsley
like "F18: the server ended in its work" $hit '^([3-9]|1[0-8])$'
is "F18: its files were sound each time" $lost 0
is "F18: all that it had acknowledged is there" "$(comm -13 <(notes pilsley) <(sort "$T/acknowledged") | wc -l)" 0
sync_all heath morton pilsley heath
is "F18: and the rest comes after" "$(notes pilsley | grep -c '^round')" 36
is "F18: nothing twice" "$(notes pilsley | uniq -d | wc -l)" 0
same_everywhere "F18: equal" heath morton pilsley

# A join that ends, or finds no room, at any of its writes: what is left of it is in nobody's way.
invited() { at pilsley invite --school 'Newton Primary School' --name 'Head of Newton' --role headteacher 2>>"$T/log" | tail -n 1; }
at pilsley sync --quiet
for kind in 'full!' kill; do
	wrong=0
	for n in $(seq 1 12 400); do
		rm -rf "$T/newton"
		fault "$kind" "$n" "$B/fivepits" --home "$T/newton" join "$(invited)" >"$T/out" 2>"$T/err" && break
		"$B/fivepits" --home "$T/newton" join "$(invited)" >"$T/out" 2>>"$T/err" || wrong=$((wrong + 1))
	done
	like "a join met '$kind' at its writes" "$n" '^[1-9][0-9]'
	is "and another invitation made a copy in the same place ($kind)" $wrong 0
done
ok "which is as any other" at newton sync
ok "and sound" at newton fsck
status 1 "a copy that is made is not made again" fivepits --home "$T/newton" join "$(invited)"

# What is to be erased from the disk can't be: everything else goes on.
head -c 300000 /dev/urandom >"$T/paper"
at newton put "$T/paper" --quiet >/dev/null
at newton sync --quiet
sqlite3 "$T/newton/copy.db" "INSERT OR REPLACE INTO meta VALUES ('scrub', '1'); INSERT INTO hole SELECT pack, at, 1 FROM chunk LIMIT 1"
mv "$T/newton/documents/pack-1" "$T/pack" && mkdir "$T/newton/documents/pack-1"
ok "a disk that can't be written where documents are: records are read" at newton list document
ok "and written" at newton add note kind=comment on="$event" text='All the same' --quiet
marks() { sqlite3 "$T/newton/copy.db" "SELECT (SELECT count(*) FROM hole), (SELECT count(*) FROM meta WHERE key = 'scrub')"; }
is "what is to be erased is not forgotten" "$(marks)" '1|1'
rmdir "$T/newton/documents/pack-1" && mv "$T/pack" "$T/newton/documents/pack-1"
at newton status >/dev/null
is "and is erased when it can be" "$(marks)" '0|0'
finish
