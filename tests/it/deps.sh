#!/bin/bash
# Packages that are missing: installed as root or with sudo, else the line to type is printed. With
# stand-ins for dpkg, apt and sudo: nothing is installed here.
. "$(dirname "$0")/lib.sh"
mkdir "$T/bin"
for tool in sh grep env; do ln -s "$(command -v $tool)" "$T/bin/$tool"; done
tool() { # tool NAME BODY: a stand-in
	printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
tool dpkg-query "case \$* in *not-here*) exit 1 ;; *Status*) echo 'install ok installed' ;; *) echo 2.1.12-stable-8+deb12u1 ;; esac"
tool dpkg 'exit 1' # the version is not older
tool apt-get "echo \"\$*\" >>'$T/apt'"
tool id 'echo 1000'
deps() { PATH=$T/bin "$ROOT/tests/deps.sh" "$@" </dev/null >"$T/out" 2>"$T/err"; }

deps here also-here
is "nothing is missing: nothing is said" "$? $(cat "$T/out" "$T/err")" '0 '
deps here not-here-a not-here-b
is "without sudo it ends" "$?" 1
is "with the line to type" "$(tail -n 1 "$T/err")" \
	"  su -c 'apt-get update && apt-get install -y not-here-a not-here-b'"
tool sudo 'exit 1'
deps not-here
is "with a sudo that wants a password, and no terminal, the line has sudo in it" "$? $(tail -n 1 "$T/err")" \
	"1   sudo sh -c 'apt-get update && apt-get install -y not-here'"
is "nothing was installed so far" "$(cat "$T/apt" 2>/dev/null)" ""
tool sudo "[ \"\$1\" = -n ] && exit 0; echo \"sudo \$1\" >>'$T/apt'; exec \"\$@\""
deps here not-here
is "with sudo it installs what is missing" "$? $(grep -cE '^sudo (apt-get|env)$' "$T/apt") $(tail -n 1 "$T/apt")" \
	'0 2 -qq install -y --no-install-recommends not-here'
rm "$T/bin/sudo" "$T/apt"
tool id 'echo 0'
deps not-here
is "as root without it" "$? $(head -n 1 "$T/apt")" '0 -qq update'
tool apt-get 'exit 100'
deps not-here
is "what apt can't do ends it" "$?" 100
finish
