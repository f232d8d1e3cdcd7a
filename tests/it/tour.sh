#!/bin/bash
# What a newcomer does first: the demonstration, twice, then the README's tour as it stands there.
. "$(dirname "$0")/lib.sh"
DEMO=$T/demo
demo() { "$ROOT/tests/demo.sh" "$B" "$DEMO" >"$T/demo.out" 2>&1; }
for time in once 'once more'; do
	ok "the demonstration works $time" demo
	rows=$(grep -E ' [0-9a-f]{16} +0 +1$' "$T/demo.out")
	is "twelve schools have nothing pending and one place with two versions" "$(wc -l <<<"$rows")" 12
	is "and one digest, which is the server's" \
		"$(grep -oE '\b[0-9a-f]{16}\b' "$T/demo.out" | sort | uniq -c | awk '{print $1}')" 13
	is "nothing is left running" "$(grep -laE "$T/demo/serve[r]" /proc/[0-9]*/cmdline 2>/dev/null)" ""
done
is "a document went from school to school" "$(cat "$DEMO/from-blackwell.txt")" "$(cat "$DEMO/memorandum.txt")"

cat >"$T/editor" <<'X'
#!/bin/sh
echo 'We apply together.' >>"$1"
X
chmod +x "$T/editor"
export EDITOR=$T/editor VISUAL='' PATH=$B:$PATH
unset -f fivepits fivepitsd
cd "$ROOT" || exit 1
mapfile -t tour < <(sed -n '/^## A tour/,/^## /p' README.md | sed -n 's/^    //p')
like "the tour has a command for everything" "${#tour[@]}" '^[2-9][0-9]$'
for line in "${tour[@]}"; do
	case $line in
	PATH=*) continue ;; # this build's programs are the ones to try
	'fivepits sync') [ -n "$SERVER_PID" ] || server_start "$DEMO/server" ;; # "in another window, make run"
	esac
	command=${line//build\/demo/$DEMO}
	command=${command//EVENT/${event:-}}
	command=${command//ITEM/${item:-}}
	eval "$command" >"$T/out" 2>"$T/err"
	is "tour: $line" "$? $(cat "$T/err")" '0 '
	case $line in
	'fivepits list event') event=$(awk '/Cluster Heads/ {print $1}' "$T/out") ;;
	'fivepits add agenda-item'*) item=$(tail -n 1 "$T/out") ;;
	'export '*) ;;
	*) [ -s "$T/out" ] || fail "it says something" ;;
	esac
	cp "$T/out" "$T/tour.${line//[^a-z0-9]/-}"
done
said() { cat "$T/tour.${1//[^a-z0-9]/-}"; }
is "the plan has 33 actions" "$(said 'fivepits list action' | grep -cE ' [1-4]\.[0-9]+ ')" 33
like "both versions are shown" "$(said 'fivepits conflicts' | tr '\n' ' ')" 'completed.*in-progress'
like "the decision waits" "$(said 'fivepits status')" '1 change waits'
like "then it is settled at Morton" "$(said 'FIVEPITS_HOME=build/demo/morton fivepits conflicts')" 'no two versions'
like "the minutes are printed" "$(said 'fivepits show EVENT' | tr '\n' ' ')" 'Artsmark.*We apply together'
ok "the document comes back as it went" cmp README.md "$DEMO/README.md"
like "a word finds an action" "$(said 'fivepits search skills audit')" 'Update the key'
at demo/pilsley sync >/dev/null
status 1 "who was revoked is turned away" "$B/fivepits" --home "$DEMO/newton" sync
finish
