# Tapir. `make` builds build/stap; `make check` runs the tests. docs/HACKING.md tells the rest.
# Variants: O=DIR, SAN=address,undefined, CC=clang, WERROR=1.
O ?= build
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
PREFIX ?= /usr/local
OPT ?= -O2
WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef
# pointer-overflow: clang counts NULL + 0, which the code uses for empty arrays, and compilers allow.
SAN_FLAGS = -fsanitize=$(SAN) -fno-sanitize=pointer-overflow -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DARENA_MALLOC -DIR_VERIFY
ALL_CFLAGS := -std=gnu11 -g $(OPT) $(WARN) $(if $(WERROR),-Werror) -D_GNU_SOURCE -Isrc -I. \
	-DINSTALLED_TAPSET='"$(PREFIX)/share/systemtap/tapset"' \
	-DINSTALLED_EXAMPLES='"$(PREFIX)/share/doc/tapir/examples"' \
	$(if $(SAN),$(SAN_FLAGS),-DTAPIR_STATIC) $(CFLAGS)
ALL_LDFLAGS := $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
# Start-up time: no dynamic linker. Sanitizers need it.
STATIC := $(if $(SAN),,-static -Wl,--no-warnings)
LIBS := -ldw -lelf -lbz2 -lz -llzma -lpthread -lm

SRC := $(sort $(filter-out src/main.c,$(wildcard src/*/*.c src/*.c)))
EMBEDDED := $(O)/obj/tapset_embedded.o $(O)/obj/bpfrt_embedded.o
OBJ := $(SRC:src/%.c=$(O)/obj/%.o) $(EMBEDDED)
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
