#!/bin/bash
# Limits of documents: per file, school and area, refused before anything is sent, by who knows of them and by the
# server.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
field() { python3 -c 'import json, sys; v = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
size() { head -c "$1" /dev/urandom >"$T/sized.$1" && echo "$T/sized.$1"; }
status 1 "a school sets no limits" at heath quota --file 1M
ok "an administrator does" at pilsley quota --file 1M --total 3M
status 2 "a size that is none" at pilsley quota --file lots
status 2 "the area's is not one school's" at pilsley quota --school Heath --area 1M
ok "it is sent" at pilsley sync --quiet
# Heath has not heard of it: it puts what it likes, and the server decides.
like "who has not heard does not know" "$(at heath quota)" 'not limited'
over=$(at heath put "$(size 1200000)" --title 'over the limit' --quiet)
weighs() { [ ! -d "$T/server/documents" ] || du -s --block-size=1 "$T/server/documents"; }
before=$(weighs | cut -f 1)
at heath sync >"$T/out" 2>&1
is "a file over the limit stays at home" "$(count heath pending)" 1
like "and what becomes of it" "$(at heath outbox | tr '\n' ' ')" "goes by itself when that is gone; 'fivepits outbox drop CHANGE' gives it up"
like "with the reason: how large it is, and what is allowed" "$(at heath outbox)" 'the document has 1\.1 MiB, and a file may have 1\.0 MiB'
like "nothing of it was sent" "$(($(weighs | cut -f 1) - before))" '^[0-9]{1,4}$'
status 1 "nobody else sees it" at pilsley show "$over"
status 1 "who has heard is refused at once" at heath put "$(size 1300000)"
is "and nothing of it is kept" "$(at heath list document title=sized.1300000 --json | field 'len(v)')" 0
change=$(at heath outbox --json | field 'v[0]["id"]')
ok "what is over is given up" at heath outbox drop "$change"
for i in 1 2 3; do at heath put "$(size 90000$i)" --title "third $i" --quiet >/dev/null; done
sync_all heath
is "three of 0.9 MB go" "$(count heath pending)" 0
like "what is used and free is told" "$(at heath quota)" 'uses 2\.6 MiB; free for it: [0-9.]+ KiB'
status 1 "a fourth does not fit" at heath put "$(size 900004)"
like "with what is used and free" "$(cat "$T/err")" 'may bring .* more: 2\.6 MiB are used of 3\.0 MiB'
ok "a smaller one does" at heath put "$(size 100000)"
sync_all heath pilsley
# Equal bytes that it may read are not sent, but count.
cp "$T/sized.900001" "$T/again"
status 1 "nor does one that is on the server already" at heath put "$T/again"
ok "other schools have their own" at pilsley put "$(size 1000000)"
sync_all pilsley
# A client that has not heard, and many at once.
cp -a "$T/morton" "$T/stale"
ok "the area has a limit" at pilsley quota --area 5M
sync_all pilsley
for i in 5 6 7; do at stale put "$(size 80000$i)" --title "stale $i" --quiet >/dev/null; done
at stale sync >"$T/out" 2>&1
is "of three that are too many for the area one goes" "$(count stale pending)" 2
like "the others wait with the reason" "$(at stale outbox)" 'the documents of all schools use [0-9.]+ MiB of 5\.0 MiB: [0-9.]+ (bytes|[MK]iB) free, and this one has 781\.'
ok "one school may have more" at pilsley quota --school Heath --file 2M --total any
ok "and the area" at pilsley quota --area none
sync_all pilsley stale heath
is "then they go" "$(count stale pending)" 0
ok "and that school may" at heath put "$T/sized.1300000"
sync_all heath
is "it goes too" "$(count heath pending)" 0
ok "without limits" at pilsley quota --school Heath --file none --total none
ok "at all" at pilsley quota --file none --total none
sync_all pilsley heath
is "nothing is limited" "$(at heath quota --json | field "v['file_bytes'], v['school_bytes']")" "(None, None)"
ok "the server's store is sound" fivepitsd fsck "$T/server"
finish
