#!/bin/bash
# Documents over bad lines: cut at a hundred places each way, a byte at a time, late, slow, reset, half closed; what
# came before is not sent again. And an edit is not kept waiting by a document.
. "$(dirname "$0")/lib.sh"

area_on_line
school heath 'Heath Primary School'
at heath policy partnership on-demand --quiet >/dev/null

drained() { [ "$(wc -l <"$T/line.log")" -ge "$1" ]; }
RANDOM=5
bytes_between() { echo $(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1))); }
documents=0
document() { # document BYTES: of new bytes; its id is in `id`
	documents=$((documents + 1))
	openssl enc -aes-128-ctr -K $documents -iv 0 -in /dev/zero 2>/dev/null | head -c "$1" >"$T/paper"
	id=$(at pilsley put "$T/paper" --title "Paper $documents" | tail -n 1)
}

# ---- A hundred cuts each way --------------------------------------------------------------------
size=110000000
cuts() { wc -l <"$T/line.log"; }
cut_once() { # cut_once SCHOOL COMMAND...: until its line is cut; it would call again after a while, and is stopped then
	local before pid
	before=$(cuts)
	"$B/fivepits" --home "$T/$1" "${@:2}" --quiet >"$T/out" 2>&1 &
	pid=$!
	while [ "$(cuts)" = "$before" ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
	kill -TERM $pid 2>/dev/null
	wait $pid
}
# What a line carried and its receiver does not keep is carried again: of each cut that is at most the chunk that was
# cut in two, and what each line says anyway (16 KiB: keys, where both are, which chunks).
again=$((262144 + 16384))
many_cuts() { # many_cuts up|down RECEIVER SCHOOL COMMAND...: cut until there were a hundred, then in peace
	local way=$1 to=$2 all before after part most=0
	shift 2
	: >"$T/line.log"
	before=$(weighs "$to")
	for _ in {1..100}; do
		wish "cut $way $(bytes_between 5000 2000000)"
		cut_once "$@"
		after=$(weighs "$to")
		part=$(($(tail -n 1 "$T/line.log" | sed "s/.*$way=\([0-9]*\).*/\1/") - (after - before)))
		[ $part -le $most ] || most=$part
		before=$after
	done
	like "a hundred cuts ($way)" "$(cuts)" '^1[0-9][0-9]$'
	ok "no cut has more than its own chunk sent again (at most $most bytes)" test $most -le $again
	wish
	ok "what is left goes in peace" at "$@" --quiet
	wait_for 10 drained 101 || fail "the line knows of all connections"
	all=$(carried "$way")
	like "at most 5 % is sent again ($all bytes for $size, in $(cuts) pieces)" "$((all * 1000 / size))" '^10[0-4][0-9]$'
}
document $size
many_cuts up server pilsley sync
at heath sync --quiet
many_cuts down heath heath fetch --all
server_stop
ok "the document is here" at heath get "$id" -o "$T/back"
ok "byte for byte" cmp "$T/paper" "$T/back"
server_start
rm -f "$T/paper" "$T/back"

# ---- Either end is killed, each way ---------------------------------------------------------------
# What was not on disk yet is carried again: up to 16 MiB on either side, or what came within a second.
size=90000000
killed() { # killed client|server RECEIVER BYTES SCHOOL COMMAND...: once it has so many more than it had
	local who=$1 to=$2 until pid
	until=$(($(weighs "$to") + $3))
	shift 3
	"$B/fivepits" --home "$T/$1" "${@:2}" --quiet >"$T/out" 2>&1 &
	pid=$!
	until [ "$(weighs "$to")" -ge $until ] || ! kill -0 $pid 2>/dev/null; do :; done
	if [ "$who" = server ]; then server_stop KILL; else kill -9 $pid; fi
	wait $pid 2>/dev/null
	like "the $who is killed at work ($1 ${*:2})" "$?" '^(137|75)$'
	[ "$who" = client ] || server_start
}
many_kills() { # many_kills up|down RECEIVER SCHOOL COMMAND...
	local way=$1 to=$2 who all
	shift 2
	: >"$T/line.log"
	for who in client server server client; do killed $who "$to" 17000000 "$@"; done
	ok "what is left goes in peace" at "$@" --quiet
	wait_for 10 drained 5 || fail "the line knows of all connections"
	all=$(carried "$way")
	like "four of them had no more than what was not on disk sent again ($way, $all bytes for $size)" \
		"$(((all - size) / 16777216))" '^[0-3]$'
}
document $size
many_kills up server pilsley sync
at heath sync --quiet
many_kills down heath heath fetch --all
ok "the document is here" at heath get "$id" -o "$T/back"
ok "byte for byte" cmp "$T/paper" "$T/back"
rm -f "$T/paper" "$T/back"

# ---- Other ills -----------------------------------------------------------------------------------
ill() { # ill NAME BYTES WISH...: a document goes over such a line, as often as it takes
	local name=$1 id tries end
	document "$2"
	shift 2
	wish "$@"
	for tries in {1..40}; do
		timeout 30 "$B/fivepits" --home "$T/pilsley" sync --quiet >"$T/out" 2>&1
		end=$?
		[ $end = 75 ] || break
	done
	is "a document goes up over $name ($tries times)" $end 0
	for tries in {1..40}; do
		timeout 30 "$B/fivepits" --home "$T/heath" sync --quiet >"$T/out" 2>&1 &&
			timeout 30 "$B/fivepits" --home "$T/heath" get "$id" -o "$T/back" --force >"$T/out" 2>&1
		end=$?
		[ $end = 75 ] || break
	done
	is "and down ($tries times)" $end 0
	ok "byte for byte" cmp "$T/paper" "$T/back"
	wish
}
ill "a line that carries a byte at a time" 20000 single
ill "a line where all comes late" 200000 'delay 20'
# A chunk must fit between two resets.
ill "256 kbit/s with resets" 170000 'rate 32000' 'reset up 150000' 'reset down 150000'
ill "a line whose way up closes early" 300000 'half up 150000'
ill "a line whose way down closes early" 300000 'half down 150000'

ok "the server's store is sound" fivepitsd fsck "$T/server"
ok "so is a copy's" at heath fsck
finish
