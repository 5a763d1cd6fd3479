#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

/* How many bytes at the start of `s` (not empty) are one character of UTF-8 (RFC 3629); 0: they
 * are not valid. */
size_t utf8_len(struct span s);

#endif
