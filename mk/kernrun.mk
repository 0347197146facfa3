# Begin probes run in the kernel, for tests/differential.
$(O)/kernrun: tools/kernrun.c $(O)/libtapir.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
