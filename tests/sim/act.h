/*
 * What the actions share. An action returns false where it could not take place (nobody is running,
 * nothing fits); it is then as if it had not been tried, but for the dice.
 */
#ifndef FIVEPITS_SIM_ACT_H
#define FIVEPITS_SIM_ACT_H

#include "client/contents.h"
#include "tests/sim/world.h"

/* ---- Picking and drafting (act.c) ----------------------------------------------------------- */

struct device *pick_device(struct world *w); /* one that is running; NULL: none was found */
/* A record of the type that anybody made, and that is not guarded; NULL: there is none. */
const struct known *pick_of_type(struct world *w, uint32_t type);
/* A record that this device holds, as it shows it, in `arena`; often one of the few that everybody
 * works on. NULL: none was found, or the process ended. */
const struct known *pick_record(struct world *w, struct device *d, struct arena *arena,
				struct record *out);
uint64_t pick_role(struct world *w);

/* Who is who, which only administrators write. */
bool is_directory_type(uint32_t type);
/* Types that generic edits leave alone, since rights hang on them: they have actions of their own.
 */
bool is_delicate(uint32_t type);

/* All of the record that the draft has last named. */
void draft_number(struct draft *d, uint32_t field, uint64_t v);
void draft_id(struct draft *d, uint32_t field, const struct id *id);
void draft_member(struct draft *d, uint32_t field, const struct id *id, bool take);
void draft_name(struct world *w, struct draft *d, const struct device *by, const struct id *space);
/* One field: a new value, none, members added or taken. `now`: as it is shown; NULL: it is new. */
void draft_field(struct world *w, struct device *by, struct draft *d, const struct schema_type *t,
		 uint32_t field, const struct id *space, const struct record *now);
/* Up to n fields; the first few of the type more often, so that people meet. */
void draft_fields(struct world *w, struct device *by, struct draft *d, const struct schema_type *t,
		  const struct id *space, const struct record *now, unsigned n);
/* Records with ids of their own. */
void draft_new_record(struct world *w, struct device *by, struct draft *d, uint32_t type,
		      const struct id *space, struct id *id);
void draft_appointment(struct world *w, struct draft *draft, const struct id *person, uint64_t role,
		       const struct id *school, const struct id *group, bool guarded);

/* ---- Actions -------------------------------------------------------------------------------- */

/* People write (act_write.c) */
bool act_edit(struct world *w);
bool act_edit_many(struct world *w);
bool act_create(struct world *w);
bool act_create_same(struct world *w);
bool act_read(struct world *w);
bool act_save_read(struct world *w);
bool act_withdraw(struct world *w);
bool act_bring_back(struct world *w);
bool act_settle(struct world *w);
bool act_contest(struct world *w);
bool act_exact(struct world *w);
bool act_drop(struct world *w);

/* Meetings and prose (act_minutes.c) */
bool act_prose(struct world *w);
bool act_move(struct world *w);
bool act_approve(struct world *w);
bool act_undo_settling(struct world *w);
bool act_tidy(struct world *w);
bool act_away(struct world *w);

/* The administrator (act_admin.c) */
bool act_appoint(struct world *w);
bool act_end_appointment(struct world *w);
bool act_standing(struct world *w);
bool act_chair(struct world *w);
bool act_space(struct world *w);
bool act_new_space(struct world *w);
bool act_revoke(struct world *w);
bool act_enrol(struct world *w);

/* Machines and lines (act_machine.c) */
bool act_connect(struct world *w);
bool act_disconnect(struct world *w);
bool act_cut(struct world *w);
bool act_redial(struct world *w);
bool act_device_ends(struct world *w);
bool act_host_ends(struct world *w);
bool act_host_restarts(struct world *w);
bool act_device_fills(struct world *w);
void host_has_room(struct world *w);
bool act_host_fills(struct world *w);
bool act_clock(struct world *w);
bool act_server_clock(struct world *w);
bool act_index(struct world *w);
bool act_rebuild(struct world *w);
bool act_backup(struct world *w);
bool act_host_backup(struct world *w);
bool act_host_set_back(struct world *w);
bool act_restore(struct world *w);
bool act_clone(struct world *w);
bool act_upgrade(struct world *w);
/* Held changes (act_held.c) */
bool act_decide(struct world *w);
/* Documents (act_document.c) */
bool file_take_in(struct device *d, struct bytes data, struct content *content); /* false: it was not */
void file_make(struct world *w, struct device *d, const struct id *space, size_t size, struct buf *b);
void draft_version(struct draft *draft, const struct id *document, const struct content *content);
bool act_put(struct world *w);
bool act_get(struct world *w);
bool act_put_again(struct world *w);
/* What devices hold of them (act_body.c) */
bool act_policy(struct world *w);
bool act_fetch(struct world *w);
bool act_keep(struct world *w);
bool act_drop_body(struct world *w);
bool act_tidy_up(struct world *w);
bool act_days_pass(struct world *w);
/* Old versions, and a rule for them (act_kept.c) */
bool act_put_on(struct world *w);
bool act_rule(struct world *w);
bool act_pick(struct world *w);
bool act_sign(struct world *w);

#endif
