/* SPDX-License-Identifier: Apache-2.0 */
/* A branchy state machine: words, numbers, strings and comments of a text. */
#include "bench.h"

enum { SPACE, WORD, NUMBER, STRING, ESCAPE };

BENCH(automaton, 1152)
{
	u32 state = SPACE, words = 0, digits = 0, strings = 0;

	ROLLED for (u32 i = 0; i < 256; i++) {
		u8 c = p[512 + i];

		if (state == ESCAPE) {
			state = STRING;
		} else if (state == STRING) {
			if (c == '\\') {
				state = ESCAPE;
			} else if (c == '"') {
				strings++;
				state = SPACE;
			}
		} else if (c == '"') {
			state = STRING;
		} else if (c >= '0' && c <= '9') {
			digits++;
			if (state == SPACE)
				state = NUMBER;
		} else if (c >= 'a' && c <= 'z') {
			words += state != WORD;
			state = WORD;
		} else {
			state = SPACE;
		}
	}
	return words << 20 | digits << 10 | strings;
}
