# compile_commands.json, for editors and clang-tidy.
compdb:
	@{ sep='['; for f in $(SRC) src/main.c; do \
		printf '%s\n{"directory": "%s", "file": "%s", "arguments": [' "$$sep" '$(CURDIR)' $$f; \
		for a in $(subst ",\",$(CC) $(ALL_CFLAGS)) -c; do printf '"%s", ' "$$a"; done; \
		printf '"%s"]}' $$f; sep=,; done; printf '\n]\n'; } >compile_commands.json

.PHONY: compdb
