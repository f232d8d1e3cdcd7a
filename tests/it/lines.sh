#!/bin/bash
# A device that opens hundreds of lines and hangs none up: it keeps sixteen, and every other school is served, on a
# server that has few descriptors.
. "$(dirname "$0")/lib.sh"
SERVER_WITH=(bash -c 'ulimit -n 160 && exec "$@"' few)
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
coproc LINES { timeout 120 python3 -B "$ROOT/tests/it/second_lines.py" "$ADDRESS" "$T/heath" 200 2>"$T/lines.err"; }
lines=$LINES_PID
read -r -t 100 said <&"${LINES[0]}"
is "a device opens 200 lines" "$said" 'there are'
ok "another school syncs" at morton sync --quiet
ok "and adds what it likes" at morton add note kind=progress text='Meanwhile' --quiet
ok "and sends it" at morton sync --quiet
is "nothing of its own waits" "$(count morton pending)" 0
eval "exec ${LINES[1]}>&-"
read -r -t 20 said <&"${LINES[0]}"
like "of the lines sixteen are left at most" "$said" '^left 1[0-6]$'
wait "$lines" 2>/dev/null
ok "the school whose device it was goes on" at heath sync --quiet
unlike "the server had descriptors all the time" "$(cat "$T/server.log")" net.full
finish
