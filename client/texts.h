/*
 * The text of documents in the search index. A document that has come is read once, by a process of
 * its own (client/extractor.h), outside of every transaction; its text stands in the copy from then
 * on, and the index takes it from there.
 */
#ifndef FIVEPITS_TEXTS_H
#define FIVEPITS_TEXTS_H

#include "client/contents.h"

/* Has a document come that was not read yet? 1, 0 or an error. */
int texts_pending(struct copy *copy);
/*
 * Read documents, for about `budget_ms` (0: all), each in a transaction of its own: none may be
 * open. 1: there are more; 0: there are none, or a program is missing that reads them; or an error
 * with a cause.
 */
int texts_read(struct copy *copy, unsigned budget_ms, struct cause *cause);
/* Would the reader find nothing in a document, by its first bytes alone? Pictures, films and
 * archives need no process of their own. */
bool texts_none(struct bytes head);
/* In the open transaction: this one need not be read. */
int texts_note_none(struct copy *copy, const uint8_t root[SHA256_LEN]);
/* Append the text of what a Version names, if it was read; no more in a buffer than before if not.
 * 0 or an error. */
int texts_of(struct copy *copy, const struct record *version, struct buf *text);
/* In the open transaction: forget the texts of contents that are not here any more. */
int texts_forget(struct copy *copy);

#endif
