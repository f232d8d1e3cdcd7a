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
finish
