# `make check`: the ordinary build and one with sanitizers; unit tests and cases with both, handlers in
# the kernel against the interpreter (tests/differential), other kernels (tests/vm), docs/COVERAGE.md
# against what this kernel does (where it was made on such a one), and a short while of fuzzing. One
# summary line for all. The second build is clang's, so that both compilers see the code; SAN_CC=gcc works
# too (fuzzing is then without coverage).
SAN_CC ?= clang
SAN_O ?= $(O)/asan
SAN_KIND ?= address,undefined$(if $(findstring clang,$(SAN_CC)),$(COMMA)fuzzer-no-link)
FUZZ_SECONDS ?= 10
RANDOM_SECONDS ?= 5
JOBS ?= $(shell nproc)
COMMA := ,

check:
	+$(MAKE) -s -j$(JOBS) test-programs
	+$(MAKE) -s -j$(JOBS) sanitized
	tests/run --build $(O) --build $(SAN_O) --differential $(RANDOM_SECONDS) --vm --coverage \
		--fuzz $(FUZZ_SECONDS)

sanitized:
	+$(MAKE) -s O=$(SAN_O) CC=$(SAN_CC) SAN=$(SAN_KIND) WERROR=1 test-programs fuzz-programs

# The ordinary build and its tests alone: seconds.
quick:
	+$(MAKE) -s -j$(JOBS) test-programs
	tests/run --build $(O)

test-programs: $(O)/stap $(O)/staprun $(O)/unit $(O)/irtool $(O)/kernrun $(O)/logger $(O)/logger-O2

.PHONY: check sanitized quick test-programs
