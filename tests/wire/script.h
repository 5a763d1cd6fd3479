#ifndef TESTS_WIRE_SCRIPT_H
#define TESTS_WIRE_SCRIPT_H

#include "base/buf.h"

/*
 * A `.wire` file as steps; README.md describes the format. A script is data: run.c performs it,
 * fuzz.c takes the bytes out of it.
 */
enum step_kind {
	STEP_SEND,    /* bytes */
	STEP_LINE,    /* bytes: a pattern; one line of output */
	STEP_RAW,     /* bytes: output, exactly */
	STEP_REST,    /* output to the end of a head */
	STEP_ANSWER,  /* number: status; bytes: body */
	STEP_HEAD,    /* number: status; a response without a body, whatever its fields say */
	STEP_REFUSED, /* number: status; bytes: part of the text; the application is not called */
	STEP_CUT_OFF, /* number: status; bytes: as REFUSED, of a request that was handed over */
	STEP_WORD,    /* a directive without argument: `word` */
	STEP_NUMBER,  /* a directive with a number: `word`, number */
	STEP_LIMIT,   /* `word`: which; number */
	STEP_WAIT,    /* number: microseconds */
	STEP_GONE,    /* `word`: why */
};

struct step {
	enum step_kind kind;
	int line;
	uint64_t number;
	char word[32];
	struct buf bytes; /* owned */
};

struct conversation {
	char *title; /* owned */
	int line;
	struct step *steps; /* owned */
	size_t n, cap;
};

struct script {
	const char *path;          /* borrowed */
	struct conversation *list; /* owned */
	size_t n, cap;
};

/* False: a message went to stderr. */
bool script_read(struct script *s, const char *path);
void script_fini(struct script *s);

/* Appends with what is not printable as \xNN. */
void script_escape(struct buf *out, struct span bytes);

#endif
