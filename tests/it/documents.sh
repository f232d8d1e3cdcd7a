#!/bin/bash
# Documents: byte for byte, in little memory, shown when complete, whatever interrupts them.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
put() { at heath put "$@" | tail -n 1; }
bytes_of() { stat -c %s "$T/server/documents/"pack-* 2>/dev/null | awk '{n += $1} END {print n + 0}'; }
for size in 0 1 16383 16384 16385 65536 262143 262144 262145 5000000; do
	head -c $size /dev/urandom >"$T/file.$size"
	id=$(put "$T/file.$size")
	at heath sync --quiet && at morton sync --quiet
	ok "a file of $size bytes arrives" at morton get "$id" -o "$T/back.$size"
	ok "byte for byte" cmp "$T/file.$size" "$T/back.$size"
done

# Names are data.
mkdir "$T/odd" "$T/in"
long=$(printf 'x%.0s' {1..250})
# shellcheck disable=SC2016 # a name that a shell would run
names=($'-rf ..%2F\nNUL: ünï \xe2\x80\xae x.txt' '..' '.hidden' 'CON' 'con.txt' 'trailing. ' "$long.txt"
	$'e\xcc\x81.txt' $'\xc3\xa9.txt' 'Case.TXT' 'case.txt' 'a:b*c?.doc' '~' '$(touch x)' $'\x1b[31mred')
n=0
for name in "${names[@]}"; do
	[ "$name" = .. ] && continue
	printf 'content of %s' "$name" >"$T/odd/$name"
	id=$(put -- "$T/odd/$name")
	at heath sync --quiet && at morton sync --quiet
	n=$((n + 1))
	before=$(find "$T/in" -type f | wc -l)
	(cd "$T/in" && "$B/fivepits" --home "$T/morton" get "$id" >"$T/out" 2>"$T/err")
	new=$(find "$T/in" -type f -newer "$T/odd/$name" -exec cmp -s "$T/odd/$name" {} \; -print | wc -l)
	if [ "$(find "$T/in" -type f | wc -l)" != $((before + 1)) ] || [ "$new" -lt 1 ]; then fail "the odd name $n"; fi
done
is "files with odd names are stored under safe names of their own" "$(find "$T/in" -type f | wc -l)" $n
is "all of them in this folder" "$(find "$T/in" -mindepth 1 -type d | wc -l)" 0
unlike "none begins with a dot or a dash, or holds a control character" \
	"$(find "$T/in" -type f -printf '%f\n')" '^[.-]|[[:cntrl:]]'

# Equal bytes are sent and stored once for those who may read them.
head -c 20000000 /dev/urandom >"$T/twice"
put "$T/twice" >/dev/null
at heath sync --quiet && at morton sync --quiet
before=$(bytes_of)
other=$(at morton put "$T/twice" --title 'The same' | tail -n 1)
ok "the same file is put at another school" at morton sync --quiet
is "and not stored again" "$(bytes_of)" "$before"
at heath sync --quiet
ok "though it can be had there" at heath get "$other" -o "$T/twice.back"
ok "byte for byte" cmp "$T/twice" "$T/twice.back"
{ head -c 1000000 "$T/twice"; head -c 1024 /dev/urandom; tail -c +1000001 "$T/twice"; } >"$T/edited"
id=$(put "$T/edited")
at heath sync --quiet
grown=$(($(bytes_of) - before))
like "1 KiB put into 20 MB costs $grown bytes" "$grown" '^[1-3]?[0-9]{5}$'
ok "an edited file" at morton sync --quiet
ok "arrives" at morton get "$id" -o "$T/edited.back"
ok "byte for byte" cmp "$T/edited" "$T/edited.back"

# Where it is written to is no file.
mkfifo "$T/fifo" && mkdir "$T/folder" && echo before >"$T/behind" && ln -s behind "$T/link"
status 1 "what is no file is not replaced by one" at morton get "$id" -o "$T/fifo" --force
ok "nor taken away" test -p "$T/fifo"
status 1 "nor is a folder" at morton get "$id" -o "$T/folder" --force
status 1 "behind a link there may be a file that nobody agreed to lose" at morton get "$id" -o "$T/link"
ok "who does" at morton get "$id" -o "$T/link" --force
ok "gets it there" cmp "$T/edited" "$T/behind"
ok "and keeps the link" test -L "$T/link"

# All that is named is brought here, and needs no server then.
for n in 1 2 3; do
	head -c $((n * 30000)) /dev/urandom >"$T/fetched.$n"
	fetched[n]=$(put "$T/fetched.$n")
done
at heath sync --quiet && at morton sync --quiet
ok "all documents are fetched" at morton fetch --all
server_stop
for n in 1 2 3; do ok "one is here" at morton get "${fetched[n]}" -o "$T/fetched.$n.back"; done
ok "byte for byte" cmp <(cat "$T"/fetched.?) <(cat "$T"/fetched.?.back)
server_start

# More bytes than a client may have memory for (where the sanitizers' own does not count).
case $B in *asan*) room=unlimited ;; *) room=150000 ;; esac
in_little_room() { (ulimit -v $room && "$B/fivepits" --home "$T/$1" "${@:2}"); }
head -c 200000000 /dev/urandom >"$T/large"
id=$(in_little_room heath put "$T/large" | tail -n 1)
base=$(bytes_of)
started() { [ $(($(bytes_of) - base)) -ge $(($1 * 1024)) ]; }
for i in 1 2 3 4; do
	"$B/fivepits" --home "$T/heath" sync --quiet >/dev/null 2>&1 & # not `at`: the kill is for the client
	pid=$!
	until started $((i * 16000)) || ! kill -0 $pid 2>/dev/null; do :; done
	if [ $i = 2 ]; then server_stop KILL; else kill -9 $pid; fi
	wait $pid 2>/dev/null
	like "interrupted in the midst ($i)" "$?" '^(137|75)$'
	[ $i = 2 ] && server_start
	at morton sync --quiet
	status 1 "it is not shown before its bytes can be had" at morton show "$id"
done
ok "an interrupted transfer is made good" in_little_room heath sync
sent=$(($(bytes_of) - base))
like "and little was stored twice ($sent bytes of 200 MB)" "$((sent / 2000000))" '^(9[0-9]|10[0-5])$'
at morton sync --quiet
arrived() { [ "$(stat -c %s "$T/morton/documents/"pack-* | awk '{n += $1} END {print n}')" -ge "$1" ]; }
had=$(stat -c %s "$T/morton/documents/"pack-* | awk '{n += $1} END {print n}')
for i in 1 2 3 4; do
	"$B/fivepits" --home "$T/morton" get "$id" -o "$T/large.cut" >/dev/null 2>&1 &
	pid=$!
	until arrived $((had + i * 30000000)) || ! kill -0 $pid 2>/dev/null; do :; done
	if [ $i = 2 ]; then server_stop KILL; else kill -9 $pid 2>/dev/null; fi
	wait $pid 2>/dev/null
	like "interrupted on the way down ($i)" "$?" '^(137|75)$'
	[ $i = 2 ] && server_start
	is "nothing half is shown" "$(find "$T" -maxdepth 1 -name 'large.cut*' | wc -l)" 0
done
ok "the document can be had" in_little_room morton get "$id" -o "$T/large.back"
ok "byte for byte" cmp "$T/large" "$T/large.back"
now=$(stat -c %s "$T/morton/documents/"pack-* | awk '{n += $1} END {print n}')
like "and little was stored twice ($((now - had)) bytes)" "$(((now - had) / 2000000))" '^(9[0-9]|10[0-9]|11[0-5])$'
if [ $room != unlimited ]; then
	most=$(awk '/^VmHWM/ {print $2}' "/proc/$SERVER_PID/status")
	like "the server has not held it in memory ($most KiB)" "$most" '^[1-5]?[0-9]{4}$'
fi
ok "the server's store is sound" fivepitsd fsck "$T/server"
ok "so is a copy's" at morton fsck
status 1 "a file that is not there is refused by name" at heath put "$T/none"
finish
