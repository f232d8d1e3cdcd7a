/*
 * Units of prose: what people edit, merge and are shown as different. A unit is a sentence with the
 * space behind it, or what is left of a line with its end. The units of a text, one after the
 * other, are the text, byte for byte; none cuts a character or a CR LF in two.
 *
 * The rule is that of Unicode's UAX #29 for sentences, adapted: where in doubt, nothing ends, since
 * two people who edit one sentence should be asked. PROTOCOL.md 4.12 gives the classes of
 * characters (Line, Space, Mark, Stop, Term, Close, Continue, Lower, Upper, Letter, Digit) and the
 * lists of abbreviations; a byte that is no UTF-8 is a character of no class. Marks are passed
 * over.
 *
 *  1. A Line character ends the unit (CR LF is one).
 *  2. A run of Stops and Terms, then any Closes, then Spaces, ends the unit behind the Spaces.
 * There must be a Space, or the last of the run is ideographic (U+3002, U+FF01, U+FF1F, U+FF61).
 *  3. But not if what comes next is a Line, a Continue, a Stop or a Term;
 *  4. nor if the run ends in two Stops: an ellipsis;
 *  5. nor if the run ends in a Stop or has a Close behind it, and the next letter, before any Line,
 *     Stop or Term, is Lower: `"Why?" she asked.`;
 *  6. nor if the run is one Stop and the word before it does not end a sentence. A word is made of
 *     letters, digits, and the Stops and apostrophes behind them. These do not:
 *      a. one whose last part, behind its last Stop, is a single letter: an initial, "e.g."; but
 *         "a.m." and "p.m." may;
 *      b. titles and other abbreviations that something follows: "Mrs.", "approx.";
 *      c. abbreviations that a number follows, if a Digit is next: "No. 5", "3 Oct. 2019";
 *      d. a number, or one of i, v and x, that opens the unit, with nothing before it but Spaces,
 *         Closes, Continues, and # > + U+2022: "2.1. Apologies".
 *
 * Whether a unit ends depends on its own bytes and those of the next, so units of several texts
 * that are put together as neighbours were in one of these texts are the units of what comes out.
 */
#ifndef FIVEPITS_UNIT_H
#define FIVEPITS_UNIT_H

#include "common/mem.h"

#include <stdbool.h>

/* Take the first unit off *rest. False at the end. The unit borrows from the text. */
bool unit_next(struct bytes *rest, struct bytes *unit);

#endif
