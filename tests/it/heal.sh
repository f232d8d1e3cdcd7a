#!/bin/bash
# Documents that are damaged on one side are mended from any other that has them; sending waits, tells how far it is, and
# can be given up.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
damage() { # damage FILE: in twenty places
	python3 -c '
import random, sys
random.seed(4)
f = open(sys.argv[1], "r+b")
n = f.seek(0, 2)
for _ in range(20):
    f.seek(random.randrange(n - 4))
    f.write(b"xyzw")' "$1"
}
head -c 30000000 /dev/urandom >"$T/file"
id=$(at heath put "$T/file" | tail -n 1)
ok "a sync without documents" at heath sync --no-documents
like "leaves the document waiting" "$(at heath status)" '^Sending documents: 0 % of 28.6 MiB'
like "which is told in lists" "$(at heath list version)" 'sending 0 %'
like "and in the outbox" "$(at heath outbox)" 'sending 0 %'
ok "then it is sent" at heath sync
unlike "and nothing waits" "$(at heath status)" 'Sending'
at morton sync --quiet
at morton get "$id" -o "$T/first" >/dev/null
school newton 'Newton Primary School'

head -c 300000 /dev/urandom >"$T/own"
at heath put "$T/own" --title 'Own notes' --space personal --quiet >/dev/null
at heath sync --quiet

server_stop
damage "$T/server/documents/pack-1"
status 1 "damage at the server is found" fivepitsd fsck "$T/server"
like "which document it is of, and where, is told" "$(cat "$T/out")" \
	"^(1[0-9]|20) parts of a document are damaged: \"file\" in Partnership \(document ${id:0:13}\)$"
python3 -c '
import sys
f = open(sys.argv[1], "r+b")
f.seek(-9, 2)
f.write(b"xyzw")' "$T/server/documents/pack-1"
own=$(fivepitsd fsck "$T/server" --json 2>/dev/null)
like "but not the title of what is one person's own" "$own" 'is damaged \([0-9a-f]{8}\): document [0-9a-f-]{13} in Personal"'
unlike "in any way" "$own" 'Own notes'
server_start
status 1 "nobody gets what is damaged there" at newton get "$id" -o "$T/second"
like "and is told so" "$(cat "$T/err")" 'arrives damaged, again and again|should run fivepitsd fsck'
ok "nor is there half a file" test ! -e "$T/second"
server_stop
fivepitsd fsck "$T/server" --repair >"$T/out" 2>"$T/err"
like "and taken out" "$(cat "$T/out")" "^damaged parts of documents were taken out: schools' computers"
server_start
at pilsley sync --quiet
status 1 "who has not got it does not mend it" fivepitsd fsck "$T/server"
status 1 "nobody gets it until then" at newton get "$id" -o "$T/second"
like "and is told that it is awaited" "$(cat "$T/err")" 'does not have the document again yet: a computer that holds it'
at heath sync --quiet
ok "who has it does" fivepitsd fsck "$T/server"
ok "so that others can have it" at newton get "$id" -o "$T/second"
ok "byte for byte" cmp "$T/file" "$T/second"

damage "$T/morton/documents/pack-1"
status 1 "damage in a copy is found" at morton fsck
like "which document it is of, and where, is told" "$(cat "$T/out")" \
	'^(1[0-9]|20) parts of a document are damaged: "file" in partnership$'
ok "what is damaged is fetched again when it is asked for" at morton get "$id" -o "$T/third"
ok "byte for byte" cmp "$T/file" "$T/third"
ok "what was damaged is erased" at morton fsck --repair
ok "and the copy is sound" at morton fsck
damage "$T/morton/documents/pack-1"
ok "damage is taken out" at morton fsck --repair
like "of which document is told" "$(cat "$T/out")" ': "file" in partnership$'
ok "also by itself" at morton get "$id" -o "$T/fourth"
ok "byte for byte" cmp "$T/file" "$T/fourth"
damage "$T/morton/documents/pack-1"
mkdir "$T/into"
ok "it is written under its own name though it had to be fetched again" at morton get "$id" --into "$T/into"
is "and nothing beside it" "$(ls "$T/into")" file
ok "byte for byte" cmp "$T/file" "$T/into/file"
(umask 027 && at morton get "$id" -o "$T/private")
is "who may read it is the person's to say" "$(stat -c %a "$T/private")" 640

{ cat "$T/file"; echo more; } >"$T/other"
at heath put "$T/other" >/dev/null
change=$(at heath outbox --json | sed -n 's/^ *"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
ok "one that waits is given up" at heath outbox drop "$change"
like "and nothing waits" "$(at heath status)" 'All sent'
ok "nor is it sent" at heath sync
finish
