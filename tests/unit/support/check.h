#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

/* cmocka with the headers that it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define assert_bytes(b, text)                                                                      \
	do {                                                                                       \
		assert_int_equal((b).n, strlen(text));                                             \
		assert_memory_equal((b).p, text, strlen(text));                                    \
	} while (0)

#endif
