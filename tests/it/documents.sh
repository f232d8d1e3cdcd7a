#!/bin/bash
# Documents: byte for byte, streamed, published when complete, whatever interrupts them.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
put() { at heath put "$@" | tail -n 1; }
for size in 0 1 262143 262144 262145 5000000; do
	head -c $size /dev/urandom >"$T/file.$size"
	id=$(put "$T/file.$size")
	at heath sync --quiet && at morton sync --quiet
	ok "a file of $size bytes arrives" at morton get "$id" -o "$T/back.$size"
	ok "byte for byte" cmp "$T/file.$size" "$T/back.$size"
done
name=$'-rf ..%2F\nNUL: ünï \xe2\x80\xae x.txt'
mkdir "$T/odd"
printf 'odd name' >"$T/odd/$name"
id=$(put "$T/odd/$name")
at heath sync --quiet && at morton sync --quiet
(mkdir -p "$T/in" && cd "$T/in" && "$B/fivepits" --home "$T/morton" get "$id" >"$T/out" 2>"$T/err")
is "a file with an odd name is stored under one safe name" "$(find "$T/in" -type f | wc -l)" 1
ok "with its bytes" cmp "$T/odd/$name" "$(find "$T/in" -type f)"
ok "get never overwrites" bash -c "cd '$T/in' && '$B/fivepits' --home '$T/morton' get '$id'"
is "but finds another name" "$(find "$T/in" -type f | wc -l)" 2

# More bytes than a client may have memory for (where the sanitizers' own does not count).
case $B in *asan*) room=unlimited ;; *) room=100000 ;; esac
in_little_room() { (ulimit -v $room && "$B/fivepits" --home "$T/$1" "${@:2}"); }
head -c 120000000 /dev/urandom >"$T/large"
id=$(in_little_room heath put "$T/large" | tail -n 1)
started() { [ -n "$(find "$T/server/documents/incoming" -type f -size +"$1"k)" ]; }
for i in 1 2 3; do
	"$B/fivepits" --home "$T/heath" sync --quiet >/dev/null 2>&1 & # not `at`: the kill is for the client
	pid=$!
	until started $((i * 512)) || ! kill -0 $pid 2>/dev/null; do :; done
	if [ $i = 2 ]; then server_stop KILL; else kill -9 $pid; fi
	wait $pid 2>/dev/null
	like "interrupted in the midst ($i)" "$?" '^(137|75)$'
	[ $i = 2 ] && server_start
	at morton sync --quiet
	status 1 "it is not shown before its bytes can be had" at morton show "$id"
done
ok "an interrupted transfer is made good" in_little_room heath sync
at morton sync --quiet
ok "and the document can be had" in_little_room morton get "$id" -o "$T/large.back"
ok "byte for byte" cmp "$T/large" "$T/large.back"
if [ $room != unlimited ]; then
	most=$(awk '/^VmHWM/ {print $2}' "/proc/$SERVER_PID/status")
	like "the server has not held it in memory ($most KiB)" "$most" '^[1-5]?[0-9]{4}$'
fi
is "nothing half-written is left on the server" \
	"$(find "$T/server/documents" -type f | grep -cvE '/[0-9a-f]{2}/[0-9a-f]{64}$')" 0
ok "the server's store is sound" fivepitsd fsck "$T/server"
status 1 "a file that is not there is refused by name" at heath put "$T/none"
finish
