#!/bin/bash
# What `make demo` does, twice over, as a newcomer sees it.
. "$(dirname "$0")/lib.sh"
for time in first second; do
	ok "the demonstration, a $time time" tests/demo.sh "$B" "$T/demo"
	is "shows twelve schools with one digest, the server's" \
		"$(awk '$NF == 1 || $1 == "server" {print ($1 == "server") ? $NF : $(NF - 2)}' "$T/out" | sort | uniq -c | awk '{print $1}')" 13
	is "leaves nothing running" "$(pgrep -f "fivepitsd run $T/demo" | wc -l)" 0
done
like "and the two versions that are to be settled" "$("$B/fivepits" --home "$T/demo/newton" conflicts)" 'Head of Heath'
like "with the other side" "$("$B/fivepits" --home "$T/demo/newton" conflicts)" 'Head of Morton'
finish
