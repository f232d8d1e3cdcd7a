#!/bin/bash
# Work without a line: edits return at once, sync says 75 and keeps them, and everything is sent later.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
server_stop
status 75 "sync says that the server can't be reached" at heath sync
like "and what to do" "$(cat "$T/err")" "; 'fivepits doctor' finds out why\$"
id=$(at heath add note kind=progress on="$(at heath list school name~Heath --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)" \
	text='Written on the bus' | tail -n 1)
like "an edit with no server prints its id" "$id" '^[0-9a-f-]{36}$'
like "and is shown as not sent yet" "$(at heath show "$id")" 'not sent yet'
is "and waits in the outbox" "$(at heath outbox --json | grep -c "$id")" 1
ok "it can be edited again" at heath set "$id" text='Written on the bus, twice'
like "status counts what waits" "$(at heath status --json)" '"pending": *2'
server_start
ok "it is sent later" at heath sync
like "nothing waits then" "$(at heath status --json)" '"pending": *0'
ok "another school fetches it" at morton sync
like "and reads it" "$(at morton show "$id")" 'Written on the bus, twice'
is "with its history" "$(at morton history "$id" --json | grep -c '"number"')" 2
is "both hold the same" "$(common heath)" "$(common morton)"
is "as the server does" "$(common heath)" "$(common server)"

# Two fields of one record, and one field of another, apart.
server_stop
other=$(at heath list note --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
at heath set "$other" matter_date=2019-10-01 >/dev/null
at morton set "$other" kind=feedback >/dev/null
server_start
at heath sync --quiet && at morton sync --quiet && at heath sync --quiet
like "two fields changed apart both stand" "$(at heath show "$id" --json | tr -d '\n')" '"kind": *"feedback".*2019-10-01|2019-10-01.*"kind": *"feedback"'
is "without two versions" "$(at heath conflicts --json | tr -d ' \n')" '[]'
at heath set "$other" text='Heath wrote this' >/dev/null
at morton set "$other" text='Morton wrote that' >/dev/null
at morton sync --quiet && at heath sync --quiet && at morton sync --quiet
for s in heath morton; do
	like "$s sees both versions of one field" "$(at $s conflicts)" 'Heath wrote this'
	like "$s sees the other too" "$(at $s conflicts)" 'Morton wrote that'
	like "$s sees them beside the record" "$(at $s show "$other")" 'two versions'
	like "$s counts them" "$(at $s status --json)" '"conflicts": *1'
done
ok "either settles it" at heath settle "$other" --take theirs
at heath sync --quiet && at morton sync --quiet
is "and it is settled everywhere" "$(at morton conflicts --json | tr -d ' \n')" '[]'
like "with the version that was taken" "$(at morton show "$other")" 'Morton wrote that'
like "the other is in the history" "$(at morton history "$other")" 'Heath wrote this'
is "all hold the same again" "$(common heath)" "$(common server)"

# Withdrawn at one school, edited at the other.
at heath withdraw "$other" --yes >/dev/null
at morton set "$other" text='Still needed' >/dev/null
at heath sync --quiet && at morton sync --quiet && at heath sync --quiet
like "withdrawn against edited: nothing is lost" "$(at heath history "$other")" 'Still needed'
like "and both see two versions" "$(at heath status --json)" '"conflicts": *1'
is "the copies agree" "$(common heath)" "$(common morton)"
finish
