#!/bin/bash
# Twelve schools, one server, one plan, over real TLS on this machine: what `make demo` shows and
# `make run` goes on from.
# usage: tests/demo.sh BUILD DIR [--run]
set -eu
cd "$(dirname "$0")/.."
build=$(realpath "$1") dir=$(realpath -m "$2")
schools=(pilsley:'Pilsley Primary School' blackwell:'Blackwell Primary School' newton:'Newton Primary School'
	tibshelf-infant:'Tibshelf Infant and Nursery School' heath:'Heath Primary School'
	tcs:'Tibshelf Community School' mickley:'Mickley Infant School' shirland:'Shirland Primary School'
	town-end:'Town End Junior School' morton:'Morton Primary School' stonebroom:'Stonebroom Primary School'
	westhouses:'Westhouses Primary School')
server=

at() { # at SCHOOL COMMAND...
	local home=$dir/$1
	shift
	"$build/fivepits" --home "$home" "$@"
}
say() { printf '\n%s\n' "$*"; }
stop() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
}
trap stop EXIT
start() {
	"$build/fivepitsd" run "$dir/server" >"$dir/server.out" 2>>"$dir/server.log" &
	server=$!
	for _ in $(seq 200); do
		grep -q '^listening on' "$dir/server.out" && return
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	echo "The server did not start; $dir/server.log says why." >&2
	exit 1
}
id_of() { # id_of SCHOOL TYPE FILTER: the one record that fits
	at "$1" list "$2" "$3" --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1
}
sync_all() {
	local s pids=()
	at pilsley sync --quiet # what the others wait for
	for s in "${schools[@]}"; do
		at "${s%%:*}" sync --quiet &
		pids+=($!)
	done
	for s in "${pids[@]}"; do wait "$s"; done
}
head_of() { # a school's name without what every school has in it
	local name=${1% School}
	name=${name% Primary}
	name=${name% Junior}
	echo "Head of ${name% Infant}"
}
new_area() {
	rm -rf "$dir"
	mkdir -p "$dir"
	say "The area: Pilsley Primary School administers it."
	local invitation s name
	invitation=$("$build/fivepitsd" init "$dir/server" --name '5 Pits Partnership of Schools' \
		--school 'Pilsley Primary School' --admin 'Head of Pilsley' --listen 127.0.0.1:0 | tail -n 1)
	start
	at pilsley join "$invitation" >/dev/null
	at pilsley sync --quiet
	say "Twelve schools join by invitation, each with its own key, over TLS 1.3."
	for s in "${schools[@]:1}"; do
		name=${s#*:}
		invitation=$(at pilsley invite --school "$name" --name "$(head_of "$name")" --role headteacher | tail -n 1)
		at "${s%%:*}" join "$invitation" >/dev/null
		printf '  %s\n' "$name"
	done
	say "Pilsley imports the plan for 2019-20; everybody syncs."
	at pilsley import plan tests/data/plan-2019-20.json
	sync_all
}
meeting() { # a heads' meeting with two items, made at Pilsley
	local event
	event=$(at pilsley add event kind=meeting title='Cluster Heads' day=2019-10-10 start=14:00 \
		place='Pilsley Primary School' | tail -n 1)
	at pilsley add agenda-item event="$event" title='Secure area: who has been trained' >/dev/null
	at pilsley add agenda-item event="$event" title='Memorandum of understanding' >/dev/null
	echo "$event"
}
work_apart() {
	local event trained mou secure agreement
	event=$(meeting)
	sync_all
	secure=$(id_of heath action ref=1.5) agreement=$(id_of heath action ref=1.6)
	trained=$(id_of heath agenda-item title~trained) mou=$(id_of morton agenda-item title~Memorandum)
	say "Heath and Morton work with no line: two fields of action 1.5, one field of 1.6 both, each an item's minutes."
	at heath set "$secure" status=in-progress >/dev/null
	at morton set "$secure" details='Training at Pilsley on 24 October.' >/dev/null
	at heath set "$agreement" status=completed >/dev/null
	at morton set "$agreement" status=in-progress >/dev/null
	at heath set "$trained" minute_text='Nine schools have been trained; three to come.' >/dev/null
	at morton set "$mou" minute_text='Agreed by all. Each head signs by half-term.' >/dev/null
	printf 'Memorandum of understanding, October 2019\n' >"$dir/memorandum.txt"
	at blackwell put "$dir/memorandum.txt" >/dev/null
	say "All sync."
	sync_all
	sync_all
	at westhouses get "$(id_of westhouses document title~memorandum)" -o "$dir/from-blackwell.txt" >/dev/null
	cmp "$dir/memorandum.txt" "$dir/from-blackwell.txt"
	echo "$event" >"$dir/meeting"
}
number_of() { # of a school's status, a number by its name
	sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$dir/status.json" | head -n 1
}
table() { # fails unless all is as it should be
	local s digest want bad=0
	want=$("$build/fivepitsd" digest "$dir/server" | awk '/^common/ {print $NF}')
	printf '\n%-36s %7s  %-16s %7s %9s\n' school number 'common digest' pending conflicts
	for s in "${schools[@]}"; do
		at "${s%%:*}" status --json >"$dir/status.json"
		digest=$(at "${s%%:*}" digest | awk '/^common/ {print $NF}')
		printf '%-36s %7s  %-16.16s %7s %9s\n' "${s#*:}" \
			"$(at "${s%%:*}" digest | awk '$1 == "partnership" {print $2}')" "$digest" \
			"$(number_of pending)" "$(number_of conflicts)"
		[ "$digest" = "$want" ] && [ "$(number_of pending)" = 0 ] && [ "$(number_of conflicts)" = 1 ] || bad=1
	done
	printf '%-36s %7s  %-16.16s\n' server \
		"$("$build/fivepitsd" digest "$dir/server" | awk '$4 == "Partnership" {print $2}')" "$want"
	[ -n "$want" ] || bad=1
	return $bad
}

if [ "${3:-}" = --run ]; then
	[ -d "$dir/server" ] || { new_area; stop; }
	cat <<EOF

The server of $dir/server runs until you press Ctrl-C. In another window:
  export FIVEPITS_HOME=$dir/pilsley; PATH=$build:\$PATH
  fivepits invite --school 'Stretton Handley Primary School' --name 'Your Name' --role headteacher
  fivepits --home ~/.fivepits join THE-INVITATION
EOF
	trap - EXIT
	exec "$build/fivepitsd" run "$dir/server"
fi
began=$SECONDS
new_area
work_apart
if ! table; then
	echo "This is not as it should be: every school should have the server's digest, nothing pending, one conflict." >&2
	exit 1
fi
cat <<EOF

All twelve and the server hold the same, after $((SECONDS - began)) s. Heath and Morton both set the status of 1.6: both
versions are on every copy until somebody settles it. To look around:
  export FIVEPITS_HOME=$dir/heath; PATH=$build:\$PATH
  fivepits list action            fivepits conflicts
  fivepits show $(cut -c 1-13 "$dir/meeting")      (the meeting and its minutes)
  make run                        (the server, to sync with)
EOF
