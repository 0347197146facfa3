# The library for BPF programs: one object, compiled by clang for BPF and embedded as it is.
BPF_CLANG ?= clang
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -ffreestanding -fno-strict-aliasing \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-const-variable \
	$(if $(WERROR),-Werror)

$(O)/gen/bpfrt.o: bpfrt/all.c mk/bpfrt.mk
	@mkdir -p $(@D)
	$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/bpfrt_embedded.o: bpfrt/embed.S $(O)/gen/bpfrt.o $(O)/flags
	@mkdir -p $(@D)
	$(CC) -DBPFRT_OBJECT='"$(O)/gen/bpfrt.o"' -c -o $@ $<

-include $(O)/gen/bpfrt.d
