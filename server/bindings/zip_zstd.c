#include "bindings/zip.h"

#include "base/err.h"
#include "base/mem.h"

#include <zstd.h>

/* 8 MiB: no more may a content coding ask of its reader (RFC 9659). */
#define WINDOW_LOG_MAX 23

/* Writing. */

static void *begin_write(int level)
{
	ZSTD_CCtx *s = ZSTD_createCCtx();

	if (s != NULL)
		ZSTD_CCtx_setParameter(s, ZSTD_c_compressionLevel, level);
	return s;
}

static bool zstd_write(void *state, struct span in, struct buf *out, enum zip_step step)
{
	static const ZSTD_EndDirective directives[] = {
		[ZIP_RUN] = ZSTD_e_continue, [ZIP_FLUSH] = ZSTD_e_flush, [ZIP_END] = ZSTD_e_end};
	ZSTD_inBuffer from = {in.p, in.n, 0};
	size_t left;

	do {
		ZSTD_outBuffer to = {buf_reserve(out, ZIP_STEP), ZIP_STEP, 0};

		left = ZSTD_compressStream2(state, &to, &from, directives[step]);
		if (ZSTD_isError(left))
			return false;
		out->n += to.pos;
	} while (step == ZIP_RUN ? from.pos < from.size : left > 0);
	return true;
}

static void end_write(void *state)
{
	ZSTD_freeCCtx(state);
}

/* Reading. */

struct reader {
	ZSTD_DCtx *s;
	bool ended; /* at the end of a frame: another one may follow */
};

static void *begin_read(void)
{
	struct reader *r = mem_zalloc(sizeof(*r));

	r->s = ZSTD_createDCtx();
	if (r->s != NULL) {
		ZSTD_DCtx_setParameter(r->s, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
		return r;
	}
	mem_free(r);
	return NULL;
}

static int zstd_read(void *state, struct span in, struct buf *out, size_t max)
{
	struct reader *r = state;
	ZSTD_inBuffer from = {in.p, in.n, 0};
	ZSTD_outBuffer to;

	if (in.n == 0)
		return r->ended;
	do {
		size_t room = zip_room(out, max), rc;

		to = (ZSTD_outBuffer){buf_reserve(out, room), room, 0};
		rc = ZSTD_decompressStream(r->s, &to, &from);
		out->n += to.pos;
		if (ZSTD_isError(rc))
			return ERR_INVALID;
		if (out->n > max)
			return ERR_TOO_LARGE;
		r->ended = rc == 0;
	} while (from.pos < from.size || (!r->ended && to.pos == to.size));
	return r->ended;
}

static void end_read(void *state)
{
	struct reader *r = state;

	ZSTD_freeDCtx(r->s);
	mem_free(r);
}

const struct zip_ops zip_zstd = {
	.name = "zstd",
	.level_min = 1,
	.level_max = 19,
	.level_default = 3,
	.begin_write = begin_write,
	.write = zstd_write,
	.end_write = end_write,
	.begin_read = begin_read,
	.read = zstd_read,
	.end_read = end_read,
};
