# Tapir. `make` builds build/stap; `make check` runs the tests.
# Variants: O=DIR, SAN=address,undefined, CC=clang, WERROR=1.
O ?= build
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
PREFIX ?= /usr/local
OPT ?= -O2
WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef
ALL_CFLAGS := -std=gnu11 -g $(OPT) $(WARN) $(if $(WERROR),-Werror) -D_GNU_SOURCE -Isrc \
	-DINSTALLED_TAPSET='"$(PREFIX)/share/systemtap/tapset"' \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all -DARENA_MALLOC -DIR_VERIFY,-DTAPIR_STATIC) $(CFLAGS)
ALL_LDFLAGS := $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
# Start-up time: no dynamic linker. Sanitizers need it.
STATIC := $(if $(SAN),,-static -no-pie -Wl,--no-warnings)
LIBS := -ldw -lelf -lbz2 -lz -llzma -lpthread -lm

SRC := $(sort $(filter-out src/main.c,$(wildcard src/*/*.c src/*.c)))
OBJ := $(SRC:src/%.c=$(O)/obj/%.o) $(O)/obj/tapset_embedded.o
DEPS := $(OBJ:.o=.d) $(O)/obj/main.d

all: $(O)/stap

# Objects depend on the flags they were made with.
FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' "$(subst ",\",$(FLAGS))" | cmp -s - $@ || printf '%s\n' "$(subst ",\",$(FLAGS))" >$@

$(O)/obj/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/libtapir.a: $(OBJ)
	@rm -f $@; ar rcs $@ $^

$(O)/stap: $(O)/obj/main.o $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(STATIC) -o $@ $^ $(LIBS)

include mk/*.mk

clean:
	rm -rf $(O)


FORCE:
.PHONY: all clean FORCE
-include $(DEPS)
