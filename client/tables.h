/*
 * The tables that show records: one for each type of the schema, made from the descriptors at run
 * time, with a row for each record as this device sees it (accepted, with its own pending changes
 * on top). They follow from the journal and are dropped and made again at will.
 *
 * A table is named as its type with '_' for '-' ("agenda_item"). Its columns: id, space (16 bytes
 * each), number (the newest entry that touched the record, 0: none yet), withdrawn (0 or 1),
 * pending (how many changes of this device are laid on top), conflict (on how many field groups two
 * versions are open, or will be once what is pending is sent), then the fields by number. A text is
 * TEXT, a number, flag or word INTEGER, an id or other bytes BLOB; a repeated field is TEXT, a JSON
 * array, with ids written as text. No value is NULL. A key is (id, space). Names must be quoted in
 * SQL: some are its own words
 * ("group", "from", "to").
 */
#ifndef FIVEPITS_TABLES_H
#define FIVEPITS_TABLES_H

#include "common/db.h"
#include "common/schema.h"

struct tables;

/* The statements for one connection; they must live as long as it does. */
struct tables *tables_new(void);
void tables_free(struct tables **t);

enum { TABLES_NAME = 80, TABLES_PRINT = 65 };

/* The name of a type's table. */
const char *tables_name(const struct schema_type *type, char name[TABLES_NAME]);
/* The column of a field: its name, with a '_' behind it where it is one of the six
 * that all have. */
const char *tables_column(const char *field, char column[TABLES_NAME]);
/* A fingerprint of all tables of this schema, as text. */
void tables_fingerprint(char print[TABLES_PRINT]);

/* Drop what any version made and make empty tables. Joins the open transaction. */
int tables_make(struct db *db, struct cause *cause);

/*
 * Write the row of a record as shown, or remove it where the record is absent. Nothing, where the
 * type is not known. Scratch memory is taken from record->arena.
 */
int tables_put(struct tables *t, struct db *db, const struct record *record, const struct id *space,
	       int64_t pending, int64_t conflicts);
int tables_remove(struct tables *t, struct db *db, uint32_t type, const struct id *record,
		  const struct id *space);
int tables_remove_space(struct tables *t, struct db *db, const struct id *space);

#endif
