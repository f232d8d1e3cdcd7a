#!/bin/bash
# Documents leave the line usable: on one of half a megabit whose router holds a megabyte, an edit does not wait for
# a document, nor a small document for a large one; and --limit-rate is held. Where it is about who comes first,
# bytes are counted, not seconds; a limit is measured by what it must take at least.
. "$(dirname "$0")/lib.sh"
area_on_line
school heath 'Heath Primary School'
at heath policy partnership on-demand --quiet >/dev/null
action=$(at pilsley add action text='Both schools are trained' | tail -n 1)
sync_all pilsley heath

slow=('rate 64000' 'buffer 1000000')
whole=2000000
weighs() { stat -c %s "$T/$1/documents/"pack-* 2>/dev/null | awk '{n += $1} END {print n + 0}'; }
has_come() { [ "$(weighs "$1")" -ge "$2" ]; }
shows() { at "$1" show "$action" | grep -q "$2"; }
serving() { # serving SCHOOL: its serve, on a line as is wished now
	: >"$T/$1.log"
	"$B/fivepits" --home "$T/$1" serve 2>"$T/$1.log" &
	SERVING=$!
	wait_for 10 grep -q serve.up "$T/$1.log" || fail "serve of $1 is up" "$(cat "$T/$1.log")"
}
ended() {
	kill "$1" 2>/dev/null
	wait "$1"
}
paper() { # paper NAME BYTES
	head -c "$2" /dev/urandom >"$T/$1"
}
few() { # few NAME IS: so much of the document was there: less than all, by far
	if [ "$2" -lt $((whole * 3 / 4)) ]; then pass "$1 ($2 bytes of $whole)"; else fail "$1" "$2 bytes of $whole had come"; fi
}

# ---- Up ----
serving heath
at_heath=$SERVING
wish "${slow[@]}"
serving pilsley
at_pilsley=$SERVING
wish
base=$(weighs server)
paper large $whole
at pilsley put "$T/large" --title 'Large' --quiet >/dev/null
wait_for 60 has_come server $((base + 100000)) || fail "the document is on its way"
at pilsley set "$action" details='written meanwhile' --quiet >/dev/null
wait_for 60 shows heath 'written meanwhile' || fail "the edit arrives"
few "an edit arrives long before the document that went before it" $(($(weighs server) - base))
paper small 20000
at pilsley put "$T/small" --title 'Small' --quiet >/dev/null
named() { at heath list document "title=$1" | grep -q "$1"; }
wait_for 60 named Small || fail "the small document arrives"
few "so does a small document that was put later" $(($(weighs server) - base))
ended $at_pilsley
ok "the rest goes on another line" at pilsley sync --quiet
wait_for 20 named Large || fail "the large document is published"
ended $at_heath

# ---- Down ----
base=$(weighs heath)
wish "${slow[@]}"
"$B/fivepits" --home "$T/heath" fetch --all --quiet >"$T/fetched" 2>&1 &
fetching=$!
wait_for 60 has_come heath $((base + 100000)) || fail "the document is on its way down"
wish
at pilsley set "$action" details='and once more' --quiet >/dev/null
at pilsley sync --quiet
wait_for 60 shows heath 'and once more' || fail "the edit arrives beside a download"
few "an edit arrives long before the document that is being fetched" $(($(weighs heath) - base))
ended $fetching
ok "the rest is fetched on another line" at heath fetch --all --quiet
if at heath get "$(at heath list document title=Large --json | first_id)" -o - | cmp -s - "$T/large"; then
	pass "and is what it was"
else
	fail "it is not what it was"
fi

# ---- A limit that a person sets ----
takes() { # takes NAME MS COMMAND...: it succeeds, and takes so long at least
	local name=$1 least=$2 began=${EPOCHREALTIME/./} us
	shift 2
	"$@" >"$T/out" 2>"$T/err"
	local end=$?
	us=$((${EPOCHREALTIME/./} - began))
	if [ $end = 0 ] && [ $us -ge $((least * 1000)) ]; then
		pass "$name ($((us / 1000)) ms)"
	else
		fail "$name" "status $end after $us us: $(cat "$T/err")"
	fi
}
put_one() {
	paper limited 300000
	at pilsley put "$T/limited" --title "Limited $1" | tail -n 1
}
id=$(put_one up)
takes "sync --limit-rate holds a document of 300,000 bytes for two seconds" 2000 at pilsley sync --limit-rate 100k --quiet
at heath sync --quiet
takes "get --limit-rate has the server send no faster" 2000 at heath get "$id" -o "$T/back" --limit-rate 100k --quiet
ok "byte for byte" cmp "$T/limited" "$T/back"
at heath fetch --drop "$id" --quiet >/dev/null
serving heath
takes "nor where a serve holds the line" 2000 at heath get "$id" -o "$T/back" --force --limit-rate 100k --quiet
ended $SERVING
at heath fetch --drop "$id" --quiet >/dev/null
takes "so with fetch" 2000 at heath fetch "$id" --limit-rate 100k --quiet
ok "a limit is set for good" at pilsley policy --limit-rate 100k
like "status tells it" "$(at pilsley status)" 'Documents go and come at 100\.0 KiB a second at most'
is "as JSON too" "$(count pilsley limit_rate)" 102400
like "and policy" "$(at pilsley policy)" '^Documents go and come at 100\.0 KiB a second at most'
id=$(put_one again)
takes "it holds for sync" 2000 at pilsley sync --quiet
serving pilsley
id=$(put_one serve)
sent() { [ "$(count pilsley pending)" = 0 ]; }
takes "and for serve" 2000 wait_for 30 sent
ok "it is lifted while serve runs" at pilsley policy --limit-rate none
ended $SERVING
unlike "and is gone" "$(at pilsley status)" 'a second at most'
is "as JSON too" "$(count pilsley limit_rate)" 0
status 2 "a rate that is none is told" at pilsley sync --limit-rate fast
status 2 "one that is too slow too" at pilsley get "$id" --limit-rate 12
status 2 "and one for a space" at pilsley policy partnership --limit-rate 10k
finish
