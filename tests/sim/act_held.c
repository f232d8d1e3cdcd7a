/* What came after its author's right had ended is held: those who lead there accept it or refuse it. */
#include "tests/sim/act.h"

struct decision {
	struct world *w;
	unsigned by;
	struct id change;
	bool accepts;
	enum verdict verdict;
};

static void decided(void *arg, int err, const char *words)
{
	struct decision *a = arg;
	trace_line(&a->w->trace, "c%u decided on [%02x%02x]: %s %s", a->by, a->change.b[14], a->change.b[15],
		   err ? err_words(err) : verdict_word(a->verdict), words ? words : "");
	if (err == 0 && a->accepts && a->verdict == VERDICT_REFUSED)
		trace_line(&a->w->trace, "it was accepted too late");
}

/* One of those that this device's person is shown. False: there is none. */
static bool pick_held(struct world *w, struct device *d, struct id *change)
{
	struct held_here held;
	struct arena arena;
	size_t n = 0;
	arena_init(&arena, ARENA_NO_BUDGET);
	for (int64_t seq = 0; copy_held_next(d->copy, seq, &arena, &held) > 0; seq = held.seq)
		if (dice_below(&w->dice, ++n) == 0)
			*change = held.change;
	arena_fini(&arena);
	return device_lives(d) && n > 0;
}

bool act_decide(struct world *w)
{
	struct device *d = pick_device(w);
	struct id change;
	if (!d || !d->uplink || uplink_state(d->uplink) != UPLINK_READY || !pick_held(w, d, &change))
		return false;
	struct decision *a = arena_alloc(&w->arena, sizeof(*a));
	*a = (struct decision){.w = w, .by = d->number, .change = change, .accepts = dice_chance(&w->dice, 65)};
	trace_line(&w->trace, "c%u %s the held change [%02x%02x]", d->number, a->accepts ? "accepts" : "refuses",
		   change.b[14], change.b[15]);
	uplink_decide(d->uplink, &change, a->accepts, a->accepts ? NULL : "not in this way", &a->verdict, decided, a);
	if (device_lives(d))
		device_wake(d);
	return true;
}
