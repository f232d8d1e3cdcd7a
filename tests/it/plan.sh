#!/bin/bash
# The plan: imported twice, at two schools offline, after later edits; exported as it came.
. "$(dirname "$0")/lib.sh"
PLAN=tests/data/plan-2019-20.json
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
ok "Pilsley imports the plan" at pilsley import plan $PLAN
at pilsley sync --quiet
is "it has 33 actions" "$(at pilsley list action --json | grep -c '"ref"')" 33
is "in 4 priorities" "$(at pilsley list priority --json | grep -c '"title"')" 4
is "the directory has 12 schools" "$(at pilsley list school --json | grep -c '"phase"')" 12
number() { at "$1" digest | awk '{n += $2} END {print n}'; }
n=$(number pilsley)
ok "importing it again" at pilsley import plan $PLAN
at pilsley sync --quiet
is "changes nothing" "$(number pilsley)" "$n"
for s in heath morton; do at $s sync --quiet; done
first_id() { sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1; }
id=$(at heath list action ref=1.5 --json | first_id)
at heath set "$id" details='Heath has been trained.' >/dev/null
ok "importing it after an edit" at heath import plan $PLAN
at heath sync --quiet && at pilsley sync --quiet
like "undoes nothing" "$(at pilsley show "$id")" 'Heath has been trained'
is "and makes no two versions" "$(at pilsley conflicts --json | tr -d ' \n')" '[]'
ok "it is exported" at pilsley export plan
at morton export plan >"$T/export.json"
ok "and the export can be imported" at morton import plan "$T/export.json"
at morton sync --quiet
like "which changes nothing either" "$(at morton status --json)" '"pending": *0'

# Two schools that import apart, before either has seen the other's.
rm -rf "$T/server" "$T/pilsley" "$T/heath" "$T/morton"
server_stop
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
for s in heath morton; do
	at $s import plan $PLAN >"$T/$s.import" 2>&1
	like "$s, who does not administer, is told what an administrator must add" "$(cat "$T/$s.import")" 'administrator'
done
at heath sync --quiet && at morton sync --quiet && at heath sync --quiet
is "imported apart it is there once" "$(at heath list action --json | grep -c '"ref"')" 33
is "without two versions" "$(at heath conflicts --json | tr -d ' \n')" '[]'
is "on equal copies" "$(common heath)" "$(common morton)"
ok "then the administrator imports it too" at pilsley import plan $PLAN
for s in pilsley heath morton; do at $s sync --quiet; done
is "which completes it" "$(at morton list school --json | grep -c '"phase"')" 12
is "and doubles nothing" "$(at morton list action --json | grep -c '"ref"')" 33

for bad in '{' '[]' '{"plan":{}}' '{"plan":{"academic_year":"2019-20"},"priorities":[{"number":"x"}]}' "$(printf '[%.0s' $(seq 5000))"; do
	printf '%s' "$bad" >"$T/bad.json"
	status 1 "a malformed plan is refused in one line" at heath import plan "$T/bad.json"
done
head -c 20000000 /dev/zero | tr '\0' ' ' >"$T/bad.json"
status 1 "so is a huge one" at heath import plan "$T/bad.json"
status 1 "and one that is not there" at heath import plan "$T/none.json"
like "and nothing of them is kept" "$(at heath status --json)" '"pending": *0'
finish
