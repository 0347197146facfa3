# Other kernels, under QEMU. `make vm`: the cases marked for it on Debian's 6.1 and 6.12 cloud kernels;
# `make vm-all`: all live cases on four kernels (some minutes for each).
vm: test-programs
	tests/vm --build $(O)

vm-all: test-programs
	tests/vm --build $(O) --all

.PHONY: vm vm-all
