#include "http/status.h"

static const struct span reasons[600] = {
#define STATUS(code, reason) [code] = {reason, sizeof(reason) - 1},
#include "http/status.tbl.h"
#undef STATUS
};

static const struct span lines[600] = {
#define STATUS(code, reason)                                                                       \
	[code] = {"HTTP/1.1 " #code " " reason "\r\n",                                             \
		sizeof("HTTP/1.1 " #code " " reason "\r\n") - 1},
#include "http/status.tbl.h"
#undef STATUS
};

struct span status_reason(int code)
{
	if (code < 0 || code >= (int)ARRAY_LEN(reasons) || reasons[code].p == NULL)
		return SPAN("Unknown");
	return reasons[code];
}

struct span status_line(int code)
{
	if (code < 0 || code >= (int)ARRAY_LEN(lines) || lines[code].p == NULL)
		return (struct span){"", 0};
	return lines[code];
}
