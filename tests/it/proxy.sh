#!/bin/bash
# Through an HTTP proxy by CONNECT; and what doctor says of a proxy that decrypts.
. "$(dirname "$0")/lib.sh"
cat >"$T/proxy.pl" <<'X'
# A proxy for tests: CONNECT with the password school:secret; with a second argument it connects to
# that address instead of the one asked for, as a filter that decrypts would.
use IO::Socket::INET; use IO::Select;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1:0', Listen => 20) or die;
print '127.0.0.1:', $listen->sockport, "\n"; close STDOUT;
$SIG{CHLD} = 'IGNORE';
while (my $c = $listen->accept) {
	next if fork;
	my ($head, $b) = ('');
	$head .= $b while $head !~ /\r\n\r\n/ && sysread $c, $b, 1;
	my ($to) = $head =~ /^CONNECT (\S+) HTTP/ or exit;
	if ($head !~ /^Proxy-Authorization: Basic c2Nob29sOnNlY3JldA==\r$/m) {
		syswrite $c, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"; exit;
	}
	my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0] || $to);
	if (!$s) { syswrite $c, "HTTP/1.1 502 Bad Gateway\r\n\r\n"; exit; }
	syswrite $c, "HTTP/1.1 200 Connection established\r\n\r\n";
	my $set = IO::Select->new($c, $s);
	while (1) {
		for my $r ($set->can_read) {
			sysread($r, my $d, 65536) or exit;
			my $w = $r == $c ? $s : $c;
			for (my $o = 0; $o < length $d;) { $o += syswrite($w, $d, length($d) - $o, $o) || exit; }
		}
	}
}
X
proxy() { # proxy [ADDRESS]: sets PROXY
	: >"$T/proxy"
	perl "$T/proxy.pl" "$@" >"$T/proxy" &
	wait_for 10 grep -q : "$T/proxy"
	PROXY=$(cat "$T/proxy")
}
area
invitation=$(at pilsley invite --school 'Heath Primary School' --name 'Head of Heath' --role headteacher | tail -n 1)
proxy
ok "a school joins through a proxy" fivepits --home "$T/heath" join "$invitation" --proxy "http://school:secret@$PROXY"
ok "and syncs through it" at heath sync
invitation=$(at pilsley invite --school 'Morton Primary School' --name 'Head of Morton' --role headteacher | tail -n 1)
ok "or finds it in the environment" env HTTPS_PROXY="http://school:secret@$PROXY" "$B/fivepits" --home "$T/morton" join "$invitation"
ok "also to sync" env HTTPS_PROXY="http://school:secret@$PROXY" "$B/fivepits" --home "$T/morton" sync
status 75 "a wrong password is said in words" env HTTPS_PROXY="http://school:wrong@$PROXY" "$B/fivepits" --home "$T/morton" sync
like "as what the proxy answered" "$(cat "$T/err")" 'proxy.*password'
status 75 "a proxy that is not there too" env HTTPS_PROXY="http://127.0.0.1:1" "$B/fivepits" --home "$T/morton" sync
ok "doctor finds nothing wrong" at heath doctor
like "and says so" "$(tail -n 1 "$T/out")" '^All is well\.$'

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj '/O=School Filter Ltd/CN=Filter' \
	-keyout "$T/k.pem" -out "$T/c.pem" 2>/dev/null
openssl s_server -accept 127.0.0.1:0 -cert "$T/c.pem" -key "$T/k.pem" -tls1_3 -alpn fivepits/1 -www >"$T/filter" 2>&1 &
wait_for 10 grep -q '^ACCEPT' "$T/filter"
proxy "$(sed -n 's/^ACCEPT //p' "$T/filter" | head -n 1)"
status 75 "a filter that decrypts is not trusted" env HTTPS_PROXY="http://school:secret@$PROXY" "$B/fivepits" --home "$T/morton" sync
HTTPS_PROXY="http://school:secret@$PROXY" at morton doctor >"$T/out" 2>&1
like "and doctor names it" "$(cat "$T/out")" '^bad +TLS .*School Filter Ltd'
like "as one that decrypts" "$(cat "$T/out")" 'a filter .* decrypts'
finish
