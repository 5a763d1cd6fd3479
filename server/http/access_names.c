#include "http/access_log_int.h"

#include "base/clock.h"

#define MISSING ((struct span){NULL, 0})

static const struct peer *peer(struct access_line *l)
{
	if (!l->has_peer)
		peer_of(l->ex, &l->peer);
	l->has_peer = true;
	return &l->peer;
}

static struct span get_remote(struct access_line *l)
{
	return span_of(peer(l)->host);
}

static int64_t get_remote_port(struct access_line *l)
{
	return peer(l)->port > 0 ? peer(l)->port : -1;
}

static struct span get_scheme(struct access_line *l)
{
	return span_of(peer(l)->scheme);
}

static struct span get_time(struct access_line *l)
{
	clock_iso8601(clock_wall_us(), l->word);
	return span_of(l->word);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second, put in another order. */
static struct span get_time_clf(struct access_line *l)
{
	const char *date = clock_http_date();
	char *w = l->word;

	memcpy(w, date + 5, 11);
	w[2] = w[6] = '/';
	w[11] = ':';
	memcpy(w + 12, date + 17, 8);
	memcpy(w + 20, " +0000", 6);
	return (struct span){w, 26};
}

static struct span get_method(struct access_line *l)
{
	return l->ex->head.method;
}

static struct span get_target(struct access_line *l)
{
	return l->ex->head.target;
}

static struct span get_path(struct access_line *l)
{
	return l->ex->head.path;
}

static struct span get_query(struct access_line *l)
{
	return l->ex->head.query.n > 0 ? l->ex->head.query : MISSING;
}

static struct span get_protocol(struct access_line *l)
{
	const struct head *h = &l->ex->head;

	if (h->major == 0)
		return MISSING;
	memcpy(l->word, "HTTP/", 5);
	l->word[5] = (char)('0' + h->major % 10);
	l->word[6] = '.';
	l->word[7] = (char)('0' + h->minor % 10);
	return (struct span){l->word, 8};
}

struct span access_header(const struct access_line *l, struct span name)
{
	uint32_t i = 0;
	struct span value;

	return fields_find(&l->ex->head.fields, name, &i, &value) ? value : MISSING;
}

static struct span get_host(struct access_line *l)
{
	return access_header(l, SPAN("host"));
}

static struct span get_referer(struct access_line *l)
{
	return access_header(l, SPAN("referer"));
}

static struct span get_user_agent(struct access_line *l)
{
	return access_header(l, SPAN("user-agent"));
}

static int64_t get_status(struct access_line *l)
{
	return l->ex->status > 0 ? l->ex->status : -1;
}

/* What the application gave is not sent where there is no content (RFC 9110 6.4.1). */
static int64_t get_bytes(struct access_line *l)
{
	const struct exchange *ex = l->ex;

	return exchange_bodiless(ex) ? 0 : (int64_t)ex->out_total;
}

static int64_t get_request_bytes(struct access_line *l)
{
	return (int64_t)l->ex->in_total;
}

/* opened_us is the tick's time and may lie a little before or after another reading. */
static int64_t since_opened(const struct exchange *ex, uint64_t us)
{
	if (ex->opened_us == 0 || us == 0)
		return -1;
	return us > ex->opened_us ? (int64_t)(us - ex->opened_us) : 0;
}

static int64_t get_queue_us(struct access_line *l)
{
	return since_opened(l->ex, l->ex->begun_us);
}

static int64_t get_lua_us(struct access_line *l)
{
	return l->ex->begun_us != 0 ? (int64_t)l->ex->lua_us : -1;
}

static int64_t get_total_us(struct access_line *l)
{
	return since_opened(l->ex, clock_mono_us());
}

static int64_t get_worker(struct access_line *l)
{
	return l->pid;
}

/* The table. */

/* Which member of union access_getter a kind uses. */
#define MEMBER_TEXT   .span
#define MEMBER_WORD   .span
#define MEMBER_NUMBER .number
#define MEMBER_MS     .number

static const struct access_name names[] = {
#define ACCESS(name, kind, getter, help) {#name, ACCESS_##kind, {MEMBER_##kind = getter}},
#include "http/access_log.tbl.h"
#undef ACCESS
};

const char access_names_list[] =
#define ACCESS(name, kind, getter, help) #name ", "
#include "http/access_log.tbl.h"
#undef ACCESS
	"header:NAME";

const struct access_name *access_name_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq(span_of(names[i].name), name))
			return &names[i];
	return NULL;
}
