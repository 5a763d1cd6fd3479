#include "check.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "fake_clock.h"
#include "http/codec.h"
#include "http/exchange.h"
#include "http/limits.h"

#include <unistd.h>

/* ---- a codec that writes down what it is asked to do -------------------------------------------
 */

static struct loop loop;
static struct exchange *ex;
static struct buf trace; /* what the codec was asked to do */
static unsigned events;  /* what the application was told */
static unsigned done;    /* exchange_set_done's calls */
static bool is_full;
static uint64_t taken;
static long live;

static void send_head(struct exchange *e)
{
	buf_printf(&trace, "head %d ", e->status);
	if (e->out_length != EXCHANGE_LENGTH_UNKNOWN)
		buf_printf(&trace, "length %llu ", (unsigned long long)e->out_length);
	for (uint32_t i = 0; i < e->out_fields.n; i++)
		buf_printf(&trace, "%.*s ", (int)field_name(&e->out_fields, i).n,
			field_name(&e->out_fields, i).p);
}

static void send_body(struct exchange *e, const char *p, size_t n)
{
	buf_printf(&trace, "body %zu ", n);
}

static void send_file(struct exchange *e, int fd, off_t offset, size_t n)
{
	buf_printf(&trace, "file %zu ", n);
	close(fd);
}

static void send_end(struct exchange *e, const struct fields *trailers)
{
	buf_puts(&trace, "end ");
	if (trailers != NULL)
		buf_printf(&trace, "trailers %u ", trailers->n);
}

static void send_interim(struct exchange *e, int status, const struct fields *fields)
{
	buf_printf(&trace, "interim %d ", status);
}

static bool full(struct exchange *e)
{
	return is_full;
}

static void in_wanted(struct exchange *e)
{
	buf_puts(&trace, "wanted ");
}

static void in_taken(struct exchange *e, size_t n)
{
	taken += n;
}

static void abort_it(struct exchange *e, enum close_reason why)
{
	buf_puts(&trace, "abort ");
	exchange_wire_done(e, GONE_CLOSED);
}

static const struct conn *conn_of(const struct exchange *e)
{
	return NULL;
}

static const struct codec codec = {
	.name = "test",
	.send_head = send_head,
	.send_body = send_body,
	.send_file = send_file,
	.send_end = send_end,
	.send_interim = send_interim,
	.full = full,
	.in_wanted = in_wanted,
	.in_taken = in_taken,
	.abort = abort_it,
	.conn = conn_of,
};

static void opened(struct exchange *e)
{
}

static void changed(struct exchange *e, unsigned what)
{
	events |= what;
}

static const struct app_port port = {.opened = opened, .changed = changed};

static void on_done(struct exchange *e)
{
	done++;
}

static void drop_log(void *arg, const char *bytes, size_t n)
{
}

static void fresh(bool has_body)
{
	ex = exchange_new(&codec, &loop);
	buf_clear(&trace);
	events = 0;
	taken = 0;
	is_full = false;
	exchange_opened(ex, has_body);
}

static int setup(void **state)
{
	arena_drop_cache();
	chunkq_drop_cache();
	live = mem_live();
	done = 0;
	fake_clock_start();
	log_set_sink(drop_log, NULL);
	loop_init(&loop);
	exchange_setup(&loop, &port);
	exchange_set_done(on_done);
	fresh(true);
	return 0;
}

/* Both ends let go, in either order. */
static void finish_exchange(void)
{
	if (ex == NULL)
		return;
	if (ex->codec != NULL)
		exchange_wire_done(ex, GONE_CLOSED);
	if (ex->app_held)
		exchange_app_done(ex, false);
	ex = NULL;
	loop_turn(&loop);
	assert_int_equal(exchange_live(), 0);
}

static int teardown(void **state)
{
	finish_exchange();
	exchange_set_done(NULL);
	exchange_teardown();
	loop_fini(&loop);
	log_set_sink(NULL, NULL);
	fake_clock_stop();
	buf_fini(&trace);
	arena_drop_cache();
	chunkq_drop_cache();
	assert_int_equal(mem_live(), live);
	return 0;
}

#define assert_trace(text)                                                                         \
	do {                                                                                       \
		assert_string_equal(buf_cstr(&trace), text);                                       \
		buf_clear(&trace);                                                                 \
	} while (0)

static int header(const char *name, const char *value)
{
	return exchange_header(ex, span_of(name), span_of(value));
}

/* ---- every call in every state -----------------------------------------------------------------
 */

enum call {
	CALL_START,
	CALL_HEADER,
	CALL_WRITE,
	CALL_FILE,
	CALL_TRAILER,
	CALL_END_TRAILERS,
	CALL_HINT,
	CALLS,
};

static int do_call(enum call call)
{
	int fd, rc;

	switch (call) {
	case CALL_START:
		return exchange_start(ex, 200, false);
	case CALL_HEADER:
		return header("x", "y");
	case CALL_WRITE:
		return (int)exchange_write(ex, "abc", 3, false);
	case CALL_FILE:
		fd = dup(0);
		rc = exchange_write_file(ex, fd, 0, 5);
		if (rc != 0)
			close(fd);
		return rc;
	case CALL_TRAILER:
		return exchange_trailer(ex, SPAN("x"), SPAN("y"));
	case CALL_END_TRAILERS:
		return exchange_end_trailers(ex);
	case CALL_HINT:
		return exchange_early_hint(ex, SPAN("</x>; rel=preload"));
	case CALLS:
		break;
	}
	return -100;
}

enum where {
	IN_IDLE,
	IN_STARTED,
	IN_OUT_BODY,
	IN_TRAILERS,
	IN_OUT_END,
	IN_END_DETACHED, /* complete, and the codec is done with it */
	IN_GONE,         /* the peer left before the start */
	IN_GONE_LATE,    /* in the middle of the body */
	IN_REFUSED,      /* the gateway answered itself */
	IN_WHERES,
};

static void go_to(enum where where)
{
	fresh(true);
	if (where == IN_GONE) {
		exchange_wire_done(ex, GONE_CLOSED);
		return;
	}
	if (where == IN_REFUSED) {
		exchange_break_in(ex, GONE_TOO_LARGE);
		assert_true(exchange_answer(ex, 413, NULL));
		return;
	}
	if (where >= IN_STARTED)
		assert_int_equal(exchange_start(ex, 200, where == IN_TRAILERS), 0);
	if (where == IN_OUT_BODY || where == IN_GONE_LATE)
		assert_int_equal(exchange_write(ex, "x", 1, false), 1);
	if (where == IN_TRAILERS || where == IN_OUT_END || where == IN_END_DETACHED)
		assert_int_equal(exchange_write(ex, "x", 1, true), 1);
	if (where == IN_END_DETACHED || where == IN_GONE_LATE)
		exchange_wire_done(ex, where == IN_GONE_LATE ? GONE_CLOSED : GONE_NOT);
}

static void test_policing_table(void **state)
{
	enum {
		S = ERR_STATE,
		C = ERR_CLOSED
	};
	static const int answers[IN_WHERES][CALLS] = {
		/*                    start header write file trailer end hint */
		[IN_IDLE] = {0, S, S, S, S, S, 0},
		[IN_STARTED] = {S, 0, 3, 0, S, S, S},
		[IN_OUT_BODY] = {S, S, 3, S, S, S, S},
		[IN_TRAILERS] = {S, S, S, S, 0, 0, S},
		[IN_OUT_END] = {S, S, S, S, S, S, S},
		[IN_END_DETACHED] = {S, S, S, S, S, S, S},
		[IN_GONE] = {C, C, C, C, C, C, C},
		[IN_GONE_LATE] = {C, C, C, C, C, C, C},
		[IN_REFUSED] = {C, C, C, C, C, C, C},
	};

	finish_exchange();
	for (enum where w = IN_IDLE; w < IN_WHERES; w++) {
		for (enum call c = CALL_START; c < CALLS; c++) {
			int rc, before;

			go_to(w);
			buf_clear(&trace);
			before = ex->out_state;
			rc = do_call(c);
			if (rc != answers[w][c])
				fail_msg("call %d in state %d answers %d", c, w, rc);
			if (rc < 0) { /* nothing happened */
				assert_int_equal(trace.n, 0);
				assert_int_equal(ex->out_state, before);
			}
			finish_exchange();
		}
	}
}

/* ---- the way out -------------------------------------------------------------------------------
 */

static void test_whole_response(void **state)
{
	assert_int_equal(exchange_start(ex, 200, false), 0);
	assert_int_equal(header("X-A", "1"), 0);
	assert_trace("");
	assert_int_equal(exchange_write(ex, "hello", 5, true), 5);
	assert_trace("head 200 length 5 X-A body 5 end ");
}

static void test_stream(void **state)
{
	exchange_start(ex, 200, false);
	assert_int_equal(exchange_write(ex, "", 0, false), 0);
	assert_trace(""); /* the head stays held */
	assert_int_equal(exchange_write(ex, "ab", 2, false), 2);
	assert_int_equal(exchange_write(ex, "", 0, false), 0);
	assert_int_equal(exchange_write(ex, "cd", 2, false), 2);
	assert_int_equal(exchange_write(ex, "", 0, true), 0);
	assert_trace("head 200 body 2 body 2 end ");
}

static void test_declared_length(void **state)
{
	exchange_start(ex, 200, false);
	assert_int_equal(header("Content-Length", "5"), 0);
	assert_int_equal(exchange_write(ex, "abcdef", 6, true), ERR_LENGTH);
	assert_trace(""); /* raised before anything is written */
	assert_int_equal(exchange_write(ex, "abc", 3, false), 3);
	assert_int_equal(exchange_write(ex, "def", 3, true), ERR_LENGTH);
	assert_int_equal(exchange_write(ex, "de", 2, true), 2);
	assert_trace("head 200 length 5 body 3 body 2 end ");
}

static void test_less_than_declared(void **state)
{
	exchange_start(ex, 200, false);
	header("content-length", "5");
	assert_int_equal(exchange_write(ex, "abc", 3, true), 3);
	assert_trace("head 200 length 5 body 3 abort ");
	assert_null(ex->codec);
	assert_int_equal(exchange_write(ex, "d", 1, true), ERR_CLOSED);
	assert_false(exchange_app_done(ex, false));
	ex = NULL;
	loop_turn(&loop);
}

static void test_back_pressure(void **state)
{
	exchange_start(ex, 200, false);
	is_full = true;
	assert_int_equal(exchange_write(ex, "abc", 3, false), 3); /* the head's queue may be full */
	assert_int_equal(exchange_write(ex, "def", 3, false), ERR_AGAIN);
	assert_int_equal(exchange_write(ex, "", 0, false), 0);
	assert_int_equal(events, 0);
	exchange_out_room(ex);
	assert_int_equal(events, EXCHANGE_OUT_ROOM);
	events = 0;
	exchange_out_room(ex); /* once per time that it asked in vain */
	assert_int_equal(events, 0);
	is_full = false;
	assert_int_equal(exchange_write(ex, "def", 3, true), 3);
}

static void test_a_large_piece_is_taken_in_parts(void **state)
{
	size_t n = http_limits.high_water * 2 + 10;
	char *big = mem_zalloc(n);

	exchange_start(ex, 200, false);
	assert_int_equal(exchange_write(ex, big, n, true), http_limits.high_water);
	assert_int_equal(ex->out_state, OUT_BODY);
	assert_int_equal(
		exchange_write(ex, big, http_limits.high_water + 10, true), http_limits.high_water);
	assert_int_equal(exchange_write(ex, big, 10, true), 10);
	assert_int_equal(ex->out_state, OUT_END);
	assert_trace("head 200 length 131082 body 65536 body 65536 body 10 end ");
	mem_free(big);
}

static void test_status(void **state)
{
	assert_int_equal(exchange_start(ex, 100, false), ERR_INVALID);
	assert_int_equal(exchange_start(ex, 199, false), ERR_INVALID);
	assert_int_equal(exchange_start(ex, 600, false), ERR_INVALID);
	assert_int_equal(exchange_start(ex, -1, false), ERR_INVALID);
	assert_int_equal(exchange_start(ex, 599, false), 0);
}

/* A start with a bad field leaves no trace: the next one begins afresh. */
static void test_bad_fields(void **state)
{
	static const struct {
		const char *name, *value;
		int rc;
	} rows[] = {
		{"", "x", ERR_FIELD_NAME},
		{"a b", "x", ERR_FIELD_NAME},
		{"a:", "x", ERR_FIELD_NAME},
		{"a\r\nb", "x", ERR_FIELD_NAME},
		{"\xc3\xa4", "x", ERR_FIELD_NAME},
		{"a", "x\r\ny", ERR_FIELD_VALUE},
		{"a", "x\n", ERR_FIELD_VALUE},
		{"a", "\x01", ERR_FIELD_VALUE},
		{"Transfer-Encoding", "chunked", ERR_FIELD_RESERVED},
		{"CONNECTION", "close", ERR_FIELD_RESERVED},
		{"keep-alive", "5", ERR_FIELD_RESERVED},
		{"upgrade", "h2c", ERR_FIELD_RESERVED},
		{"content-length", "", ERR_LENGTH},
		{"content-length", "-1", ERR_LENGTH},
		{"content-length", "1, 1", ERR_LENGTH},
		{"Content-Length", "99999999999999999999", ERR_LENGTH},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(exchange_start(ex, 201, true), 0);
		assert_int_equal(header("x-before", "1"), 0);
		assert_int_equal(header("date", "now"), 0);
		if (header(rows[i].name, rows[i].value) != rows[i].rc)
			fail_msg("row %zu", i);
		assert_int_equal(ex->out_state, OUT_IDLE);
		assert_int_equal(ex->out_fields.n, 0);
		assert_false(ex->has_date || ex->has_trailers);
		assert_trace("");
	}
	assert_int_equal(exchange_start(ex, 200, false), 0);
	assert_int_equal(header("content-length", "3"), 0);
	assert_int_equal(header("content-length", "3"), ERR_LENGTH); /* twice */
	assert_int_equal(exchange_start(ex, 200, false), 0);
	assert_int_equal(header("a", "\t x \xff"), 0);
	assert_int_equal(exchange_write(ex, "", 0, true), 0);
	assert_trace("head 200 length 0 a end ");
}

static void test_nul_in_a_field(void **state)
{
	exchange_start(ex, 200, false);
	assert_int_equal(exchange_header(ex, SPAN("a\0b"), SPAN("x")), ERR_FIELD_NAME);
	exchange_start(ex, 200, false);
	assert_int_equal(exchange_header(ex, SPAN("a"), SPAN("x\0y")), ERR_FIELD_VALUE);

	struct span huge = {mem_zalloc(HTTP_FIELDS_BYTES_MAX), HTTP_FIELDS_BYTES_MAX};

	memset((char *)huge.p, 'x', huge.n);
	assert_int_equal(exchange_start(ex, 200, false), 0);
	assert_int_equal(exchange_header(ex, SPAN("a"), SPAN("x")), 0);
	assert_int_equal(exchange_header(ex, SPAN("a"), huge), ERR_TOO_LARGE);
	mem_free((char *)huge.p);
}

static void test_without_content(void **state)
{
	static const int statuses[] = {204, 304};

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		finish_exchange();
		fresh(false);
		exchange_start(ex, statuses[i], false);
		assert_int_equal(exchange_write(ex, "abc", 3, false), 3);
		assert_int_equal(exchange_write(ex, "def", 3, true), 3);
		assert_int_equal(ex->out_state, OUT_END);
		assert_null(strstr(buf_cstr(&trace), "body"));
	}
	finish_exchange();
	fresh(false);
	ex->is_head = true;
	exchange_start(ex, 200, false);
	header("content-length", "1000");
	assert_int_equal(exchange_write(ex, "", 0, true), 0);
	assert_trace("head 200 length 1000 end ");
}

static void test_file(void **state)
{
	int fd = dup(0);

	exchange_start(ex, 200, false);
	header("content-length", "6");
	assert_int_equal(exchange_write_file(ex, fd, 0, 5), ERR_LENGTH);
	assert_trace("");
	assert_int_equal(exchange_write_file(ex, fd, 0, 6), 0);
	assert_trace("head 200 length 6 file 6 end ");
	finish_exchange();
	fresh(false);
	fd = dup(0);
	exchange_start(ex, 200, true);
	assert_int_equal(exchange_write_file(ex, fd, 0, 5), ERR_STATE); /* no trailers with it */
	close(fd);
}

static void test_file_without_content(void **state)
{
	int fd = dup(0);

	ex->is_head = true;
	exchange_start(ex, 200, false);
	assert_int_equal(exchange_write_file(ex, fd, 0, 5), 0);
	assert_trace("head 200 length 5 end ");
	assert_true(close(fd) < 0); /* was taken */
}

static void test_trailers(void **state)
{
	exchange_start(ex, 200, true);
	assert_int_equal(exchange_write(ex, "abc", 3, true), 3);
	assert_trace("head 200 body 3 "); /* no length, or there could be no trailers */
	assert_int_equal(exchange_trailer(ex, SPAN("a b"), SPAN("x")), ERR_FIELD_NAME);
	assert_int_equal(exchange_trailer(ex, SPAN("a"), SPAN("\n")), ERR_FIELD_VALUE);
	assert_int_equal(
		exchange_trailer(ex, SPAN("Content-Length"), SPAN("1")), ERR_FIELD_RESERVED);
	assert_int_equal(
		exchange_trailer(ex, SPAN("transfer-encoding"), SPAN("x")), ERR_FIELD_RESERVED);
	assert_int_equal(exchange_trailer(ex, SPAN("host"), SPAN("x")), ERR_FIELD_RESERVED);
	assert_int_equal(exchange_trailer(ex, SPAN("a"), SPAN("x")), 0);
	assert_int_equal(exchange_end_trailers(ex), 0);
	assert_trace("end trailers 1 ");
}

static void test_early_hint(void **state)
{
	assert_int_equal(exchange_early_hint(ex, SPAN("a\r\nb")), ERR_FIELD_VALUE);
	assert_int_equal(exchange_early_hint(ex, SPAN("</a>")), 0);
	assert_int_equal(exchange_early_hint(ex, SPAN("</b>")), 0);
	assert_trace("interim 103 interim 103 ");
	assert_int_equal(exchange_start(ex, 200, false), 0);
}

/* ---- the way in --------------------------------------------------------------------------------
 */

static struct span piece;
static bool more;

static void test_read(void **state)
{
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_AGAIN);
	assert_trace("wanted ");
	exchange_push(ex, "abc", 3);
	assert_int_equal(events, EXCHANGE_IN_READY);
	events = 0;
	exchange_push(ex, "def", 3); /* told once per time that it asked in vain */
	assert_int_equal(events, 0);
	assert_int_equal(exchange_read(ex, &piece, &more), 1);
	assert_bytes(piece, "abcdef");
	assert_true(more);
	assert_int_equal(taken, 6);
	exchange_push(ex, "gh", 2);
	exchange_push_end(ex);
	assert_int_equal(exchange_read(ex, &piece, &more), 1);
	assert_bytes(piece, "gh");
	assert_false(more);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_AGAIN); /* for the disconnect */
	assert_trace("");
	exchange_wire_done(ex, GONE_CLOSED);
	assert_true(events & EXCHANGE_GONE);
	assert_int_equal(ex->gone, GONE_CLOSED);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_CLOSED);
}

static void test_read_of_no_body(void **state)
{
	finish_exchange();
	fresh(false);
	assert_int_equal(exchange_read(ex, &piece, &more), 1);
	assert_int_equal(piece.n, 0);
	assert_non_null(piece.p);
	assert_false(more);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_AGAIN);
}

static void test_end_comes_alone(void **state)
{
	exchange_push(ex, "abc", 3);
	assert_int_equal(exchange_read(ex, &piece, &more), 1);
	assert_true(more);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_AGAIN);
	exchange_push_end(ex);
	assert_int_equal(events, EXCHANGE_IN_READY);
	assert_int_equal(exchange_read(ex, &piece, &more), 1);
	assert_int_equal(piece.n, 0);
	assert_false(more);
}

static void test_pieces_have_a_size(void **state)
{
	size_t n = HTTP_PIECE_MAX * 2 + 100;
	char *big = mem_alloc(n);

	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 7);
	exchange_push(ex, big, n);
	exchange_push_end(ex);
	for (size_t at = 0; at < n; at += piece.n) {
		assert_int_equal(exchange_read(ex, &piece, &more), 1);
		assert_int_equal(piece.n, MIN((size_t)HTTP_PIECE_MAX, n - at));
		assert_memory_equal(piece.p, big + at, piece.n);
		assert_int_equal(more, at + piece.n < n);
	}
	assert_int_equal(taken, n);
	mem_free(big);
}

static void test_read_after_the_response(void **state)
{
	exchange_push(ex, "abc", 3);
	exchange_start(ex, 200, false);
	exchange_write(ex, "x", 1, true);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_CLOSED);
}

/* Parked in read while another of its coroutines completes the response. */
static void test_parked_while_the_response_ends(void **state)
{
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_AGAIN);
	exchange_start(ex, 200, false);
	exchange_write(ex, "x", 1, true);
	exchange_wire_done(ex, GONE_NOT);
	assert_int_equal(events, EXCHANGE_IN_READY);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_CLOSED);
	assert_int_equal(ex->gone, GONE_NOT);
}

static void test_broken_body(void **state)
{
	exchange_push(ex, "abc", 3);
	exchange_break_in(ex, GONE_TOO_LARGE);
	assert_int_equal(events, EXCHANGE_GONE);
	events = 0;
	exchange_break_in(ex, GONE_TIMEOUT); /* the first reason counts */
	assert_int_equal(events, 0);
	assert_int_equal(ex->gone, GONE_TOO_LARGE);
	assert_int_equal(ex->in.total, 0);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_CLOSED);
	exchange_push_end(ex);
	assert_int_equal(ex->in_state, IN_BROKEN);
}

static void test_drain(void **state)
{
	exchange_drain(ex);
	assert_int_equal(events, EXCHANGE_DRAIN);
	events = 0;
	exchange_drain(ex);
	assert_int_equal(events, 0);
	/* What is not a stream, or still receives, is left alone. */
	exchange_push(ex, "abc", 3);
	exchange_push_end(ex);
	exchange_start(ex, 200, false);
	exchange_write(ex, "x", 1, false);
	assert_int_equal(exchange_read(ex, &piece, &more), 1);
	assert_int_equal(exchange_read(ex, &piece, &more), ERR_SHUTDOWN);
	assert_int_equal(exchange_write(ex, "bye", 3, true), 3);
	assert_trace("head 200 body 1 body 3 end ");
}

/* ---- the end, from either side -----------------------------------------------------------------
 */

static void test_ends_in_either_order(void **state)
{
	for (int order = 0; order < 2; order++) {
		double id = exchange_id(ex);

		assert_ptr_equal(exchange_find(id), ex);
		exchange_start(ex, 200, false);
		exchange_write(ex, "x", 1, true);
		if (order == 0) {
			exchange_wire_done(ex, GONE_NOT);
			assert_false(exchange_app_done(ex, false));
		} else {
			assert_false(exchange_app_done(ex, false));
			loop_turn(&loop);
			assert_ptr_equal(exchange_find(id), ex); /* the wire still holds it */
			exchange_wire_done(ex, GONE_NOT);
		}
		assert_ptr_equal(exchange_find(id), ex); /* freed at reap */
		loop_turn(&loop);
		assert_null(exchange_find(id));
		assert_int_equal(exchange_live(), 0);
		assert_int_equal(done, order + 1);
		fresh(true);
	}
}

static void test_app_ends(void **state)
{
	static const struct {
		enum where where;
		bool failed, replaced;
		const char *trace;
	} rows[] = {
		{IN_IDLE, true, true, "head 500 length 26 content-type body 26 end "},
		{IN_IDLE, false, true, "head 500 length 26 content-type body 26 end "},
		{IN_STARTED, true, true, "head 500 length 26 content-type body 26 end "},
		{IN_STARTED, false, true, "head 500 length 26 content-type body 26 end "},
		{IN_OUT_BODY, true, true, "abort "},
		{IN_OUT_BODY, false, true, "abort "},
		{IN_TRAILERS, true, true, "abort "},
		{IN_TRAILERS, false, false, "end trailers 0 "},
		{IN_OUT_END, true, true, ""},
		{IN_OUT_END, false, false, ""},
		{IN_END_DETACHED, true, true, ""},
		{IN_END_DETACHED, false, false, ""},
		{IN_GONE, true, true, ""},
		{IN_GONE, false, false, ""},
		{IN_GONE_LATE, false, false, ""},
		{IN_REFUSED, false, false, ""},
	};

	finish_exchange();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		go_to(rows[i].where);
		buf_clear(&trace);
		events = 0;
		if (exchange_app_done(ex, rows[i].failed) != rows[i].replaced)
			fail_msg("row %zu", i);
		assert_string_equal(buf_cstr(&trace), rows[i].trace);
		assert_int_equal(events, 0); /* who left is told nothing */
		if (ex->codec != NULL)
			exchange_wire_done(ex, GONE_NOT);
		loop_turn(&loop);
		assert_int_equal(exchange_live(), 0);
	}
	ex = NULL;
}

/* A failed start's fields do not show in the 500. */
static void test_replaced_answer_is_clean(void **state)
{
	exchange_start(ex, 200, true);
	header("x-secret", "1");
	header("content-length", "1000");
	header("date", "never");
	assert_true(exchange_app_done(ex, true));
	assert_trace("head 500 length 26 content-type body 26 end ");
	assert_false(ex->has_date);
}

static void test_answer(void **state)
{
	char text[400];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(exchange_answer(ex, 400, text)); /* cut, not overrun */
	assert_trace("head 400 length 255 content-type body 255 end ");
	assert_false(exchange_answer(ex, 400, text));
	finish_exchange();
	fresh(false);
	ex->is_head = true;
	assert_true(exchange_answer(ex, 404, NULL));
	assert_trace("head 404 length 14 content-type end ");
}

static void test_no_answer_into_another(void **state)
{
	exchange_start(ex, 200, false);
	exchange_write(ex, "x", 1, false);
	buf_clear(&trace);
	assert_false(exchange_answer(ex, 408, NULL));
	assert_trace("");
}

/* The application has had its time: it hears of it, whatever it has sent. */
static void test_give_up(void **state)
{
	exchange_start(ex, 200, false);
	exchange_give_up(ex);
	assert_int_equal(events, EXCHANGE_GONE);
	assert_int_equal(ex->gone, GONE_SHUTDOWN);
	assert_trace("head 503 length 48 content-type body 48 end ");
	assert_int_equal(exchange_write(ex, "x", 1, true), ERR_CLOSED);
	exchange_give_up(ex);
	assert_false(exchange_app_done(ex, false));
	finish_exchange();
	fresh(true);
	exchange_start(ex, 200, false);
	exchange_write(ex, "x", 1, false);
	buf_clear(&trace);
	exchange_give_up(ex);
	assert_trace("abort ");
	assert_int_equal(exchange_write(ex, "x", 1, true), ERR_CLOSED);
	assert_false(exchange_app_done(ex, false));
	finish_exchange();
	fresh(true);
	exchange_start(ex, 200, false);
	exchange_write(ex, "x", 1, true);
	events = 0;
	exchange_give_up(ex); /* a complete one is left alone */
	assert_int_equal(events, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_policing_table),
		T(test_whole_response),
		T(test_stream),
		T(test_declared_length),
		T(test_less_than_declared),
		T(test_give_up),
		T(test_back_pressure),
		T(test_a_large_piece_is_taken_in_parts),
		T(test_status),
		T(test_bad_fields),
		T(test_nul_in_a_field),
		T(test_without_content),
		T(test_file),
		T(test_file_without_content),
		T(test_trailers),
		T(test_early_hint),
		T(test_read),
		T(test_read_of_no_body),
		T(test_end_comes_alone),
		T(test_pieces_have_a_size),
		T(test_read_after_the_response),
		T(test_parked_while_the_response_ends),
		T(test_broken_body),
		T(test_drain),
		T(test_ends_in_either_order),
		T(test_app_ends),
		T(test_replaced_answer_is_clean),
		T(test_answer),
		T(test_no_answer_into_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
