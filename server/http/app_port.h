#ifndef HTTP_APP_PORT_H
#define HTTP_APP_PORT_H

/*
 * How http speaks to whoever answers requests, without knowing Lua. Two calls upward, made in the
 * feed and flush phases; the receiver records and marks runnable, it does not act.
 */
struct exchange;

enum exchange_event {
	EXCHANGE_IN_READY = 1, /* there is body, or its end, to read */
	EXCHANGE_OUT_ROOM = 2, /* the output queue has room again */
	EXCHANGE_GONE =
		4, /* the peer left, or the exchange was given up: nothing more can be sent */
	EXCHANGE_DRAIN = 8, /* a drain began: streams should come to their end */
};

struct app_port {
	/* A request's head is there. The receiver now holds the exchange until exchange_app_done.
	 */
	void (*opened)(struct exchange *ex);
	void (*changed)(struct exchange *ex, unsigned events);
};

#endif
