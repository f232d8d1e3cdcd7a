#!/bin/bash
# F04, F14, F16: documents whose bytes the disk did not keep. Elsewhere files of no bytes, left by a power cut or a full disk,
# were sent over the good ones, and one of no bytes at all stopped a server for ever.
. "$(dirname "$0")/lib.sh"
trap '' XFSZ # a file that may not grow is a write that fails
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'

# F16: documents. What does not fit is refused; what fits no longer is neither shown nor sent in part.
head -c 3000000 /dev/urandom >"$T/big"
: >"$T/empty"
small() { (ulimit -f 1500 && exec "$B/fivepits" --home "$T/$1" "${@:2}"); }
before=$(at heath list document --json)
status 1 "F16: put on a full disk is refused" small heath put "$T/big"
is "F16: and leaves no document of fewer bytes" "$(at heath list document --json)" "$before"
is "F16: nothing of it waits" "$(count heath pending)" 0
big=$(at heath put "$T/big" --quiet)
empty=$(at heath put "$T/empty" --quiet)
sync_all heath
small morton sync --quiet >"$T/out" 2>"$T/err"
small morton get "$big" -o - >"$T/part" 2>"$T/err"
if cmp -s "$T/part" "$T/big"; then pass "F16: no room for its bytes: they go through"; else
	is "F16: no room for its bytes: none is given out" "$(wc -c <"$T/part")" 0
fi
sync_all morton
ok "F16: with room it comes" at morton get "$big" -o "$T/big.back"
ok "F16: byte for byte" cmp "$T/big" "$T/big.back"
ok "F14: a document of no bytes comes" at morton get "$empty" -o "$T/empty.back"
ok "F14: without any" cmp "$T/empty" "$T/empty.back"

# F04: after a power cut, files of no bytes or of zeros stood under good names, and were sent over the originals.
zeros() { head -c "$(stat -c %s "$1")" /dev/zero >"$1.new" && mv "$1.new" "$1"; }
halve() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }
none() { : >"$1"; }
gone() { rm "$1"; }
flip() { printf '\x5a\xa5' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") / 3)) conv=notrunc status=none; }
for damage in zeros halve none gone flip; do
	n=0
	while read -r file; do
		[ ! -s "$file" ] || { $damage "$file" && n=$((n + 1)); }
	done < <(find "$T/morton/documents" -type f)
	like "F04: stored bytes are damaged: $damage" $n '^[1-9]'
	at morton fsck >"$T/out" 2>&1
	is "F04: fsck says so ($damage)" $? 1
	rm -f "$T/back"
	server_stop
	at morton get "$big" -o "$T/back" >"$T/out" 2>"$T/err"
	like "F04: with no server they are not given out ($damage)" "$?.$(find "$T/back" 2>/dev/null)" '^(1|75)\.$'
	server_start
	sync_all morton
	if at morton get "$big" -o "$T/back" >"$T/out" 2>"$T/err"; then
		ok "F04: fetched again they are whole ($damage)" cmp "$T/back" "$T/big"
	else
		is "F04: nor with one ($damage)" "$(find "$T/back" 2>/dev/null)" ''
	fi
	sync_all morton heath
	ok "F04: and the server's are as they were ($damage)" fivepitsd fsck "$T/server"
	at morton fsck --repair >"$T/out" 2>&1
	at morton get "$big" -o - >/dev/null 2>&1
	at morton get "$empty" -o - >/dev/null 2>&1
	ok "F04: mended and fetched, all is sound ($damage)" at morton fsck
done
# The same before they were sent: what is damaged must not be published under the name of the good one.
head -c 400000 /dev/urandom >"$T/mine"
pack=$T/heath/documents/pack-1
behind() { # behind DAMAGE SIZE: of what was appended behind SIZE bytes
	local size
	size=$(stat -c %s "$pack")
	case $1 in
	zeros) head -c $((size - $2)) /dev/zero | dd of="$pack" bs=64k seek="$2" oflag=seek_bytes conv=notrunc status=none ;;
	halve) truncate -s $(($2 + (size - $2) / 2)) "$pack" ;;
	none) truncate -s "$2" "$pack" ;;
	gone) rm "$pack" ;;
	esac
}
for damage in zeros halve none gone; do
	server_stop
	before=$(stat -c %s "$pack")
	mine=$(at heath put "$T/mine" --title "mine, $damage" --quiet)
	behind $damage "$before"
	server_start
	timeout 60 "$B/fivepits" --home "$T/heath" sync --quiet >"$T/out" 2>"$T/err"
	like "F16: bytes damaged before they were sent do not go out ($damage)" "$?" '^(0|1|75)$'
	at morton sync --quiet
	status 1 "F16: nobody is shown that document ($damage)" at morton show "$mine"
	like "F16: its author is told ($damage)" "$(at heath outbox)$(cat "$T/err")" 'damaged|missing|bytes|put'
	at heath put "$T/mine" --title "mine again, $damage" --quiet >/dev/null
	sync_all heath morton
	ok "F16: put once more it goes ($damage)" at morton get "$mine" -o "$T/mine.$damage"
	ok "F16: byte for byte ($damage)" cmp "$T/mine.$damage" "$T/mine"
	head -c 400000 /dev/urandom >"$T/mine"
done

finish
