# Documents' figures, beside what one TLS stream carries between two processes in the same run. Sourced by bench.sh.
# shellcheck shell=bash disable=SC2154 # what bench.sh sets

peak_of() { # peak_of FILE PID: the most memory that a process has had, in KiB, as long as it runs
	while awk '/^VmHWM/ {print $2}' "/proc/$2/status" >"$1.new" 2>/dev/null && [ -s "$1.new" ]; do
		mv "$1.new" "$1"
		sleep 0.05
	done
}
peak=0
timed() { # timed COMMAND...: of a client, in microseconds, in $us; its memory counts
	local from pid
	from=$(now_us)
	"$build/fivepits" --home "$area/$1" "${@:2}" >/dev/null &
	pid=$!
	peak_of "$area/peak" $pid &
	wait $pid || die "$* failed"
	us=$(($(now_us) - from))
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

bench_documents_large() {
	local id us bytes=1073741824
	new_area documents
	join heath
	at heath sync --quiet
	at heath policy partnership on-demand --quiet
	head -c $bytes /dev/urandom >"$dir/file"
	us=$(took_us at pilsley put "$dir/file") || die "put failed"
	note doc_put_mb_s "$(mb_s $bytes "$us")"
	timed pilsley sync --quiet
	note doc_push_mb_s "$(mb_s $bytes "$us")" at-least 350
	ratio doc_push_ratio doc_push_mb_s floor_tls_mb_s at-least 0.4
	at heath sync --quiet
	timed heath fetch --all --quiet
	note doc_pull_mb_s "$(mb_s $bytes "$us")" at-least 470
	ratio doc_pull_ratio doc_pull_mb_s floor_tls_mb_s at-least 0.4
	id=$(first_id heath list document)
	timed heath get "$id" -o "$dir/back"
	note doc_get_mb_s "$(mb_s $bytes "$us")"
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

# An edit by `fivepits set` beside a serve that sends 1 GiB, until it is committed at another.
bench_documents_edit() {
	local action i n=40
	new_area documents-edit
	join heath
	action=$(at pilsley add action text='seen elsewhere' | tail -n 1)
	at pilsley sync --quiet
	at heath sync --quiet
	head -c 1073741824 /dev/urandom >"$dir/file"
	at pilsley put "$dir/file" --quiet >/dev/null
	serve heath
	wait_for 10 grep -q 'serve.up' "$area/heath.log" || die "no serve"
	serve pilsley
	wait_for 10 grep -q 'serve.up' "$area/pilsley.log" || die "no serve"
	: >"$area/made"
	for ((i = 1; i <= n; i++)); do
		FIVEPITS_LOG=debug at pilsley set "$action" details="word $i" 2>>"$area/made" >/dev/null
		wait_for 10 has_commits heath "$i" || die "edit $i does not arrive"
	done
	like_sending=$(at pilsley status | grep -c '^Sending')
	note doc_edit_while_sending "$like_sending"
	grep ' draft.commit ' "$area/made" >"$area/a"
	grep ' uplink.commit ' "$area/heath.log" | head -n "$n" >"$area/b"
	paste <(value us <"$area/b") <(value began_us <"$area/a") | awk '{print $1 - $2}' >"$area/whole"
	note doc_edit_p99_ms "$(calc %.1f "$(percentile 0.99 <"$area/whole") / 1000")" at-most 20
	note doc_edit_p50_ms "$(calc %.1f "$(percentile 0.5 <"$area/whole") / 1000")"
	stop
	rm -rf "$area" "$dir/file"
}

bench_documents() {
	note floor_tls_mb_s "$("$tools/tls")"
	bench_documents_large
	bench_documents_small
	bench_documents_delta
	bench_documents_edit
}
