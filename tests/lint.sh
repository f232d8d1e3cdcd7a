#!/bin/bash
# What a reader should not have to check by eye, as TAP: who may include whom, warnings of both
# compilers, cppcheck, shellcheck, manual pages, and the length of functions.
set -u
cd "$(dirname "$0")/.." || exit 2
n=0 bad=0
check() { # NAME: passes if standard input is empty
	local name=$1 text
	text=$(head -n 20)
	n=$((n + 1))
	if [ -z "$text" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		bad=1
		while IFS= read -r line; do echo "#   $line"; done <<<"$text"
	fi
}

grep -n '#include "client/' server/*.[ch] | check "the server includes nothing of the client"
grep -n '#include "server/' client/*.[ch] | check "the client includes nothing of the server"
grep -nE '#include "(server|client)/' common/*.[ch] | check "common/ includes neither"
grep -ln 'sqlite3' common/*.[ch] server/*.[ch] client/*.[ch] | grep -v '^common/db\.[ch]$' | while read -r f; do
	grep -Hn '#include <sqlite3' "$f"
done | check "SQLite is named in common/db alone"
grep -n '#include <openssl' common/*.[ch] server/*.[ch] client/*.[ch] |
	grep -vE '^(common/(tls|sha|keys|invitation|conn)\.[ch]|server/(ca|enrol)\.[ch]|client/(join|doctor)\.[ch]):' |
	check "OpenSSL is named where keys, digests and TLS are made"
grep -n '#include <event2' common/*.[ch] server/*.[ch] client/*.[ch] |
	grep -vE '^(common/(loop|conn)\.[ch]|server/net\.c|client/line\.c):' | check "libevent is named in the loop and the connection alone"
grep -nE '\b(TODO|FIXME|XXX)\b' common/*.[ch] server/*.[ch] client/*.[ch] tests/*/*.[ch] proto/* | check "nothing is left to do later"
grep -nP '^.{101,}' common/*.[ch] server/*.[ch] client/*.[ch] | check "no line is longer than 100 columns"

ctags -x --c-kinds=f --_xformat='%N %F %n %e' common/*.c server/*.c client/*.c |
	awk '$4 - $3 + 1 > 80 {print $2 ": " $1 " has " $4 - $3 + 1 " lines"}' | check "no function is longer than 80 lines"

make -s V=clang CC=clang programs 2>&1 | grep -E 'warning|error' | check "clang has no warning"
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --suppress=missingInclude \
	--suppress=normalCheckLevelMaxBranches --error-exitcode=0 -j 2 -I. common server client 2>&1 | check "cppcheck finds nothing"
# shellcheck disable=SC2046 # a list of files
shellcheck -x $(find . -name '*.sh' -not -path './build/*') .ci/run 2>&1 | check "shellcheck finds nothing"
for page in client/*.scd server/*.scd; do
	scdoc <"$page" | mandoc -T lint -W warning 2>&1 | grep -vE 'STYLE|missing section|referenced manual|skipping paragraph macro'
done | check "the manual pages are well formed"

echo "1..$n"
exit $bad
