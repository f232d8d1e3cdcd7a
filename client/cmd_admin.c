/*
 * People and devices: invite and revoke. Both edit records of the directory, as anybody's `set`
 * would; what a right means the server alone decides.
 */
#include "client/cmd.h"

#include "client/errand.h"
#include "common/invitation.h"
#include "common/keys.h"
#include "records.pb-c.h"

#include <stdlib.h>
#include <string.h>

static uint32_t admin_field(uint32_t type, const char *name)
{
	return schema_field_named(schema_type(type), name)->id;
}

static struct bytes admin_get(const struct record *r, const char *name)
{
	return record_get(r, admin_field(r->type, name));
}

static bool admin_names(const struct record *r, const char *field, const struct id *id)
{
	struct id found;
	return id_from(&found, value_bytes(admin_get(r, field))) && id_equal(&found, id);
}

static int admin_check(struct call *call)
{
	if (lookup_administers(call->copy))
		return 0;
	return cause_set(
	    &call->cause, ERR_AUTH,
	    "only an administrator can do that; if you are one, 'fivepits sync' first");
}

static void admin_set_text(struct draft *d, uint32_t type, const char *field, const char *text)
{
	struct buf b = {0};
	field_add_text(&b, admin_field(type, field), text);
	draft_set(d, admin_field(type, field), buf_bytes(&b));
	buf_fini(&b);
}

static void admin_set_number(struct draft *d, uint32_t type, const char *field, uint64_t v)
{
	struct buf b = {0};
	field_add_number(&b, admin_field(type, field), v);
	draft_set(d, admin_field(type, field), buf_bytes(&b));
	buf_fini(&b);
}

static void admin_set_id(struct draft *d, uint32_t type, const char *field, const struct id *id)
{
	struct buf b = {0};
	field_add_bytes(&b, admin_field(type, field), ID_BYTES(id));
	draft_set(d, admin_field(type, field), buf_bytes(&b));
	buf_fini(&b);
}

/* ---- invite: who and where ------------------------------------------------------------------ */

struct invite {
	struct call *call;
	struct draft *draft;
	struct id person, school;
	int role;
	bool person_is_new;
	struct id groups[CALL_OPTIONS];
	bool group_is_new[CALL_OPTIONS];
	size_t n_groups;
};

static int invite_school(struct invite *v)
{
	struct call *call = v->call;
	const char *name = call_option(call, "school");
	int err = resolve_reference(call->copy, "school", name, &v->school, &call->cause);
	if (err != ERR_MISSING)
		return err;
	call->cause.words[0] = '\0';
	v->school = id_make(copy_env(call->copy));
	draft_create(v->draft, TYPE_SCHOOL, &v->school);
	admin_set_text(v->draft, TYPE_SCHOOL, "name", name);
	admin_set_number(v->draft, TYPE_SCHOOL, "membership", RECORDS__MEMBERSHIP__MEMBER);
	return 0;
}

/* The current appointments of a person; the record of each in turn. */
static int invite_appointments(struct invite *v, const struct id *person, struct ids *out)
{
	return lookup_referring(v->call->copy, TYPE_APPOINTMENT,
				admin_field(TYPE_APPOINTMENT, "person"), person, &v->call->arena,
				out);
}

/* Has this person a current appointment with this group, or (NULL) at the school in this role? */
static bool invite_is_appointed(struct invite *v, const struct id *person, const struct id *group)
{
	struct ids ids;
	if (invite_appointments(v, person, &ids) < 0)
		return false;
	for (size_t i = 0; i < ids.n; i++) {
		struct record r;
		if (copy_record(v->call->copy, &ids.ids[i], VIEW_SHOWN, &v->call->arena, &r, NULL) <
			0 ||
		    value_number(admin_get(&r, "ended")))
			continue;
		if (group
			? admin_names(&r, "group", group)
			: admin_names(&r, "school", &v->school) &&
			      admin_get(&r, "group").len == 0 &&
			      (v->role < 0 || (int)value_number(admin_get(&r, "role")) == v->role))
			return true;
	}
	return false;
}

/* Was this person ever appointed at the school? */
static bool invite_belongs(struct invite *v, const struct id *person)
{
	struct ids ids;
	if (invite_appointments(v, person, &ids) < 0)
		return false;
	for (size_t i = 0; i < ids.n; i++) {
		struct record r;
		if (copy_record(v->call->copy, &ids.ids[i], VIEW_SHOWN, &v->call->arena, &r,
				NULL) == 0 &&
		    admin_names(&r, "school", &v->school))
			return true;
	}
	return false;
}

/*
 * A person of exactly this name who is or was of this school, or whose address this is. One of the
 * same name at another school is somebody else: rights must not be given by mistake.
 */
static int invite_find_person(struct invite *v, const char *name, const char *email)
{
	struct call *call = v->call;
	struct ids all;
	size_t n = 0;
	int err = lookup_type(call->copy, TYPE_PERSON, false, &call->arena, &all);

	for (size_t i = 0; err >= 0 && i < all.n; i++) {
		struct record r;
		if (copy_record(call->copy, &all.ids[i], VIEW_SHOWN, &call->arena, &r, NULL) < 0 ||
		    !resolve_same_name(arena_text(&call->arena, value_bytes(admin_get(&r, "name"))),
				       name))
			continue;
		struct bytes address = value_bytes(admin_get(&r, "email"));
		bool same = email && bytes_equal(address, BYTES(email, strlen(email)));
		if (!same && !invite_belongs(v, &all.ids[i]))
			continue;
		v->person = all.ids[i];
		n++;
	}
	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	if (n > 1)
		return cause_set(&call->cause, ERR_AMBIGUOUS,
				 "there are %zu people called %.100s at this school; give one "
				 "another name first",
				 n, screen_line(&call->arena, BYTES(name, strlen(name))));
	v->person_is_new = n == 0;
	return 0;
}

/* One who left or was suspended comes back by being invited again. */
static int invite_bring_back(struct invite *v)
{
	struct call *call = v->call;
	struct record r;
	int err = copy_record(call->copy, &v->person, VIEW_SHOWN, &call->arena, &r, NULL);
	if (err < 0)
		return cause_set(&call->cause, err, "the person's record can't be read: %s",
				 err_words(err));
	uint64_t standing = value_number(admin_get(&r, "standing"));
	if (standing != RECORDS__STANDING__GONE && standing != RECORDS__STANDING__SUSPENDED)
		return 0;
	err = draft_edit(v->draft, &v->person, NULL, &call->cause);
	if (err >= 0)
		admin_set_number(v->draft, TYPE_PERSON, "standing", RECORDS__STANDING__INVITED);
	return err;
}

static int invite_person(struct invite *v)
{
	struct call *call = v->call;
	const char *name = call_option(call, "name"), *email = call_option(call, "email");
	int err = invite_find_person(v, name, email);
	if (err < 0)
		return err;
	if (v->person_is_new) {
		v->person = id_make(copy_env(call->copy));
		draft_create(v->draft, TYPE_PERSON, &v->person);
		admin_set_text(v->draft, TYPE_PERSON, "name", name);
		admin_set_number(v->draft, TYPE_PERSON, "standing", RECORDS__STANDING__INVITED);
	} else if ((err = invite_bring_back(v)) < 0) {
		return err;
	}
	if (email && !v->person_is_new)
		err = draft_edit(v->draft, &v->person, NULL, &call->cause);
	if (email && err >= 0)
		admin_set_text(v->draft, TYPE_PERSON, "email", email);
	return err;
}

/* ---- invite: groups and appointments -------------------------------------------------------- */

/* The open space of a group, made if there is none. Its id derives from the group's, so that two
 * administrators make one. */
static int invite_group_space(struct invite *v, const struct id *group, bool is_new,
			      const char *name)
{
	struct call *call = v->call;
	const struct copy_identity *me = copy_identity(call->copy);
	struct id directory = id_directory(&me->area), space;
	struct ids found = {NULL, 0};
	char text[ID_TEXT];
	struct buf b = {0};

	if (!is_new && lookup_referring(call->copy, TYPE_SPACE, admin_field(TYPE_SPACE, "group"),
					group, &call->arena, &found) < 0)
		return cause_set(&call->cause, ERR_DB, "the copy can't be read");
	for (size_t i = 0; i < found.n; i++) {
		struct record r;
		if (copy_record(call->copy, &found.ids[i], VIEW_SHOWN, &call->arena, &r, NULL) ==
			0 &&
		    value_number(admin_get(&r, "kind")) == RECORDS__SPACE_KIND__GROUP)
			return 0;
	}
	space = id_record(&me->area, &directory, TYPE_SPACE, id_format(group, text));
	draft_create(v->draft, TYPE_SPACE, &space);
	admin_set_text(v->draft, TYPE_SPACE, "name", name);
	admin_set_number(v->draft, TYPE_SPACE, "kind", RECORDS__SPACE_KIND__GROUP);
	admin_set_id(v->draft, TYPE_SPACE, "group", group);
	uint32_t writers = admin_field(TYPE_SPACE, "writer_groups");
	field_add_bytes(&b, writers, ID_BYTES(group));
	draft_add(v->draft, writers, buf_bytes(&b));
	buf_fini(&b);
	return 0;
}

static int invite_group(struct invite *v, const char *name)
{
	struct call *call = v->call;
	struct id group;
	struct record r;
	int err = resolve_reference(call->copy, "group", name, &group, &call->cause);
	bool is_new = err == ERR_MISSING;

	if (err < 0 && !is_new)
		return err;
	if (is_new) {
		call->cause.words[0] = '\0';
		group = id_make(copy_env(call->copy));
		draft_create(v->draft, TYPE_GROUP, &group);
		admin_set_text(v->draft, TYPE_GROUP, "name", name);
		admin_set_number(v->draft, TYPE_GROUP, "kind", RECORDS__GROUP_KIND__WORKING);
	} else if (copy_record(call->copy, &group, VIEW_SHOWN, &call->arena, &r, NULL) == 0) {
		name = arena_text(&call->arena, value_bytes(admin_get(&r, "name")));
	}
	v->group_is_new[v->n_groups] = is_new;
	v->groups[v->n_groups++] = group;
	return invite_group_space(v, &group, is_new, name);
}

static void invite_appoint(struct invite *v, const struct id *group)
{
	struct id id = id_make(copy_env(v->call->copy));
	draft_create(v->draft, TYPE_APPOINTMENT, &id);
	admin_set_id(v->draft, TYPE_APPOINTMENT, "person", &v->person);
	admin_set_number(v->draft, TYPE_APPOINTMENT, "role",
			 v->role < 0 ? RECORDS__ROLE__STAFF : (uint64_t)v->role);
	admin_set_id(v->draft, TYPE_APPOINTMENT, "school", &v->school);
	if (group)
		admin_set_id(v->draft, TYPE_APPOINTMENT, "group", group);
}

static int invite_records(struct invite *v)
{
	const char *group;
	int err = invite_school(v);
	if (err >= 0)
		err = invite_person(v);
	for (size_t at = 0; err >= 0 && (group = call_option_next(v->call, "group", &at));)
		err = invite_group(v, group);
	if (err < 0)
		return err;
	if (v->person_is_new || !invite_is_appointed(v, &v->person, NULL))
		invite_appoint(v, NULL);
	for (size_t i = 0; i < v->n_groups; i++)
		if (v->person_is_new || v->group_is_new[i] ||
		    !invite_is_appointed(v, &v->person, &v->groups[i]))
			invite_appoint(v, &v->groups[i]);
	return 0;
}

/* ---- invite: the invitation ----------------------------------------------------------------- */

/* After the sync nothing of it may have been refused. */
static int invite_check_accepted(struct call *call, const struct id *change)
{
	struct pending p = {0};
	int got;
	while ((got = copy_pending_next(call->copy, p.seq, &p)) > 0) {
		if (id_equal(&p.change, change)) {
			const char *why = p.words ? arena_format(&call->arena, "%s", p.words) : "";
			free(p.words);
			return cause_set(&call->cause, ERR_AUTH,
					 "the server did not take it: %.300s",
					 *why ? why : "it waits for something else");
		}
		free(p.words);
	}
	return got < 0
		   ? cause_set(&call->cause, got, "the outbox can't be read: %s", err_words(got))
		   : 0;
}

static int invite_ask(struct invite *v, struct invitation *invitation, uint64_t *expires_ms)
{
	struct call *call = v->call;
	struct errand errand = {.kind = ERRAND_INVITE, .person = v->person, .school = v->school};
	uint8_t fingerprint[SHA256_LEN];
	char address[256];
	struct x509_st *ca = NULL;
	const char *path = arena_format(&call->arena, "%s/ca.pem", call->home);

	int err = cert_load(&ca, path, &call->cause);
	if (err < 0)
		return err;
	cert_fingerprint(ca, fingerprint);
	cert_free(&ca);
	copy_meta_get(call->copy, "server_address", address, sizeof(address));
	err = invitation_make(invitation, address[0] ? address : copy_identity(call->copy)->address,
			      fingerprint, copy_env(call->copy), &call->cause);
	if (err < 0)
		return err;
	invitation_derive(invitation, errand.invitation, errand.verifier);
	err = errand_run(call->copy, &errand, NULL, NULL, &call->cause);
	*expires_ms = errand.expires_ms;
	return err;
}

static int invite_print(struct invite *v, const struct invitation *invitation, uint64_t expires_ms)
{
	struct call *call = v->call;
	char text[INVITATION_TEXT];
	invitation_format(invitation, text);
	if (call->json)
		return cmd_json(call, json_pack("{s:s,s:o,s:o,s:I}", "invitation", text, "person",
						cmd_json_id(&v->person), "school",
						cmd_json_id(&v->school), "expires_ms",
						(json_int_t)expires_ms));
	cmd_say(call, "An invitation for %s, %s. It works once%s%s. On their computer:",
		lookup_label(call->copy, &v->person, &call->arena),
		lookup_label(call->copy, &v->school, &call->arena), expires_ms ? ", until " : "",
		expires_ms ? screen_instant(&call->arena, expires_ms) : "");
	cmd_say(call, "  fivepits join INVITATION");
	fprintf(call->out, "%s\n", text);
	return 0;
}

static int invite_check(struct call *call, int *role)
{
	const char *word = call_option(call, "role");
	const ProtobufCFieldDescriptor *d =
	    schema_field_named(schema_type(TYPE_APPOINTMENT), "role");
	struct buf b = {0};

	*role = -1;
	if (word) {
		int err = schema_read(schema_type(TYPE_APPOINTMENT), d, word, &b, &call->cause);
		*role = err < 0 ? -1 : (int)value_number(buf_bytes(&b));
		buf_fini(&b);
		if (err < 0)
			return ERR_USAGE;
	}
	return admin_check(call);
}

int cmd_invite(struct call *call)
{
	struct invite v = {.call = call};
	struct invitation invitation;
	struct id directory = id_directory(&copy_identity(call->copy)->area), change = {{0}};
	uint64_t expires_ms = 0;

	int err = invite_check(call, &v.role);
	if (err < 0)
		return err;
	v.draft = draft_new(call->copy, &directory);
	err = invite_records(&v);
	if (err >= 0)
		err = draft_save(&v.draft, &change, &call->cause);
	draft_free(&v.draft);
	if (err >= 0)
		err = cmd_sync_now(call);
	if (err >= 0)
		err = invite_check_accepted(call, &change);
	if (err >= 0)
		err = invite_ask(&v, &invitation, &expires_ms);
	return err < 0 ? err : invite_print(&v, &invitation, expires_ms);
}

/* ---- revoke --------------------------------------------------------------------------------- */

static int revoke_device(struct call *call, struct draft *d, const struct id *device)
{
	const char *reason = call_option(call, "reason");
	int err = draft_edit(d, device, NULL, &call->cause);
	if (err < 0)
		return err;
	admin_set_number(d, TYPE_DEVICE, "revoked", 1);
	if (reason)
		admin_set_text(d, TYPE_DEVICE, "revoked_reason", reason);
	return 0;
}

/* All records of a type that belong to a person and are not ended yet. */
static int revoke_all(struct call *call, struct draft *d, uint32_t type, const struct id *person,
		      const char *ended, size_t *n)
{
	struct ids ids;
	int err = lookup_referring(call->copy, type, admin_field(type, "person"), person,
				   &call->arena, &ids);
	if (err < 0)
		return cause_set(&call->cause, err, "the copy can't be read: %s", err_words(err));
	for (size_t i = 0; err >= 0 && i < ids.n; i++) {
		struct record r;
		if (copy_record(call->copy, &ids.ids[i], VIEW_SHOWN, &call->arena, &r, NULL) < 0 ||
		    value_number(admin_get(&r, ended)))
			continue;
		++*n;
		if (type == TYPE_DEVICE) {
			err = revoke_device(call, d, &ids.ids[i]);
			continue;
		}
		err = draft_edit(d, &ids.ids[i], NULL, &call->cause);
		if (err >= 0)
			admin_set_number(d, type, ended, 1);
	}
	return err;
}

static int revoke_person(struct call *call, struct draft *d, const struct id *person)
{
	size_t devices = 0, appointments = 0;
	int err = revoke_all(call, d, TYPE_DEVICE, person, "revoked", &devices);
	if (err >= 0)
		err = revoke_all(call, d, TYPE_APPOINTMENT, person, "ended", &appointments);
	if (err >= 0)
		err = draft_edit(d, person, NULL, &call->cause);
	if (err < 0)
		return err;
	admin_set_number(d, TYPE_PERSON, "standing", RECORDS__STANDING__GONE);
	cmd_say(call, "%s: %s and %s ended.", lookup_label(call->copy, person, &call->arena),
		screen_count(&call->arena, devices, "device", "devices"),
		screen_count(&call->arena, appointments, "appointment", "appointments"));
	return 0;
}

/* Who shuts out themselves can't undo it. */
static int revoke_check_not_me(struct call *call, const struct id *id)
{
	const struct copy_identity *me = copy_identity(call->copy);
	if (!id_equal(id, &me->device) && !id_equal(id, &me->person))
		return 0;
	return cause_set(&call->cause, ERR_INVALID,
			 "that is you, on this computer: another administrator must do it");
}

int cmd_revoke(struct call *call)
{
	struct id id, space, change;
	struct record r;

	int err = admin_check(call);
	if (err >= 0)
		err = resolve_reference(call->copy, "person device", call->words[0], &id,
					&call->cause);
	if (err >= 0)
		err = revoke_check_not_me(call, &id);
	if (err < 0)
		return err;
	err = copy_record(call->copy, &id, VIEW_SHOWN, &call->arena, &r, &space);
	if (err < 0)
		return cause_set(&call->cause, err, "the record can't be read: %s", err_words(err));
	struct draft *d = draft_new(call->copy, &space);
	err = r.type == TYPE_DEVICE ? revoke_device(call, d, &id) : revoke_person(call, d, &id);
	if (err >= 0)
		err = draft_save(&d, &change, &call->cause);
	draft_free(&d);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call, json_pack("{s:o}", "change", cmd_json_id(&change)));
	cmd_say(call,
		id_is_zero(&change)
		    ? "Nothing to do: it was ended already."
		    : "Saved on this computer. It takes effect when it is sent: 'fivepits sync'.");
	return 0;
}
