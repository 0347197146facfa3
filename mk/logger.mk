# The program of examples/logger, and `make demo`: it is traced with each of its scripts.
LOGGER_SRC := $(wildcard examples/logger/*.cc)
LOGGER_CXX ?= g++

$(O)/logger: $(LOGGER_SRC) $(wildcard examples/logger/*.h)
	$(LOGGER_CXX) -std=c++17 -g -O0 -Wall -Wextra -pthread -o $@ $(LOGGER_SRC)

$(O)/logger-O2: $(LOGGER_SRC) $(wildcard examples/logger/*.h)
	$(LOGGER_CXX) -std=c++17 -g -O2 -Wall -Wextra -pthread -o $@ $(LOGGER_SRC)

logger: $(O)/logger $(O)/logger-O2

.PHONY: logger
