/*
 * Each direction of a line is three queues: what the sender has not got rid of (`out`, which is
 * what queued() reports), what is under way (an event for each piece), and what the receiver has
 * not taken
 * (`in`). A cut line keeps `out` and drops the rest, as a socket does that has not noticed yet.
 */
#include "tests/sim/net.h"

#include <stdlib.h>
#include <string.h>

struct net_end {
	struct link link;
	struct net *net;
	struct net_line *line;
	struct net_end *peer;
	struct net_owner owner;
	bool owned;
	struct buf out, way, in; /* way: sent by this end, not yet at the peer */
	uint64_t arrives_us;	 /* when the last of them arrives */
	bool sending;		 /* an event will send the next piece */
	bool paused, closing;	 /* closing: this end asked for it */
	bool told;		 /* the owner knows that the line is gone */
};

struct net_line {
	struct net_line *next;
	struct net_speed speed;
	struct net_end ends[2];
	bool cut;
};

static void end_send_piece(void *arg, uint64_t tag);

/* Take `n` bytes off the front. */
static void buf_shift(struct buf *b, size_t n)
{
	if (n < b->len)
		memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void net_init(struct net *net, struct queue *queue, uint64_t seed)
{
	*net = (struct net){.queue = queue, .dice = dice_fork(seed, 0x2e7)};
}

void net_fini(struct net *net)
{
	while (net->lines) {
		struct net_line *line = net->lines;
		net->lines = line->next;
		for (int i = 0; i < 2; i++) {
			buf_fini(&line->ends[i].out);
			buf_fini(&line->ends[i].way);
			buf_fini(&line->ends[i].in);
		}
		free(line);
	}
}

/* ---- Ends of lines -------------------------------------------------------------------------- */

static void end_tell_closed(void *arg, uint64_t tag)
{
	struct net_end *end = arg;
	(void)tag;
	if (end->told)
		return;
	end->told = true;
	buf_fini(&end->in);
	buf_fini(&end->out);
	if (end->owned)
		end->owner.closed(end->owner.arg);
}

static void end_tell_in(struct net_end *end, uint64_t delay_us)
{
	queue_in(end->net->queue, delay_us, end_tell_closed, end, 0);
}

/* All that this end sent before it closed has arrived: the peer reads to the end, then knows. */
static void end_finish(void *arg, uint64_t tag)
{
	struct net_end *end = arg;
	if (end->peer->told && end->told)
		return;
	if (end->out.len + end->way.len + end->peer->in.len > 0 && tag > 0 && !end->line->cut) {
		queue_in(end->net->queue, 100000, end_finish, end, tag - 1);
		return;
	}
	end->line->cut = true;
	end_tell_closed(end, 0);
	end_tell_in(end->peer, end->line->speed.delay_us);
}

static void end_close(struct link *link)
{
	struct net_end *end = (struct net_end *)link;
	if (end->closing || end->told)
		return;
	end->closing = true;
	queue_in(end->net->queue, 0, end_finish, end, 100); /* ten seconds to get rid of the rest */
}

void net_cut(struct net_end *end, enum net_cut how)
{
	static const uint64_t most_us[] = {0, 60000000, 120000000};
	struct net_line *line = end->line;
	struct net *net = end->net;
	if (line->cut)
		return;
	line->cut = true;
	net->cut++;
	for (int i = 0; i < 2; i++) {
		uint64_t delay =
		    how == NET_LATE ? dice_below(&net->dice, most_us[how]) : most_us[how];
		net->lost_bytes += line->ends[i].way.len;
		end_tell_in(&line->ends[i], delay);
	}
}

void net_abandon(struct net_end *end, enum net_cut how)
{
	end->owned = false;
	net_cut(end, how);
}

bool net_is_idle(const struct net *net)
{
	for (const struct net_line *line = net->lines; line; line = line->next)
		for (int i = 0; i < 2 && !line->cut; i++)
			if (line->ends[i].out.len || line->ends[i].way.len)
				return false;
	return true;
}

bool net_is_open(const struct net_end *end)
{
	return !end->line->cut && !end->closing && !end->told;
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

/* Hand up the whole frames that have arrived. */
static void end_deliver(void *arg, uint64_t tag)
{
	struct net_end *end = arg;
	size_t at = 0;
	(void)tag;
	while (end->owned && !end->paused && !end->told && !end->closing && at < end->in.len) {
		struct frame f;
		size_t size;
		int got = frame_parse(BYTES(end->in.data + at, end->in.len - at), &f, &size);
		if (got == 0)
			break;
		if (got < 0) {
			at = end->in.len;
			end->owner.garbage(end->owner.arg, got);
			break;
		}
		end->owner.frame(end->owner.arg, &f);
		at += size;
	}
	if (!end->owned || end->closing)
		at = end->in.len; /* nobody reads on */
	if (at && !end->told)
		buf_shift(&end->in, at);
	if (end->peer->out.len && !end->peer->sending) {
		end->peer->sending = true;
		queue_in(end->net->queue, 0, end_send_piece, end->peer, 0);
	}
}

/* `n` bytes of what is under way from this end are there. */
static void piece_arrive(void *arg, uint64_t n)
{
	struct net_end *from = arg, *to = from->peer;
	if (!to->line->cut && !to->told) {
		buf_add(&to->in, from->way.data, n);
		buf_shift(&from->way, n);
		end_deliver(to, 0);
	} else {
		buf_shift(&from->way, n);
	}
}

static void end_send_piece(void *arg, uint64_t tag)
{
	struct net_end *end = arg;
	struct net *net = end->net;
	const struct net_speed *speed = &end->line->speed;
	/* What a paused receiver holds back fills the window; half a frame elsewhere does not. */
	size_t full = end->way.len + (end->peer->paused ? end->peer->in.len : 0);
	(void)tag;

	end->sending = false;
	if (end->line->cut || end->told || end->out.len == 0 || full >= NET_WINDOW)
		return;
	size_t n = dice_chance(&net->dice, 5) ? dice_between(&net->dice, 1, 20)
					      : dice_between(&net->dice, 1400, 32768);
	n = n > NET_WINDOW - full ? NET_WINDOW - full : n;
	n = n > end->out.len ? end->out.len : n;
	buf_add(&end->way, end->out.data, n);
	buf_shift(&end->out, n);

	uint64_t takes = n * 1000000 / speed->bytes_per_s;
	uint64_t delay = speed->delay_us +
			 dice_below(&net->dice, speed->delay_us * speed->jitter_percent / 100 + 1);
	uint64_t at = net->queue->now_us + takes + delay;
	end->arrives_us = at > end->arrives_us ? at : end->arrives_us; /* in order */
	queue_in(net->queue, end->arrives_us - net->queue->now_us, piece_arrive, end, n);
	if (end->out.len) {
		end->sending = true;
		queue_in(net->queue, takes, end_send_piece, end, 0);
	} else if (end->owned && !end->closing) {
		end->owner.drained(end->owner.arg);
	}
}

static void end_send(struct link *link, struct bytes frames, struct bytes raw)
{
	struct net_end *end = (struct net_end *)link;
	if (!end->owned || end->told || end->closing)
		return;
	buf_add_bytes(&end->out, frames);
	buf_add_bytes(&end->out, raw);
	if (!end->sending) {
		end->sending = true;
		queue_in(end->net->queue, 0, end_send_piece, end, 0);
	}
}

static size_t end_queued(const struct link *link)
{
	return ((const struct net_end *)link)->out.len;
}

static void end_pause(struct link *link, bool paused)
{
	struct net_end *end = (struct net_end *)link;
	if (end->paused && !paused)
		queue_in(end->net->queue, 0, end_deliver, end, 0);
	end->paused = paused;
}

static const struct link_ops end_ops = {end_send, end_queued, end_pause, end_close};

void net_connect(struct net *net, const struct net_speed *speed, struct net_end *ends[2])
{
	struct net_line *line = mem_alloc(sizeof(*line));
	line->speed = *speed;
	line->next = net->lines;
	net->lines = line;
	for (int i = 0; i < 2; i++) {
		ends[i] = &line->ends[i];
		ends[i]->link.ops = &end_ops;
		ends[i]->net = net;
		ends[i]->line = line;
		ends[i]->peer = &line->ends[1 - i];
	}
}

struct link *net_link(struct net_end *end)
{
	return &end->link;
}

void net_own(struct net_end *end, const struct net_owner *owner)
{
	end->owned = owner != NULL;
	if (owner)
		end->owner = *owner;
}
