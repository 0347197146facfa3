# Unit tests and fuzz targets. `make unit` builds the unit tests; `make fuzz` replays the corpora;
# fuzz-programs are made with libFuzzer where SAN asks for its coverage (mk/check.mk), else with our
# own driver.
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

FUZZ := $(patsubst fuzz/fuzz_%.c,%,$(wildcard fuzz/fuzz_*.c))
FUZZ_ENGINE := $(if $(findstring fuzzer,$(SAN)),libfuzzer,replay)

$(O)/fuzz/%.o: fuzz/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/fuzz/replay_%: $(O)/fuzz/fuzz_%.o $(O)/fuzz/replay.o $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(O)/fuzz/libfuzzer_%: $(O)/fuzz/fuzz_%.o $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(subst fuzzer-no-link,fuzzer,$(ALL_LDFLAGS)) -o $@ $^ $(LIBS)

fuzz-programs: $(FUZZ:%=$(O)/fuzz/$(FUZZ_ENGINE)_%)

fuzz: $(FUZZ:%=$(O)/fuzz/replay_%)
	set -e; for f in $(FUZZ); do echo "replay_$$f"; $(O)/fuzz/replay_$$f fuzz/corpus/$$f; done

.PHONY: unit fuzz fuzz-programs
.SECONDARY: $(FUZZ:%=$(O)/fuzz/fuzz_%.o)
-include $(TEST_OBJ:.o=.d) $(wildcard $(O)/fuzz/*.d)
