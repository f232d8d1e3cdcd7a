#!/bin/bash
# A meeting: agenda, attendance, minutes by item, edited apart; a minute becomes an action.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
event=$(at pilsley add event kind=meeting title='Cluster Heads' day=2019-10-10 start=14:00 end=16:00 place=Pilsley | tail -n 1)
one=$(at pilsley add agenda-item event="$event" title='Welcome and apologies' | tail -n 1)
two=$(at pilsley add agenda-item event="$event" title='Any other business' | tail -n 1)
first_id() { sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1; }
person=$(at pilsley list person name~Heath --json | first_id)
ok "attendance is taken" at pilsley add attendance event="$event" person="$person" presence=present
for s in pilsley heath morton; do at $s sync --quiet; done
printf 'The head of Pilsley welcomed all.\nApologies: none.\n' >"$T/text"
ok "minutes are written offline from a file" at heath set "$one" minute_text=@"$T/text"
cat >"$T/editor" <<'X'
#!/bin/sh
echo 'The date of the next meeting was agreed.' >>"$1"
X
chmod +x "$T/editor"
ok "and in an editor" env EDITOR="$T/editor" VISUAL= "$B/fivepits" --home "$T/morton" edit "$two" minute_text
ok "an item is inserted at one school" at heath add agenda-item event="$event" title='Secure area' after="$one"
ok "and another at the same place at another" at morton add agenda-item event="$event" title='Artsmark' after="$one"
for s in heath morton heath; do at $s sync --quiet; done
at heath show "$event" >"$T/heath.minutes"
at morton show "$event" >"$T/morton.minutes"
is "both print the same minutes" "$(cat "$T/heath.minutes")" "$(cat "$T/morton.minutes")"
like "with both items' texts" "$(tr '\n' ' ' <"$T/heath.minutes")" 'welcomed all.*next meeting was agreed'
like "in an order that survived both inserts" "$(tr '\n' ' ' <"$T/heath.minutes")" 'Welcome.*(Secure area.*Artsmark|Artsmark.*Secure area).*Any other'
like "and who was there" "$(cat "$T/heath.minutes")" 'Heath'
action=$(at heath add action origin="$two" text='Book the hall' | tail -n 1)
at heath sync --quiet && at morton sync --quiet
like "a minute becomes an action" "$(at morton show "$event")" 'Book the hall'
like "with a link that survives" "$(at morton list link from="$action" --json)" "$two"

minutes=$(at pilsley add minutes event="$event" | tail -n 1)
at pilsley sync --quiet && at heath sync --quiet
ok "minutes are approved offline" at pilsley set "$minutes" state=approved
ok "while an item is edited elsewhere" at heath set "$one" minute_text='The head of Heath was late.'
at heath sync --quiet
at pilsley sync --quiet
like "what has moved is not approved, and the words say what and by whom" "$(at pilsley outbox)" \
	'the agenda-item "Welcome and apologies" has changed since it was read, by Head of Heath'
ok "what was refused is dropped by the person" at pilsley outbox drop "$(at pilsley outbox --json | first_id)"
ok "what has been read is" at pilsley set "$minutes" state=approved
at pilsley sync --quiet
is "nothing is refused" "$(at pilsley status --json | sed -n 's/.*"refused": *\([0-9]*\).*/\1/p' | head -n 1)" 0
like "the minutes name their items" "$(at pilsley show "$minutes" --json)" "$one"
ok "an edit that comes late" at morton set "$one" minute_text='Mrs. Lee sent her apologies.'
at morton sync --quiet
at heath sync --quiet
like "leaves what was approved" "$(at heath show "$event" | tr '\n' ' ')" 'The head of Heath was late\.'
like "and stands beside it as a correction, with its author" "$(at heath show "$event" | tr '\n' ' ')" \
	'Correction by Head of Morton Primary School: minute text: Mrs. Lee sent her *apologies\.'
ok "one that comes later still, with no line" at heath set "$one" minute_text='Mr. Ward came at three.'
like "is shown as what it will be" "$(at heath show "$one" | tr -s ' \n' ' ')" \
	'The head of Heath was late\..* will stand beside them as a correction'
unlike "and not as the minutes" "$(at heath show "$one")" 'Mr\. Ward'
at heath sync --quiet
like "which it is" "$(at heath show "$event" | tr '\n' ' ')" 'Correction by Head of Heath Primary School: minute text: Mr. Ward'
at pilsley sync --quiet
ok "an edit that waits" at pilsley set "$two" title='Any other matters'
status 1 "is sent before it can be signed" at pilsley set "$minutes" state=signed
finish
