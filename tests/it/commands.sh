#!/bin/bash
# The command line as people and scripts use it: help, JSON, ids and names, settling, the outbox,
# places in a list, versions of a document, invitations.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School' --group 'SENDco Working Group'
school morton 'Morton Primary School'
at pilsley import plan tests/data/plan-2019-20.json >/dev/null
for s in pilsley heath morton; do at $s sync --quiet; done
first_id() { sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1; }
everywhere() { at heath sync --quiet && at morton sync --quiet && at heath sync --quiet; }
kind_of_json() { perl -MJSON::PP -e 'local $/; my $v = JSON::PP->new->allow_nonref->decode(<STDIN>); print ref $v'; }

is "--help lists the commands" "$(fivepits --help | grep -c '^  [a-z]\+  .*')" 35
for c in $(fivepits --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p'); do
	like "$c --help has an example" "$(fivepits "$c" --help | tr '\n' ' ')" "Usage: fivepits $c.*Example +fivepits"
done
for c in 'list' 'list action' 'list conflict' 'history 1.5' 'search plan' 'conflicts' 'outbox' 'digest' 'audit' 'limits action'; do
	# shellcheck disable=SC2086 # a command and its arguments
	is "$c --json is a list" "$(at heath $c --json | kind_of_json)" ARRAY
done
for c in 'show 1.5' 'status' 'limits' 'export plan' 'sync' 'rebuild' 'set 1.9 rag=green' 'withdraw 1.9' 'restore 1.9'; do
	# shellcheck disable=SC2086
	is "$c --json is an object" "$(at heath $c --json | kind_of_json)" HASH
done
for c in digest fsck; do
	is "fivepitsd $c --json is a list" "$(fivepitsd $c "$T/server" --json | kind_of_json)" ARRAY
done
status 2 "the nearest command is named" at heath lits
like "as a question" "$(cat "$T/err")" "did you mean 'list'\?$"

# Names and ids.
ok "a record is found by its reference, a school by its name" at heath set 1.5 responsible+=Morton lead=Pilsley
like "and shown by name" "$(at heath show 1.5)" 'Lead +Pilsley Primary School'
is "a filter by name finds it" "$(at heath list action lead=Pilsley ref=1.5 --json | grep -c '"ref"')" 1
seen=$(at morton show 1.6 --json | sed -n 's/.*"seen": *"\([^"]*\)".*/\1/p' | tail -n 1)
at heath set 1.6 rag=green >/dev/null
everywhere
ok "what was seen can be said later" at morton set 1.6 rag=amber --seen "$seen"
everywhere
like "and then counts" "$(at heath conflicts)" 'Rag: two versions'
like "with both sides" "$(at heath conflicts | tr '\n' ' ')" 'green.*amber'
ok "a new version settles them" at morton settle 1.6 --take rag=red
like "which is said until it is sent" "$(at morton conflicts)" 'Settled on this computer'
everywhere
like "and stands everywhere" "$(at heath show 1.6)" 'Rag +red'
is "alone" "$(at heath conflicts --json | tr -d ' \n')" '[]'
status 1 "there is nothing more to settle" at heath settle 1.6 --take theirs

at heath withdraw 1.7 >/dev/null
at morton set 1.7 details='Still needed' >/dev/null
everywhere
like "withdrawn and edited apart asks" "$(at morton conflicts)" 'Withdrawn or not: two versions'
ok "it is brought back by settling" at morton settle 1.7 --take existence=live
everywhere
like "and is there again" "$(at heath list action ref=1.7)" '1\.7'
at heath withdraw 1.8 >/dev/null
at morton set 1.8 details='Still needed' >/dev/null
everywhere
ok "or stays withdrawn" at morton settle 1.8 --take theirs
everywhere
is "which settles it too" "$(at heath conflicts --json | tr -d ' \n')" '[]'
status 1 "and what was withdrawn is not edited" at heath set 1.8 rag=red
ok "but restored" at heath restore 1.8

# Places in an agenda.
event=$(at heath add event kind=meeting title='Heads' day='9 October 2019' | tail -n 1)
a=$(at heath add agenda-item event="$event" title=Apologies | tail -n 1)
b=$(at heath add agenda-item event="$event" title=Business | tail -n 1)
at heath add agenda-item event="$event" title=Arrivals before="$b" --quiet >/dev/null
at heath set "$b" position=first >/dev/null
like "an agenda is put in order" "$(at heath show "$event" | tr '\n' ' ')" 'Business.*Apologies.*Arrivals'
status 1 "after what is not in it is no place" at heath set "$a" after=1.5
printf '#!/bin/sh\nexit 3\n' >"$T/editor"
chmod +x "$T/editor"
status 1 "an editor that fails changes nothing" env EDITOR="$T/editor" VISUAL= "$B/fivepits" --home "$T/heath" edit "$a" minute_text

# The outbox.
at morton sync --quiet
id=$(at morton list school name~Heath --json | first_id)
is "no --quiet line but the id" "$(at heath add note on="$id" kind=comment text=x --quiet | wc -l)" 1
status 1 "the outbox gives up nothing that is only on its way" at heath outbox drop "$(at heath outbox --json | first_id)"
status 1 "nor what is not in it" at heath outbox drop 00000000
status 2 "nor without being told what" at heath outbox drop

# Documents.
printf one >"$T/paper.txt"
doc=$(at heath put "$T/paper.txt" --title 'The paper' | tail -n 1)
printf two >"$T/paper.txt"
is "a new version belongs to its document" "$(at heath put --document "$doc" "$T/paper.txt" --note better | tail -n 1)" "$doc"
like "the same again is said" "$(at heath put --document "$doc" "$T/paper.txt")" 'same as the newest'
is "get takes the newest" "$(at heath get "$doc" -o -)" two
status 1 "get replaces no file" at heath get "$doc" -o "$T/paper.txt"
ok "unless told to" at heath get "$doc" -o "$T/paper.txt" --force
status 1 "what is no document has no file" at heath get 1.5
status 2 "two files are not one version" at heath put --document "$doc" "$T/paper.txt" "$T/paper.txt"

# Invitations.
status 1 "who does not administer invites nobody" at heath invite --school 'Heath Primary School' --name X
status 2 "an invitation is for somebody" at pilsley invite --school 'Heath Primary School'
people() { at pilsley list person --json | grep -c '"name": *"Head of Heath Primary School"'; }
like "another device is one more invitation" "$(at pilsley invite --school 'Heath Primary School' --name 'Head of Heath Primary School' | tail -n 1)" '^fivepits:'
is "for the same person" "$(people)" 1
at pilsley invite --school 'Morton Primary School' --name 'Head of Heath Primary School' >/dev/null
is "a namesake at another school is somebody else" "$(people)" 2
status 1 "nobody shuts out themselves" at pilsley revoke 'Pat Pilsley'
device=$(at pilsley list device school=Morton --json | first_id)
ok "a device is revoked" at pilsley revoke "$device" --reason lost
at pilsley sync --quiet
status 1 "and turned away" at morton sync

# Completion, as bash asks for it.
cat >"$T/complete" <<'X'
source <("$1" completion bash)
PATH=$(dirname "$1"):$PATH
compopt() { :; }
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_fivepits && echo "${COMPREPLY[*]}"
X
complete() { bash "$T/complete" "$B/fivepits" fivepits "$@"; }
is "commands are completed" "$(complete li)" 'list limits'
is "types" "$(complete list --space partnership agenda)" 'agenda-item'
is "fields of a type" "$(complete add action target_d)" 'target_due='
is "fields of a record" "$(complete --home "$T/heath" set 1.5 target_d)" 'target_due='
is "none of a record that is not there" "$(complete --home "$T/heath" set nothing target_d)" ""
is "options" "$(complete put --doc)" '--document'
is "words to choose from" "$(complete invite --role head)" 'headteacher'
is "files" "$(complete import plan "$T/heath/ke")" "$T/heath/key.pem"
finish
