# For tests of real processes on loopback: a server and clients in a private directory, deadlines
# instead of sleeps, TAP. Source it; call `finish` at the end. Kept on failure.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119,SC2120 # for the tests that source it
set -u
B=${FIVEPITS_BUILD:-$PWD/build/release}
case $B in /*) ;; *) B=$PWD/$B ;; esac
[ -x "$B/fivepits" ] || {
	echo "there is no program in $B: 'make' makes it, FIVEPITS_BUILD names another place" >&2
	exit 2
}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
T=$(mktemp -d /tmp/fivepits-it-XXXXXX)
N=0 FAILED=0 SERVER_PID=
export FIVEPITS_HOME='' LC_ALL=C.UTF-8 NO_COLOR=1
unset HTTPS_PROXY https_proxy

fivepits() { "$B/fivepits" "$@"; }
fivepitsd() { "$B/fivepitsd" "$@"; }
at() { # at SCHOOL COMMAND...: the client of that school
	local home=$T/$1
	shift
	"$B/fivepits" --home "$home" "$@"
}

pass() {
	N=$((N + 1))
	echo "ok $N - $1"
}
fail() {
	N=$((N + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $N - $1"
	shift
	printf '#   %s\n' "$@"
}
ok() { # ok NAME COMMAND...: the command succeeds
	local name=$1
	shift
	if "$@" >"$T/out" 2>"$T/err"; then
		pass "$name"
	else
		fail "$name" "status $?: $*" "$(tail -n 5 "$T/out" "$T/err")"
	fi
}
status() { # status N NAME COMMAND...: the command ends with that status, and one line on standard error
	local want=$1 name=$2 got
	shift 2
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	if [ "$got" = "$want" ] && [ "$(wc -l <"$T/err")" = 1 ]; then
		pass "$name ($(cut -c 1-90 "$T/err"))"
	else
		fail "$name" "status $got, not $want" "$(cat "$T/err")"
	fi
}
is() { # is NAME GOT WANTED
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2" "wanted: $3"; fi
}
like() { # like NAME TEXT PATTERN
	if grep -qE -- "$3" <<<"$2"; then pass "$1"; else fail "$1" "no $3 in: $2"; fi
}
unlike() {
	if grep -qE -- "$3" <<<"$2"; then fail "$1" "found $3 in: $2"; else pass "$1"; fi
}
wait_for() { # wait_for SECONDS COMMAND...: until the command succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

clock() { # clock BY COMMAND...: with the computer's clock off by +10y, -6m, +0
	local by=$1 file
	shift
	for file in /usr/lib/*/faketime/libfaketime.so.1; do :; done
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 FAKETIME=$by FAKETIME_DONT_FAKE_MONOTONIC=1 \
		LD_PRELOAD=$file "$@"
}

SERVER_WITH=() # what stands before it: env NAME=VALUE...
server_start() { # server_start [DIR]: run it, wait until it listens
	local dir=${1:-$T/server}
	: >"$dir.out" # what an earlier one said is not this one's word
	"${SERVER_WITH[@]}" "$B/fivepitsd" run "$dir" >"$dir.out" 2>>"$dir.log" &
	SERVER_PID=$!
	wait_for 20 grep -q '^listening on' "$dir.out" || fail "the server starts" "$(tail -n 5 "$dir.log")"
	ADDRESS=$(sed -n 's/^listening on //p' "$dir.out")
	echo "$ADDRESS" >"$T/target"
}
server_stop() { # server_stop [SIGNAL]
	[ -n "$SERVER_PID" ] || return 0
	kill -"${1:-TERM}" "$SERVER_PID" 2>/dev/null
	wait "$SERVER_PID" 2>/dev/null
	local status=$?
	SERVER_PID=
	return $status
}
area() { # area [OPTION...]: a server with Pilsley as its administrator, joined as client `pilsley`
	local invitation
	invitation=$("$B/fivepitsd" init "$T/server" --name '5 Pits Partnership of Schools' \
		--school 'Pilsley Primary School' --admin 'Pat Pilsley' --listen 127.0.0.1:0 "$@" 2>"$T/err" | tail -n 1)
	server_start
	"$B/fivepits" --home "$T/pilsley" join "$invitation" >"$T/out" 2>"$T/err" ||
		fail "Pilsley joins" "$(cat "$T/err")"
	at pilsley sync >/dev/null 2>"$T/err" || fail "Pilsley syncs" "$(cat "$T/err")"
}
area_on_line() { # the same, but its clients come through a line of ours (line.py)
	: >"$T/wishes"
	: >"$T/line.log"
	"$ROOT/tests/it/line.py" "$T/target" "$T/wishes" "$T/line.log" >"$T/line.port" 2>"$T/line.err" &
	wait_for 10 test -s "$T/line.port" || fail "the line is there"
	area --address "127.0.0.1:$(cat "$T/line.port")"
}
wish() { printf '%s\n' "$@" >"$T/wishes"; } # how the line is from the next call on
carried() { # carried up|down: bytes of all calls since the line's log was emptied
	awk -v way="$1" '{for (i = 1; i <= NF; i++) if (split($i, v, "=") == 2 && v[1] == way) n += v[2]} END {print n + 0}' "$T/line.log"
}
weighs() { # weighs server|SCHOOL: bytes of its documents' packs
	stat -c %s "$T/$1/documents/"pack-* 2>/dev/null | awk '{n += $1} END {print n + 0}'
}
school() { # school HOME NAME [invite options]: invited by Pilsley, joins, syncs
	local home=$1 name=$2 invitation
	shift 2
	invitation=$(at pilsley invite --school "$name" --name "Head of $name" --role headteacher "$@" 2>"$T/err" | tail -n 1)
	if ! "$B/fivepits" --home "$T/$home" join "$invitation" >"$T/out" 2>"$T/err" ||
		! at "$home" sync >/dev/null 2>>"$T/err"; then
		fail "$name joins" "$(cat "$T/err")"
	fi
}
common() { # the common digest of a client, or of the server; what has none is equal to nothing
	if [ "$1" = server ]; then "$B/fivepitsd" digest "$T/server"; else at "$1" digest; fi |
		awk -v of="$1" '/^common/ && length($NF) == 64 {d = $NF} END {print d ? d : "no digest of " of}'
}

first_id() { # of JSON on standard input
	sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1
}
count() { # count SCHOOL WORD: a number of its status, such as pending
	at "$1" status --json | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p" | head -n 1
}
sync_all() { # sync_all SCHOOL...: quietly, one after the other, as often as they are named
	local who
	for who in "$@"; do at "$who" sync --quiet || return 1; done
}
# shellcheck disable=SC2034 # the actions are for who calls it
three_schools() { # an area of Pilsley, Heath and Morton, in sync, with the real plan: its actions are ${actions[@]}
	area
	school heath 'Heath Primary School'
	school morton 'Morton Primary School'
	at pilsley import plan tests/data/plan-2019-20.json >/dev/null
	sync_all pilsley heath morton
	mapfile -t actions < <(at pilsley list action --json | sed -n 's/^ *"id": *"\([0-9a-f-]*\)".*/\1/p')
}
same_everywhere() { # same_everywhere NAME SCHOOL...: their common digests are the server's
	local name=$1 who
	shift
	for who in "$@"; do is "$name: $who" "$(common "$who")" "$(common server)"; done
}

# A ledger of what people wrote and had seen, kept outside the product (tests/it/ledger.py judges it).
look() { # look SCHOOL: it reads the actions, and what has two versions
	local seen
	mkdir -p "$T/ledger" && seen=$(mktemp "$T/ledger/$1.XXXXXX")
	at "$1" list action --json >"$seen.list" && at "$1" conflicts --json >"$seen.sides"
	printf '%s\t%s\n' shown "$seen.list" sides "$seen.sides" >>"$T/ledger/$1.log"
}
write() { # write SCHOOL RECORD FIELD VALUE: an edit; if it exits 0 it is in the ledger
	at "$1" set "$2" "$3=$4" >/dev/null 2>"$T/err" && printf 'edit\t%s\t%s\t%s\n' "$2" "$3" "$4" >>"$T/ledger/$1.log"
}
ledger() { # ledger SCHOOL: "N edits: 0 lost, 0 not in the history, 0 twice", as that copy has it
	local dir=$T/ledger/copy.$1 id
	mkdir -p "$dir/history"
	at "$1" list action --json >"$dir/list.json" && at "$1" conflicts --json >"$dir/conflicts.json"
	cat "$T"/ledger/*.log | awk -F '\t' '$1 == "edit" || $1 == "settle" {print $2}' | sort -u >"$dir/records"
	while read -r id; do at "$1" history "$id" --json >"$dir/history/$id.json"; done <"$dir/records"
	"$ROOT/tests/it/ledger.py" "$T/ledger" "$dir" 2>>"$T/ledger/faults" || echo "the judge ended with status $?"
}

finish() {
	local pids
	server_stop
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # a list of numbers
	[ -z "$pids" ] || kill $pids 2>/dev/null
	wait
	echo "1..$N"
	if [ "$FAILED" = 0 ]; then rm -rf "$T"; else echo "# kept in $T"; fi
	exit $((FAILED > 0))
}
