# The tapset inside the executable: an index made by a tool that uses our own lexer.
TAPSET_FILES := $(sort $(wildcard tapset/*.stp tapset/*.stpm))
TAPSET_TOOL_SRC := $(wildcard src/base/*.c src/lang/*.c) src/session.c src/run/kernel_config.c src/tapset/scan.c

$(O)/tapset_index: tools/tapset_index.c $(TAPSET_TOOL_SRC:src/%.c=$(O)/obj/%.o)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(O)/gen/tapset_embedded.c: $(O)/tapset_index $(TAPSET_FILES)
	@mkdir -p $(@D)
	@$(O)/tapset_index $(TAPSET_FILES) >$@.tmp && mv $@.tmp $@

$(O)/obj/tapset_embedded.o: $(O)/gen/tapset_embedded.c $(TAPSET_FILES)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
