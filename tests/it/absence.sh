#!/bin/bash
# Three weeks away: a school works on with no line while the others work on too, hundreds of edits on both sides; the
# server's certificates and the clocks move on, an appointment ends meanwhile, somebody joins. Then it comes back.
. "$(dirname "$0")/lib.sh"
RANDOM=${SEED:-21}
three_schools
fields=(measure resources_text monitored_by_text responsible_text target_text)
for s in heath morton pilsley; do look $s; done
edit() { # edit DAY SCHOOL N WORDS: N edits on that day
	local i
	for i in $(seq "$3"); do
		clock "+$1d" write "$2" "${actions[RANDOM % 33]}" "${fields[RANDOM % 5]}" "$4 $i" || fail "an edit on day $1" "$(cat "$T/err")"
	done
}
for day in 3 6 9 12 15 18; do # Heath is away; the server and the others go on from day to day
	edit $day heath 25 "Heath on day $day"
	server_stop
	clock "+${day}d" server_start
	edit $day morton 15 "Morton on day $day"
	edit $day pilsley 10 "Pilsley on day $day"
	for s in morton pilsley morton; do clock "+${day}d" at $s sync --quiet; done
	for s in morton pilsley; do clock "+${day}d" look $s; done
	[ $day != 9 ] || clock +9d school newton 'Newton Primary School'
done
note=$(clock +20d at heath add note on=1.1 kind=progress text='Written on the last evening' --quiet)
is "Heath has 151 edits of three weeks" "$(count heath pending)" 151
server_stop
clock +21d server_start
ok "after three weeks Heath syncs" clock +21d at heath sync --quiet
for s in morton pilsley newton heath; do clock +21d at $s sync --quiet; done
is "nothing of Heath's is unsent, refused or held" "$(count heath pending) $(count heath refused) $(count heath held)" '0 0 0'
same_everywhere "equal after three weeks" heath morton pilsley newton
for s in heath newton; do
	is "the ledger, as $s has it" "$(ledger $s)" '300 edits: 0 lost, 0 not in the history, 0 twice, 0 needless'
done
like "two versions where both had written" "$(count newton conflicts)" '^[1-9][0-9]+$'
like "with the days on which they were written" "$(at newton show "$note")" "$(date -d '+20 days' '+%-d %B %Y')|$(date -d '+21 days' '+%-d %B %Y')"
like "status says when the server was reached last" "$(at heath status)" "$(date -d '+21 days' '+%-d %B %Y')"

# A year and a half: the certificate of the device has run out. It is said, and nothing is lost of what was written.
clock +500d at heath set "${actions[0]}" measure='after a long illness' >/dev/null
server_stop
clock +500d server_start
clock +500d at heath sync >"$T/out" 2>"$T/err"
got=$?
if [ $got = 0 ]; then pass "after 500 days it still syncs"; else
	like "after 500 days it is told why it can't" "$got $(cat "$T/err")" '^(1|75) fivepits: .*(certificate|run out|expired|renew)'
	is "and what was written waits" "$(count heath pending)" 1
fi
ok "its copy is sound" at heath fsck
ok "and so is the area" fivepitsd fsck "$T/server"
finish
