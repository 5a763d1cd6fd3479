#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* The one place where the version stands; the Makefile reads it here. */
#define MOONLOOP_VERSION "0.1.0"

#endif
