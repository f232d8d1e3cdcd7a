#!/bin/bash
# Two versions as people meet them: seen before they are sent, shown with both, settled at two schools at once, taken
# back; prose brought together; many withdrawals at once; what refers to the withdrawn, and rings of references.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
all() { for s in pilsley heath morton pilsley heath morton; do at $s sync --quiet 2>"$T/err" || cat "$T/err"; done; }
action() { # action TEXT [FIELD=VALUE...]: a new one that all hold; its id
	local text=$1
	shift
	at pilsley add action text="$text" "$@" | tail -n 1
	all >/dev/null
}
field() { sed -n "s/^  \"$2\": *\"\?\([^\",]*\)\"\?,\?$/\1/p" <<<"$1" | head -n 1; }
change() { at "$1" history "$2" --json | sed -n 's/^    "change": *"\(.*\)".*/\1/p' | head -n "${3:-1}" | tail -n 1; }

# ---- Seen before it is sent ----
id=$(action 'Audit the skills of all staff' status=not-started)
at heath set "$id" status=in-progress >/dev/null
at heath sync --quiet
ok "Morton, which has not heard of it, edits the same" at morton set "$id" status=completed
# The line breaks before what waits goes out: only what is new comes in.
seen=$(at morton show "$id" --json)
is "its own value is shown at once" "$(field "$seen" status)" completed
all >/dev/null
like "two versions, both of them beside the record" "$(at pilsley show "$id")" 'Status: two versions'
shown=$(at pilsley conflicts)
like "with what was before" "$shown" 'Before +1'
like "who wrote which, and from where" "$shown" '1  Head of Heath Primary School, Heath Primary School, .* - stands for now'
like "what they had seen" "$shown" 'had seen it as Pat Pilsley'
like "and the values side by side" "$shown" 'Status +not-started +in-progress +completed'
like "the list marks it" "$(at pilsley list action)" 'two versions'
json=$(at pilsley conflicts --json | tr -d '\n ')
like "as JSON: how a side is named" "$json" '"take":1,.*"take":2'
like "and what it had seen" "$json" '"seen":\{"epoch":1,"number":[0-9]+,"change":"[0-9a-f-]{36}"'

# ---- Settled at two schools at once, and a third edit meanwhile ----
ok "Pilsley takes a side by its number" at pilsley settle "$id" --take 2
like "it says so until it is sent" "$(at pilsley conflicts)" 'Settled on this computer'
ok "Heath at the same time by the school's name" at heath settle "$id" --take 'heath'
ok "and Morton edits once more, having seen neither" at morton set "$id" status=stopped
all >/dev/null
n=$(at heath conflicts --json | grep -c '"to_be"')
is "nothing is refused: they have two versions of the settling" "$n" 1
sides=$(at heath conflicts --json | grep -c '"take"')
ok "three or more sides stand there" test "$sides" -ge 2
status 1 "'theirs' does not say whose of several" at pilsley settle "$id" --take nobody
ok "a new value settles them all" at pilsley settle "$id" --take status=carried-forward
all >/dev/null
is "at every school" "$(for s in pilsley heath morton; do at $s conflicts --quiet; at $s show "$id"; done | grep -c 'Status  *carried-forward')" 3
like "the history says which change settled" "$(at heath history "$id" | sed -n 2p)" '^ +settles two versions$'

# ---- Fields that are settled together ----
id=$(action 'Meet with the governors' target_kind=ongoing target_text='In May')
at heath set "$id" target_text='In June' >/dev/null
at morton set "$id" target_text='In July' >/dev/null
all >/dev/null
like "the field that they differ in is the one to be written" "$(at pilsley conflicts)" 'settle [0-9a-f-]+ --take 1[|]2[|]target_text=VALUE'
ok "it settles all of them" at pilsley settle "$id" --take target_text='In May or June'
like "it is told before it is sent" "$(at pilsley history "$id" | sed -n 2p)" '^ +settles two versions$'
all >/dev/null

# ---- A settling is taken back ----
id=$(action 'Meet twice a term' rag=amber)
at heath set "$id" rag=green >/dev/null
at morton set "$id" rag=red >/dev/null
all >/dev/null
at morton settle "$id" --take theirs >/dev/null
all >/dev/null
is "settled" "$(at heath conflicts)" 'There are no two versions of anything here.'
ok "and taken back by whoever likes" at heath undo "$(change heath "$id")"
like "which says what it does" "$(cat "$T/out")" 'Rag: two versions again'
all >/dev/null
like "both versions are there again" "$(at pilsley conflicts)" 'Rag: two versions'
at pilsley settle "$id" --take 'Morton' >/dev/null
all >/dev/null
is "and settled anew" "$(field "$(at heath show "$id" --json)" rag)" red

# ---- Three versions, a fourth that stands, and a settling overtaken and taken back ----
id=$(action 'Check the roof' status=not-started details='One was read. Two was read. Three was read. Four was read.')
at heath set "$id" status=in-progress >/dev/null
at morton set "$id" status=completed >/dev/null
at pilsley set "$id" status=stopped >/dev/null
all >/dev/null
like "three versions are called three" "$(at heath conflicts)" 'Status: three versions'
at heath set "$id" status=carried-forward >/dev/null
all >/dev/null
shown=$(at morton conflicts)
like "what one who saw them all wrote since is shown beside them" "$shown" 'what stands for now is none of these: Head of Heath'
like "with its value" "$shown" 'Status +not-started .*carried-forward'
like "as JSON too" "$(at morton conflicts --json | tr -d ' \n')" '"now":\{"status":"carried-forward"'
status 1 "a number that no version has is explained" at morton settle "$id" --take 9
at morton settle "$id" --take 2 >/dev/null
at heath set "$id" status=not-started >/dev/null
at heath sync --quiet # whose edit is there first
all >/dev/null
like "a settling and an edit apart are two versions, the others are closed" "$(at heath conflicts)" 'Status: two versions'
ok "the settling can be taken back, though it never came to stand" at morton undo "$(change morton "$id")"
all >/dev/null
shown=$(at pilsley conflicts)
like "what it had closed is open again, beside the edit" "$shown" 'Status: four versions'
like "with each value" "$shown" 'in-progress +completed +stopped +not-started'
at pilsley settle "$id" --take status=completed >/dev/null
at heath set "$id" details='One was lost. Two was read. Three was read. Four was read.' >/dev/null
at morton set "$id" details='One was found. Two was read. Three was read. Four was read.' >/dev/null
at pilsley set "$id" details='One was read. Two was read. Three was read. Four was eaten.' >/dev/null
for s in heath morton pilsley; do at $s sync --quiet; done
all >/dev/null
shown=$(at morton conflicts)
like "a version that was merged with what stood shows all of it" "$shown" \
	'\[-One was read.-\] \{\+One was lost.\+\} .*\[-Four was read.-\]\{\+Four was eaten.\+\}'
like "and is said to stand" "$shown" '3  Pat Pilsley.* - stands for now'
at morton settle "$id" --take 3 >/dev/null
all >/dev/null
is "taking it takes no words away" "$(field "$(at heath show "$id" --json)" details)" \
	'One was lost. Two was read. Three was read. Four was eaten.'
at heath set "$id" details= >/dev/null
at morton set "$id" details='One was lost, and two.' >/dev/null
at heath sync --quiet
all >/dev/null
like "left empty and edited are two versions" "$(at pilsley conflicts)" '\(nothing\)'
unlike "that it stays empty can be the settling" "$(at pilsley settle "$id" --take heath)" 'Nothing to change'
all >/dev/null
is "everywhere" "$(at morton conflicts)" 'There are no two versions of anything here.'
ok "and be taken back" at morton undo "$(change morton "$id")"
all >/dev/null
like "everywhere" "$(at heath conflicts)" 'Details: two versions'
at heath settle "$id" --take morton >/dev/null
all >/dev/null

# ---- Withdrawn or not ----
id=$(action 'Publish a newsletter')
at heath withdraw "$id" >/dev/null
at morton set "$id" details='Four times a year' >/dev/null
all >/dev/null
like "withdrawn and edited apart" "$(at pilsley conflicts)" 'Withdrawn or not: two versions'
like "the way to settle it" "$(at pilsley conflicts)" 'settle .* --take 1\|2\|keep\|withdraw'
ok "it is kept" at pilsley settle "$id" --take keep
all >/dev/null
like "at every school, with the edit" "$(at heath show "$id")" 'Four times a year'

# ---- Prose ----
text='The group met on Monday. Ten schools came. Nobody sent apologies. The next meeting is in May.'
id=$(action 'Minutes of a kind' details="$text")
at heath set "$id" details="${text/Ten/Eleven}" >/dev/null
at morton set "$id" details="${text/May/June}" >/dev/null
all >/dev/null
both=${text/Ten/Eleven}
is "sentences edited apart are brought together" "$(field "$(at pilsley show "$id" --json)" details)" "${both/May/June}"
like "and marked, with both authors" "$(tr '\n' ' ' <<<"$(at pilsley show "$id")" | tr -s ' ')" \
	'\(merged by machine: Head of Morton.* and Head of Heath'
like "in the list too" "$(at pilsley list action)" 'merged by machine'
at pilsley set "$id" details='Read again, and shortened.' >/dev/null
all >/dev/null
unlike "until a person writes it anew" "$(at heath show "$id")" 'merged by machine'
at heath set "$id" details='Read again, by Heath.' >/dev/null
at morton set "$id" details='Read again, by Morton.' >/dev/null
all >/dev/null
like "the same sentence written apart is two versions, the difference marked" "$(at pilsley conflicts)" \
	'\[-Read again, and shortened.-\]\{\+Read again, by Heath.\+\}'
at pilsley settle "$id" --take details='Read again, by both.' >/dev/null
all >/dev/null

# ---- Undo ----
id=$(action 'Undo me' status=not-started "responsible=Heath Primary School")
at heath set "$id" status=in-progress responsible+=Morton details='Begun.' >/dev/null
all >/dev/null
edit=$(change morton "$id")
at morton set "$id" details='Begun in June.' >/dev/null
all >/dev/null
ok "a change is taken back" at pilsley undo "${edit:0:20}"
like "what others have changed since stays" "$(cat "$T/out")" 'Details: left as it is'
like "the rest goes back" "$(cat "$T/out")" 'Status: in-progress -> not-started'
all >/dev/null
shown=$(at heath show "$id")
like "as every copy says" "$shown" 'Status +not-started'
unlike "lists too" "$shown" 'Responsible .*Morton'
like "the later edit is there" "$shown" 'Begun in June'
like "and the history tells of it" "$(at heath history "$id")" 'takes back'
ok "taking that back puts it there again" at pilsley undo "$(change pilsley "$id")"
all >/dev/null
like "again" "$(at morton show "$id")" 'Status +in-progress'
made=$(change morton "$id" 99)
ok "what was made is withdrawn" at heath undo "$made"
all >/dev/null
like "by taking its making back" "$(at morton show "$id")" 'Withdrawn'
ok "and a withdrawal is taken back" at morton undo "$(change morton "$id")"
all >/dev/null
unlike "so that it is there" "$(at heath show "$id")" "brings it back"
at heath set "$id" rag=red >/dev/null
ok "what is not sent yet is taken back as well" at heath undo "$(change heath "$id")"
all >/dev/null
is "and arrives as if it had never been" "$(field "$(at morton show "$id" --json)" rag)" ''
status 1 "what the server entered is not taken back" at pilsley undo "$(at pilsley audit --json | sed -n 's/^    "change": *"\(.*\)".*/\1/p' | tail -n 1)"
status 1 "nor what is not known" at pilsley undo 01234567

# ---- Two withdrawals one right after the other ----
one=$(action 'Withdrawn first') two=$(action 'Withdrawn second')
sleep 0.5 # with nothing made just before, a few digits are enough for the first, until there is the second
first=$(at heath withdraw "$one" | sed -n "s/.*'fivepits \(undo [0-9a-f -]*\)'.*/\1/p")
at heath withdraw "$two" --quiet >/dev/null
# shellcheck disable=SC2086 # words of a command line
ok "the line that was printed takes the first back, as it stands" at heath $first
like "and that alone" "$(at heath list action text~Withdrawn)" 'Withdrawn first'
unlike "(the second stays withdrawn)" "$(at heath list action text~Withdrawn)" 'Withdrawn second'
all >/dev/null

# ---- Many withdrawals ----
ids=()
for i in $(seq 30); do ids+=("$(at pilsley add note on="$id" text="Note $i" | tail -n 1)"); done
all >/dev/null
status 1 "many at once are not withdrawn unasked" at heath withdraw "${ids[@]}"
like "it names the way" "$(cat "$T/err")" '--yes'
is "and nothing was" "$(at heath list note | grep -c 'Note [0-9]')" 30
for n in "${ids[@]}"; do at heath withdraw "$n" --quiet; done
at heath set "$id" measure='Flows all the same' >/dev/null
status 1 "one by one they are held back by the sync" at heath sync
all >/dev/null
like "all else is sent" "$(at morton show "$id")" 'Flows all the same'
is "they are not" "$(at morton list note | grep -c 'Note [0-9]')" 30
like "the status says so" "$(at heath status)" '30 records would be withdrawn'
like "as JSON too" "$(at heath status --json | tr -d ' \n')" '"asking":[0-9]+'
like "and doctor does not say that all is sent" "$(at heath doctor 2>/dev/null)" "session .*30 not sent yet: 'fivepits outbox' says for what"
"$B/fivepits" --home "$T/heath" serve 2>"$T/serve.log" &
SERVE=$!
at heath set "$id" measure='Also by serve' >/dev/null
ok "serve sends all else" wait_for 20 sh -c "$B/fivepits --home $T/morton sync --quiet; $B/fivepits --home $T/morton show $id | grep -q 'Also by serve'"
kill "$SERVE" && wait "$SERVE"
like "and says what it keeps" "$(cat "$T/serve.log")" 'asks'
is "it keeps it" "$(at morton list note | grep -c 'Note [0-9]')" 30
ok "the person's word lets them go" at heath sync --yes
all >/dev/null
is "now they are" "$(at morton list note | grep -c 'Note [0-9]')" 0
mapfile -t changes < <(at heath audit --json >/dev/null; for n in "${ids[@]}"; do change heath "$n"; done)
ok "one command takes it all back" at morton undo "${changes[@]}"
all >/dev/null
is "and they are here again" "$(at heath list note | grep -c 'Note [0-9]')" 30
ok "in one change they ask once" at heath withdraw --yes "${ids[@]}"
ok "and go without asking again" at heath sync --quiet
ok "undo brings them back with one id" at heath undo "$(change heath "${ids[0]}")"
all >/dev/null
is "all of them" "$(at pilsley list note | grep -c 'Note [0-9]')" 30

# ---- What refers to the withdrawn, and rings ----
one=$(action 'First of a ring')
two=$(action 'Second of a ring' depends_on="$one")
at heath set "$one" depends_on+="$two" >/dev/null
at morton set "$two" depends_on+="$one" >/dev/null
all >/dev/null
ok "two that depend on each other are shown" timeout 20 "$B/fivepits" --home "$T/pilsley" show "$one"
ok "and exported" timeout 20 "$B/fivepits" --home "$T/pilsley" list action depends_on="$one"
at pilsley withdraw "$two" --quiet
all >/dev/null
like "what refers to the withdrawn still names it" "$(at heath show "$one")" 'Second of a ring \(withdrawn\)'
p=$(at heath add plan title='A plan' year=2031-32 | tail -n 1)
q=$(at morton add plan title='Another' year=2032-33 | tail -n 1)
all >/dev/null
at heath set "$p" previous="$q" >/dev/null
at morton set "$q" previous="$p" >/dev/null
all >/dev/null
ok "plans that follow each other in a ring are shown" timeout 20 "$B/fivepits" --home "$T/heath" show "$p"
ok "and exported" timeout 20 "$B/fivepits" --home "$T/heath" export plan 2031-32 -o "$T/ring.json"
is "all copies are equal" "$(common heath)$(common morton)" "$(common pilsley)$(common server)"
for s in pilsley heath morton; do ok "$s is sound" at $s fsck; done
finish
