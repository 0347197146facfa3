# IR text to IR text, for the cases under tests/cases/ir and tests/cases/opt.
$(O)/irtool: $(O)/obj/irtool.o $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(O)/obj/irtool.o: tools/irtool.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(O)/obj/irtool.d
