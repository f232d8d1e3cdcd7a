#!/bin/bash
# The text of documents: each kind is read, and a hostile one costs its text and nothing else.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 2

python3 - <<'PY'
import random, zipfile
def docx(name, xml, part="word/document.xml"):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", "<Types/>")
        z.writestr(part, xml)
w = '<?xml version="1.0"?><w:document xmlns:w="w">%s</w:document>'
docx("a.docx", w % '<w:p><w:r><w:t>Reading</w:t></w:r><w:r><w:t xml:space="preserve"> at Heath &amp; Morton</w:t></w:r></w:p>'
     '<w:p><w:r><w:instrText>PAGE</w:instrText><w:t>Caf\u00e9</w:t></w:r></w:p>')
docx("a.odt", '<o:d xmlns:o="o" xmlns:t="t"><t:p>Moder<t:span>ation</t:span></t:p><t:h>Spring<t:tab/>term</t:h></o:d>', "content.xml")
docx("entities.docx", '<!DOCTYPE d [<!ENTITY l "lol"><!ENTITY f SYSTEM "file:///etc/passwd">]>' + w[21:] % '<w:t>&l;&f;</w:t>')
docx("bomb.docx", w % ('<w:p><w:t>word</w:t></w:p>' * 4_000_000))
docx("deep.docx", w % ('<w:p>' * 1_000_000))
docx("node.docx", w % ('<w:t>' + 'a ' * 50_000_000 + '</w:t>'))
docx("empty.docx", "")
docx("other.docx", "<x/>", "xl/workbook.xml")
open("a.txt", "wb").write("Ein Satz.\r\n\r\n  Zwei   S\u00e4tze \u2013 hier.".encode())
open("windows.txt", "wb").write(b"\x93quoted\x94 \xa35 caf\xe9")
open("utf16.txt", "wb").write("\ufeffvoil\u00e0 \U0001f600".encode("utf-16-le"))
open("a.md", "wb").write(b"# Minutes\n\n* one\n* two\n")
open("a.html", "wb").write(b"<!DOCTYPE html><title>Plan</title><script>no()</script><style>p{}</style><p>One <b>two</b> &pound;5<li>th<i>re</i>e")
open("latin.html", "wb").write(b"<html><meta charset=windows-1252><p>caf\xe9")
open("long.txt", "wb").write(b"word " * 1_000_000)
open("nothing", "wb")
open("binary", "wb").write(bytes(range(256)) * 100)
page = b"BT /F1 12 Tf 72 700 Td (Sign off Pilsley) Tj ET"
parts = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
         b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
         b"<</Length %d>>stream\n%s\nendstream" % (len(page), page), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
pdf, at = b"%PDF-1.4\n", []
for i, p in enumerate(parts):
    at.append(len(pdf)); pdf += b"%d 0 obj%s endobj\n" % (i + 1, p)
start = len(pdf)
pdf += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % a for a in at)
pdf += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start
open("a.pdf", "wb").write(pdf)
dice = random.Random(5)
for name in ("a.docx", "a.odt", "a.html", "a.pdf"):
    whole = open(name, "rb").read()
    for i in range(40):
        b = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            b[dice.randrange(len(b))] = dice.randrange(256)
        open(f"hostile-{i}-{name}", "wb").write(b[:dice.randint(len(b) // 2, len(b))])
PY

text() { timeout 30 "$B/fivepits-extract" <"$1" 2>/dev/null; }
none() { ! text "$1" >/dev/null; }
is "a .docx" "$(text a.docx)" $'Reading at Heath & Morton\nCafé'
is "an .odt" "$(text a.odt)" $'Moderation\nSpring term'
is "a page, without its scripts" "$(text a.html)" $'Plan\nOne two £5\nthree'
is "a page in an old alphabet" "$(text latin.html)" "café"
is "plain text, its spaces gathered" "$(text a.txt)" $'Ein Satz.\nZwei Sätze – hier.'
is "a text from an older Windows" "$(text windows.txt)" $'\u201cquoted\u201d £5 café'
is "a text in UTF-16" "$(text utf16.txt)" "voilà 😀"
is "Markdown" "$(text a.md)" $'# Minutes\n* one\n* two'
if bwrap --unshare-all --ro-bind / / true 2>/dev/null; then
	is "a PDF" "$(text a.pdf | head -n 1)" "Sign off Pilsley"
	is "without its page breaks" "$(text a.pdf | tr -dc '\f' | wc -c)" 0
else
	ok "a PDF is not read where no namespace can be made" none a.pdf
fi
ok "an empty document has an empty text" text nothing
for f in entities.docx deep.docx node.docx empty.docx other.docx binary; do
	ok "nothing is read from $f" none "$f"
done
is "of a bomb only so much is unpacked" "$(text bomb.docx | wc -c | awk '{print ($1 > 1000000 && $1 < 1100000)}')" 1
is "of a long text only so much is taken" "$(text long.txt | wc -c | awk '{print ($1 > 1000000 && $1 < 1100000)}')" 1

bad=0
for f in hostile-*; do
	timeout 30 "$B/fivepits-extract" <"$f" >/dev/null 2>&1
	case $? in 0 | 1) ;; *) bad=$((bad + 1)) ;; esac
done
is "160 damaged documents are read or not, and nothing else happens" "$bad" 0

# In the search of a copy.
area
school heath 'Heath Primary School'
found() { at "$1" search "$2" | grep -c "$3"; }
ok "documents are put, a bomb too" at heath put a.docx bomb.docx a.txt binary
ok "and sent" at heath sync
is "their words are found where they were put" "$(found heath Morton a.docx)" 1
is "also in a plain text" "$(found heath Zwei a.txt)" 1
is "not what stands in no document" "$(found heath instrText docx)" 0
at pilsley policy partnership on-demand >/dev/null
at pilsley sync >/dev/null
is "elsewhere before they are fetched they are not" "$(found pilsley Morton a.docx)" 0
ok "fetched" at pilsley get a.docx -o "$T/back.docx"
is "they are" "$(found pilsley Morton a.docx)" 1
"$B/fivepits" --home "$T/pilsley" serve >/dev/null 2>"$T/serve.log" & # not `at`: the end is for the client
at heath put a.odt >/dev/null && at heath sync >/dev/null
wait_for 20 at pilsley get a.odt -o "$T/back.odt"
index_has() { sqlite3 "$T/pilsley/copy.db" "SELECT count(*) FROM search WHERE search MATCH 'moderation'" | grep -q 1; }
ok "beside serve they are read in the background" wait_for 30 index_has
ok "rebuild keeps them" at pilsley rebuild
is "in the index" "$(found pilsley Moderation a.odt)" 1
ok "fsck finds nothing" at pilsley fsck
finish
