#include "runtime/dns_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/fd_watch.h"

#include <arpa/inet.h>
#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>

#define EDNS_BYTES 1232 /* what fits into a packet anywhere (DNS flag day 2020) */

/*
 * One c-ares channel: the servers as resolv.conf had them when it was made. When that changes the
 * channel is retired: it ends its queries, then it is freed.
 */
struct channel {
	struct list link; /* in `channels.all` */
	ares_channel ares;
	struct list sockets;     /* struct channel_socket */
	struct deadline timer;   /* c-ares looks after its time-outs */
	struct loop_item rearm;  /* flush phase: sets the timer, once per tick */
	struct loop_item remove; /* reap phase */
	unsigned queries;
	char *servers; /* owned; for messages */
};

/* A descriptor of c-ares, which opens and closes it; what it waits for comes by on_state. */
struct channel_socket {
	struct list link;
	struct channel *channel;
	struct fd_watch read, write;
	int fd;
	bool wants_read, wants_write;
};

struct query {
	struct channel *channel;
	struct dns_entry *entry; /* a ref */
};

static struct {
	struct list all;
	struct channel *now; /* the one for new queries; NULL before the first */
	struct dns_file resolv_conf;
	bool ready; /* the library is set up */
	unsigned queries;
} channels;

static void touched(struct channel *ch)
{
	loop_item_add(&dns.loop->flush, &ch->rearm);
}

static void process(struct channel *ch, int to_read, int to_write)
{
	touched(ch);
	errno = 0;
	ares_process_fd(ch->ares, to_read, to_write);
}

/* Feed phase. The socket may be closed in `process`, by on_state: so it is armed again before. */
static void on_readable(struct fd_watch *w)
{
	struct channel_socket *s = container_of(w, struct channel_socket, read);

	fd_watch_start(dns.loop, &s->read);
	process(s->channel, s->fd, ARES_SOCKET_BAD);
}

static void on_writable(struct fd_watch *w)
{
	struct channel_socket *s = container_of(w, struct channel_socket, write);

	fd_watch_start_write(dns.loop, &s->write);
	process(s->channel, ARES_SOCKET_BAD, s->fd);
}

static void on_time(struct deadline *d)
{
	process(container_of(d, struct channel, timer), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void set_timer(struct loop_item *item)
{
	struct channel *ch = container_of(item, struct channel, rearm);
	struct timeval tv;

	if (!ares_timeout(ch->ares, NULL, &tv)) {
		deadline_clear(&ch->timer);
		return;
	}
	deadline_set(&dns.loop->deadlines, &ch->timer,
		clock_mono_us() + (uint64_t)tv.tv_sec * CLOCK_SECOND + (uint64_t)tv.tv_usec + 1);
}

static struct channel_socket *find_socket(struct channel *ch, int fd)
{
	struct channel_socket *s;

	for (struct list *l = ch->sockets.next; l != &ch->sockets; l = l->next) {
		s = container_of(l, struct channel_socket, link);
		if (s->fd == fd)
			return s;
	}
	s = mem_zalloc(sizeof(*s));
	s->channel = ch;
	s->fd = fd;
	fd_watch_init(&s->read, fd, on_readable);
	fd_watch_init(&s->write, fd, on_writable);
	list_init(&s->link);
	list_add(&ch->sockets, &s->link);
	return s;
}

/* What c-ares waits for at a socket; nothing: it closes it now. */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel_socket *s = find_socket(arg, fd);

	if (readable && !s->wants_read)
		fd_watch_start(dns.loop, &s->read);
	else if (!readable)
		fd_watch_stop(dns.loop, &s->read);
	if (writable && !s->wants_write)
		fd_watch_start_write(dns.loop, &s->write);
	else if (!writable)
		fd_watch_stop(dns.loop, &s->write);
	s->wants_read = readable;
	s->wants_write = writable;
	if (readable || writable)
		return;
	list_del(&s->link);
	mem_free(s);
}

static void free_channel(struct loop_item *item)
{
	struct channel *ch = container_of(item, struct channel, remove);

	ares_destroy(ch->ares); /* ends its queries */
	ENSURE(ch->queries == 0 && list_empty(&ch->sockets));
	deadline_remove(&dns.loop->deadlines, &ch->timer);
	loop_item_del(&ch->rearm);
	loop_item_del(&ch->remove);
	list_del(&ch->link);
	mem_free(ch->servers);
	mem_free(ch);
}

static void retire(struct channel *ch)
{
	if (ch->queries == 0)
		loop_item_add(&dns.loop->reap, &ch->remove);
}

/* "the name server at 192.0.2.1:53", "the name servers at 192.0.2.1:53, [::1]:53" */
static char *describe_servers(ares_channel ares)
{
	struct ares_addr_port_node *list = NULL;
	char host[INET6_ADDRSTRLEN];
	struct buf text = {0};
	char *out;

	ares_get_servers_ports(ares, &list);
	buf_printf(&text, "the name server%s at ", list && list->next ? "s" : "");
	for (const struct ares_addr_port_node *n = list; n; n = n->next) {
		inet_ntop(n->family, &n->addr, host, sizeof(host));
		buf_printf(&text, n->family == AF_INET6 ? "[%s]:%d%s" : "%s:%d%s", host,
			n->udp_port ? n->udp_port : NS_DEFAULTPORT, n->next ? ", " : "");
	}
	ares_free_data(list);
	out = mem_strdup(buf_cstr(&text));
	buf_fini(&text);
	return out;
}

static bool has_one_server(ares_channel ares)
{
	struct ares_addr_port_node *list = NULL;
	bool one;

	ares_get_servers_ports(ares, &list);
	one = list && !list->next;
	ares_free_data(list);
	return one;
}

static int open_channel(struct channel *ch, int flags)
{
	struct ares_options o = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES | flags,
		.timeout = (int)(MIN(dns.config.timeout_us, 3600 * CLOCK_SECOND) / 1000),
		.tries = DNS_TRIES,
		.ednspsz = EDNS_BYTES,
		.sock_state_cb = on_state,
		.sock_state_cb_data = ch,
		.resolvconf_path = (char *)dns.config.resolv_conf,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
	           ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
	int rc = ares_init_options(&ch->ares, &o, mask);

	if (rc == ARES_SUCCESS && dns.config.servers[0] != '\0') {
		rc = ares_set_servers_ports_csv(ch->ares, dns.config.servers);
		if (rc != ARES_SUCCESS)
			ares_destroy(ch->ares);
	}
	return rc;
}

/*
 * A server that fails is no reason to ask the next one if there is none. Else c-ares would lose
 * what it said, and call it unreachable.
 */
static int open_best_channel(struct channel *ch)
{
	int rc = open_channel(ch, 0);

	if (rc != ARES_SUCCESS || !has_one_server(ch->ares))
		return rc;
	ares_destroy(ch->ares);
	return open_channel(ch, ARES_FLAG_NOCHECKRESP);
}

static int make_channel(void)
{
	struct channel *ch = mem_zalloc(sizeof(*ch));
	int rc;

	list_init(&ch->sockets);
	rc = open_best_channel(ch);
	if (rc != ARES_SUCCESS) {
		mem_free(ch);
		return rc;
	}
	ch->servers = describe_servers(ch->ares);
	deadline_init(&ch->timer, on_time);
	loop_item_init(&ch->rearm, set_timer);
	loop_item_init(&ch->remove, free_channel);
	list_init(&ch->link);
	list_add(&channels.all, &ch->link);
	channels.now = ch;
	return ARES_SUCCESS;
}

void dns_channel_refresh(void)
{
	if (!dns_file_changed(&channels.resolv_conf, dns.config.resolv_conf))
		return;
	dns_cache_clear();
	if (channels.now)
		retire(channels.now);
	channels.now = NULL;
}

/* Within ares_search or ares_query, or later, in the feed phase, or at the teardown. */
static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int n)
{
	struct query *q = arg;
	struct channel *ch = q->channel;
	const struct dns_outcome outcome = {
		.status = status,
		.errnum = errno == EMFILE || errno == ENFILE ? errno : 0,
		.message = {(const char *)message, message ? (size_t)n : 0},
		.servers = ch->servers,
		.several = strchr(ch->servers, ',') != NULL,
	};

	dns_entry_settle(q->entry, &outcome);
	dns_entry_tell(q->entry);
	dns_entry_unref(&q->entry);
	mem_free(q);
	ch->queries--;
	channels.queries--;
	if (ch != channels.now)
		retire(ch);
}

static int set_up(void)
{
	int rc = ARES_SUCCESS;

	if (!channels.ready) {
		list_init(&channels.all);
		rc = ares_library_init_mem(ARES_LIB_INIT_ALL, mem_alloc, mem_free, mem_realloc);
		channels.ready = rc == ARES_SUCCESS;
	}
	if (rc == ARES_SUCCESS && !channels.now)
		rc = make_channel();
	return rc;
}

bool dns_channel_query(struct dns_entry *e)
{
	bool address = e->kind == DNS_A || e->kind == DNS_AAAA;
	struct query *q;
	int rc;

	if (channels.queries == DNS_PENDING_MAX)
		return false;
	rc = set_up();
	if (rc != ARES_SUCCESS) {
		const struct dns_outcome outcome = {.status = rc, .servers = "no name server"};

		dns_entry_settle(e, &outcome);
		return true;
	}
	q = mem_alloc(sizeof(*q));
	*q = (struct query){channels.now, e};
	e->refs++;
	channels.now->queries++;
	channels.queries++;
	touched(channels.now);
	errno = 0;
	(address ? ares_search : ares_query)(
		channels.now->ares, e->name, ns_c_in, (int)e->kind, on_answer, q);
	return true;
}

void dns_channel_teardown(void)
{
	if (!channels.ready)
		return;
	channels.now = NULL;
	while (!list_empty(&channels.all))
		free_channel(&container_of(channels.all.next, struct channel, link)->remove);
	ENSURE(channels.queries == 0);
	ares_library_cleanup();
	channels.ready = false;
	channels.resolv_conf = (struct dns_file){0};
}
