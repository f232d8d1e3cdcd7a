/*
 * What the files of commands (cmd_*.c) share. Each command is one function of client/command.h;
 * what it prints goes to call->out, and why it failed to call->cause.
 */
#ifndef FIVEPITS_CMD_H
#define FIVEPITS_CMD_H

#include "client/command.h"
#include "client/contents.h"
#include "client/draft.h"
#include "client/json.h"
#include "client/lookup.h"
#include "client/resolve.h"
#include "client/screen.h"
#include "client/versions.h"

/* Print one JSON value and free it. Takes `value`. */
int cmd_json(struct call *call, json_t *value);
json_t *cmd_json_id(const struct id *id); /* as text; null for zero */
json_t *cmd_json_hex(struct bytes bytes);
json_t *cmd_json_author(const struct author *a);

/* The record that the first word names, as it is shown and as it was seen, all in call->arena. */
struct target {
	struct id id, space;
	const struct schema_type *type;
	struct record now;
	struct seen seen;
};

int cmd_target(struct call *call, const char *word, struct target *out);
/* versions_list in call->arena, with a cause. */
int cmd_versions(struct call *call, const struct id *record, struct versions **out, size_t *n);
/* The fields that are settled together, in words: "Start, End". */
const char *cmd_versions_title(struct call *call, const struct versions *v);
void cmd_versions_print(struct call *call, const struct versions *v);
json_t *cmd_versions_json(struct call *call, const struct versions *v);

/*
 * What a change asks for, record by record, in words and as JSON (a list). `compare`: beside it
 * what stands there now, and whether somebody has changed it since its author saw it.
 */
void cmd_change_print(struct call *call, const struct change *c, bool compare);
json_t *cmd_change_json(struct call *call, const struct change *c, bool compare);
/* Does an id begin with these digits, written with hyphens or without? */
bool cmd_id_starts(const struct id *id, const char *word);

/* May this person write in a space? ERR_AUTH where the server would surely refuse: only
 * administrators write the directory and `admin`. All else it decides itself. */
int cmd_check_space(struct call *call, const struct id *space);
/* Into the draft: the record of `admin` that says something of what `field` refers to, or (NULL) of
 * all; as it stands, or a new one. 0 or an error. */
int cmd_draft_said(struct call *call, struct draft *d, uint32_t type, const char *field,
		   const struct id *of);
/* Save a draft; takes it. Says so in words or, with --json, as {"change": …}, unless `silent`. */
int cmd_save(struct call *call, struct draft **d, bool silent);
/* What --limit-rate says, in bytes a second; 0: it was not given; CMD_NO_LIMIT: "none". ERR_USAGE
 * with a cause. */
#define CMD_NO_LIMIT UINT64_MAX
int cmd_rate(struct call *call, uint64_t *out);
/* Send and fetch until nothing is left, with a progress bar. ERR_OFFLINE with a cause. */
int cmd_sync_now(struct call *call);
/* Bring a document's bytes to this computer, from the server. */
int cmd_fetch(struct call *call, const struct content *content);
/* The same of many versions; without a line to the server they stay asked for. */
int cmd_fetch_many(struct call *call, const struct id *versions, size_t n);
/* A yes-or-no question on the terminal; true without one. */
bool cmd_agree(const char *question);
/* Many records would be withdrawn: 1: --yes was given, or the person agreed on the terminal; else
 * ERR_AUTH with a cause that names --yes. 0: they are not so many that it must be asked. `spaces`:
 * of each of them. */
int cmd_ask_withdrawal(struct call *call, const struct id *spaces, size_t n);
/* Say so where what was just saved is not sent before the person says so. */
void cmd_say_asking(struct call *call);
struct incomplete;
/* Say how much history is not fetched yet, if any. */
void cmd_history_missing(struct call *call, const struct incomplete *left);
/* One line of words for people: not with --quiet nor --json. */
void cmd_say(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
