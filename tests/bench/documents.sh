# Documents' figures, beside what one TLS stream carries between two processes in the same run. Sourced by bench.sh.
# shellcheck shell=bash disable=SC2154 # what bench.sh sets

peak_of() { # peak_of FILE PID: the most memory that a process has had, in KiB, as long as it runs
	local key kib most=0
	while kill -0 "$2" 2>/dev/null; do # by the shell itself: what is measured needs the processor
		while read -r key kib _; do
			[ "$key" = VmHWM: ] && most=$kib
		done 2>/dev/null <"/proc/$2/status"
		sleep 0.2
	done
	echo "$most" >"$1"
}
peak=0
timed() { # timed COMMAND...: of a client, in microseconds, in $us; its memory counts
	local from pid watching
	from=$(now_us)
	"$build/fivepits" --home "$area/$1" "${@:2}" >/dev/null &
	pid=$!
	peak_of "$area/peak" $pid &
	watching=$!
	wait $pid || die "$* failed"
	us=$(($(now_us) - from))
	wait $watching
	[ "$(cat "$area/peak")" -gt "$peak" ] && peak=$(cat "$area/peak")
	return 0
}
mb_s() { calc %.0f "$1 / $2"; } # bytes, microseconds
wire() { calc %d "$(both_ways closed)"; } # what the last connection carried

# Through the relay, so that bytes are counted where the line is.
bench_documents_delta() {
	local relay
	mkdir -p "$dir/documents-delta"
	"$tools/relay" "$dir/documents-delta/target" >"$dir/relay.out" &
	relay=$!
	wait_for 5 grep -q '^listening' "$dir/relay.out" || die "no relay"
	new_area documents-delta "$(sed -n 's/^listening on //p' "$dir/relay.out")"
	head -c 104857600 /dev/urandom >"$dir/file"
	at pilsley put "$dir/file" --quiet >/dev/null
	at pilsley sync --quiet
	{ head -c 100000 "$dir/file"; head -c 1024 /dev/urandom; tail -c +100001 "$dir/file"; } >"$dir/edited"
	at pilsley put "$dir/edited" --quiet >/dev/null
	at pilsley sync --quiet
	sleep 0.3
	note doc_delta_bytes "$(wire)" at-most 250000
	kill "$relay"
	stop
	rm -rf "$area" "$dir/file" "$dir/edited"
}

# The same file at another school that may read it, whose line alone goes through a relay.
documents_again() {
	local relay
	echo "$address" >"$dir/documents/target"
	"$tools/relay" "$dir/documents/target" >"$dir/relay.out" &
	relay=$!
	wait_for 5 grep -q '^listening' "$dir/relay.out" || die "no relay"
	join morton "$(sed -n 's/^listening on //p' "$dir/relay.out")"
	at morton sync --no-documents --quiet
	at morton policy partnership on-demand --quiet
	at morton put "$dir/file" --title 'The same' --quiet >/dev/null || die "put failed"
	at morton sync --quiet || die "the same file is not sent"
	sleep 0.3
	note doc_again_bytes "$(wire)" at-most 1000000
	kill "$relay"
}

# The disk is told of what was made and removed before, so that the next figure does not pay for it.
settle() { sync && sleep 1 && sync; }

# The machine's speed changes within minutes: each transfer is set beside the floors measured just
# before it and just behind it, and of three rounds the middle one counts. Floors: one TLS stream alone; and
# one that is hashed and written as well, with nothing else done (tests/bench/carry.c).
declare -A seen=()
see() { seen[$1]+="$2 "; } # see KEY FIGURE
last() { echo "${seen[$1]}" | awk -v n="$2" '{print $(NF + 1 - n)}'; }
median() { tr ' ' '\n' <<<"${seen[$1]}" | grep . | percentile 0.5; }
printed() { sed -n "s/^$1=//p"; } # by carry
carry() { "$tools/carry" "$@" | printed mb_s; }
take_floors() { # take_floors HASHES...: those of a receiver that hashes so many times
	local n
	see tls "$(carry)"
	for n; do see "keep$n" "$(carry "$dir/file" "$dir/kept" "$n")"; done
	rm -f "$dir/kept"
	settle
}
beside() { # beside FIGURE KEY: over the mean of the last two floors
	calc %.3f "2 * $(last "$1" 1) / ($(last "$2" 1) + $(last "$2" 2))"
}
documents_round() { # up from one school, down at another
	local us bytes=1073741824
	new_area documents
	join heath
	at heath sync --quiet
	at heath policy partnership on-demand --quiet
	head -c $bytes /dev/urandom >"$dir/file"
	settle
	us=$(took_us at pilsley put "$dir/file") || die "put failed"
	see put "$(mb_s $bytes "$us")"
	take_floors 2
	timed pilsley sync --quiet
	take_floors 2 1
	see push "$(mb_s $bytes "$us")"
	see push_ratio "$(beside push tls)"
	see push_kept "$(beside push keep2)"
	at heath sync --quiet
	timed heath fetch --all --quiet
	take_floors 1
	see pull "$(mb_s $bytes "$us")"
	see pull_ratio "$(beside pull tls)"
	see pull_kept "$(beside pull keep1)"
}

bench_documents_large() {
	local id us round
	seen=()
	for round in 1 2 3; do
		[ $round = 1 ] || { stop && rm -rf "$area"; }
		documents_round
	done
	note floor_tls_mb_s "$(median tls)"
	note floor_push_mb_s "$(median keep2)"
	note floor_pull_mb_s "$(median keep1)"
	note doc_put_mb_s "$(median put)"
	note doc_push_mb_s "$(median push)" at-least 350
	note doc_push_ratio "$(median push_ratio)" at-least 0.4 "of ${seen[push_ratio]}"
	note doc_push_of_floor "$(median push_kept)"
	note doc_pull_mb_s "$(median pull)" at-least 470
	note doc_pull_ratio "$(median pull_ratio)" at-least 0.4 "of ${seen[pull_ratio]}"
	note doc_pull_of_floor "$(median pull_kept)"
	id=$(first_id heath list document)
	timed heath get "$id" -o "$dir/back"
	note doc_get_mb_s "$(mb_s 1073741824 "$us")"
	cmp -s "$dir/file" "$dir/back" || die "it is not the same"
	documents_again
	note doc_server_peak_mib "$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$server/status")" at-most 64
	note doc_client_peak_mib "$(calc %.1f "$peak / 1024")" at-most 64
	stop
	rm -rf "$area" "$dir/file" "$dir/back"
}

bench_documents_small() {
	local us n=10000
	new_area documents-small
	join heath
	at heath sync --quiet
	at heath policy partnership on-demand --quiet
	mkdir -p "$dir/small"
	head -c $((n * 10240)) /dev/urandom | split -b 10240 -a 4 -d - "$dir/small/paper-"
	us=$(took_us at pilsley put "$dir"/small/*) || die "put failed"
	note doc_small_put_per_s "$(calc %d "$n * 1000000 / $us")"
	timed pilsley sync --quiet
	note doc_small_push_per_s "$(calc %d "$n * 1000000 / $us")" at-least 6000
	at heath sync --quiet
	timed heath fetch --all --quiet
	note doc_small_pull_per_s "$(calc %d "$n * 1000000 / $us")" at-least 6000
	stop
	rm -rf "$area" "$dir/small"
}

# An edit by `fivepits set` beside a serve that sends 1 GiB, until it is committed at another: of three
# rounds all edits count, since of forty the 99th in a hundred is the worst one.
documents_edit_round() {
	local action i n=40
	new_area documents-edit
	join heath
	action=$(at pilsley add action text='seen elsewhere' | tail -n 1)
	at pilsley sync --quiet
	at heath sync --quiet
	head -c 1073741824 /dev/urandom >"$dir/file"
	at pilsley put "$dir/file" --quiet >/dev/null
	settle
	serve heath
	wait_for 10 grep -q 'serve.up' "$area/heath.log" || die "no serve"
	serve pilsley
	wait_for 10 grep -q 'serve.up' "$area/pilsley.log" || die "no serve"
	: >"$area/made"
	for ((i = 1; i <= n; i++)); do
		FIVEPITS_LOG=debug at pilsley set "$action" details="word $i" 2>>"$area/made" >/dev/null
		wait_for 10 has_commits heath "$i" || die "edit $i does not arrive"
	done
	see sending "$(at pilsley status | grep -c '^Sending')"
	grep ' draft.commit ' "$area/made" >"$area/a"
	grep ' uplink.commit ' "$area/heath.log" | head -n "$n" >"$area/b"
	paste <(value us <"$area/b") <(value began_us <"$area/a") | awk '{print $1 - $2}' >>"$dir/edits"
	stop
	"$tools/carry" "$dir/file" "$dir/kept" 2 "$dir/saves" >"$dir/floor-edit"
	see floor_p99 "$(printed saves_p99_ms <"$dir/floor-edit")"
	see floor_p50 "$(printed saves_p50_ms <"$dir/floor-edit")"
	rm -rf "$area" "$dir/kept" "$dir/saves" "$dir/floor-edit" "$dir/file"
}

bench_documents_edit() {
	seen=()
	: >"$dir/edits"
	for _ in 1 2 3; do documents_edit_round; done
	note doc_edit_while_sending "$(tr ' ' '\n' <<<"${seen[sending]}" | grep -c 1)"
	note doc_edit_p99_ms "$(calc %.1f "$(percentile 0.99 <"$dir/edits") / 1000")" at-most 20
	note doc_edit_p50_ms "$(calc %.1f "$(percentile 0.5 <"$dir/edits") / 1000")"
	note floor_edit_p99_ms "$(median floor_p99)"
	note floor_edit_p50_ms "$(median floor_p50)"
	rm -f "$dir/edits"
}

bench_documents() {
	bench_documents_large
	bench_documents_small
	bench_documents_delta
	bench_documents_edit
}
