#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * What the world can answer, one table for C and Lua: functions return 0 or a positive result,
 * or one of these negative codes. Our own bugs do not come this way (ENSURE), nor does a lack of
 * memory (mem.h aborts).
 */
enum err {
	ERR_OK = 0,
#define ERR(name, code, text, meaning) ERR_##name = code,
#include "base/err.tbl.h"
#undef ERR
};

/* "again", "gone", ...; "ok" for 0 and "unknown" for a code that is not in the table. */
const char *err_name(int code);

/* The closest code to an errno value: ENOENT → ERR_NOT_FOUND, EACCES → ERR_DENIED, else ERR_IO. */
int err_from_errno(int errnum);

#endif
