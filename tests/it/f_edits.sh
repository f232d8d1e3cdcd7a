#!/bin/bash
# How edits were lost or hidden elsewhere, replayed: each name says which of the known failures it is
# and what went wrong there.
. "$(dirname "$0")/lib.sh"
three_schools

# F01: A edits and syncs, edits; B syncs; A syncs; B edits and syncs: elsewhere A's second edit was gone, since
# times were compared. All 120 orders of the five steps; those with the same order of syncs go together, each
# order on a field of its own.
fields=(measure resources_text monitored_by_text responsible_text target_text)
orders() { # orders PREFIX STEPS: "SYNCS WHO.SLOT WHO.SLOT WHO.SLOT" for each order
	local step rest=$2 syncs='' slot=0 edits='' i
	if [ -n "$rest" ]; then
		for ((i = 0; i < ${#rest}; i++)); do orders "$1${rest:i:1}" "${rest:0:i}${rest:i+1}"; done
		return
	fi
	for ((i = 0; i < ${#1}; i++)); do
		step=${1:i:1}
		case $step in 1) edits+=" heath.$slot.first" ;; 2) edits+=" heath.$slot.second" ;; 5) edits+=" morton.$slot.other" ;; esac
		case $step in 1 | 4) syncs+=h ;; 3 | 5) syncs+=m ;; *) continue ;; esac
		slot=$((slot + 1))
	done
	echo "$syncs $edits"
}
n=0
orders '' 12345 | sort >"$T/orders"
for syncs in $(cut -d ' ' -f 1 "$T/orders" | uniq); do
	for ((slot = 0; slot <= 4; slot++)); do
		[ $slot != 0 ] || { look heath; look morton; }
		register=$n
		while read -r _ edits; do
			for e in $edits; do
				IFS=. read -r who when which <<<"$e"
				[ "$when" != $slot ] || write "$who" "${actions[register / 5]}" "${fields[register % 5]}" \
					"$who's $which of $register" || fail "F01: an edit" "$(cat "$T/err")"
			done
			register=$((register + 1))
		done < <(grep "^$syncs " "$T/orders")
		case ${syncs:slot:1} in h) who=heath ;; m) who=morton ;; *) continue ;; esac
		sync_all "$who"
		look "$who"
	done
	n=$register
	sync_all heath morton heath
done
is "F01: the five steps were done in all their orders" "$n" 120
sync_all pilsley heath morton
for s in heath morton pilsley; do
	is "F01: no edit is gone, none twice, no two versions without need ($s)" "$(ledger $s)" \
		"360 edits: 0 lost, 0 not in the history, 0 twice, 0 needless"
done
python3 -c 'import json, sys; c = json.load(open(sys.argv[1])); json.dump(c[1:], open(sys.argv[1], "w"))' "$T/ledger/copy.heath/conflicts.json"
like "F01: the ledger would notice one pair that is not there" \
	"$("$ROOT/tests/it/ledger.py" "$T/ledger" "$T/ledger/copy.heath" 2>&1)" '^360 edits: [1-9]'
like "F01: it did come to two versions" "$(count heath conflicts)" '^1?[0-9][0-9]$'
same_everywhere "F01: copies are equal" heath morton pilsley

# F08: the losing version was kept on the loser's machine only. F09: the winner was shown without a word of the
# other. Here both stand on each copy, that of a newcomer too, wherever the record is shown.
one=${actions[30]} two=${actions[31]}
at heath set "$one" measure='Heath says ten' >/dev/null
at morton set "$one" measure='Morton says twelve' >/dev/null
sync_all heath morton
server_stop KILL # right after it was acknowledged (F09: commits that were not flushed)
server_start
school newton 'Newton Primary School'
sync_all heath pilsley
for s in heath morton pilsley newton; do
	like "F08: both versions are on the copy of $s" "$(at $s conflicts | tr '\n' ' ')" 'Heath says ten.*Morton says twelve'
	like "F09: list shows that there are two ($s)" "$(at $s list action ref="$(at $s show "$one" --json | sed -n 's/.*"ref": "\(.*\)",/\1/p')")" 'two versions'
	like "F09: show shows both ($s)" "$(at $s show "$one" | tr '\n' ' ')" 'Measure: two versions.*Heath says ten.*Morton says twelve'
	like "F09: status tells of it ($s)" "$(at $s status)" '^Two versions in [0-9]+ places'
done

# F23: moves that went round in circles. Two people put each item behind the other; two actions wait for each other;
# a plan's forerunner is itself.
event=$(at heath add event kind=meeting title='Heads' day=2019-10-10 --quiet)
for title in Apologies Budget Calendar; do at heath add agenda-item event="$event" title=$title --quiet >>"$T/items"; done
mapfile -t items <"$T/items"
sync_all heath morton
at heath set "${items[0]}" after="${items[2]}" >/dev/null
at morton set "${items[2]}" before="${items[0]}" >/dev/null
at heath set "$one" depends_on+="$two" >/dev/null
at morton set "$two" depends_on+="$one" >/dev/null
sync_all heath morton heath pilsley
for s in heath morton pilsley; do
	is "F23: no item is lost or doubled by moves ($s)" "$(at $s show "$event" | grep -oE 'Apologies|Budget|Calendar' | sort | tr '\n' ' ')" 'Apologies Budget Calendar '
	is "F23: and the order is the same ($s)" "$(at $s show "$event" | grep -oE 'Apologies|Budget|Calendar')" "$(at heath show "$event" | grep -oE 'Apologies|Budget|Calendar')"
	ok "F23: records that refer to each other are shown ($s)" timeout 10 "$B/fivepits" --home "$T/$s" show "$two"
	ok "F23: and exported ($s)" timeout 10 "$B/fivepits" --home "$T/$s" export plan
done
# F24: merged text with lines twice. Edits of sentences and lines apart from each other merge; every line is there
# exactly once, in one order everywhere, and none that nobody wrote.
for i in $(seq 40); do echo "Line $i of the minutes says what was said under $i."; done >"$T/text"
item=${items[0]}
at heath set "$item" minute_text=@"$T/text" >/dev/null
sync_all heath morton pilsley
text() { python3 -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["minute_text"])'; }
apart() { # apart NAME HEATH'S MORTON'S: two sed scripts over the text that both have seen
	at heath show "$item" --json | text >"$T/base"
	sed "$2" "$T/base" >"$T/of-heath"
	sed "$3" "$T/base" >"$T/of-morton"
	at heath set "$item" minute_text=@"$T/of-heath" >/dev/null
	at morton set "$item" minute_text=@"$T/of-morton" >/dev/null
	sync_all heath morton heath pilsley
	git merge-file -p "$T/of-heath" "$T/base" "$T/of-morton" >"$T/wanted"
	for s in heath morton pilsley; do
		at $s show "$item" --json | text >"$T/merged"
		is "F24: $1: merged as git merges it ($s)" "$(diff "$T/merged" "$T/wanted")" ''
		is "F24: $1: no line is there twice ($s)" "$(sort "$T/merged" | uniq -d)" ''
	done
	is "F24: $1: no two versions" "$(at heath conflicts --json | grep -c '"minute_text"')" 0
}
apart 'a line each' '3s/says/said/' '30s/says/said/'
apart 'inserted and taken out' '5a A line that Heath put in.' '20d'
apart 'both ends' '1i Heath opened the meeting.' '40a Morton closed it.'
apart 'several each' '2d;10s/what/all that/;25a Heath asked.' '15d;18a Morton answered.;35s/what/all that/'
apart 'the same by both' '12s/says/said/;7s/says/told/' '12s/says/said/;32s/says/told/'
at heath show "$item" --json | text >"$T/base"
sed '8s/says/promises/' "$T/base" >"$T/of-heath"
sed '8s/says/denies/' "$T/base" >"$T/of-morton"
at heath set "$item" minute_text=@"$T/of-heath" >/dev/null
at morton set "$item" minute_text=@"$T/of-morton" >/dev/null
sync_all heath morton heath pilsley
is "F24: the same line in two ways is two versions, no mixture" "$(at pilsley show "$item" --json | text | diff - "$T/of-heath")" ''
like "F24: with both of them" "$(at pilsley conflicts)" 'denies'
is "F24: and each is in the history once" "$(at pilsley history "$item" --json | grep -c 'denies')" 1

# F23: bytes counted after a filter had changed them: what is sent is what the name of the content says.
printf 'one\r\ntwo\n\r\0\0three \x1a\xff\xfe' >"$T/odd"
for size in 65535 65536 65537 262144 1048577; do
	{ yes $'a line that repeats\r' | head -c $((size / 2)); head -c $((size - size / 2)) /dev/zero; } >"$T/file.$size"
done
for f in "$T"/odd "$T"/file.*; do at heath put "$f" --quiet >"$f.id"; done
sync_all heath morton
for f in "$T"/odd "$T"/file.*[0-9]; do
	at morton get "$(cat "$f.id")" -o "$f.back" >/dev/null
	ok "F23: ${f##*/} comes back byte for byte" cmp "$f" "$f.back"
done
same_everywhere "F23: copies are equal" heath morton
finish
