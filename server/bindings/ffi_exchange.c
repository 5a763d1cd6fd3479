#include "bindings/app_int.h"
#include "bindings/ffi_api.h"

#include "base/err.h"
#include "http/codec.h"
#include "http/exchange.h"
#include "http/peer.h"

#include <sys/stat.h>
#include <unistd.h>

/* The verbs of one exchange, by handle: look-up, call, answer. Contract policing is
 * exchange_app.c's. */

static void set_piece(ml_piece *out, struct span s)
{
	out->p = s.p;
	out->n = s.n;
}

int ml_abi(void)
{
	return ML_ABI;
}

int ml_ex_text(double id, int what, ml_piece *out)
{
	const struct exchange *ex = exchange_find(id);
	static struct peer peer;

	if (ex == NULL)
		return ERR_GONE;
	switch (what) {
	case ML_METHOD:
		set_piece(out, ex->head.method);
		return 0;
	case ML_PATH:
		set_piece(out, ex->head.path);
		return 0;
	case ML_RAW_PATH:
		set_piece(out, ex->head.raw_path);
		return 0;
	case ML_QUERY:
		set_piece(out, ex->head.query);
		return 0;
	case ML_VERSION:
		set_piece(out, ex->head.minor == 0 ? SPAN("1.0") : SPAN("1.1"));
		return 0;
	case ML_SCHEME:
		if (ex->codec == NULL)
			return ERR_GONE;
		peer_of(ex, &peer);
		set_piece(out, span_of(peer.scheme));
		return 0;
	}
	return ERR_INVALID;
}

int ml_ex_gone(double id)
{
	const struct exchange *ex = exchange_find(id);

	return ex == NULL ? GONE_CLOSED : ex->gone;
}

double ml_ex_write(double id, const char *p, size_t n, size_t from, int last)
{
	struct exchange *ex = exchange_find(id);

	int64_t rc;

	if (ex == NULL)
		return ERR_GONE;
	rc = exchange_write(ex, p + from, n - from, last != 0);
	if (rc == ERR_AGAIN)
		app_wait_for(ex);
	return (double)rc;
}

int ml_ex_file(double id, int fd, double offset, double n)
{
	struct exchange *ex = exchange_find(id);

	return ex == NULL ? ERR_GONE : exchange_write_file(ex, fd, (uint64_t)offset, (uint64_t)n);
}

void ml_ex_unstart(double id)
{
	struct exchange *ex = exchange_find(id);

	if (ex != NULL)
		exchange_unstart(ex);
}

double ml_ex_file_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (double)st.st_size : -1;
}

void ml_ex_close_fd(int fd)
{
	close(fd);
}

int ml_ex_offers(double id)
{
	const struct exchange *ex = exchange_find(id);
	int offers = ML_OFFERS_FILE;

	if (ex == NULL || (ex->head.major == 1 && ex->head.minor == 0))
		return offers;
	if (fields_has_token(&ex->head.fields, SPAN("te"), SPAN("trailers")))
		offers |= ML_OFFERS_TRAILERS;
	return offers | ML_OFFERS_HINT;
}

int ml_ex_hint(double id, const char *link, size_t n)
{
	struct exchange *ex = exchange_find(id);

	return ex == NULL ? ERR_GONE : exchange_early_hint(ex, (struct span){link, n});
}
