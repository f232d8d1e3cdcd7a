#!/bin/bash
# A crowd: twelve schools edit the same twenty records 200 times each with no server in sight, and sync in random
# order, twice; then once more, fewer, on what has two versions by now and what was settled. What they wrote and had
# seen is kept in a ledger outside the product: nothing is lost, nothing is there twice, all copies are equal.
. "$(dirname "$0")/lib.sh"
RANDOM=${SEED:-12}
area
names=(blackwell deincourt heath morton newton park-house pilsley-junior shirland stonebroom tibshelf town-end)
schools=(pilsley)
for name in "${names[@]}"; do
	school "$name" "$name school"
	schools+=("$name")
done
at pilsley import plan tests/data/plan-2019-20.json >/dev/null
sync_all "${schools[@]}"
mapfile -t actions < <(at pilsley list action --json | sed -n 's/^ *"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 20)
fields=(measure resources_text monitored_by_text responsible_text target_text)
server_stop

crowd() { # crowd WAVE N: everybody makes N edits, several at a time
	local at two=()
	for at in "${!schools[@]}"; do
		one "${schools[at]}" "$1" "$2" "$RANDOM" &
		two+=($!)
		[ ${#two[@]} -lt 2 ] || { wait "${two[@]}" && two=(); }
	done
	[ ${#two[@]} = 0 ] || wait "${two[@]}"
}
one() { # one SCHOOL WAVE N SEED: a school's edits, in a process of its own
	local i
	RANDOM=$4
	look "$1"
	for i in $(seq "$3"); do
		write "$1" "${actions[RANDOM % 20]}" "${fields[RANDOM % 5]}" "$1 $2.$i" || echo "$1 $i" >>"$T/failed"
	done
}
shuffled() { for who in "${schools[@]}"; do echo "$RANDOM $who"; done | sort | cut -d ' ' -f 2; }
everybody() { # everybody NAME: all sync in random order, twice
	local who
	for _ in 1 2; do
		for who in $(shuffled); do ok "$1: $who syncs" at "$who" sync --quiet; done
	done
}
judge() { # judge NAME EDITS
	for who in "${schools[@]}"; do
		at "$who" sync --quiet
		is "$1: $who has nothing left, unsent or refused" "$(count "$who" pending) $(count "$who" refused)" '0 0'
	done
	same_everywhere "$1: equal" "${schools[@]}"
	is "$1: the ledger" "$(ledger tibshelf)" "$2 edits: 0 lost, 0 not in the history, 0 twice, 0 needless"
	[ ! -s "$T/ledger/faults" ] || sed 's/^/# /' "$T/ledger/faults" | head -n 20
	is "$1: everybody is shown the same" "$(for who in "${schools[@]}"; do at "$who" conflicts --json | grep -E '"(change|record|stands)"' | sha256sum; done | sort -u | wc -l)" 1
}

crowd 1 200
is "every edit returned at once" "$(cat "$T/failed" 2>/dev/null)" ''
server_start
everybody first
judge first 2400
like "it came to versions in most places" "$(count pilsley conflicts)" '^([5-9][0-9]|100)$'

# Half of them are settled, by different schools, before the next wave; some by two at once.
settle() { # settle SCHOOL RECORD FIELD VALUE
	at "$1" settle "$2" --take "$3=$4" >"$T/out" 2>"$T/err" && printf 'settle\t%s\t%s\t%s\n' "$2" "$3" "$4" >>"$T/ledger/$1.log"
}
sync_all "${schools[@]}"
for who in heath morton; do look "$who"; done
for i in 0 1 2 3 4 5 6 7; do
	settle heath "${actions[i]}" measure "heath settles $i"
	[ $((i % 2)) = 0 ] || settle morton "${actions[i]}" measure "morton settles $i"
done
crowd 2 20
everybody second
judge second "$((2400 + 240 + $(grep -c '^settle' "$T/ledger/heath.log") + $(grep -c '^settle' "$T/ledger/morton.log")))"
ok "the server's files are sound" fivepitsd fsck "$T/server"
ok "and a copy" at tibshelf fsck
finish
