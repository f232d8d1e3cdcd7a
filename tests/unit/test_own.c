/* The server's own changes: one that is refused harms nobody. */
#include "common/fields.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/own.h"
#include "tests/bed.h"
#include "tests/tap.h"

#include <string.h>

enum { SPACES = 160, NOTE_TEXT = 3 };

/* An administrator makes a great many spaces that nobody may read. */
static void add_spaces(struct bed *b, struct peer *admin)
{
	char name[32];

	for (int i = 0; i < SPACES / 8; i++) {
		struct making m;
		making_init(&m, b, &b->directory, 0);
		for (int k = 0; k < 8; k++) {
			struct id id = id_make(&b->env);
			snprintf(name, sizeof(name), "Space %d", 8 * i + k);
			making_create(&m, TYPE_SPACE, &id);
			making_text(&m, 1, name, NULL);
			making_number(&m, 2, RECORDS__SPACE_KIND__OTHER);
		}
		peer_push(admin, making_bytes(&m));
		making_fini(&m);
		bed_turn(b);
	}
}

/* Is this a notice that ends with how many more there are? */
static int look_for_more(void *arg, const struct record *r)
{
	struct bytes text = value_bytes(record_get(r, NOTE_TEXT));

	if (r->type == TYPE_NOTE && memmem(text.data, text.len, ", and 60 more.", 14))
		*(bool *)arg = true;
	return 0;
}

/* None of them is borne out: what is said of that is short enough to be read. */
static void test_many_spaces(void)
{
	struct bed b;
	struct peer admin;
	struct id some[4];
	bool more = false;

	bed_init(&b, "spaces");
	peer_join(&admin, &b, &b.person);
	peer_hello(&admin);
	add_spaces(&b, &admin);
	ok(admin.n_told == 0 && area_recover(b.area) == 0, "the server is set back");
	peer_connect(&admin);
	peer_hello(&admin);
	b.now_ms += 120 * 1000;
	ok(bed_turn(&b) == 0 && !area_is_recovering(b.area), "the recovery ends");
	ok(area_unserved(b.area, some, 4) == SPACES && admin.welcome && admin.bye == 0,
	   "though nobody has those spaces, who has waited is welcome");
	const struct space *s = journal_space(b.area->journal, &b.admin);
	ok(journal_each_record(b.area->journal, s, look_for_more, &more) == 0 && more,
	   "of many spaces some are named, and the rest counted");
	bed_fini(&b);
}

static void test_refused(void)
{
	struct bed b;
	struct peer p;
	struct id record;
	struct buf text = {0};

	bed_init(&b, "refused");
	peer_join(&p, &b, &b.person);
	peer_hello(&p);
	memset(buf_reserve(&text, 1000000), 'x', 1000000);
	text.len = 1000000;
	buf_add_u8(&text, 0);

	ok(own_note(b.area, &b.admin, &b.admin, (const char *)text.data) == 0,
	   "a notice that is too long is left out");
	peer_add_action(&p, &b.partnership, "meanwhile", &record);
	ok(bed_turn(&b) == 0 && peer_held(&p, &b.partnership)->number == 1, "the area goes on");
	buf_fini(&text);
	bed_fini(&b);
}

int main(void)
{
	test_refused();
	test_many_spaces();
	return tap_end();
}
