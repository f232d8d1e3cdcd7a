#!/bin/bash
# F19: names that a file system can't hold, or holds as another's, were silently left out. Here names are data: every one
# reaches the other school as it was written, and every document is there with its own bytes.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
# shellcheck disable=SC2016 # nothing is to be expanded
names=('ends with a dot.' 'ends with a space ' ' begins with one' '.hidden' '..' '...' 'a:b' 'a#b' 'a?b*c' 'a|b<c>d' 'back\slash'
	'CON' 'nul.txt' 'AUX.' 'lpt1.doc' 'Minutes.txt' 'minutes.TXT' $'caf\u00e9' $'cafe\u0301' $'\u212bngstr\u00f6m' '-rf' '--home'
	'%2e%2e%2f' '$(id)' "it's" 'say "so"' $'right\u202eto left' $'\U1f3eb school' '{a,b}' '~' '@file' 'name=value' "$(printf 'long%.0s' $(seq 50)).txt")
mkdir "$T/from"
i=0
for name in "${names[@]}"; do
	i=$((i + 1))
	printf 'bytes %s of %s' "$i" "$name" >"$T/from/x"
	if [ "$name" != .. ]; then
		mv -- "$T/from/x" "$T/from/$name"
		(cd "$T/from" && "$B/fivepits" --home "$T/heath" put --quiet -- "$name") >>"$T/ids" 2>>"$T/err" || fail "F19: put '$name'" "$(tail -n 1 "$T/err")"
	fi
	at heath add event kind=meeting day=2019-10-10 title="x$name" --quiet >>"$T/events" 2>>"$T/err" || fail "F19: a title '$name'" "$(tail -n 1 "$T/err")"
done
sync_all heath morton
is "F19: every document is sent" "$(count heath pending)" 0
is "F19: and is at the other school" "$(at morton list document --json | grep -c '"id"')" $((i - 1))
mapfile -t ids <"$T/ids"
mapfile -t events <"$T/events"
wrong=0 names_wrong=0 titles_wrong=0 n=0
for j in "${!names[@]}"; do
	name=${names[j]}
	title=$(at morton show "${events[j]}" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["title"], end="$")')
	[ "$title" = "x$name\$" ] || { titles_wrong=$((titles_wrong + 1)) && echo "# title '$title' of '$name'"; }
	[ "$name" != .. ] || continue
	at morton get "${ids[n]}" -o - >"$T/back" 2>/dev/null
	cmp -s "$T/back" "$T/from/$name" || wrong=$((wrong + 1))
	n=$((n + 1))
done
at morton list version --json | python3 -c 'import json, sys; print("\n".join(sorted(v["filename"] for v in json.load(sys.stdin))))' >"$T/held"
printf '%s\n' "${names[@]}" | grep -vx '\.\.' | LC_ALL=C sort >"$T/made"
names_wrong=$(LC_ALL=C sort "$T/held" | comm -3 - "$T/made" | wc -l)
is "F19: each has its own bytes" $wrong 0
is "F19: each has its name, byte for byte" "$names_wrong" 0
is "F19: and each title is as it was written" $titles_wrong 0
mkdir "$T/to"
for id in "${ids[@]}"; do (cd "$T/to" && "$B/fivepits" --home "$T/morton" get "$id") >/dev/null 2>>"$T/err" || fail "F19: get into one folder" "$(tail -n 1 "$T/err")"; done
is "F19: fetched into one folder none is on top of another" "$(find "$T/to" -type f | wc -l)" $((i - 1))
is "F19: and none is beside it" "$(find "$T" -maxdepth 1 -newer "$T/made" -type f ! -name 'err' ! -name 'out' | wc -l)" 0
is "F19: all their bytes are there" "$(cat "$T"/to/* "$T"/to/.[!.]* 2>/dev/null | wc -c)" "$(find "$T/from" -type f -exec cat {} + | wc -c)"
home=$T/$'a home: with #odd \u00e9 "name" '
cp -a "$T/morton" "$home"
ok "F19: a copy may be in a folder of any name" "$B/fivepits" --home "$home" sync --quiet
same_everywhere "F19: equal" heath morton
finish
