#ifndef HTTP_ACCESS_LOG_INT_H
#define HTTP_ACCESS_LOG_INT_H

#include "http/exchange.h"
#include "http/peer.h"

#include <sys/types.h>

/*
 * Between the two files of the access log: access_names.c knows where each value comes from,
 * access_log.c compiles formats and writes lines. A getter answers a span whose p is NULL, or a
 * number below 0, when the value is missing.
 */
enum access_kind { /* see access_log.tbl.h */
	ACCESS_TEXT,
	ACCESS_WORD,
	ACCESS_NUMBER,
	ACCESS_MS,
};

/* A line on its way: what its getters share. */
struct access_line {
	const struct exchange *ex; /* borrowed from the caller of access_log_write */
	pid_t pid;
	bool has_peer; /* `peer` was asked for */
	struct peer peer;
	char word[40]; /* the WORD that was made last: written out before the next getter runs */
};

union access_getter {
	struct span (*span)(struct access_line *l); /* TEXT, WORD */
	int64_t (*number)(struct access_line *l);   /* NUMBER, MS */
};

struct access_name {
	const char *name;
	enum access_kind kind;
	union access_getter get;
};

const struct access_name *access_name_find(struct span name); /* NULL: there is none */
extern const char access_names_list[];                        /* "remote, remote_port, ..." */

/* The first request field of that (lower-case) name. */
struct span access_header(const struct access_line *l, struct span name);

/* access_pretty.c: a line without its newline; answers where that belongs. */
char *access_pretty(char *out, const struct exchange *ex);

#endif
