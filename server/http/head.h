#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "http/fields.h"

/*
 * The head of a request as every protocol delivers it: method, target and fields, in the
 * exchange's arena. The codec checks what only it can see (syntax, framing); what holds for all
 * versions (the target's form, the Host field) is checked here.
 */
struct head {
	struct span method;   /* upper case as received */
	struct span target;   /* as received */
	struct span raw_path; /* the target's path, still encoded; "*" for OPTIONS * */
	struct span path;     /* raw_path, percent-decoded once */
	struct span query;    /* behind the "?", "" if none */
	uint8_t major, minor; /* 1.0, 1.1, 2.0 */
	struct fields fields;
};

/*
 * Splits the target (origin-form, absolute-form, or "*" with OPTIONS; RFC 9112 3.2) into raw_path
 * and query. An absolute-form's authority replaces the Host field's value. NULL when fine, else
 * a short text that says what is wrong (the answer is 400 then).
 */
const char *head_split_target(struct head *h);

/* Exactly one Host field (HTTP/1.1) or at most one (1.0), with a valid value; NULL when fine. */
const char *head_check_host(const struct head *h);

/*
 * Percent-decodes once into the arena. False on an incomplete or non-hex escape, or on %00: such
 * a path is never handed to an application.
 */
bool head_decode_path(struct arena *a, struct span raw, struct span *path_r);

#endif
