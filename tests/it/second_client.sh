#!/bin/bash
# A second client, written in Python from proto/PROTOCOL.md and the .proto files alone, takes the same
# entries, verifies chains and heads, works out the same digests, and its own change is accepted.
. "$(dirname "$0")/lib.sh"
second() { # second HOME [ARGUMENTS]: as that copy's device
	python3 "$ROOT/tests/it/second_client.py" digest "$ADDRESS" "$T/$1" "${@:2}" 2>"$T/err"
}
spaces() { # the digests of the spaces, without their names
	awk 'NF == 3 {print $3}' | sort
}
ok "it works out every test vector of the document" \
	python3 "$ROOT/tests/it/second_client.py" vectors "$ROOT/proto/PROTOCOL.md"
area
ok "the plan is imported" at pilsley import plan "$ROOT/tests/data/plan-2019-20.json"
at pilsley sync --quiet
school heath 'Heath Primary School'

# Something of every kind in the journal: members of sets, fields cleared, two versions, withdrawals.
id=$(at heath add note kind=progress text='Seen at both' | tail -n 1)
at heath sync --quiet && at pilsley sync --quiet
at heath set "$id" text='Heath wrote this' matter_date=2019-10-01 >/dev/null
at pilsley set "$id" text='Pilsley wrote that' kind=feedback >/dev/null
at heath sync --quiet && at pilsley sync --quiet && at heath sync --quiet
action=$(at heath list action --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
at heath set "$action" depends_on+="$action" rag=amber >/dev/null
at heath set "$action" depends_on-="$action" rag= >/dev/null
at heath withdraw "$id" --yes >/dev/null
at pilsley set "$id" text='Still needed' >/dev/null
at heath sync --quiet && at pilsley sync --quiet && at heath sync --quiet
like "there are two versions of something" "$(at heath status --json)" '"conflicts": *[1-9]'

ok "it takes every feed" second heath
digests=$(cat "$T/out")
is "its digests are those of the copy" "$(spaces <<<"$digests")" "$(at heath digest | spaces)"
is "its common digest is the server's" "$(awk '/^common/ {print $2}' <<<"$digests")" "$(common server)"
ok "its change is accepted, and the same again has the same verdict" second heath --push 'From a second client'
ok "the copy whose device it was goes on" at heath sync
like "and has what it wrote" "$(at heath search second client)" 'From a second client'
is "all are equal again" "$(common heath)" "$(common server)"
finish
