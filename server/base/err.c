#include "base/err.h"

#include <errno.h>

const char *err_name(int code)
{
	switch (code) {
	case ERR_OK:
		return "ok";
#define ERR(name, code, text, meaning)                                                             \
	case ERR_##name:                                                                           \
		return text;
#include "base/err.tbl.h"
#undef ERR
	default:
		return "unknown";
	}
}

/*
 * EAGAIN is deliberately not ERR_AGAIN: that code promises a wake-up, which only the caller who
 * armed one can promise.
 */
int err_from_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG: /* a name that cannot exist does not */
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_IO;
	}
}
