#ifndef BINDINGS_ZIP_H
#define BINDINGS_ZIP_H

#include "base/buf.h"

/*
 * Compression by zlib, brotli and zstd behind one table of functions, for lua_zip.c. A state is one
 * stream, one way; it belongs to who began it, who ends it. Nothing here knows Lua, and no state is
 * shared: any thread may have its own. The libraries allocate by themselves.
 */
enum zip_step {
	ZIP_RUN,   /* output comes when it is worth while */
	ZIP_FLUSH, /* all that was written so far can be read from the output so far */
	ZIP_END,
};

struct zip_ops {
	const char *name; /* as a content coding (RFC 9110 8.4.1), where it is one */
	int level_min, level_max, level_default;

	void *(*begin_write)(int level); /* NULL: no memory */
	/* Takes all of the input; the output is appended. False: the library is broken. */
	bool (*write)(void *state, struct span in, struct buf *out, enum zip_step step);
	void (*end_write)(void *state);

	void *(*begin_read)(void);
	/* As above, but: 0; 1: the content is complete; ERR_INVALID; ERR_TOO_LARGE: there are more
	 * than `max` bytes in `out`. After an error the state is of no more use. */
	int (*read)(void *state, struct span in, struct buf *out, size_t max);
	void (*end_read)(void *state);
};

/* Bytes of output between two calls of a library. */
#define ZIP_STEP ((size_t)16 * 1024)

extern const struct zip_ops zip_gzip, zip_deflate, zip_deflate_raw, zip_br, zip_zstd;

/* How much the next call may put out; 0: one more than `max` is there already. */
static inline size_t zip_room(const struct buf *out, size_t max)
{
	return MIN(ZIP_STEP, max + 1 - MIN(out->n, max + 1));
}

#endif
