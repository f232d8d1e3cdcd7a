#!/bin/bash
# Documents of the second client (second_papers.py), written from PROTOCOL.md alone: what it puts the
# product's client gets, and the other way round; a cut line goes on; other spaces tell it nothing.
. "$(dirname "$0")/lib.sh"
second() { # second COMMAND SCHOOL [ARGUMENT...]: as that school's device
	local command=$1 home=$T/$2
	shift 2
	timeout 60 python3 -B "$ROOT/tests/it/second_papers.py" "$command" "$ADDRESS" "$home" "$@" 2>"$T/err" || tail -n 3 "$T/err"
}
number() { # number WORD: of a line such as "chunks 5 asked 3"
	sed -nE "s/.*\\b$1 ([0-9]+).*/\\1/p" | head -n 1
}
document() { # document SCHOOL FILE: its id
	at "$1" list document "title=$2" --json | first_id
}
ok "it works out the vectors of cutting and of the list" \
	python3 -B "$ROOT/tests/it/second_papers.py" vectors "$ROOT/proto/PROTOCOL.md"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
FILES='empty one text scan list'
names() { python3 -B "$ROOT/tests/it/second_papers.py" names "$1" "$2"; } # of root and first chunk; the root as OUT
: >"$T/empty"
printf x >"$T/one"
yes 'A line of text that squeezes well.' | head -c 1048576 >"$T/text"
head -c 8000000 /dev/urandom >"$T/scan"
names "$T/text" "$T/list" >/dev/null # a file that somebody made of a list

# What it puts is there for others.
second put heath "$T"/{empty,one,text,scan,list} >"$T/put"
is "all that it put was asked for" "$(number asked <"$T/put")" "$(number chunks <"$T/put")"
ok "text is squeezed" test "$(number sent <"$T/put")" -lt 8200000
ok "the other school takes it in" at morton sync --quiet
for file in $FILES; do
	ok "and gets $file" at morton get "$(document morton "$file")" -o "$T/got" --force
	ok "byte for byte" cmp "$T/$file" "$T/got"
done
second put heath "$T"/{empty,one,text} >"$T/put"
is "what it has sent it is not asked for again" "$(number asked <"$T/put")" 0

# A new version of what it may read: it sends what differs.
{ head -c 1000 "$T/scan" && printf + && tail -c +1001 "$T/scan"; } >"$T/scan2"
id=$(document morton scan)
second put morton "$T/scan2" --document "$id" >"$T/put"
like "of a byte more near the start some chunks are asked for" "$(number asked <"$T/put")" '^[2-9]$'
sync_all heath
ok "who reads the document gets the new version" at heath get "$id" -o "$T/got" --force
ok "as it is" cmp "$T/scan2" "$T/got"
ok "somebody picks the first version" at heath set "$id" current="$(at heath list version filename=scan --json | first_id)"
sync_all heath
second put morton "$T/one" --document "$id" >/dev/null
sync_all heath
ok "a third takes its place" at heath get "$id" -o "$T/got" --force
ok "where it was" cmp "$T/one" "$T/got"
unlike "and is no version apart" "$(at heath show "$id")" apart

# A line that breaks.
head -c 3000000 /dev/urandom >"$T/long"
second put heath "$T/long" --break-after 1800000 >"$T/put"
safe=$(number safe <"$T/put") all=$(number chunks <"$T/put")
ok "the line breaks when $safe of $all chunks have come" test "$safe" -gt 5
second put heath "$T/long" >"$T/put"
asked=$(number asked <"$T/put")
ok "then it is asked for $asked others alone" test "$asked" -gt 0 -a "$asked" -le $((all - safe))
sync_all morton
ok "the whole is there" at morton get "$(document morton long)" -o "$T/got" --force
ok "byte for byte" cmp "$T/long" "$T/got"

# What the product's client put.
mkdir "$T/of"
for file in $FILES; do
	cp "$T/$file" "$T/of/$file.of" && [ ! -s "$T/$file" ] || printf 'its own' >>"$T/of/$file.of"
done
names "$T/long" "$T/of/list.of" >/dev/null # which is on the server, as a list
cat "$T/long" "$T/one" >"$T/of/long.of"
ok "the product's client puts the like" at morton put "$T"/of/*
sync_all morton
mkdir "$T/came"
second get heath {empty,one,text,scan,list}.of --into "$T/came" >"$T/get"
for file in $FILES; do
	ok "the second gets $file, byte for byte" cmp "$T/of/$file.of" "$T/came/$file.of"
done
ok "text squeezed" test "$(grep '^text' "$T/get" | number squeezed)" -gt 2
second get heath long.of list.of --into "$T/came" --have "$T/of/long.of" --have "$T/of/list.of" >"$T/get"
is "both cut them at the same places" "$(grep -c 'asked 0 came 0' "$T/get")" 2
head -c 2900000 "$T/long" >"$T/before"
like "who has the version before asks for some chunks" \
	"$(second get heath long.of --into "$T/came" --have "$T/before" | number asked)" '^[2-9]$'
ok "and has the new one whole" cmp "$T/of/long.of" "$T/came/long.of"

# Of what is in another's space nothing is learnt.
head -c 400000 /dev/urandom >"$T/mine"
ok "a document of one's own space" at heath put "$T/mine" --space personal
sync_all heath
is "its author's device is asked for nothing of it" "$(second offer heath "$T/mine" | number asked)" 0
second offer morton "$T/mine" >"$T/put"
is "another is asked for all of it, though it is there" "$(number asked <"$T/put")" "$(number chunks <"$T/put")"
read -r root chunk < <(names "$T/mine" "$T/its.list")
is "its author has it, and a chunk of it" "$(second ask heath "$root" "$chunk:$root" | uniq)" came
mapfile -t said < <(second ask morton "${root//[0-9]/7}" "$root" "$chunk" "$chunk:$root")
like "what is not there is missing" "${said[0]}" '^missing'
is "another's list is so, in the same words" "${said[1]}" "${said[0]}"
is "its chunk" "${said[2]}" "${said[0]}"
is "and its chunk as one of the list" "${said[3]}" "${said[0]}"

# What breaks a rule, or does not fit.
cat >"$T/manners" <<'END'
a root that is no list: Missing after Want
a level above 6: Missing after Want
an entry of nothing: Missing after Want
entries that add up to more: Missing after Want
257 entries: Missing after Want
a list that is put as a file of one chunk: Missing after 3 Wants
damaged again and again: Missing after 3 Wants
a chunk that nobody waits for: Pace
and it goes on: Stored
a part that is not next: Bye 1
a part of nothing: Bye 1
more than the size: Bye 1
a chunk of more than 256 KiB: Bye 1
a mark that was never sent: Bye 1
a short name: Bye 1
257 offers: Bye 2
16,385 chunks: Bye 2
END
timeout 60 python3 -B "$ROOT/tests/it/second_manners.py" "$ADDRESS" "$T/heath" >"$T/answers" 2>&1
ok "what does not fit is missing, and what breaks a rule ends the session" diff "$T/manners" "$T/answers"
at pilsley quota --file 1M --quiet >/dev/null
sync_all pilsley
head -c 1500000 /dev/urandom >"$T/over"
like "what is over a limit is refused in words, before it is sent" "$(second put heath "$T/over")" 'Missing: .*a file may have 1'

sync_all heath morton pilsley heath
same_everywhere "all are equal" heath morton
finish
