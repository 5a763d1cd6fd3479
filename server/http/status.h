#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "base/span.h"

/* "OK" for 200; "Unknown" for a code without an entry in status.tbl.h. */
struct span status_reason(int code);

/* "HTTP/1.1 200 OK\r\n", ready made; a code without an entry answers an empty span. */
struct span status_line(int code);

#endif
