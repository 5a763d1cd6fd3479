#include "bindings/zip.h"

#include "base/err.h"
#include "base/mem.h"

#include <zlib.h>

/* Bits of the window; what is added or the sign chooses the format (zlib.h, deflateInit2). */
#define WINDOW    15
#define AS_GZIP   (WINDOW + 16)
#define AS_ZLIB   WINDOW
#define AS_RAW    (-WINDOW)
#define MEM_LEVEL 8

/* Writing. */

static void *begin_write(int level, int format)
{
	z_stream *z = mem_zalloc(sizeof(*z));

	if (deflateInit2(z, level, Z_DEFLATED, format, MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK)
		return z;
	mem_free(z);
	return NULL;
}

static void *begin_write_gzip(int level)
{
	return begin_write(level, AS_GZIP);
}

static void *begin_write_zlib(int level)
{
	return begin_write(level, AS_ZLIB);
}

static void *begin_write_raw(int level)
{
	return begin_write(level, AS_RAW);
}

static bool zlib_write(void *state, struct span in, struct buf *out, enum zip_step step)
{
	static const int flush[] = {
		[ZIP_RUN] = Z_NO_FLUSH, [ZIP_FLUSH] = Z_SYNC_FLUSH, [ZIP_END] = Z_FINISH};
	z_stream *z = state;
	int rc;

	z->next_in = (Bytef *)in.p;
	z->avail_in = (uInt)in.n;
	do {
		z->next_out = (Bytef *)buf_reserve(out, ZIP_STEP);
		z->avail_out = ZIP_STEP;
		rc = deflate(z, flush[step]);
		out->n += ZIP_STEP - z->avail_out;
	} while (rc == Z_OK && z->avail_out == 0);
	/* Z_BUF_ERROR: there was nothing to do. */
	return rc == Z_OK || rc == Z_BUF_ERROR || rc == Z_STREAM_END;
}

static void zlib_end_write(void *state)
{
	deflateEnd(state);
	mem_free(state);
}

/* Reading. */

struct reader {
	z_stream z;
	bool members; /* gzip: another one may follow (RFC 1952 2.2) */
	bool guess;   /* deflate: the first byte says whether there is a header at all */
	bool ended;
};

static void *begin_read(int format, bool members, bool guess)
{
	struct reader *r = mem_zalloc(sizeof(*r));

	r->members = members;
	r->guess = guess;
	if (inflateInit2(&r->z, format) == Z_OK)
		return r;
	mem_free(r);
	return NULL;
}

static void *begin_read_gzip(void)
{
	return begin_read(AS_GZIP, true, false);
}

static void *begin_read_zlib(void)
{
	return begin_read(AS_ZLIB, false, true);
}

static void *begin_read_raw(void)
{
	return begin_read(AS_RAW, false, false);
}

/* "deflate" means zlib's format, but some clients send the bare one (RFC 9110 8.4.1.2). */
static void guess_format(struct reader *r, unsigned char first)
{
	r->guess = false;
	if ((first & 0x0f) != Z_DEFLATED || first >> 4 > WINDOW - 8)
		inflateReset2(&r->z, AS_RAW);
}

static int inflate_more(struct reader *r, struct buf *out, size_t max)
{
	size_t room = zip_room(out, max);
	int rc;

	if (r->ended && (!r->members || inflateReset(&r->z) != Z_OK))
		return ERR_INVALID;
	r->ended = false;
	r->z.next_out = (Bytef *)buf_reserve(out, room);
	r->z.avail_out = (uInt)room;
	rc = inflate(&r->z, Z_NO_FLUSH);
	out->n += room - r->z.avail_out;
	r->ended = rc == Z_STREAM_END;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return ERR_INVALID;
	return out->n > max ? ERR_TOO_LARGE : 0;
}

static int zlib_read(void *state, struct span in, struct buf *out, size_t max)
{
	struct reader *r = state;
	int rc = 0;

	if (in.n > 0 && r->guess)
		guess_format(r, (unsigned char)in.p[0]);
	r->z.next_in = (Bytef *)in.p;
	r->z.avail_in = (uInt)in.n;
	if (in.n == 0)
		return r->ended;
	do {
		rc = inflate_more(r, out, max);
	} while (rc == 0 && (r->z.avail_in > 0 || (!r->ended && r->z.avail_out == 0)));
	return rc != 0 ? rc : r->ended;
}

static void zlib_end_read(void *state)
{
	struct reader *r = state;

	inflateEnd(&r->z);
	mem_free(r);
}

#define ZLIB_OPS(text, format)                                                                     \
	{                                                                                          \
		.name = (text), .level_min = 1, .level_max = 9, .level_default = 6,                \
		.begin_write = begin_write_##format, .write = zlib_write,                          \
		.end_write = zlib_end_write, .begin_read = begin_read_##format, .read = zlib_read, \
		.end_read = zlib_end_read,                                                         \
	}

const struct zip_ops zip_gzip = ZLIB_OPS("gzip", gzip);
const struct zip_ops zip_deflate = ZLIB_OPS("deflate", zlib);
const struct zip_ops zip_deflate_raw = ZLIB_OPS("deflate-raw", raw);
