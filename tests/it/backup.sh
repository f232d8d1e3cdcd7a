#!/bin/bash
# What an administrator finds in a backup on the bad day: all that the area is made of, whatever else lay beside it.
. "$(dirname "$0")/lib.sh"
area
head -c 3000000 /dev/urandom >"$T/paper"
paper=$(at pilsley put "$T/paper" --quiet)
at pilsley sync --quiet
names() { tar -tf "$1" | tr '\n' ' '; }

# ---- What is saved ----
touch "$T/server/config~" "$T/server/a note of mine.txt"
ok "files of other people do not matter" fivepitsd backup "$T/server" "$T/server/first.tar"
ok "the backup can be read" fivepitsd verify "$T/server/first.tar"
ok "nor does a backup in the same folder" fivepitsd backup "$T/server" "$T/backup.tar"
is "the area is saved, and nothing else" "$(names "$T/backup.tar")" \
	'area.db ca.key ca.pem config head.key head.pem server.key server.pem documents/pack-1 SHA256SUMS '
mv "$T/server/ca.key" "$T/ca.key"
status 1 "without one of the keys there is no backup" fivepitsd backup "$T/server" "$T/none.tar"
like "which is said" "$(cat "$T/err")" 'ca.key is missing: put it back'
is "and nothing is left of it" "$(find "$T" -name 'none*')" ''
status 1 "fsck finds it" fivepitsd fsck "$T/server"
like "by its name" "$(cat "$T/out")" "ca.key: No such file"
mv "$T/ca.key" "$T/server/ca.key"
mkdir "$T/without" # one that an earlier version has made
tar -C "$T/without" -xf "$T/backup.tar" --exclude ca.key --exclude SHA256SUMS
(cd "$T/without" && sha256sum area.db ca.pem config head.key head.pem server.key server.pem documents/pack-1 >SHA256SUMS &&
	tar --format=ustar -cf "$T/without.tar" area.db ca.pem config head.key head.pem server.key server.pem \
		documents/pack-1 SHA256SUMS)
status 1 "a backup without it is not called whole" fivepitsd verify "$T/without.tar"
like "since it is not there" "$(cat "$T/out")" 'ca.key: No such file'
truncate -s 9G "$T/server/documents/pack-9"
status 1 "what is too long for a backup is not cut" fivepitsd backup "$T/server" "$T/none.tar"
rm "$T/server/documents/pack-9"
echo '#include <errno.h>
int link(const char *a, const char *b) { return errno = a == b ? 0 : EPERM, -1; }' |
	${CC:-gcc} -shared -fPIC -x c - -o "$T/stick.so" || fail "a disk without links is built"
on_stick() { LD_PRELOAD="$T/stick.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" fivepitsd "$@"; }
ok "a backup on a disk that knows no links, such as a stick" on_stick backup "$T/server" "$T/stick.tar"
status 1 "is not written over either" on_stick backup "$T/server" "$T/stick.tar"
is "and nothing lies beside it" "$(find "$T" -name 'stick.tar?*')" ''
server_stop
mv "$T/server/documents" "$T/elsewhere" && ln -s "$T/elsewhere" "$T/server/documents"
ok "documents on another disk" fivepitsd backup "$T/server" "$T/linked.tar"
ok "are saved, too" fivepitsd verify "$T/linked.tar"
rm "$T/server/documents" && mv "$T/elsewhere" "$T/server/documents"

# ---- Restoring it ----
aside() { find "$T/server" -path "*/before-restore-*/$1" | wc -l; }
printf 'not what was saved' | dd of="$T/server/documents/pack-1" bs=1000 seek=1000 conv=notrunc 2>/dev/null
status 1 "a document is damaged on the server" fivepitsd fsck "$T/server"
ok "the backup is restored" fivepitsd restore "$T/server" "$T/backup.tar"
ok "which brings the document back" fivepitsd fsck "$T/server"
is "what was there is put aside, documents too" "$(aside area.db) $(aside documents/pack-1)" '1 1'
rm "$T/server/area.db" # as where a restore is cut off between two files
ok "after one that was cut off" fivepitsd restore "$T/server" "$T/backup.tar"
ok "it is done again" fivepitsd fsck "$T/server"
is "and what the other left is put aside, too" "$(aside area.db-wal) $(aside documents/pack-1)" '2 2'
cp "$T/server/config" "$T/config"
echo '# changed since' >>"$T/server/config"
for file in ca.key ca.pem head.key; do # damaged
	cp "$T/server/$file" "$T/good"
	head -c 60 "$T/good" >"$T/server/$file"
	ok "a backup is restored where $file is damaged" fivepitsd restore "$T/server" "$T/backup.tar"
	ok "which is as it was then" cmp "$T/good" "$T/server/$file"
	ok "so that all is sound" fivepitsd fsck "$T/server"
done
like "the config stays as it was changed" "$(cat "$T/server/config")" 'changed since'
: >"$T/server/config"
ok "unless it can't be read" fivepitsd restore "$T/server" "$T/backup.tar"
ok "then it is the one that was saved" cmp "$T/config" "$T/server/config"
fivepitsd init "$T/foreign" --name N --school S --admin A --listen 127.0.0.1:0 >/dev/null
status 1 "another area is not replaced" fivepitsd restore "$T/foreign" "$T/backup.tar"
ok "and stays as it was" fivepitsd fsck "$T/foreign"
if [ "$(id -u)" = 0 ]; then # the server runs as another user, and root restores
	cp -a "$T/server" "$T/other" && rm -rf "$T/other/"before-restore-* "$T/other/lock"
	chown -R nobody "$T/other"
	ok "root restores what is another user's" fivepitsd restore "$T/other" "$T/backup.tar"
	is "who can open it" "$(find "$T/other" -user root -not -path '*/before-restore-*')" ''
fi
server_start
ok "the server has the area" wait_for 30 at pilsley sync --quiet
at pilsley fetch --drop "$paper" >/dev/null 2>&1
ok "and the document" at pilsley get "$paper" -o "$T/back"
ok "byte for byte" cmp "$T/paper" "$T/back"
finish
