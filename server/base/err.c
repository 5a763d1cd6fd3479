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
	case EROFS:
		return ERR_DENIED;
	case EEXIST:
		return ERR_EXISTS;
	case EISDIR:
		return ERR_IS_DIR;
	case ENOTEMPTY:
		return ERR_NOT_EMPTY;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EBUSY:
		return ERR_BUSY;
	case EINVAL:
		return ERR_INVALID;
	case EPIPE:
	case ENOTCONN:
		return ERR_CLOSED;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case ECONNRESET:
	case ECONNABORTED:
		return ERR_RESET;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return ERR_UNREACHABLE;
	case EADDRINUSE:
		return ERR_IN_USE;
	case EMSGSIZE:
		return ERR_TOO_LARGE;
	default:
		return ERR_IO;
	}
}
