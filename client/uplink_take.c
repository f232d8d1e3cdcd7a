/* What the server says of spaces, entries and own changes, taken into the copy's transaction. */
#include "client/uplink_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Welcome, Granted, Lost ----------------------------------------------------------------- */

static void target_add(struct uplink *u, const struct id *space, uint64_t held, uint64_t told)
{
	struct target *t = u->targets;

	if (told <= held)
		return;
	while (t < u->targets + u->n_targets && !id_equal(&t->space, space))
		t++;
	if (t < u->targets + u->n_targets) { /* told again: the further one counts */
		if (told > t->number) {
			u->progress.to_take += told - t->number;
			t->number = told;
		}
		return;
	}
	u->targets = mem_resize(u->targets, (u->n_targets + 1) * sizeof(*u->targets));
	u->targets[u->n_targets++] = (struct target){*space, told};
	u->progress.to_take += told - held;
}

static void target_reached(struct uplink *u, const struct id *space, uint64_t number)
{
	for (size_t i = 0; i < u->n_targets; i++)
		if (id_equal(&u->targets[i].space, space) && u->targets[i].number <= number)
			u->targets[i--] = u->targets[--u->n_targets];
}

static const struct held *held_find(const struct held *spaces, int n, const struct id *space)
{
	for (int i = 0; i < n; i++)
		if (id_equal(&spaces[i].id, space))
			return &spaces[i];
	return NULL;
}

/* One space that may be read. */
static int uplink_may_read(struct uplink *u, const Wire__At *at, const struct held *spaces, int n)
{
	struct id space;
	if (!id_from(&space, BYTES_OF(at->space))) {
		uplink_end(u, WIRE__REASON__PROTOCOL, "the server names a space without an id");
		return 0;
	}
	const struct held *held = held_find(spaces, n, &space);
	bool open = held && held->state == HELD_OPEN;
	if (open && (held->epoch > at->epoch || held->number > at->number)) {
		uplink_end(u, WIRE__REASON__SET_BACK,
			   "the server knows less than this copy: it seems to have been set back "
			   "to an earlier "
			   "state. Nothing was changed here; tell the administrator of the area");
		return 0;
	}
	target_add(u, &space, open ? held->number : 0, at->number);
	int err = copy_grant(u->copy, &space, at->epoch);
	return err < 0 ? err : copy_first(u->copy, &space, at->number);
}

static int uplink_note_server(struct uplink *u, const Wire__Welcome *m)
{
	struct id person;
	char text[24];
	int err = copy_meta_set(u->copy, "server_address", m->address ? m->address : "");

	if (err == 0)
		err = copy_meta_set(u->copy, "turned_away", "");
	if (err == 0 && m->has_nonce && m->nonce.len == 16)
		err = copy_nonce_set(u->copy, m->nonce.data);
	if (err == 0 && m->has_person && id_from(&person, BYTES_OF(m->person)))
		err = copy_person_set(u->copy, &person);
	if (err == 0 && m->has_time_ms) {
		snprintf(text, sizeof(text), "%" PRId64, env_skew_ms(m->time_ms, uplink_now(u)));
		err = copy_meta_set(u->copy, "clock_skew_ms", text);
	}
	return err < 0 ? err : uplink_store_contact(u);
}

int take_on_welcome(struct uplink *u, const Wire__Welcome *m)
{
	struct held *spaces;

	if (u->state != UPLINK_OPENING || m->version != WIRE_VERSION) {
		uplink_end(u, WIRE__REASON__VERSION,
			   "the server speaks another version of the protocol");
		return 0;
	}
	int n = copy_spaces(u->copy, &spaces);
	int err = n < 0 ? n : copy_begin(u->copy);
	for (size_t i = 0; i < m->n_spaces && err == 0 && u->state != UPLINK_ENDED; i++)
		err = uplink_may_read(u, m->spaces[i], spaces, n);
	if (err == 0 && u->state != UPLINK_ENDED)
		err = copy_held_forget(u->copy);
	if (err == 0 && u->state != UPLINK_ENDED)
		err = limits_set(u->copy, NULL); /* it is told anew where there are any */
	if (err == 0 && u->state != UPLINK_ENDED)
		err = contents_forget_sent(u->copy);
	if (n >= 0)
		free(spaces);
	if (err < 0 || u->state == UPLINK_ENDED)
		return err;
	u->state = UPLINK_READY;
	u->paused = contents_paused(u->copy);
	upload_welcome(u, m->marks);
	return uplink_note_server(u, m);
}

int take_on_granted(struct uplink *u, const Wire__Granted *m)
{
	struct held *spaces;
	int n = copy_spaces(u->copy, &spaces);
	int err = n < 0 ? n : uplink_may_read(u, m->space, spaces, n);

	if (n >= 0)
		free(spaces);
	push_content_again(u, NULL); /* what waited for the space to be served goes now */
	return err;
}

/* What documents may weigh: it is looked at when one is put. */
int take_on_limits(struct uplink *u, const Wire__Limits *m)
{
	const struct document_limits l = {
		.file = m->has_file_bytes ? m->file_bytes : UINT64_MAX,
		.school = m->has_school_bytes ? m->school_bytes : UINT64_MAX,
		.used = m->used_bytes,
		.free = m->has_free_bytes ? m->free_bytes : UINT64_MAX,
	};
	int err = copy_begin(u->copy);

	push_content_again(u, NULL); /* there may be room now */
	return err < 0 ? err : limits_set(u->copy, &l);
}

int take_on_lost(struct uplink *u, const Wire__Lost *m)
{
	struct id space;
	if (!id_from(&space, BYTES_OF(m->space)))
		return 0;
	target_reached(u, &space, UINT64_MAX);
	return copy_lose(u->copy, &space);
}

/* ---- Entries and verdicts ------------------------------------------------------------------- */

int take_on_feed(struct uplink *u, const Wire__Feed *m)
{
	struct cause cause;
	struct id space;
	size_t n;
	int err = copy_feed(u->copy, m, &cause);

	if (err == ERR_CORRUPT || err == ERR_PROTO) {
		uplink_end(u, err == ERR_PROTO ? WIRE__REASON__PROTOCOL : WIRE__REASON__DAMAGED,
			   cause.words);
		return 0;
	}
	if (err == ERR_MISSING) {
		uplink_again(u, cause.words);
		return 0;
	}
	if (err < 0)
		return err;
	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i]->has_sealed)
			history_wake(u);
	const struct id *own = copy_feed_own(u->copy, &n);
	for (size_t i = 0; i < n; i++)
		push_answered(u, &own[i]);
	u->progress.taken += m->n_entries;
	u->batch_entries += m->n_entries;
	if (id_from(&space, BYTES_OF(m->space)))
		target_reached(u, &space, m->head->number);
	return 0;
}

/* A verdict of a later version is none here: what was written is kept. */
static int verdict_unknown(struct uplink *u, const struct id *change)
{
	push_deferred(u, change, STUCK_SESSION, BYTES_NONE);
	return copy_defer(u->copy, change, "the server's answer is one that this version does not "
					   "know: install a newer one");
}

int take_on_verdicts(struct uplink *u, const Wire__Verdicts *m)
{
	struct id change;

	for (size_t i = 0; i < m->n_judged; i++) {
		const Wire__Judged *j = m->judged[i];
		if (!id_from(&change, BYTES_OF(j->change)))
			continue;
		if (!protobuf_c_enum_descriptor_get_value(&wire__verdict__descriptor,
							  (int)j->verdict)) {
			int err = verdict_unknown(u, &change);
			if (err < 0)
				return err;
			continue;
		}
		int err = copy_verdict(u->copy, &change, (enum verdict)j->verdict,
				       j->has_number ? j->number : 0, j->words);
		if (err < 0)
			return err;
		push_answered(u, &change);
	}
	return 0;
}

int take_on_held_list(struct uplink *u, const Wire__HeldList *m)
{
	int err = copy_held_list(u->copy, m);

	if (err != ERR_PROTO)
		return err;
	uplink_end(u, WIRE__REASON__PROTOCOL,
		   "the server sent a list of held changes that can't be read");
	return 0;
}

int take_on_deferred(struct uplink *u, const Wire__Deferred *m)
{
	struct id change;

	if (!id_from(&change, BYTES_OF(m->change)))
		return 0;
	switch (m->why) {
	case WIRE__WAIT__CONTENT_MISSING:
		push_deferred(u, &change, STUCK_CONTENT, BYTES_OF(m->content));
		return 0; /* it is on its way: nothing to tell */
	case WIRE__WAIT__EARLIER_MISSING:
		push_deferred(u, &change, STUCK_A_WHILE, BYTES_NONE);
		return 0;
	case WIRE__WAIT__NO_ROOM:
		push_deferred(u, &change, STUCK_A_WHILE, BYTES_NONE);
		return copy_defer(u->copy, &change, m->words ? m->words : "the server has no room");
	case WIRE__WAIT__BEING_RECOVERED:
		push_deferred(u, &change, STUCK_A_WHILE, BYTES_NONE);
		return copy_defer(u->copy, &change,
				  m->words ? m->words : "the server was set back");
	default:
		push_deferred(u, &change, STUCK_SESSION, BYTES_NONE);
		return copy_defer(u->copy, &change,
				  m->words ? m->words : "the server is of an older version");
	}
}
