# Tapir. `make` builds build/stap; `make check` runs the tests. Variants: O=DIR, SAN=address,undefined.
O ?= build
CC ?= gcc
SAN ?=
PREFIX ?= /usr/local
OPT ?= -O2
WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef
ALL_CFLAGS := -std=gnu11 -g $(OPT) $(WARN) $(if $(WERROR),-Werror) -D_GNU_SOURCE -Isrc -I$(O)/gen \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all -DARENA_MALLOC -DIR_VERIFY) $(CFLAGS)
ALL_LDFLAGS := $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS := -lm

SRC := $(sort $(wildcard src/*/*.c) src/session.c)
OBJ := $(SRC:src/%.c=$(O)/obj/%.o)
DEPS := $(OBJ:.o=.d) $(O)/obj/main.d

all: $(O)/stap

# Objects depend on the flags they were made with.
FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(@D); echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

$(O)/obj/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/libtapir.a: $(OBJ)
	@rm -f $@; ar rcs $@ $^

$(O)/stap: $(O)/obj/main.o $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

clean:
	rm -rf $(O)

include mk/test.mk

FORCE:
.PHONY: all clean FORCE
-include $(DEPS)
