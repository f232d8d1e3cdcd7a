/* Two ends, each with a buffer of what it has sent. */
#include "tests/pipe.h"

static void pipe_send(struct link *link, struct bytes frames, struct bytes raw)
{
	struct pipe_end *end = (struct pipe_end *)link;
	if (end->closed)
		return;
	buf_add_bytes(&end->sent, frames);
	buf_add_bytes(&end->sent, raw);
}

static size_t pipe_queued(const struct link *link)
{
	const struct pipe_end *end = (const struct pipe_end *)link;
	return end->sent.len - end->taken;
}

static void pipe_pause(struct link *link, bool paused)
{
	((struct pipe_end *)link)->paused = paused;
}

static void pipe_close(struct link *link)
{
	((struct pipe_end *)link)->closed = true;
}

static const struct link_ops pipe_ops = {pipe_send, pipe_queued, pipe_pause, pipe_close};

void pipe_init(struct pipe *p)
{
	*p = (struct pipe){0};
	for (int i = 0; i < 2; i++) {
		p->ends[i].link.ops = &pipe_ops;
		p->ends[i].peer = &p->ends[1 - i];
	}
}

void pipe_fini(struct pipe *p)
{
	for (int i = 0; i < 2; i++)
		buf_fini(&p->ends[i].sent);
}

int pipe_take(struct pipe_end *end, struct frame *f)
{
	struct pipe_end *from = end->peer;
	struct bytes rest = BYTES(from->sent.data + from->taken, from->sent.len - from->taken);
	size_t size;
	int got = rest.len ? frame_parse(rest, f, &size) : 0;

	if (got > 0)
		from->taken += size;
	if (from->taken && from->taken == from->sent.len && got <= 0)
		from->sent.len = from->taken = 0;
	return got;
}
