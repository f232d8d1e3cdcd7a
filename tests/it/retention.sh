#!/bin/bash
# A rule for old versions: who sets it, what goes by it and when, what says so, and what stays.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
field() { python3 -c 'import json, sys; v = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
version() { head -c 300000 /dev/urandom >"$T/v$1"; }
holds() { find "$T/$1/documents" -name 'pack-*' -size +0 -exec cat {} + | python3 -c '
import sys
sys.exit(open(sys.argv[1], "rb").read()[100000:100400] not in sys.stdin.buffer.read())' "$2"; }
for i in 1 2 3 4; do version $i; done
document=$(at heath put "$T/v1" --title 'The handbook' --quiet)
for i in 2 3 4; do
	at heath sync --quiet
	at heath put "$T/v$i" --document "$document" --quiet >/dev/null
done
other=$(at heath put "$T/v2" --title 'The same as the second' --quiet)
sync_all heath pilsley morton
at morton policy partnership all --quiet
at morton fetch --quiet
for i in 1 2 3 4; do ok "version $i is at Morton" holds morton "$T/v$i"; done

like "nobody has said anything yet" "$(at pilsley retention)" 'no rule for old versions: all of them are kept'
like "a school is not told" "$(at heath retention)" "known on administrators' computers"
status 1 "and sets nothing" at heath retention --newest 1
status 2 "none can be kept of nothing" at pilsley retention --newest 0
status 2 "a number is one" at pilsley retention --days lots
status 2 "of a space something must be said" at pilsley retention --space partnership
first=$(at heath show "$document" --json | field 'v["versions"][0]["id"]')
status 1 "nobody says it for the server" at heath set "$first" released=2020-01-01
like "an administrator who says only how many" "$(at pilsley retention --newest 1)" 'say --days, too'
like "is told what that means" "$(at pilsley retention)" 'say --days, too'
like "who says both" "$(at pilsley retention --days 30)" 'Saved'
both=$(at pilsley retention)
like "reads it" "$both" 'all others +1 +30'
unlike "and is told no more" "$both" 'say --days'
is "so do programs" "$(at pilsley retention --json | field 'v[0]["newest"], v[0]["days"], v[0]["space"]')" '(1, 30, None)'
ok "what is not said is told in words" at pilsley retention --days none
like "so it is" "$(at pilsley retention | sed -n 2p)" 'all others +1 +not said'
ok "and said again" at pilsley retention --days 30
ok "another space has its own" at pilsley retention --space directory --newest all
like "which is said, too" "$(at pilsley retention | tail -n 2)" 'all +as in all'
sync_all pilsley

on() { # on DAY: the server and everybody on that day
	server_stop
	clock "+${1}d" server_start
	for s in pilsley heath morton heath; do clock "+${1}d" at $s sync --quiet; done
}
of() { at "$1" show "$document" --json | field '[x["released"] is not None for x in v["versions"]]'; }
on 29
is "for thirty days all versions are kept" "$(of morton)" '[False, False, False, False]'
on 32
heard() { clock +32d at heath sync --quiet && [ "$(of heath)" = "[True, True, True, False]" ]; }
wait_for 20 heard
is "then the newest one is left" "$(of heath)" '[True, True, True, False]'
clock +32d at morton sync --quiet
is "as everybody hears" "$(of morton)" '[True, True, True, False]'
iso=$(date -u -d '+32 days' +%F)
day=$(date -u -d '+32 days' '+%-d %B %Y')
like "show says since when" "$(at morton show "$document")" "v1, .* released on $day by the rule for old versions"
like "so does the history of the document" "$(at morton history "$document")" "^Version 1 \\(.*v1\\): released on $day by the rule for old versions"
like "and of the version, with who did it" "$(at morton history "$first")" "released on $day by the rule"
like "the list has the day" "$(at morton list version)" "$day"
is "for programs, too" "$(at morton list version --json | field 'sorted({x["fields"].get("released") if "fields" in x else x.get("released") for x in v}, key=str)')" "['$iso', None]"
if holds morton "$T/v1"; then fail "its bytes are not on that computer any more"; else pass "its bytes are not on that computer any more"; fi
ok "those that another document has are" holds morton "$T/v2"
ok "and those of the newest" holds morton "$T/v4"
status 1 "who gets it" at morton get "$document" --version 1 -o "$T/back"
like "is told why not, and what to do" "$(cat "$T/err")" "released on $day by the rule for old versions.*ask a school that saved the file.*backup"
status 1 "who fetches it, too" at morton fetch "$first"
ok "the newest can be had" at morton get "$document" -o "$T/newest"
same_file() { cmp -s "$1" "$2"; }
ok "as it was put" same_file "$T/newest" "$T/v4"
ok "and the other document" at morton get "$other" -o "$T/second"
ok "as it was put" same_file "$T/second" "$T/v2"
clock +32d at pilsley sync --quiet
audit=$(at pilsley audit)
like "the audit has who set the rule" "$audit" '^ +retention [0-9a-f]{8}: made;.*[Nn]ewest 1'
like "and what was released" "$audit" "version v1:.*[Rr]eleased $day"
ok "the copy is sound" at morton fsck
ok "so is the server's" "$B/fivepitsd" fsck "$T/server"
ok "the same bytes can be put again" at morton put "$T/v1" --document "$document" --quiet
for s in morton heath pilsley; do clock +32d at $s sync --quiet; done
ok "as a new version" clock +32d at heath get "$document" -o "$T/again"
ok "which is what it was" same_file "$T/again" "$T/v1"
same_everywhere "all are equal" heath morton pilsley
ok "the rule can be taken away" at pilsley retention --newest none --days none
ok "and a space's own" at pilsley retention --space directory --newest none
like "then it is as if nobody had said anything" "$(at pilsley retention)" 'no rule for old versions: all of them are kept'
is "for programs too" "$(at pilsley retention --json | field v)" '[]'
finish
