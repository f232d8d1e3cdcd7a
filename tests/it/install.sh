#!/bin/bash
# make install puts everything below DESTDIR and PREFIX, and what it puts there works.
. "$(dirname "$0")/lib.sh"
ok "it installs" make -s -C "$ROOT" V="$(basename "$B")" B="$B" install DESTDIR="$T/root" PREFIX=/opt/fivepits
is "six files, and nothing besides" "$(cd "$T/root" && find . -type f | sort | tr '\n' ' ')" \
	"./opt/fivepits/bin/fivepits ./opt/fivepits/libexec/fivepits-extract ./opt/fivepits/sbin/fivepitsd\
 ./opt/fivepits/share/bash-completion/completions/fivepits ./opt/fivepits/share/man/man1/fivepits.1\
 ./opt/fivepits/share/man/man8/fivepitsd.8 "
at=$T/root/opt/fivepits
like "the client runs" "$("$at/bin/fivepits" --version)" '^fivepits [0-9a-f]'
like "the server runs" "$("$at/sbin/fivepitsd" --version)" '^fivepitsd [0-9a-f]'
ok "bash takes the completion" bash -c ". '$at/share/bash-completion/completions/fivepits' && complete -p fivepits"
manual=$(mandoc -T ascii "$at/share/man/man1/fivepits.1" | sed 's|.\x08||g')
like "the client's manual page tells of every command" "$manual" 'SYNOPSIS'
for c in $(fivepits --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p'); do
	grep -qE "^ +$c( |$)" <<<"$manual" || fail "of $c"
done
manual=$(mandoc -T ascii "$at/share/man/man8/fivepitsd.8" | sed 's|.\x08||g')
for c in init run digest fsck invite; do
	like "the server's of $c" "$manual" "^ +$c DIR"
done
finish
