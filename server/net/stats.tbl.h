/* STAT(name, "what it counts"): counters only grow; gauges (…_now) go both ways. */
STAT(connections_now, "connections open")
STAT(connections, "connections accepted")
STAT(connections_refused, "connections closed at once because of max-connections")
STAT(requests, "requests handed to the application")
STAT(refused, "requests refused by the gateway before the application saw them")
STAT(exchanges_now, "requests in progress")
STAT(tasks_now, "Lua tasks alive")
STAT(errors, "errors raised by the application")
