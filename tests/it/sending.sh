#!/bin/bash
# Documents on their way: how far they are, paused, given up; files that change while they are read; and what goes
# with a space that is lost.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
field() { python3 -c 'import json, sys; v = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# ---- On their way ----
head -c 60000000 /dev/urandom >"$T/way"
way=$(at heath put "$T/way" --title 'On its way' --quiet)
base=$(weighs server) more=5000000
moves() { [ $(($(weighs server) - base)) -gt $more ]; }
# Ctrl-C is no fault of the server's: the program dies of it, and says how to go on.
for ends in INT.130 TERM.143; do
	more=$(($(weighs server) - base + 5000000))
	"$B/fivepits" --home "$T/heath" sync --quiet >/dev/null 2>"$T/err" &
	pid=$!
	until moves || ! kill -0 $pid 2>/dev/null; do :; done
	kill -"${ends%.*}" $pid 2>/dev/null
	wait $pid 2>/dev/null
	is "a sync that is interrupted ends with its signal" "$?" "${ends#*.}"
	like "and says what stays and how to go on" "$(cat "$T/err")" \
		'^fivepits: interrupted; what was saved and what came stays, and the same command again goes on from there$'
done
"$B/fivepits" --home "$T/heath" sync --quiet >/dev/null 2>&1 &
pid=$!
until moves || ! kill -0 $pid 2>/dev/null; do :; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
like "how far a document is survives a crash" "$(at heath status)" 'Sending documents: ([0-9]|[1-9][0-9]) % of 57\.2 MiB'
ok "sending is paused" at heath outbox pause
like "the outbox says so" "$(at heath outbox | tr '\n' ' ')" "paused at [0-9]+ %,.*Documents are paused: 'fivepits outbox resume'"
unlike "in words for people" "$(at heath outbox)" 'Content|Chunks'
is "sync goes on without it" "$(at heath add action text='beside it' --quiet >/dev/null && at heath sync --quiet && count heath pending)" 1
like "status says that it waits, and how far it is" "$(at heath status)" 'Sending documents is paused: ([0-9]|[1-9][0-9]) % of 57\.2 MiB; .*outbox resume'
at morton sync --quiet
like "all else arrives" "$(at morton list action)" 'beside it'
status 1 "the document does not" at morton show "$way"
"$B/fivepits" --home "$T/heath" serve 2>"$T/heath.log" &
serving=$!
wait_for 10 grep -q serve.up "$T/heath.log" || fail "serve is up"
at heath add action text='beside serve' --quiet >/dev/null
sent() { [ "$(count heath pending)" = "$1" ]; }
if wait_for 10 sent 1; then pass "serve holds it back too"; else fail "serve holds it back" "$(at heath status)"; fi
ok "it is resumed beside serve" at heath outbox resume
if wait_for 30 sent 0; then pass "and goes to its end"; else fail "it goes to its end" "$(at heath status)"; fi
kill $serving
wait $serving
like "little was sent twice" "$((($(weighs server) - base) / 1000000))" '^(60|61|62|63)$'
at morton sync --quiet
if at morton get "$way" -o - | cmp -s - "$T/way"; then pass "it is whole at the other school"; else fail "it is not whole"; fi
at heath put "$T/way" --title 'Never sent' --quiet >/dev/null
ok "one that waits is cancelled" at heath outbox drop "$(at heath outbox --json | field 'v[0]["id"]')"
is "and nothing is left of it" "$(count heath pending).$(at heath list document 'title=Never sent' --json | field 'len(v)')" 0.0

# A file that goes on changing is refused by name; one that is finished is kept as it is then.
head -c 30000000 /dev/urandom >"$T/growing"
while :; do echo more >>"$T/growing"; done &
writer=$!
status 1 "a file that goes on changing is refused" at heath put "$T/growing"
like "by its name" "$(cat "$T/err")" 'growing goes on changing while it is read'
kill $writer
wait $writer 2>/dev/null
is "nothing of it is kept" "$(at heath list document title=growing --json | field 'len(v)')" 0
growing=$(at heath put "$T/growing" --quiet)
if at heath get "$growing" -o - | cmp -s - "$T/growing"; then pass "finished, it is kept"; else fail "it is not what it was"; fi

# ---- A space that goes ----
at heath sync --quiet
at morton sync --quiet
newton=$(at pilsley invite --school 'Newton Primary School' --name 'A. Newton' --role headteacher --group 'Working Group' | tail -n 1)
"$B/fivepits" --home "$T/newton" join "$newton" >/dev/null 2>&1
at newton sync --quiet
secret=xylophonesecretmarker
{ echo "a paper about the $secret"; head -c 6000 /dev/urandom | base64; } >"$T/secret.txt"
head -c 90000 /dev/urandom >"$T/shared.bin"
head -c 70000 /dev/urandom >"$T/alone.bin"
at newton put "$T/secret.txt" "$T/shared.bin" "$T/alone.bin" --space 'Working Group' --quiet >/dev/null
both=$(at newton put "$T/shared.bin" --title 'in both spaces' --quiet)
sync_all newton pilsley
at newton index >/dev/null
at newton search "$secret" >/dev/null
like "the words of a paper are found" "$(at newton search "$secret")" secret.txt
texts() { sqlite3 "$T/newton/copy.db" "SELECT count(*) FROM document_text WHERE instr(text, '$secret')"; }
is "by its text, which is here" "$(texts)" 1
contents() { sqlite3 "$T/newton/copy.db" 'SELECT count(*) FROM content'; }
had=$(contents)
person=$(at pilsley list person 'name=A. Newton' --json | field 'v[0]["id"]')
appointment=$(at pilsley list appointment "person=$person" --json | field '[a["id"] for a in v if a.get("group")][0]')
ok "the appointment in the group ends" at pilsley set "$appointment" ended=yes
sync_all pilsley newton
is "two contents went with the space" $((had - $(contents))) 2
is "the text too" "$(texts)" 0
is "nothing is found" "$(at newton search "$secret" --json | field 'len(v)')" 0
is "nor does it stand in any file" "$(grep -rlaF "$secret" "$T/newton" | wc -l)" 0
chunk=$(tail -c 40 "$T/alone.bin" | head -c 24 | od -An -tx1 | tr -d ' \n')
is "nor do its bytes" "$(cat "$T/newton/documents/"* | od -An -v -tx1 | tr -d ' \n' | grep -c "$chunk")" 0
if at newton get "$both" -o - | cmp -s - "$T/shared.bin"; then pass "what another space names stays"; else fail "what another space names is gone"; fi
ok "the copy is sound" at newton fsck
finish
