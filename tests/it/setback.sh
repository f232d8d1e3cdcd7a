#!/bin/bash
# A server that is set back, silently or from a backup, while the schools have gone on: it takes back
# what their computers hold, nobody copies a file by hand, and nothing is lost. And cloned computers.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
add() { # add SCHOOL WORDS N: so many actions
	local i
	for ((i = 0; i < $3; i++)); do at "$1" add action text="$2 $i" >/dev/null || fail "$1 adds an action"; done
	MADE=$((MADE + $3))
}
together() { # together SCHOOL...: all sync at the same time
	local who pids=
	for who in "$@"; do
		at "$who" sync --quiet 2>"$T/sync.$who" &
		pids="$pids $!"
	done
	for who in $pids; do wait "$who" || fail "all sync" "$(cat "$T"/sync.*)"; done
}
actions() { at "$1" list action --json | grep -c '"id"'; }
all_there() { # all_there NAME SCHOOL...: equal to the server, and every action that was made
	local name=$1 who
	shift
	same_everywhere "$name" "$@"
	for who in "$@"; do
		is "$name: $who has all that was made" "$(actions "$who")" "$MADE"
		is "$name: nothing waits or was refused at $who" "$(count "$who" pending) $(count "$who" refused)" "0 0"
	done
	ok "$name: the server is sound" fivepitsd fsck "$T/server"
}
MADE=0
add pilsley 'before the backup' 3
sync_all pilsley heath morton

ok "a backup is made beside the running server" fivepitsd backup "$T/server" "$T/backup.tar"
is "for nobody else to read" "$(stat -c %a "$T/backup.tar")" 600
status 1 "it is never written over" fivepitsd backup "$T/server" "$T/backup.tar"
ok "it is whole" fivepitsd verify "$T/backup.tar"
like "any computer can look into it" "$(tar -tf "$T/backup.tar")" '^area.db$'
cp "$T/backup.tar" "$T/bad.tar"
printf x | dd of="$T/bad.tar" bs=1 seek=40000 conv=notrunc 2>/dev/null
status 1 "a byte that was changed is found" fivepitsd verify "$T/bad.tar"
head -c 60000 "$T/backup.tar" >"$T/short.tar"
status 1 "and that it was cut" fivepitsd verify "$T/short.tar"
status 1 "a running server is not restored under its feet" fivepitsd restore "$T/server" "$T/backup.tar"
server_stop
cp -a "$T/server" "$T/yesterday"
server_start

# The server's files are put back to yesterday's, and nobody is told.
add heath 'lost by the server' 25
sync_all heath morton
add heath 'lost, and held by one' 25
head -c 300000 /dev/urandom >"$T/paper.pdf"
at heath put "$T/paper.pdf" >"$T/out" || fail "a document is put"
at heath sync --quiet
school newton 'Newton Primary School'
add newton 'of a computer that joined later' 1
at newton sync --quiet
server_stop
rm -rf "$T/server"
cp -a "$T/yesterday" "$T/server"
server_start
add morton 'made offline meanwhile' 2
at pilsley add action text='the server has gone on with this' >/dev/null
MADE=$((MADE + 1))
together morton heath newton pilsley
together morton heath newton pilsley
all_there "set back silently" pilsley heath morton newton
paper=$(at morton list document --json | first_id)
ok "a document that the server had lost came back too" at morton get "$paper" -o "$T/paper.back"
ok "byte for byte" cmp "$T/paper.pdf" "$T/paper.back"
# Who comes late finds that others have handed in all that it holds.
like "status says what happened, at a school that handed in" "$(for who in pilsley heath morton newton; do at "$who" status; done)" 'set back'

# Once more, and the one that knows most comes first.
add heath 'after that' 5
at heath sync --quiet
server_stop
rm -rf "$T/server"
cp -a "$T/yesterday" "$T/server"
server_start
like "the server knows nothing of it yet" "$(fivepitsd recovery "$T/server")" 'All spaces'
together heath
together pilsley morton newton
together pilsley morton newton heath
all_there "set back a second time" pilsley heath morton newton

# Restored by the administrator.
add heath 'after the second time' 4
sync_all heath
server_stop
ok "a backup is restored" fivepitsd restore "$T/server" "$T/backup.tar"
like "what was there is put aside" "$(ls "$T/server")" 'before-restore'
server_start
like "until it is borne out nothing is served" "$(fivepitsd recovery "$T/server")" 'wait for a computer'
add pilsley 'and meanwhile' 1
together pilsley heath morton newton
together pilsley heath morton newton
all_there "restored" pilsley heath morton newton
like "now all is served" "$(fivepitsd recovery "$T/server")" 'All spaces'

# A space that no computer holds any more.
rm -rf "$T/newton"
server_stop
rm -rf "$T/server"/before-restore*
ok "restored once more" fivepitsd restore "$T/server" "$T/backup.tar"
server_start
together pilsley heath
lost=$(fivepitsd recovery "$T/server" --json)
like "the spaces of a computer that has not come stay closed" "$lost" '"space"'
space=$(sed -n 's/.*"space": *"\([0-9a-f-]*\)".*/\1/p' <<<"$lost" | head -n 1)
status 1 "what does not wait can't be opened" fivepitsd recovery "$T/server" --serve 'No such space'
ok "an administrator can have one served as it is, beside the running server" \
	fivepitsd recovery "$T/server" --serve "${space:-none}"
is "then it does not wait any more" "$(fivepitsd recovery "$T/server" --json)" '[]'

# Cloned computers.
cp -a "$T/heath" "$T/heath2"
add heath 'at the one' 1
add heath2 'at its copy' 1
for _ in 1 2 3; do sync_all heath heath2; done
sync_all pilsley heath heath2 morton
all_there "a cloned computer" pilsley heath heath2 morton
like "the administrator is told" "$(at pilsley list note)" 'copied to another computer'
finish
