# The program of examples/logger, without and with optimization, and `make demo`, which runs each of
# the scripts on it.
LOGGER_SRC := $(sort $(wildcard examples/logger/*.cc))
LOGGER_SCRIPTS := $(sort $(wildcard examples/logger/*.stp))
LOGGER_LINES ?= 12

$(O)/logger: LOGGER_OPT := -O0
$(O)/logger-O2: LOGGER_OPT := -O2
$(O)/logger $(O)/logger-O2: $(LOGGER_SRC) $(wildcard examples/logger/*.h)
	@mkdir -p $(@D)
	g++ -std=c++17 -g $(LOGGER_OPT) -Wall -Wextra -pthread -o $@ $(LOGGER_SRC)

logger: $(O)/logger $(O)/logger-O2

demo: $(O)/stap $(O)/logger
	@mkdir -p $(O)/logs
	@for script in $(LOGGER_SCRIPTS); do \
		command="$(O)/logger -n 100 -t 2 -l 4096 $(O)/logs"; \
		case $$script in */top.stp) command="$(O)/logger -s 4 -p 100 $(O)/logs";; esac; \
		echo; echo "\$$ $(O)/stap $$script -c '$$command'"; \
		$(O)/stap -o $(O)/demo.out $$script -c "$$command" || exit; \
		head -n $(LOGGER_LINES) $(O)/demo.out; \
		lines=$$(wc -l <$(O)/demo.out); test $$lines -le $(LOGGER_LINES) || echo "... $$lines lines"; \
	done

.PHONY: logger demo
