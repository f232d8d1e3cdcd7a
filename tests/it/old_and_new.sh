#!/bin/bash
# Copies, schools and servers of two versions: the newer knows more fields and a type more. A copy that was away for long
# catches up as it is, keeps what it does not know, and shows it once it is renewed; nothing of it is lost on the way.
. "$(dirname "$0")/lib.sh"
OLD=$B NEW=$T/tree/build/clang # the variant that is built without optimising
mkdir "$T/tree"
(cd "$ROOT" && tar --exclude=./build --exclude=./.git -cf - .) | tar -xf - -C "$T/tree"

# What is new: a type, a value, a list and prose of the type that everybody edits.
sed -i -e '/^message Device {/i message Offer {\
  optional bytes school = 1;\
  optional string what = 2;\
}\
' -e '/^message Action {/,/^}/s/^}/  optional string audience = 100;\n  repeated string topics = 101;\n  optional string story = 102;\n}/' \
	"$T/tree/proto/records.proto"
sed -i -e '/^static const struct schema_field action\[\] = {/,/^};/s/^};/\tLINE(audience, VALUE, 200, SEARCH),\n\tLINE(topics, SET, 100, MOST(16)),\n\tTEXT(story, TEXT, TEXT_MAX),\n};/' \
	-e '/^\/\* -* The types -* \*\//i static const struct schema_field offer[] = {\
\tREF(school, FIXED, "school"),\
\tTEXT(what, TEXT, TEXT_MAX, SEARCH),\
};\
' -e '/TYPE(TYPE_RETENTION,/a \	TYPE(99, "offer", offer, "what", WORK),' "$T/tree/common/schema.c"
build() { make -s -C "$T/tree" -j2 V=clang CC=gcc CFLAGS_clang=-O0 "$@"; }
if ! build build/clang/fivepits build/clang/fivepitsd >"$T/out" 2>&1; then
	fail "the newer version is built" "$(tail -n 20 "$T/out")"
	finish
fi
pass "the newer version is built"
new() { B=$NEW at "$@"; }
old() { B=$OLD at "$@"; }
field() { sed -n "s/^  \"$2\": *\"\?\([^\",]*\)\"\?,\?$/\1/p" <<<"$1" | head -n 1; }
waits() { field "$("$1" "$2" status --json)" pending; }

area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
actions=()
for i in $(seq 20); do actions+=("$(old pilsley add action text="Action $i" details="One. Two. Three. Four." | tail -n 1)"); done
for s in pilsley heath morton; do old $s sync --quiet; done

# ---- An old server, a new client ----
ok "a newer client says what the server does not know yet" new morton set "${actions[0]}" audience='All staff' topics+=maths
ok "makes what it does not know" new morton add offer school=Morton what='Forest school mornings'
ok "and what it does" new morton set "${actions[1]}" measure='By June'
new morton sync --quiet >/dev/null 2>&1
is "what is new waits" "$(waits new morton)" 2
like "and says for what" "$(new morton outbox)" 'newer'
old pilsley sync --quiet
is "the rest flows" "$(field "$(old pilsley show "${actions[1]}" --json)" measure)" 'By June'

# ---- Away for long ----
for i in $(seq 10); do
	for id in "${actions[@]}"; do old heath set "$id" measure="Heath $i" --quiet; done
done
is "two hundred edits are made without a line" "$(waits old heath)" 200
for id in "${actions[@]}"; do old heath set "$id" details='One at Heath. Two. Three. Four.' --quiet; done
server_stop
B=$NEW server_start
new morton sync --quiet
is "a newer server takes what waited" "$(waits new morton)" 0
for i in $(seq 9); do
	for id in "${actions[@]}"; do
		new morton set "$id" audience="Morton $i" topics+="topic $i" story="Told $i times." --quiet
		new pilsley set "$id" resources_text="Pilsley $i" --quiet
	done
done
for i in $(seq 20); do new morton add offer school=Morton what="Offer $i" --quiet >/dev/null; done
for id in "${actions[@]}"; do new pilsley set "$id" details='One. Two. Three. Four at Pilsley.' --quiet; done
for s in pilsley morton pilsley; do new $s sync --quiet; done
is "the others go on meanwhile" "$(waits new pilsley)$(waits new morton)" 00

# ---- Back, as it was ----
ok "F03: the older copy catches up" old heath sync
is "all that it had is sent" "$(waits old heath)" 0
is "nothing is refused" "$(field "$(old heath status --json)" refused)" 0
for s in pilsley morton; do new $s sync --quiet; done
is "all are equal" "$(common heath)$(common pilsley)" "$(common server)$(common morton)"
ok "it is sound" old heath fsck
n=0
for id in "${actions[@]}"; do
	shown=$(new pilsley show "$id" --json)
	[ "$(field "$shown" measure)|$(field "$shown" audience)|$(field "$shown" resources_text)|$(field "$shown" details)" = \
		"Heath 10|Morton 9|Pilsley 9|One at Heath. Two. Three. Four at Pilsley." ] && n=$((n + 1))
done
is "F03: each edit landed or was merged, and none of the newer fields is gone" $((n + $(new pilsley conflicts --json | grep -c '"to_be"'))) 20
is "every one of its edits is in the history" \
	"$(for id in "${actions[@]}"; do new pilsley history "$id"; done | grep -c 'Measure: Heath\|Measure: .* -> Heath')" 200
is "and one has two versions, for another had set it first" "$(new pilsley conflicts --json | grep -c '"to_be"')" 1
ok "a list of the newer is not seen by the older" old heath show "${actions[2]}"
unlike "as it can't be" "$(cat "$T/out")" 'topic'
status 1 "nor is its type" old heath list offer

# What it does now keeps what it does not know, also where the newer have two versions of that.
ok "it edits a record that has more than it knows" old heath set "${actions[2]}" rag=green
new pilsley set "${actions[3]}" audience='Governors' --quiet
new morton set "${actions[3]}" audience='Pupils' --quiet
for s in pilsley morton; do new $s sync --quiet; done
ok "and is in step" old heath sync
shown=$(new pilsley sync --quiet && new pilsley show "${actions[2]}" --json)
is "F03: nothing of it is lost" "$(field "$shown" audience)$(field "$shown" rag)" 'Morton 9green'
like "it names two versions of what it does not know" "$(old heath conflicts)" 'Field 100: two versions'
conflict=$(old heath conflicts --json | tr -d '\n ' | sed 's/.*"id":"\([0-9a-f-]*\)","record":"'"${actions[3]}"'".*/\1/')
status 1 "and does not settle it" old heath settle "$conflict" --take 1
change=$(old heath history "${actions[4]}" --json | sed -n 's/^    "change": *"\(.*\)".*/\1/p' | sed -n 3p)
old heath undo "$change" >"$T/out" 2>&1
unlike "it takes nothing back that it does not know" "$(new pilsley show "${actions[4]}" --json)" '"audience": *null'

# ---- Renewed ----
ok "edits wait that the older version made" old heath set "${actions[5]}" rag=amber
ok "and what it withdrew" old heath withdraw "${actions[6]}"
like "F03: renewed, the copy shows what it kept" "$(new heath show "${actions[7]}" --json)" '"audience": *"Morton 9"'
is "F03: the newer type, whose rows came before it was known" "$(new heath list offer --json | grep -c '"what"')" 21
like "and finds it" "$(new heath search forest mornings)" 'Forest school mornings'
is "what waited still does" "$(field "$(new heath show "${actions[5]}" --json)" rag)" amber
ok "and is sent" new heath sync
is "and taken" "$(waits new heath)$(field "$(new heath status --json)" refused)" 00
for s in pilsley morton; do new $s sync --quiet; done
like "by the others too" "$(new pilsley show "${actions[6]}")" 'Withdrawn'
ok "now it settles" new heath settle "$conflict" --take Morton
ok "and is in step again" new heath sync
new pilsley sync --quiet
is "as the others" "$(field "$(new pilsley show "${actions[3]}" --json)" audience)" Pupils
for s in pilsley morton heath; do new $s sync --quiet; done
is "all are equal at the end" "$(common heath)$(common pilsley)" "$(common server)$(common morton)"
for s in pilsley morton heath; do ok "$s is sound" new $s fsck; done
finish
