/* Minutes of nobody: beginnings, middles and ends of sentences, put together by number. */
#include "tests/merge/prose.h"

void prose_sentence(uint32_t number, struct buf *out)
{
	static const char *const who[] = {"Mrs. Booth",
					  "Mr. A. J. Hallam",
					  "The chair",
					  "Dr. O'Neill",
					  "The heads of Pilsley and Heath",
					  "Ms Żółkowska",
					  "Governors",
					  "Rev. Smith",
					  "The clerk",
					  "Year 5 (e.g. Miss P. Lowe's class)"};
	static const char *const what[] = {
		"reported that the hall was booked until 6.30pm",
		"asked for £500. ",
		"thanked all for coming; apologies were received from Stonebroom, Westhouses etc.",
		"agreed the minutes of 3 Oct. 2019 (see No. 5, pp. 2–4)",
		"said: “We can’t go on like this.” Nobody answered",
		"wondered ... and then proposed a vote",
		"will send the list by 4 p.m. on Friday",
		"noted that attendance was 96.4 per cent, i.e. above target",
		"spent £1,250.75 on kit",
		"wrote to the Dept. of Education, c/o St. John's"};
	static const char *const end[] = {". ",	  ".\n", "! ",	 "? ",	  ".\r\n",
					  ". \n", ".) ", ".”  ", ".\n\n", "; "};

	if (number < 4) {
		buf_add_text(out, "%s",
			     number == 0   ? "\n"
			     : number == 1 ? "Agreed.\n"
			     : number == 2 ? "Noted. "
					   : "  - ");
		return;
	}
	buf_add_text(out, "%s %s", who[number % 10], what[number / 10 % 10]);
	if (number >= 1000)
		buf_add_text(out, " (item %u)", number);
	buf_add_text(out, "%s", end[number / 100 % 10]);
}
