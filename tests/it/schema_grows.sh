#!/bin/bash
# A new record type and a new field: one message, one line, and their rows. Nothing else has to
# change for them to be added, checked, listed, shown, searched, sent, and to reach older versions.
. "$(dirname "$0")/lib.sh"
OLD=$B NEW=$T/tree/build/clang # the variant that is built without optimising
mkdir "$T/tree"
(cd "$ROOT" && tar --exclude=./build --exclude=./.git -cf - .) | tar -xf - -C "$T/tree"

# Add a message for what a school can offer to others, and a field of School.
sed -i -e '/^message Device {/i message Offer {\
  optional bytes school = 1;\
  optional string what = 2;\
  repeated string subjects = 3;\
  optional string until = 4;\
  optional Rag demand = 5;\
}\
' -e '/^message School {/,/^}/s/^}/  optional string website = 100;\n}/' "$T/tree/proto/records.proto"
sed -i -e '/^static const struct schema_field school\[\] = {/,/^};/s/^};/\tLINE(website, VALUE, 200, SEARCH),\n};/' \
	-e '/^\/\* -* The types -* \*\//i static const struct schema_field offer[] = {\
\tREF(school, FIXED, "school"),\
\tTEXT(what, TEXT, TEXT_MAX, SEARCH),\
\tLINE(subjects, SET, 100, MOST(16), SEARCH),\
\tDAY(until, VALUE),\
\tWORD(demand, VALUE),\
};\
' -e '/TYPE(TYPE_RETENTION,/a \	TYPE(99, "offer", offer, "what", WORK),' "$T/tree/common/schema.c"
is "two files differ, the message's and the table's" \
	"$(cd "$ROOT" && diff -rq -x build -x .git . "$T/tree" | awk '{print $2}' | tr '\n' ' ')" \
	"./common/schema.c ./proto/records.proto "
build() { make -s -C "$T/tree" -j2 V=clang CC=gcc CFLAGS_clang=-O0 "$@"; }
if ! build build/clang/fivepits build/clang/fivepitsd >"$T/out" 2>&1; then
	fail "it is built" "$(tail -n 20 "$T/out")"
	finish
fi
pass "it is built"

# An area of today's version; Heath has the new one.
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
new() { B=$NEW at "$@"; }
id() { sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1; }
is "a new version opens an older copy" "$(new heath list school --json | grep -c '"name"')" 2
ok "a record of the new type is made" new heath add offer school=Heath what='Forest school mornings' \
	subjects=outdoors subjects=science until=2020-07-21 demand=amber
offer=$(tail -n 1 "$T/out")
like "it is listed" "$(new heath list offer)" 'Forest school mornings'
json=$(new heath show "$offer" --json | tr -d '\n')
like "shown as JSON, with its type" "$json" '"type": *"offer"'
like "its words" "$json" '"demand": *"amber"'
like "and its list" "$json" '"subjects": *\[ *"science", *"outdoors" *\]'
like "shown to a person" "$(new heath show "$offer")" '21 July 2020'
like "found by its words" "$(new heath search forest mornings)" 'Forest school mornings'
like "by those of its list" "$(new heath search outdoors)" 'Forest school mornings'
ok "changed" new heath set "$offer" subjects+=maths subjects-=science demand=green
like "as its rows say" "$(new heath show "$offer" --json | tr -d '\n')" '"subjects": *\[ *"maths", *"outdoors" *\]'
status 1 "and refused as they say" new heath set "$offer" until=2020-02-30
status 1 "a word that is none" new heath set "$offer" demand=mauve
status 1 "what it may not refer to" new heath add offer school="${offer:0:18}" what=x

# Today's server does not know it yet: it waits, and nothing is lost.
new heath sync --quiet >"$T/out" 2>"$T/err"
like "it waits for the server to be renewed" "$(new heath status --json | tr -d '\n')" '"pending": *2'
server_stop
B=$NEW server_start
new heath sync --quiet >"$T/out" 2>"$T/err"
like "a new server takes it" "$(new heath status --json | tr -d '\n')" '"pending": *0'
ok "the new field is set by the administrator" new pilsley set "$(new pilsley list school name~Heath --json | id)" \
	website=https://heath.example
ok "and sent" new pilsley sync --quiet

# Morton has today's version still: it holds what it can't show, and shows it once it is renewed.
ok "an older copy takes both" at morton sync --quiet
is "and is equal to the others" "$(common morton)" "$(common server)"
like "what it knows it shows" "$(at morton show "$(at morton list school name~Heath --json | id)")" 'Heath Primary School'
like "what it does not know it does not" "$(at morton show "$offer" 2>&1)" 'newer|not known|no record|nothing'
like "renewed it lists the new type" "$(new morton list offer)" 'Forest school mornings'
like "has the new field" "$(new morton show "$(new morton list school name~Heath --json | id)" --json)" 'heath.example'
like "and finds it" "$(new morton search maths)" 'Forest school mornings'
ok "its journal and tables fit" new morton fsck
like "the older version can be used again" "$(B=$OLD at morton list school)" 'Heath'
finish
