#!/bin/bash
# Bad input on the command line, and peers that do not behave: one clear line each, and the others are
# served meanwhile.
. "$(dirname "$0")/lib.sh"
area
school heath 'Heath Primary School'
id=$(at heath add note kind=comment on="$(at heath list school --json | sed -n 's/.*"id": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)" text=x | tail -n 1)
status 2 "an unknown command" at heath frobnicate
status 1 "an unknown type" at heath list widget
status 2 "a record that holds nothing" at heath add note
status 1 "an unknown field" at heath set "$id" colour=blue
status 1 "a value that is no day" at heath set "$id" matter_date=2019-02-30
status 1 "a word that is none of the field's" at heath set "$id" kind=gossip
status 1 "an unknown id" at heath show 00000000-0000-4000-8000-000000000000
like "says how to find one" "$(at heath show nothing 2>&1)" "no record 'nothing' on this computer; 'fivepits search' finds"
status 1 "an id that could be several" at heath show 0
status 1 "a file that can't be read" at heath set "$id" text=@"$T/none"
printf 'a\0b' >"$T/nul"
status 1 "a text with a NUL" at heath set "$id" text=@"$T/nul"
printf '\xff\xfe' >"$T/latin"
status 1 "a text that is not UTF-8" at heath set "$id" text=@"$T/latin"
head -c 300000 /dev/zero | tr '\0' x >"$T/long"
status 1 "a text that is too long" at heath set "$id" text=@"$T/long"
status 1 "a home that is none" at nowhere status
status 1 "an invitation that is none" fivepits --home "$T/x" join 'fivepits:nonsense'
# What an option says is read before anything is done: a slip in it is wrong usage, whichever it is.
while read -r who words; do
	# shellcheck disable=SC2086 # several words
	status 2 "$words" at "$who" $words
done <<'X'
heath policy partnership --up-to x
heath policy partnership newest --up-to -5
heath policy --limit-rate x
heath sync --limit-rate 12
pilsley quota --file x
pilsley quota --total 0
pilsley retention --newest x
pilsley retention --days 1.5
pilsley audit -n x
pilsley audit -n -1
pilsley audit -n 99999999999999999999999
heath outbox --most x
heath set 0 text=x --seen x
heath settle 0 --take 1 --seen x
heath get 0 --version x
pilsley invite --school A --name B --role king
nobody join fivepits:x --proxy ftp://proxy:8080
X
status 2 "a proxy that is none" at nobody join fivepits:x --proxy ''
status 2 "a partnership without a name" fivepitsd init "$T/x" --name '' --school x --admin x
status 2 "an address that is none" fivepitsd init "$T/x" --name x --school x --admin x --listen x
status 2 "also for a run" fivepitsd run "$T/server" --listen x
status 1 "a backup where none can be written" fivepitsd backup "$T/server" "$T/none/backup"
status 1 "a backup of nothing" fivepitsd backup "$T/none" "$T/backup"
status 1 "a check of nothing" fivepitsd fsck "$T/none"
is "each says that there is no area" "$(cat "$T/err")" "fivepitsd fsck: there is no area in $T/none: make one with fivepitsd init"
ok "help of a server's command" fivepitsd help run
server_help() { fivepitsd --help && for c in $(fivepitsd --help | sed -n 's/^  fivepitsd \([a-z]*\) .*/\1/p'); do fivepitsd "$c" --help; done; }
is "the help of all of them fits in 80 columns" "$(server_help | grep -cE '^.{81}')" 0
ok "and there is help of each" test "$(server_help | grep -c '^Example')" -ge 9
status 1 "an area that is there already" fivepitsd init "$T/server" --name x --school x --admin x
status 1 "a server without an area" fivepitsd run "$T/none"
status 2 "a server's command that there is not" fivepitsd frobnicate
status 2 "an option that there is not" fivepitsd digest "$T/server" --frob
status 2 "nor with one dash" fivepitsd digest -x
status 2 "a server's command without a directory" fivepitsd fsck
cat >"$T/editor" <<'END'
#!/bin/sh
cat "$WORDS" >"$1"
END
chmod +x "$T/editor"
for n in 1 2; do
	head -c 300000 /dev/zero | tr '\0' $n >"$T/words.$n"
	EDITOR=$T/editor WORDS=$T/words.$n status 1 "a text from an editor that is too long ($n)" at heath edit "$id" text
	like "is said to be kept ($n)" "$(cat "$T/err")" 'your text is kept in .*unsaved'
done
ok "and it is" cmp "$T/words.1" "$T/heath/unsaved.txt"
ok "also where another was kept before" cmp "$T/words.2" "$T/heath/unsaved-2.txt"
mkdir "$T/tmp.most"
head -c 5000000 /dev/zero | tr '\0' m >"$T/words.most"
EDITOR=$T/editor WORDS=$T/words.most TMPDIR=$T/tmp.most status 1 "a text from an editor that no text can be" at heath edit "$id" text
ok "is left where it was written" cmp "$T/words.most" "$T"/tmp.most/fivepits-*/text.txt
is "and nothing was lost by any of it" "$(at heath show "$id" --json | grep -c '"text": *"x"')" 1

tls() { timeout 10 openssl s_client -connect "$ADDRESS" -brief "$@" </dev/null >"$T/tls" 2>&1; }
tls -tls1_2 -alpn fivepits/1
like "TLS 1.2 is refused" "$(cat "$T/tls")" 'alert (protocol version|handshake failure|number 70)'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x -keyout "$T/k.pem" -out "$T/c.pem" 2>/dev/null
(sleep 1) | timeout 10 openssl s_client -connect "$ADDRESS" -alpn fivepits/1 >"$T/tls" 2>&1
like "a peer without a certificate is refused" "$(cat "$T/tls")" 'alert certificate required'
(sleep 1) | timeout 10 openssl s_client -connect "$ADDRESS" -alpn fivepits/1 -cert "$T/c.pem" -key "$T/k.pem" >"$T/tls" 2>&1
like "so is one with a foreign certificate" "$(cat "$T/tls")" 'alert (unknown ca|bad certificate|decrypt error)'
# 2,000 connections: every other one silent, the others with a byte every five seconds.
cat >"$T/crowd.pl" <<'X'
use IO::Socket::INET;
my @all;
for (1 .. 2000) {
	my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 5) or next;
	push @all, $s;
}
print scalar(@all), "\n";
close STDOUT;
for (1 .. 6) {
	for (my $i = 0; $i < @all; $i += 2) { local $SIG{PIPE} = 'IGNORE'; syswrite $all[$i], "\x16"; }
	sleep 5;
}
X
(ulimit -n 4096 && exec perl "$T/crowd.pl" "$ADDRESS") >"$T/crowd" 2>/dev/null &
crowd=$!
wait_for 60 grep -q . "$T/crowd"
is "2,000 connections come" "$(cat "$T/crowd")" 2000
ok "silent peers and slow ones do not hold up a school" timeout 10 "$B/fivepits" --home "$T/heath" sync
sqlite3 "$T/heath/copy.db" "INSERT OR REPLACE INTO meta VALUES ('turned_away', char(27) || ']0;x' || char(7) || 'no' || char(10) || 'more')"
like "words of a server's stand in one line" "$(at heath status)" '^The server has turned this computer away: .*no more'
unlike "and nothing in them speaks to the terminal" "$(at heath status)" $'[\033\007]'
head -c 100000 /dev/urandom | timeout 5 openssl s_client -quiet -connect "$ADDRESS" -alpn fivepits-enrol/1 >/dev/null 2>&1
ok "nor does one that sends rubbish" timeout 10 "$B/fivepits" --home "$T/heath" sync
kill $crowd 2>/dev/null
ok "the server is the one that was started" kill -0 "$SERVER_PID"
unlike "and logged no error of its own" "$(cat "$T/server.log")" 'bug:|sanitizer'

if mount -t tmpfs -o size=3m none "$(mkdir -p "$T/small" && echo "$T/small")" 2>/dev/null; then
	invitation=$(at pilsley invite --school 'Newton Primary School' --name 'Head of Newton' --role headteacher | tail -n 1)
	fivepits --home "$T/small/newton" join "$invitation" >/dev/null 2>&1
	at small/newton sync --quiet 2>/dev/null
	before=$(at small/newton list note --json)
	head -c 4000000 /dev/zero >"$T/small/filler" 2>/dev/null
	status 1 "an edit on a full disk" at small/newton add note kind=comment on="$id" text="$(head -c 60000 /dev/zero | tr '\0' y)"
	mkdir -p "$T/tmp"
	head -c 60000 /dev/zero | tr '\0' z >"$T/words.full"
	EDITOR=$T/editor WORDS=$T/words.full TMPDIR=$T/tmp status 1 "an edit in an editor on a full disk" at small/newton edit "$id" text
	ok "what was typed is kept where there is room" cmp "$T/words.full" "$T/tmp"/fivepits-unsaved-*.txt
	rm "$T/small/filler"
	is "after which everything is as it was" "$(at small/newton list note --json)" "$before"
	ok "and goes on when there is room" at small/newton sync
	mount -o remount,ro "$T/small"
	status 1 "a folder that can't be written" at small/newton list action
	like "is told as that" "$(cat "$T/err")" "nothing can be written to .*/small/newton, .*Read-only"
	umount "$T/small"
else
	echo "# no tmpfs may be mounted here: the full disk is left to the unit tests"
fi
finish
