#!/bin/bash
# Verdicts: what comes after its author's right has ended is held for the chair, who lets it in or not;
# what is refused stays, and is changed and sent again or given up by the person.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School' --group 'SENDco Working Group'
school newton 'Newton Primary School' --group 'SENDco Working Group'
first_id() { sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1; }
field() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1; }
group=$(at heath list group name~SENDco --json | first_id)
chair=$(at pilsley list person name~Heath --json | first_id)
person=$(at pilsley list person name~Newton --json | first_id)
ok "Heath chairs the group" at pilsley set "$group" chair="$chair"
event=$(at newton add event kind=meeting title='SENDco network' day=2019-11-20 groups+="$group" \
	--space 'SENDco Working Group' | tail -n 1)
at newton sync --quiet && at pilsley sync --quiet && at heath sync --quiet

# Newton writes offline; meanwhile its place in the group ends.
ok "Newton writes without a line" at newton set "$event" place='Bring the provision maps'
one=$(at newton outbox --json | first_id)
ok "and goes on from it" at newton set "$event" start=14:00
note=$(at newton add note on="$event" kind=comment text='written without a line' | tail -n 1)
for a in $(at pilsley list appointment person="$person" --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p'); do
	at pilsley show "$a" --json | grep -q "$group" && appointment=$a
done
ok "its appointment to the group ends" at pilsley set "$appointment" ended=yes
at pilsley sync --quiet
ok "Newton syncs" at newton sync
status 1 "the space is gone from it" at newton show "$event"
is "three changes are held" "$(at newton status --json | field held)" 3
is "none is refused" "$(at newton status --json | field refused)" 0
is "nor waits to be sent" "$(at newton status --json | field pending)" 0
like "status says so" "$(at newton status)" '3 changes are held'
like "and the outbox, with what they say" "$(at newton outbox)" 'Bring the provision maps'
status 1 "a held change can't be dropped" at newton outbox drop "$one"
status 1 "nor sent again" at newton outbox send "$one"

# The chair.
ok "the chair syncs" at heath sync
server_stop
is "three wait for a decision" "$(at heath status --json | field to_decide)" 3
like "they are listed without a line, with their author" "$(at heath held)" 'Head of Newton'
like "and what they say" "$(at heath held)" 'Bring the provision maps'
like "beside what stands" "$(at heath held)" 'now: \(nothing\)'
is "as JSON too" "$(at heath held --json | grep -c '"made_ms"')" 3
is "nobody else has any" "$(at pilsley held --json | tr -d ' \n')" '[]'
status 75 "to decide needs the server" at heath held accept "$one"
server_start
all=$(at heath held --json | sed -n 's/^    "id": *"\([0-9a-f-]*\)".*/\1/p')
two=$(sed -n 2p <<<"$all") three=$(sed -n 3p <<<"$all")
is "they stand in the order in which they were made" "$(sed -n 1p <<<"$all")" "$one"
status 1 "who is no chair decides nothing" at pilsley held accept "$one"
status 1 "what stands after another can't come before it" at heath held accept "$two"
like "in words" "$(cat "$T/err")" 'stands after|EARLIER|earlier'
ok "the chair lets the first in" at heath held accept "${one:0:18}"
ok "and then the second" at heath held accept "$two"
ok "and refuses the third, with words" at heath held refuse "$three" --words 'This was agreed otherwise in October'
status 1 "a decision is made once" at heath held refuse "$three"
at heath sync --quiet
is "nothing waits for a decision any more" "$(at heath held --json | tr -d ' \n')" '[]'
like "what was let in stands" "$(at heath show "$event")" 'Bring the provision maps'
status 1 "what was refused does not" at heath show "$note"
like "history names the author" "$(at heath history "$event")" 'Head of Newton'
like "and who let it in" "$(at heath history "$event")" 'let in by Head of Heath'
like "as JSON too" "$(at heath history "$event" --json | tr -d '\n')" '"let_in_by": *\{[^}]*Head of Heath'

# The author hears of all of it, though the space stays closed to it.
ok "the author syncs" at newton sync
is "nothing is held any more" "$(at newton status --json | field held)" 0
is "one is refused" "$(at newton status --json | field refused)" 1
like "with the chair's words" "$(at newton outbox)" 'Head of Heath Primary School refused it: This was agreed otherwise'
like "and with what it said" "$(at newton outbox show "$three")" 'written without a line'
status 1 "the space is as closed as before" at newton show "$event"
ok "the author gives it up" at newton outbox drop "$three"
is "and nothing is left" "$(at newton status --json | field refused)" 0

# One who comes back needs nobody's word; a suspended person's changes are held too.
again=$(at heath add event kind=meeting title='Again' day=2019-12-01 groups+="$group" --space 'SENDco Working Group' | tail -n 1)
ok "a new appointment" at pilsley add appointment person="$person" role=sendco group="$group"
at heath sync --quiet && at pilsley sync --quiet && at newton sync --quiet
ok "Newton reads it again" at newton show "$again"
ok "and writes, without a line" at newton set "$again" place='before it was suspended'
ok "a person is suspended" at pilsley set "$person" standing=suspended
at pilsley sync --quiet
ok "its device may still hand over what it wrote" at newton sync
is "which is held" "$(at newton status --json | field held)" 1
status 1 "and nothing can be read there any more" at newton show "$again"
like "which sync says" "$(at newton sync)" 'nothing here that you may read'
at heath sync --quiet
is "the chair is asked" "$(at heath status --json | field to_decide)" 1
ok "the person acts again" at pilsley set "$person" standing=active
at pilsley sync --quiet && at newton sync --quiet && at newton sync --quiet && at heath sync --quiet
is "then nobody need be asked" "$(at newton status --json | field held),$(at heath status --json | field to_decide)" 0,0
like "what was held stands" "$(at heath show "$again")" 'before it was suspended'
unlike "let in by nobody" "$(at heath history "$again")" 'let in by'

# Verdicts of one's own changes.
action=$(at newton add action ref=9.1 text='Verdicts' | tail -n 1)
for s in newton heath pilsley; do at $s sync --quiet; done
at newton set "$action" text='One' >/dev/null
at heath set "$action" text='Two' >/dev/null
at newton sync --quiet && at heath sync --quiet
like "the outbox says what became of the rest" "$(at newton outbox)" '^Decided lately'
like "applied" "$(at newton outbox --json)" '"state": "applied"'
like "or two versions" "$(at heath outbox)" 'two versions'
like "as JSON too" "$(at heath outbox --json)" '"state": "conflict"'
is "so many as are asked for" "$(at heath outbox --json --most 1 | grep -c '"time_ms"')" 1
is "or none" "$(at heath outbox --json --most 0 | tr -d ' \n')" '[]'
status 2 "in numbers" at heath outbox --most some

# Beside a running serve its line is used, and the author is told while connected.
"$B/fivepits" --home "$T/heath" serve >"$T/serve.out" 2>&1 & # not `at`: the end is for the client
serve=$!
at pilsley set "$person" standing=suspended >/dev/null
ok "Newton writes again without a line" at newton set "$again" place='once more'
at pilsley sync --quiet && at newton sync --quiet
asked() { [ "$(at heath status --json | field to_decide)" = 1 ]; }
ok "who serves is asked as it happens" wait_for 20 asked
ok "and lets it in through the line that is there" at heath held accept "$(at heath held --json | first_id)"
like "which history tells" "$(at heath history "$again")" 'let in by Head of Heath'
kill $serve && wait $serve
ok "the author hears of it" at newton sync
is "and holds nothing back" "$(at newton status --json | field held)" 0
at pilsley set "$person" standing=active >/dev/null
for s in pilsley newton newton; do at $s sync --quiet; done

# Refused: it parks with what it says, and what stands after it waits; all else goes on.
at pilsley set "$appointment" ended=yes >/dev/null
id=$(at pilsley list space name~Administration --json | first_id)
ok "a change that the server will refuse" at pilsley set "$id" archived=yes
refused=$(at pilsley outbox --json | first_id)
ok "another on top of it" at pilsley set "$id" short_id=x1
ok "and one elsewhere" at pilsley set "$action" status=in-progress
at pilsley sync --quiet
is "one is refused, and one waits" "$(at pilsley status --json | field refused)" 2
is "the other went on" "$(at pilsley status --json | field pending)" 0
like "the outbox says why" "$(at pilsley outbox)" 'spaces are made in the directory'
like "what waits says for what" "$(at pilsley outbox)" 'waits for one that was refused'
status 1 "a record's field must be one of its type" at pilsley outbox send "$refused" nonsense=1
ok "it is sent again as it was" at pilsley outbox send "$refused"
is "with what waits for it" "$(at pilsley status --json | field pending)" 2
at pilsley sync --quiet
is "and is refused again" "$(at pilsley status --json | field refused)" 2
at pilsley outbox drop "$(at pilsley outbox --json --most 0 | first_id)" >/dev/null
like "what stood after it is the person's to send too" "$(at pilsley outbox)" 'that was dropped'
at pilsley outbox drop "$(at pilsley outbox --json --most 0 | first_id)" >/dev/null
is "until the person gives it up" "$(at pilsley outbox --json --most 0 | tr -d ' \n')" '[]'

# A refused change can be changed and sent again, also one that made a record.
school visitor 'Park House' --role guest
made=$(at visitor add action ref=9.2 text='Not yet' | tail -n 1)
at visitor add note on="$made" kind=comment text='on top of it' >/dev/null
at visitor sync --quiet
is "a guest's changes are refused" "$(at visitor status --json | field refused)" 2
like "in words" "$(at visitor outbox)" 'you may read this space, but not write in it'
guest=$(at pilsley list person name~Park --json | first_id)
at pilsley add appointment person="$guest" role=staff >/dev/null
at pilsley sync --quiet && at visitor sync --quiet
refused=$(at visitor outbox --json --most 0 | first_id)
ok "later it is sent again, with other words" at visitor outbox send "$refused" text='Now it is' status=in-progress
at visitor sync --quiet && at pilsley sync --quiet
like "which arrive" "$(at pilsley show "$made")" 'Now it is'
like "with what was the same" "$(at pilsley show "$made")" '9\.2'

server_stop
ok "the server is sound" fivepitsd fsck "$T/server"
for s in heath newton pilsley visitor; do ok "the copy of $s is sound" at $s fsck; done
finish
