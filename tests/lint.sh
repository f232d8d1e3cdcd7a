#!/bin/bash
# What a reader should not have to check by eye, as TAP: who may include whom, warnings of both
# compilers, cppcheck, shellcheck, manual pages, the length of lines and functions.
set -u
cd "$(dirname "$0")/.." || exit 2
n=0 bad=0
sources=(common/*.[ch] server/*.[ch] client/*.[ch] client/extract/*.[ch])

# check NAME < <(COMMAND): passes if the command prints nothing
check() {
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
# includes PATTERN FILES: sources other than FILES (a regular expression) that include PATTERN
includes() {
	grep -nE "#include [<\"]$1" "${sources[@]}" | grep -vE "^($2):"
}

check "the server includes nothing of the client" < <(grep -n '#include "client/' server/*.[ch])
check "the client includes nothing of the server" < <(grep -n '#include "server/' client/*.[ch])
check "common/ includes neither" < <(grep -nE '#include "(server|client)/' common/*.[ch])
check "SQLite is named in common/db alone" < <(includes sqlite3 'common/db(_inside)?\.[ch]')
check "OpenSSL is named where keys, digests and TLS are made" < <(
	includes openssl/ 'common/(tls|sha|keys|invitation)\.c|server/(ca|enrol)\.c')
check "libevent is named in the loop and the connection alone" < <(includes event2/ 'common/(loop|conn)\.c')
check "libmagic is named where a file is guessed at" < <(includes magic 'client/media\.c')
check "nothing is left to do later" < <(grep -nE '\b(TODO|FIXME|XXX)\b' "${sources[@]}" tests/*/*.[ch] proto/*)
check "no line is longer than 100 columns" < <(
	for f in "${sources[@]}"; do expand "$f" | grep -nE '^.{101,}' | sed "s|^|$f:|"; done)
check "no function is longer than 80 lines" < <(
	ctags -x --c-kinds=f --_xformat='%F %N %n %e' "${sources[@]}" | awk '$4 - $3 > 79 {print $1 ": " $2 ": " $4 - $3 + 1}')
check "clang has no warning" < <(make -s V=clang CC=clang programs 2>&1 | grep -E 'warning|error')
check "cppcheck finds nothing" < <(
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --suppress=missingInclude \
		--suppress='*:build/*' -j 2 -I. -Ibuild/clang/gen common server client 2>&1)
check "shellcheck finds nothing" < <(find . \( -name '*.sh' -o -path ./.ci/run \) -not -path './build/*' -exec shellcheck -x {} + 2>&1)
check "the manual pages are well formed" < <(
	for page in client/*.scd server/*.scd; do
		scdoc <"$page" | mandoc -T lint -W warning 2>&1 |
			grep -vE 'STYLE|missing section|referenced manual|skipping paragraph macro'
	done)

echo "1..$n"
exit $bad
