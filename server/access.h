/*
 * Who may do what: the directory, held in memory as it stands after the newest entry of this turn.
 * Rights follow from records alone: persons, appointments, groups, devices and Space records. A
 * record that is withdrawn counts as not there. No I/O but reading it all once.
 */
#ifndef FIVEPITS_ACCESS_H
#define FIVEPITS_ACCESS_H

#include "common/id.h"
#include "common/record.h"
#include "server/journal.h"

struct access;

struct access *access_new(const struct id *area);
void access_free(struct access **a);
/* Forget everything and read it anew. */
int access_load(struct access *a, struct journal *j);
/* Take a record as it stands now; of interest if it is of the directory, or a Space record. */
void access_take(struct access *a, const struct id *space, const struct record *r);
/* Grows whenever somebody's rights may have changed. */
uint64_t access_generation(const struct access *a);

enum may { MAY_NOTHING, MAY_READ, MAY_WRITE };

enum may access_may(const struct access *a, const struct id *person, const struct id *space);
/* The spaces that a person may read, by rising id; free() them. Returns their count. */
size_t access_readable(const struct access *a, const struct id *person, struct id **out);
/* Those that a person may write. */
size_t access_writable(const struct access *a, const struct id *person, struct id **out);
/*
 * May this person decide on changes of a space that are held: the chair of its group, if they may
 * read it; of a space of no group an administrator who may write it; of a personal one nobody.
 */
bool access_decides(const struct access *a, const struct id *person, const struct id *space);
/* A Records__SpaceKind, or 0: there is no such space. */
unsigned access_kind(const struct access *a, const struct id *space);
/* The name of a space for a person; "" if it has none. Borrowed until the next access_take. */
const char *access_name(const struct access *a, const struct id *space);

/* May this device act (known, not revoked, its person acts), and whose is it? */
bool access_device(const struct access *a, const struct id *device, struct id *person);
/* Is it known at all, revoked or not? */
bool access_has_device(const struct access *a, const struct id *device);
/* The school that it is of; zero: none. */
struct id access_school(const struct access *a, const struct id *device);
/* May it open a session? Also one whose person is suspended or gone: they may read and write
 * nothing, but what they wrote before is taken, to be held. */
bool access_session(const struct access *a, const struct id *device, struct id *person);
bool access_is_administrator(const struct access *a, const struct id *person);
/* A person that is there and may act. */
bool access_is_person(const struct access *a, const struct id *person);

/* The next appointment, from *at = 0 on, whose last day is before `day` ("YYYY-MM-DD") and that has
 * not ended. False: there is no more. */
bool access_overdue(const struct access *a, const char *day, size_t *at, struct id *appointment);

#endif
