# The second name (src/cli/staprun.c), and `make portable`: one file, without symbols, that needs nothing
# of the machine it is copied to.
$(O)/staprun: $(O)/stap
	@ln -sf stap $@

all: $(O)/staprun

portable: $(O)/portable/stap

$(O)/portable/stap: $(O)/stap
	@mkdir -p $(@D)
	objcopy --strip-all $< $@
	@! readelf -l $@ | grep -q INTERP || { echo "$@ needs shared libraries" >&2; rm $@; exit 1; }
	@ln -sf stap $(@D)/staprun; ls -l $@

.PHONY: portable
