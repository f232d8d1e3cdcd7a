#!/bin/bash
# Documents as people handle them: many files at once, names that no disk holds, what a computer keeps
# of them, and versions that were made apart.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
school morton 'Morton Primary School'
field() { python3 -c 'import json, sys; v = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# ---- Folders ----
mkdir -p "$T/Papers/2019/.hidden" "$T/Papers/Ünï ; code"
for name in agenda.txt 2019/minutes.txt 'Ünï ; code/plan.md' 2019/.hidden/x .secret; do echo "content of $name" >"$T/Papers/$name"; done
head -c 300000 /dev/urandom >"$T/Papers/2019/scan.bin"
ln -s agenda.txt "$T/Papers/link"
ln -s ../.. "$T/Papers/2019/up"
mkfifo "$T/Papers/pipe"
ok "a folder is kept" at heath put "$T/Papers"
is "what is hidden, a link or no file is left out, and told" "$(grep -c '^Left out: ' "$T/out")" 5
like "how many and how much is told in the end" "$(tail -n 1 "$T/out")" "^4 documents kept, [0-9.]+ KiB in all: 'fivepits sync' sends them\.$"
ok "it is sent" at heath sync --quiet
sync_all morton
is "all files are at the other school" "$(at morton list document --json | field 'len(v)')" 4
mkdir "$T/from"
(cd "$T/from" && at morton get --folder Papers --into there >"$T/get.out" 2>&1)
is "and come out with their folders" "$(cd "$T/from/there" && find . -type f | sort | tr '\n' ' ')" \
	"./Papers/2019/minutes.txt ./Papers/2019/scan.bin ./Papers/agenda.txt ./Papers/Ünï ; code/plan.md "
ok "byte for byte" cmp "$T/from/there/Papers/2019/scan.bin" "$T/Papers/2019/scan.bin"
(cd "$T/from" && at morton get --folder Papers/2019 --into part --json >"$T/get.json" 2>"$T/progress")
is "a folder below comes alone" "$(cd "$T/from/part" && find . -type f | sort | tr '\n' ' ')" "./2019/minutes.txt ./2019/scan.bin "
is "--json tells each file" "$(field 'sorted((g["filename"], g["bytes"]) for g in v)' <"$T/get.json")" "[('minutes.txt', 28), ('scan.bin', 300000)]"
is "and progress as lines of JSON" "$(field 'v["progress"]["files"], v["progress"]["bytes"], v["progress"]["files_done"]' < <(tail -n 1 "$T/progress"))" \
	"(2, 300028, 2)"
mapfile -t two < <(at morton list version folder=Papers --json | field '"\n".join(x["document"] for x in v)')
ok "a second time nothing is replaced" at morton get "${two[0]}" "${two[0]}" --into "$T/twice"
is "but stands beside it" "$(find "$T/twice" -type f -printf '%f\n' | sort | tr '\n' ' ')" "agenda (2).txt agenda.txt "

terminal() { COLUMNS=100 python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@" </dev/null 2>/dev/null | tr '\r' '\n'; }
like "on a terminal progress is of each and of all" "$(terminal "$B/fivepits" --home "$T/morton" put "$T/Papers/2019/scan.bin" "$T/Papers/agenda.txt")" \
	'^Keeping 1 of 2: +[0-9]+ %, [0-9.]+ (bytes|[KM]iB) of 293\.0 KiB.*  scan\.bin'
unlike "and not with --quiet" "$(terminal "$B/fivepits" --home "$T/morton" put "$T/Papers/agenda.txt" --quiet)" 'Keeping'

# ---- Exit codes ----
echo more >"$T/more.txt"
at heath put "$T/Papers/agenda.txt" "$T/none" "$T/more.txt" >"$T/many" 2>"$T/err"
is "one that is not there keeps none of the others from it: 1" "$?.$(grep -c ' kept\. ' "$T/many")" 1.2
is "in one line on standard error" "$(wc -l <"$T/err")" 1
like "that names it" "$(cat "$T/err")" '1 of 3 files was not kept; the first: .*none'
at heath put "$T/none" "$T/more.txt" --json >"$T/many.json" 2>/dev/null
is "with --json too" "$(field '[sorted(set(x) & {"id", "refused"}) for x in v]' <"$T/many.json")" "[['refused'], ['id']]"
at heath put "$T/Papers/agenda.txt" "$T/more.txt" --space directory >"$T/many" 2>"$T/err"
is "where no record can be saved, it is said of each: 1" "$?.$(grep -c ' kept\. ' "$T/many").$(grep -c '^Not kept: ' "$T/many")" 1.0.2
like "and why" "$(cat "$T/err")" '2 of 2 files were not kept; the first: .*does not belong in'

# ---- What a file is ----
printf '%%PDF-1.4\n' >"$T/really.txt"
python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], "w"); [z.writestr(n, "<x/>") for n in ("[Content_Types].xml", "_rels/.rels", "word/document.xml")]' "$T/letter"
printf 'school,pupils\nHeath,210\n' >"$T/pupils.csv"
: >"$T/nothing"
at heath put "$T/really.txt" "$T/letter" "$T/pupils.csv" "$T/nothing" --quiet >/dev/null
type_of() { at heath list version filename="$1" --json | field 'v[0]["media_type"]'; }
is "the bytes say what a file is, whatever its name" "$(type_of really.txt) $(type_of letter)" \
	"application/pdf application/vnd.openxmlformats-officedocument.wordprocessingml.document"
is "and its name where they say little" "$(type_of pupils.csv) $(type_of nothing)" "text/csv text/plain"
for wrong in 'put' 'get' "put $T/Papers --title x" "get --folder Papers -o x" 'get x y --version 1' 'fetch --keep' 'fetch x --keep --drop' \
	'policy --up-to 1M' 'policy partnership some'; do
	# shellcheck disable=SC2086 # words
	status 2 "wrong usage: $wrong" at morton $wrong
done
status 1 "no such folder" at morton get --folder Papier
like "which says how to find one" "$(cat "$T/err")" "list version folder~TEXT"
like "which show names" "$(at morton show minutes.txt)" ' Papers/2019/minutes\.txt, '
status 1 "a folder is not written over" at morton get minutes.txt -o "$T" --force
like "but into" "$(cat "$T/err")" 'is a folder: --into writes into it'
again=$(at heath put "$T/more.txt")
like "a file of a name that is there may be meant as a new version" "$again" "^There was a document of this name already: 'fivepits put --document [0-9a-f-]+'"
unlike "one of another name may not" "$(at heath put "$T/more.txt" --title 'Something else')" 'already'
status 1 "this computer's own key is no document" at heath put "$T/heath/key.pem"
like "and it is said why" "$(cat "$T/err")" "key.pem belongs to this computer's own copy and keys"
ln -s "$T/heath" "$T/way"
status 1 "nor is it by another way, in a folder" at heath put "$T/way"
is "of which nothing is kept" "$(at heath list document title=key.pem --json)" '[]'
status 1 "a name that two have" at heath get more.txt
like "is told with their ids" "$(cat "$T/err")" "'more.txt' could be more.txt \([0-9a-f-]+\) or more.txt \([0-9a-f-]+\)"
at heath withdraw "$(tail -n 1 <<<"$again")" >/dev/null
status 2 "a size that is none" at morton policy partnership newest --up-to much
at morton policy partnership on-demand >/dev/null
at heath sync --quiet
sync_all morton
more=$(at morton list version filename=more.txt --json | field 'v[0]["document"]')
server_stop
at morton get "$more" "${two[0]}" --into "$T/offline" >"$T/out" 2>"$T/err"
is "without the server what is here comes, and 75 says that the rest did not" "$?.$(ls "$T/offline")" "75.agenda.txt"
like "which that was is said, and why" "$(cat "$T/out")" '^Not written: more.txt \(the server .* does not answer'
is "as JSON, too, beside what was written" "$(at morton get "$more" "${two[0]}" --into "$T/offline" --json 2>"$T/err" |
	field '[(x["filename"], "file" in x, "refused" in x) for x in v]')" "[('more.txt', False, True), ('agenda.txt', True, False)]"
status 75 "fetch says so too" at morton fetch "$more"
server_start
ok "once there is a line" at morton sync --quiet
is "it comes by itself" "$(at morton list document title=more.txt --json | field 'v[0]["here"]')" True
at morton policy partnership newest >/dev/null

# ---- Names ----
is "500 awkward names" "$("$ROOT/tests/it/names.py" make "$T/names" "$T/names.made")" 500
sync_all heath morton
before=$(at morton list version --json | field 'len(v)')
school tupton 'Tupton Primary School'
ok "are kept" at heath put "$T/names/files" --quiet
for file in "$T/names/others"/*[0-9]; do
	name=$(cat "$file.name" && echo .)
	at heath put "$file" --name="${name%.}" --quiet >/dev/null 2>>"$T/err" || fail "the name of $file" "$(tail -n 1 "$T/err")"
done
is "nothing was left out but what is none" "$(at heath list version --json | field 'len(v)')" $((before + 500))
sync_all heath tupton
at tupton list version --json >"$T/held.all"
python3 - "$T" <<'END'
import json, sys
t = sys.argv[1]
made = {json.loads(line)['sha'] for line in open(t + '/names.made')}
held = [v for v in json.load(open(t + '/held.all')) if v['content'] in made]
json.dump(held, open(t + '/held', 'w'))
open(t + '/held.ids', 'w').write('\n'.join(v['document'] for v in held) + '\n')
END
mapfile -t ids <"$T/held.ids"
at tupton get "${ids[@]}" --into "$T/safe" --json >"$T/got" 2>/dev/null
is "all can be had at another school" $? 0
judged=$("$ROOT/tests/it/names.py" judge "$T/names.made" "$T/held" "$T/got" "$T/safe")
is "each with its name in the record, its content, and a safe name of its own here" "$judged" "500 names, 0 faults"
at heath put "$T/more.txt" --name $'agenda\nof May.txt' --title 'Two lines' --quiet >/dev/null
like "all of a name is listed, whatever stands in it" "$(at heath list version filename~agenda)" 'agenda of May\.txt'
status 1 "a name that is too long for a record is refused" at heath put "$T/more.txt" --name "$(printf 'x%.0s' {1..1025})"

# ---- What this computer holds ----
here() { at tupton list version --json | field "sorted((x['filename'], x['here']) for x in v if x['filename'].startswith('hold'))"; }
for size in 5 2000000; do head -c $size /dev/urandom >"$T/hold-$size"; done
at heath put "$T/hold-5" "$T/hold-2000000" --quiet >"$T/hold.ids"
{ read -r small && read -r large; } <"$T/hold.ids"
status 2 "a size" at tupton policy partnership newest --up-to nothing
ok "a policy is this computer's own" at tupton policy partnership newest --up-to 1M
sync_all heath tupton
is "the newest come by themselves up to a size" "$(here)" "[('hold-2000000', False), ('hold-5', True)]"
like "status says what is here and what is not" "$(at tupton status)" 'Documents: .* on this computer .*; 1\.9 MiB when you ask'
head -c 700 /dev/urandom >"$T/hold-5-new"
at heath put --document "$small" "$T/hold-5-new" --quiet >/dev/null
sync_all heath tupton
is "a new version too" "$(here)" "[('hold-2000000', False), ('hold-5', True), ('hold-5-new', True)]"
ok "one document is fetched" at tupton fetch "$large"
is "and is here" "$(here)" "[('hold-2000000', True), ('hold-5', True), ('hold-5-new', True)]"
pack() { find "$T/tupton/documents" -type f -printf '%b\n' | awk '{n += $1 * 512} END {print n}'; }
big=$(pack)
ok "what the policy does not want is dropped" at tupton fetch --drop
is "so the old version and the large one go" "$(here)" "[('hold-2000000', False), ('hold-5', False), ('hold-5-new', True)]"
like "from the disk as well ($big, $(pack))" $((big - $(pack))) '^(19|2[0-9])[0-9]{5}$'
ok "the copy is sound" at tupton fsck
ok "one that is wanted can be dropped" at tupton fetch --drop "$small"
sync_all tupton
is "and stays away" "$(here)" "[('hold-2000000', False), ('hold-5', False), ('hold-5-new', False)]"
ok "until it is asked for" at tupton get "$small" -o "$T/hold.back"
ok "byte for byte" cmp "$T/hold.back" "$T/hold-5-new"
ok "dropped again" at tupton fetch --drop "$small"
like "the list says that it was" "$(at tupton list document title~hold-5)" 'hold-5 .* dropped$'
like "and is not asked to drop what is not there" "$(at tupton fetch --drop "$small")" 'nothing to drop: .*it comes only when you ask'
ok "another is kept" at tupton fetch --keep "$large"
like "the list says so" "$(at tupton list document title~hold-2)" 'hold-2000000 .* kept$'
is "programs are told" "$(at tupton list document --json | field "[x['id'] for x in v if x['kept']]")" "['$large']"
like "policy lists what is kept" "$(at tupton policy | tail -n 2 | tr '\n' ' ')" "^Kept here whatever that says, .*--drop ID': +${large:0:8}[0-9a-f-]*  hold-2000000 \$"
is "for programs by space" "$(at tupton policy --json | field "[x['kept'] for x in v if x['kept']]")" "[['$large']]"
ok "to fetch it is not to end that" at tupton fetch "$large"
is "it does not" "$(at tupton policy partnership --json | field "v[0]['kept']")" "['$large']"
head -c 2100000 /dev/urandom >"$T/hold-2000000-new"
at heath put --document "$large" "$T/hold-2000000-new" --quiet >/dev/null
sync_all heath tupton
is "then its new version comes, whatever its size" "$(here | grep -o "'hold-2000000-new', True")" "'hold-2000000-new', True"
ok "to a policy of all" at tupton policy partnership all --up-to any
sync_all tupton
ok "and what was dropped, once it is asked for" at tupton fetch "$small"
sync_all tupton
is "old versions come too" "$(at tupton list version --json | field "sum(not x['here'] for x in v)")" 0
ok "and with on-demand" at tupton policy partnership on-demand
ok "all but what is kept can go" at tupton fetch --drop
is "it does" "$(at tupton list version --json | field "[x['filename'] for x in v if x['here']]")" "['hold-2000000-new']"
like "policy lists it" "$(at tupton policy)" 'partnership +what you ask for +1 of '
unlike "what was dropped is kept no more" "$(at tupton fetch --drop "$large" >/dev/null && at tupton policy)" 'Kept here'
mine=$(at tupton put "$T/more.txt" --title mine --quiet)
server_stop
status 1 "what is here alone is not dropped" at tupton fetch --drop "$mine"
server_start
"$B/fivepits" --home "$T/tupton" serve 2>"$T/serve.log" &
serving=$!
wait_for 10 grep -q serve.up "$T/serve.log" || fail "serve is up"
ok "beside a running serve the policy changes" at tupton policy partnership newest --up-to 1M
comes() { ! at tupton status | grep -q 'to come'; }
if wait_for 20 comes; then pass "and serve fetches by it"; else fail "serve fetches by the policy" "$(at tupton status)"; fi
at heath put "$T/Papers/agenda.txt" --title 'seen by serve' --quiet >/dev/null
sync_all heath
seen() { [ "$(at tupton list document 'title=seen by serve' --json | field 'v[0]["here"]')" = True ]; }
if wait_for 20 seen; then pass "and new documents as they come"; else fail "serve fetches what comes" "$(at tupton status)"; fi
ok "fetch works beside it" at tupton fetch "$large"
kill $serving
wait $serving

# ---- Versions that were made apart ----
echo base >"$T/base.txt" && echo heath >"$T/heath.txt" && echo morton >"$T/morton.txt"
doc=$(at heath put "$T/base.txt" --title Memorandum --quiet)
sync_all heath morton
documents=$(count heath documents)
at heath put --document "$doc" "$T/heath.txt" --note 'Monday is changed' --quiet >/dev/null
at morton put --document "$doc" "$T/morton.txt" --quiet >/dev/null
sync_all heath morton heath
versions() { at "$1" show "$doc" --json | field "[(x['filename'], x['made_apart'], x['current']) for x in v['versions']]"; }
is "two versions made apart are both kept" "$(versions heath)" "[('base.txt', False, False), ('heath.txt', True, False), ('morton.txt', True, True)]"
is "at both schools" "$(versions morton)" "$(versions heath)"
like "conflicts shows both with school and time" "$(at heath conflicts | tr '\n' ' ')" \
	'2 heath.txt, 6 bytes, yours +Head of Heath.*, Heath Primary School, .* 20.*Monday is changed.*3 morton.txt, 7 bytes; it counts for now +Head of Morton.*, Morton Primary School, .* 20'
is "with --json too" "$(at heath conflicts --json | field "[(x['take'], x['author']['school_name'], x['yours']) for x in v[0]['sides']]" 2>&1 | tail -n 1)" \
	"[(2, 'Heath Primary School', True), (3, 'Morton Primary School', False)]"
like "show has who, when, and what is new in it, on a terminal of 80 columns too" "$(script -qec "stty cols 80; '$B/fivepits' --home '$T/morton' show $doc" /dev/null | tr -d '\r' | tr '\n' ' ')" \
	'2  heath.txt, 6 bytes, made apart  \[[0-9a-f-]+\] +Head of Heath Primary School, Heath Primary School, [0-9]+ [A-Z][a-z]+ 20[0-9]+, [0-9:]+ +Monday is changed +1  base.txt'
like "list marks the document" "$(at heath list document title=Memorandum)" 'two versions'
is "they are one document to status" "$(count heath documents)" "$documents"
like "who gets it is told how to pick" "$(at heath get "$doc" -o "$T/apart.txt")" "^It has 2 versions .*settle $(cut -c 1-8 <<<"$doc")[0-9a-f-]* --take NUMBER' picks one"
is "no other document was made of it" "$(at heath list document --json | field "len([x for x in v if 'base' in x['title'] or 'Memorandum' in x['title'] or 'onflict' in x['title']])")" 1
status 1 "what names none of them settles nothing" at heath settle "$doc" --take 1
ok "a person picks one" at heath settle "$doc" --take yours
sync_all heath morton
is "it counts everywhere" "$(at morton get "$doc" -o -)" heath
is "nothing is left to settle" "$(at morton conflicts --json | field 'len(v)')" 0
is "the other one is there still" "$(at morton get "$doc" --version 3 -o -)" morton
is "and the oldest" "$(at heath get "$doc" --version 1 -o -)" base
status 1 "there is no fourth" at heath get Memorandum --version 4
like "it is said where they are listed" "$(cat "$T/err")" "'fivepits show $(cut -c 1-8 <<<"$doc")[0-9a-f-]*' lists its 3"
like "history says who picked it" "$(at morton history "$doc")" 'Heath Primary School'
like "and where its versions are" "$(at morton history "$doc")" "^It has 3 versions: 'fivepits show $(cut -c 1-8 <<<"$doc")"
echo next >"$T/next.txt"
at morton put --document "$doc" "$T/next.txt" --quiet >/dev/null
sync_all morton heath
is "a new version takes its place" "$(at heath get "$doc" -o -)" next
at heath put --document "$doc" "$T/heath.txt" --quiet >/dev/null
at morton put --document "$doc" "$T/morton.txt" --quiet >/dev/null
sync_all heath morton heath
is "made apart once more, both are there to pick" "$(at heath conflicts --json | field "max(len(x['sides']) for x in v)")" 2
ok "one by its school" at morton settle "$doc" --take Morton
sync_all morton heath
is "settles all of it" "$(at heath conflicts --json | field 'len(v)').$(at heath get "$doc" -o -)" 0.morton
same_everywhere "equal" heath morton

finish
