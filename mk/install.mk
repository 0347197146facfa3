# `make install PREFIX=... DESTDIR=...`. The tapset is inside the executable. A copy to read goes to
# share/tapir/tapset, where stap does not look; share/systemtap/tapset, where it does (library.c), is
# for what others install: our own files would be found twice there.
INSTALL := install
BINDIR := $(DESTDIR)$(PREFIX)/bin
MANDIR := $(DESTDIR)$(PREFIX)/share/man
DATADIR := $(DESTDIR)$(PREFIX)/share/tapir
DOCDIR := $(DESTDIR)$(PREFIX)/share/doc/tapir
MAN_SECTIONS := $(sort $(patsubst .%,%,$(suffix $(wildcard man/*.*))))

install: $(O)/stap
	$(INSTALL) -d $(BINDIR) $(DATADIR)/tapset $(DOCDIR)/examples
	$(INSTALL) -m 755 $(O)/stap $(BINDIR)/stap
	ln -sf stap $(BINDIR)/staprun
	$(INSTALL) -m 644 $(TAPSET_FILES) $(DATADIR)/tapset
	$(INSTALL) -m 644 README.md LICENSE $(wildcard docs/*.md) $(DOCDIR)
	$(INSTALL) -m 755 $(wildcard examples/*.stp examples/kernel/*.stp) $(DOCDIR)/examples
	set -e; for n in $(MAN_SECTIONS); do $(INSTALL) -d $(MANDIR)/man$${n%%[!0-9]*}; \
		$(INSTALL) -m 644 man/*.$$n $(MANDIR)/man$${n%%[!0-9]*}; done

uninstall:
	rm -f $(BINDIR)/stap $(BINDIR)/staprun
	cd man && for f in *.*; do rm -f $(MANDIR)/man*/$$f; done
	rm -rf $(DATADIR) $(DOCDIR)

.PHONY: install uninstall
