#!/bin/sh
# Install the Debian packages named on the command line that are not here yet; say what to type where
# we may not. One quick question to dpkg when nothing is missing.
set -eu
missing=
for p in "$@"; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
# libevent before deb12u1 has known faults in its TLS and HTTP parts.
event=$(dpkg-query -W -f='${Version}' libevent-2.1-7 2>/dev/null || echo 0)
if dpkg --compare-versions "$event" lt 2.1.12-stable-8+deb12u1; then
	missing="$missing libevent-2.1-7"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
	as=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
	as=sudo # on a terminal it may ask for the password
else
	if command -v sudo >/dev/null; then become='sudo sh'; else become=su; fi
	echo "Please type this once, then try again:" >&2
	echo "  $become -c 'apt-get update && apt-get install -y$missing'" >&2
	exit 1
fi
echo "installing$missing"
$as apt-get -qq update
# shellcheck disable=SC2086 # a list of words
$as env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
