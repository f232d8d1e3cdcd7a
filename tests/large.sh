#!/bin/bash
# A file of 5 GiB that is mostly a hole: put, sent, fetched at another school, in little memory, and almost
# nothing of it stored or sent. It takes about a minute: `make check-large`.
. "$(dirname "$0")/it/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
truncate -s 5G "$T/sparse"
for at in 0 1234567890 5368709119; do printf 'x' | dd of="$T/sparse" bs=1 seek=$at conv=notrunc status=none; done
case $B in *asan*) room=unlimited ;; *) room=150000 ;; esac
in_little_room() { (ulimit -v $room && "$B/fivepits" --home "$T/$1" "${@:2}"); }
weighs() { du -s --block-size=1 "$1" | cut -f 1; }
ok "5 GiB are put" in_little_room heath put "$T/sparse" --title Large
ok "and sent" in_little_room heath sync --quiet
ok "the other school hears of it" in_little_room morton sync --quiet
like "but waits with the bytes until it is asked" "$(at morton status)" '5\.0 GiB when you ask'
ok "it fetches them" in_little_room morton fetch Large
for who in heath server morton; do
	like "at $who almost nothing is stored ($(weighs "$T/$who/documents") bytes)" "$(weighs "$T/$who/documents")" '^[1-9][0-9]{0,5}$'
done
if in_little_room morton get Large -o - 2>"$T/err" | cmp -s - "$T/sparse"; then pass "it comes out byte for byte"; else
	fail "it comes out byte for byte" "$(tail -n 1 "$T/err")"
fi
if [ $room != unlimited ]; then
	most=$(awk '/^VmHWM/ {print $2}' "/proc/$SERVER_PID/status")
	like "the server has not held it in memory ($most KiB)" "$most" '^[1-5]?[0-9]{4}$'
fi
finish
