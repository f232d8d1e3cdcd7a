#!/bin/bash
# Who may read and write what: groups, grants, losses, leavers. Of what may not be read nothing arrives.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School' --group 'SENDco Working Group'
school morton 'Morton Primary School' --group 'SENDco Working Group'
school newton 'Newton Primary School'
first_id() { sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1; }
group=$(at heath list group name~SENDco --json | first_id)
secret="Zebra$RANDOM$RANDOM"
id=$(at heath add event kind=meeting title="$secret" day=2019-11-20 groups+="$group" --space 'SENDco Working Group' | tail -n 1)
like "a member writes in the group's space" "$id" '^[0-9a-f-]{36}$'
for s in heath morton newton pilsley; do at $s sync --quiet; done
like "another member reads it" "$(at morton show "$id")" "$secret"
status 1 "who is not a member finds nothing" at newton show "$id"
like "its words stand in the files of a member" "$(grep -rl "$secret" "$T/morton" | wc -l)" '^[1-9]'
for s in newton pilsley; do
	is "no byte of it is in the files of $s" "$(grep -rl "$secret" "$T/$s" | wc -l)" 0
	unlike "nor its space in the status of $s" "$(at $s status)" 'SENDco'
done
status 1 "nor can one write there" at newton add event kind=meeting title=x day=2019-11-21 --space 'SENDco Working Group'

person=$(at pilsley list person name~Newton --json | first_id)
ok "an administrator appoints" at pilsley add appointment person="$person" role=sendco group="$group"
at pilsley sync --quiet && at newton sync --quiet
like "a grant brings the space from its first entry" "$(at newton show "$id")" "$secret"
at newton sync --quiet
group_digest() { at "$1" digest | grep -vE '^(directory|partnership|personal|common) '; }
like "which has a digest" "$(group_digest newton)" '^[0-9a-f-]{36} [1-9][0-9]* [0-9a-f]{64}$'
is "equal to that of the others" "$(group_digest newton)" "$(group_digest heath)"

note=$(at newton add note on="$id" kind=comment text='written before the loss was known' | tail -n 1)
appointment=$(at pilsley list appointment person="$person" role=sendco --json | first_id)
ok "an administrator ends the appointment" at pilsley set "$appointment" ended=yes
at pilsley sync --quiet
at newton sync --quiet
at newton sync --quiet
status 1 "a loss removes the space" at newton show "$id"
is "from the files too" "$(grep -rl "$secret" "$T/newton" | wc -l)" 0
unlike "and from search" "$(at newton search "$secret")" "$secret"
like "what was pending there stays in the outbox" "$(at newton outbox)" 'written before the loss'
like "as held for who leads the group" "$(at newton status --json)" '"held": *1'
like "in words" "$(at newton outbox)" 'your right to write there had ended'
status 1 "it can't be sent again" at newton outbox send "$(at newton outbox --json | first_id)"
like "and stays" "$(at newton status --json)" '"held": *1'
at heath sync --quiet
status 1 "and reached nobody" at heath show "$note"
status 1 "an appointment that has ended stays so" at pilsley set "$appointment" ended=no
ok "a new one opens the space again" at pilsley add appointment person="$person" role=sendco group="$group"
at pilsley sync --quiet && at newton sync --quiet && at heath sync --quiet
like "and what was held arrives" "$(at heath search 'written before the loss')" 'written before the loss'
is "and nothing is held any more" "$(at newton outbox --json --most 0 | tr -d ' \n')" '[]'

status 1 "who does not administer can't write the directory" at newton set "$person" name=Boss
at newton sync --quiet
unlike "so that nothing of it is seen" "$(at heath list person)" Boss
ok "an administrator revokes a person" at pilsley revoke 'Head of Newton Primary School'
at pilsley sync --quiet
status 1 "whose device is turned away in words" at newton sync
like "and the server's log says why" "$(cat "$T/server.log")" 'session\.turned_away device=[0-9a-f-]{36} reason=REVOKED'
like "which audit shows" "$(at pilsley audit)" 'Newton'
finish
