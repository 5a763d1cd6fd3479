#include "bindings/zip.h"

#include "base/err.h"

#include <brotli/decode.h>
#include <brotli/encode.h>

/* 512 KiB: with more, each stream would cost megabytes. */
#define WINDOW_BITS 19

static void *begin_write(int level)
{
	BrotliEncoderState *s = BrotliEncoderCreateInstance(NULL, NULL, NULL);

	if (s != NULL) {
		BrotliEncoderSetParameter(s, BROTLI_PARAM_QUALITY, (uint32_t)level);
		BrotliEncoderSetParameter(s, BROTLI_PARAM_LGWIN, WINDOW_BITS);
	}
	return s;
}

static bool br_write(void *state, struct span in, struct buf *out, enum zip_step step)
{
	static const BrotliEncoderOperation operations[] = {
		[ZIP_RUN] = BROTLI_OPERATION_PROCESS,
		[ZIP_FLUSH] = BROTLI_OPERATION_FLUSH,
		[ZIP_END] = BROTLI_OPERATION_FINISH,
	};
	const uint8_t *from = (const uint8_t *)in.p;
	size_t left = in.n;

	do {
		uint8_t *to = (uint8_t *)buf_reserve(out, ZIP_STEP);
		size_t room = ZIP_STEP;

		if (!BrotliEncoderCompressStream(
			    state, operations[step], &left, &from, &room, &to, NULL))
			return false;
		out->n += ZIP_STEP - room;
	} while (left > 0 || BrotliEncoderHasMoreOutput(state));
	return true;
}

static void end_write(void *state)
{
	BrotliEncoderDestroyInstance(state);
}

static void *begin_read(void)
{
	return BrotliDecoderCreateInstance(NULL, NULL, NULL);
}

static int br_read(void *state, struct span in, struct buf *out, size_t max)
{
	const uint8_t *from = (const uint8_t *)in.p;
	size_t left = in.n;
	BrotliDecoderResult result;

	do {
		size_t room = zip_room(out, max), had = room;
		uint8_t *to = (uint8_t *)buf_reserve(out, room);

		if (BrotliDecoderIsFinished(state))
			return left > 0 ? ERR_INVALID : 1;
		result = BrotliDecoderDecompressStream(state, &left, &from, &room, &to, NULL);
		out->n += had - room;
		if (result == BROTLI_DECODER_RESULT_ERROR)
			return ERR_INVALID;
		if (out->n > max)
			return ERR_TOO_LARGE;
	} while (left > 0 || result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	return result == BROTLI_DECODER_RESULT_SUCCESS;
}

static void end_read(void *state)
{
	BrotliDecoderDestroyInstance(state);
}

const struct zip_ops zip_br = {
	.name = "br",
	.level_min = BROTLI_MIN_QUALITY,
	.level_max = BROTLI_MAX_QUALITY,
	.level_default = 4,
	.begin_write = begin_write,
	.write = br_write,
	.end_write = end_write,
	.begin_read = begin_read,
	.read = br_read,
	.end_read = end_read,
};
