/*
 * Edits made offline, quickly: what `fivepits add action` does, without a process for each.
 *
 *	drafts HOME FIRST COUNT [EDITS]
 *
 * makes COUNT new actions of about 250 bytes in the partnership's space, each a change of its own,
 * numbered from FIRST. Each is committed as the command would. Then EDITS edits of them, by turns, each
 * a change of its own.
 */
#include "client/draft.h"
#include "common/fields.h"
#include "common/os.h"
#include "records.pb-c.h"

#include <stdlib.h>

static void set_text(struct draft *d, uint32_t field, const char *text)
{
	struct buf b = {0};
	field_add_text(&b, field, text);
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

/* Mostly its details, else one of its short fields. */
static int edit_action(struct copy *copy, const struct id *space, const struct id *record,
		       int number, struct cause *cause)
{
	struct draft *d = draft_new(copy, space);
	struct id change;
	char *text = mem_format("Seen %d times: two schools have named their leads, the others will by "
				"half term. The examples are good, and are to be shown to all heads "
				"in a meeting of their own. What is left is the money for cover.",
				number);
	int err = draft_edit(d, record, NULL, cause);

	if (err == 0) {
		set_text(d, number % 4 ? 18 : 11, text);
		err = draft_save(&d, &change, cause);
	}
	draft_free(&d);
	free(text);
	return err;
}

static int add_action(struct copy *copy, const struct id *space, const struct id *id, int number,
		      struct cause *cause)
{
	struct draft *d = draft_new(copy, space);
	struct id record = *id, change;
	char *ref = mem_format("%02d.%03d", number / 1000, number % 1000);
	char *text = mem_format("Action %05d: every school names a lead, shares its planning with "
				"the group each half term and brings two examples of the "
				"children's work to the meeting in summer, with a note of what "
				"changed", number);

	draft_create(d, TYPE_ACTION, &record);
	set_text(d, 2, ref);
	set_text(d, 3, text);
	set_text(d, 5, "Headteachers and subject leaders");
	set_text(d, 11, "Summer 2020");
	free(ref);
	free(text);
	return draft_save(&d, &change, cause);
}

int main(int argc, char **argv)
{
	struct copy *copy;
	struct cause cause;
	int err;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: drafts HOME FIRST COUNT [EDITS]\n");
		return 2;
	}
	err = copy_open(&copy, argv[1], NULL, os_env(), &cause);
	if (err == 0) {
		struct id space = id_partnership(&copy_identity(copy)->area);
		int first = atoi(argv[2]), count = atoi(argv[3]), edits = argc > 4 ? atoi(argv[4]) : 0;
		struct id *actions = mem_alloc((size_t)count * sizeof(*actions));
		for (int i = 0; i < count && err == 0; i++) {
			actions[i] = id_make(copy_env(copy));
			err = add_action(copy, &space, &actions[i], first + i, &cause);
		}
		for (int i = 0; i < edits && err == 0; i++)
			err = edit_action(copy, &space, &actions[i % count], i / count, &cause);
		free(actions);
		copy_close(&copy);
	}
	if (err < 0)
		fprintf(stderr, "drafts: %s\n", cause.words);
	return err < 0 ? 1 : 0;
}
