# Tests. `make check` builds and runs everything; `make unit` builds the unit tests alone;
# `make fuzz` replays the corpora; `make fuzzers` builds libFuzzer programs with clang.
TEST_OBJ := $(SRC:src/%.c=$(O)/test/%.o) $(O)/test/unit.o

$(O)/test/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DTAPIR_TEST -MMD -MP -c -o $@ $<

$(O)/test/unit.o: tests/unit/main.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DTAPIR_TEST -MMD -MP -c -o $@ $<

# Objects, not the library: a file that holds nothing but tests must be linked too.
$(O)/unit: $(TEST_OBJ) $(EMBEDDED)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

unit: $(O)/unit

check: $(O)/stap $(O)/unit $(O)/irtool
	tests/run --build $(O)

FUZZ := $(patsubst fuzz/fuzz_%.c,%,$(wildcard fuzz/fuzz_*.c))

$(O)/fuzz/%.o: fuzz/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/fuzz/replay_%: $(O)/fuzz/fuzz_%.o $(O)/fuzz/replay.o $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

fuzz: $(FUZZ:%=$(O)/fuzz/replay_%)
	set -e; for f in $(FUZZ); do echo "replay_$$f"; $(O)/fuzz/replay_$$f fuzz/corpus/$$f; done

$(O)/fuzz/libfuzzer_%: fuzz/fuzz_%.c $(SRC) $(EMBEDDED)
	@mkdir -p $(@D)
	clang -std=gnu11 -g -O1 -D_GNU_SOURCE -DARENA_MALLOC -DIR_VERIFY -Isrc -I. -I$(O)/gen \
		-DINSTALLED_TAPSET='"$(PREFIX)/share/systemtap/tapset"' \
		-fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

fuzzers: $(FUZZ:%=$(O)/fuzz/libfuzzer_%)

.PHONY: unit check fuzz fuzzers
.SECONDARY: $(FUZZ:%=$(O)/fuzz/fuzz_%.o) $(O)/fuzz/replay.o
-include $(TEST_OBJ:.o=.d) $(wildcard $(O)/fuzz/*.d)
