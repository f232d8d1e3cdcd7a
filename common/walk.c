/* The nodes that are open are copies: a walk outlives the buffers it was handed. See walk.h. */
#include "common/walk.h"

#include <string.h>

void walk_fini(struct walk *w)
{
	for (size_t i = 0; i < LEVEL_MAX; i++)
		buf_fini(&w->open[i].bytes);
}

void walk_restart(struct walk *w)
{
	w->begun = false;
	w->depth = 0;
}

int walk_next(struct walk *w, struct entry_of *e, bool *is_node)
{
	if (!w->begun) {
		memcpy(e->hash, w->content.root, SHA256_LEN);
		e->bytes = w->content.bytes;
		*is_node = !content_is_single(&w->content);
		return 1;
	}
	while (w->depth && w->open[w->depth - 1].at == w->open[w->depth - 1].node.n)
		w->depth--;
	if (w->depth == 0)
		return 0;
	node_entry(&w->open[w->depth - 1].node, w->open[w->depth - 1].at, e);
	*is_node = w->open[w->depth - 1].node.level > 1;
	return 1;
}

void walk_pass(struct walk *w)
{
	if (w->depth)
		w->open[w->depth - 1].at++;
	w->begun = true;
}

const uint8_t *walk_parent(const struct walk *w)
{
	return w->depth ? w->open[w->depth - 1].hash : NULL;
}

bool walk_trusts(const struct walk *w)
{
	return w->depth && w->open[w->depth - 1].trusted;
}

/* Does a node fit where it stands in the list? */
static bool walk_fits(const struct walk *w, const struct node *node, uint64_t bytes)
{
	if (node->bytes != bytes)
		return false;
	return w->depth ? node->level + 1 == w->open[w->depth - 1].node.level
			: node->level <= LEVEL_MAX;
}

int walk_enter(struct walk *w, const struct entry_of *e, struct bytes bytes, bool trusted)
{
	struct node node;

	if (node_read(&node, bytes) < 0 || !walk_fits(w, &node, e->bytes))
		return ERR_INVALID;
	walk_pass(w);
	unsigned d = w->depth++;
	buf_reset(&w->open[d].bytes);
	buf_add_bytes(&w->open[d].bytes, bytes);
	memcpy(w->open[d].hash, e->hash, SHA256_LEN);
	w->open[d].at = 0;
	w->open[d].trusted = trusted;
	return node_read(&w->open[d].node, buf_bytes(&w->open[d].bytes));
}
