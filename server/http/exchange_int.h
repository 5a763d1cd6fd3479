#ifndef HTTP_EXCHANGE_INT_H
#define HTTP_EXCHANGE_INT_H

#include "http/exchange.h"

/*
 * Private to the two files of the exchange: exchange.c (life, the codec's side) and exchange_app.c
 * (the application's side, and with it all policing of the contract).
 */

/* The only two functions that change the states: forward, never back. */
static inline void exchange_set_in(struct exchange *ex, enum exchange_in to)
{
	ENSURE(to > ex->in_state);
	ex->in_state = (uint8_t)to;
}

static inline void exchange_set_out(struct exchange *ex, enum exchange_out to)
{
	ENSURE(to > ex->out_state);
	ex->out_state = (uint8_t)to;
}

/* Frees it at the next reap when both ends are done. */
void exchange_reap_if_over(struct exchange *ex);

#endif
