/* Automatic display of unread globals (language reference 5.10), as synthesized script text: an end
 * probe for each. No later pass needs to know. */
#include <string.h>

#include "lang/diag.h"
#include "lang/lang.h"
#include "sema/sema.h"
#include "session.h"

static void add_stats(struct str *t, const char *element)
{
	str_addf(t, ", @count(%s), @min(%s), @max(%s), @sum(%s), @avg(%s))", element, element, element,
		 element, element);
}

#define STATS_FORMAT "@count=%%d @min=%%d @max=%%d @sum=%%d @avg=%%d\\n"

/* Text of the probe that shows v. */
static void display_text(struct str *t, const struct var *v)
{
	struct str element = {0}, keys = {0}, format = {0};

	str_add(&keys, "");
	for (int i = 0; i < v->arity; i++) {
		str_addf(&keys, "%s__idx%d", i ? ", " : "", i);
		str_add(&format, i ? "," : "");
		str_add(&format, v->key_type[i] == TY_STRING ? "\\\"%s\\\"" : "%d");
	}
	str_add(t, "probe end { ");
	if (v->arity > 0) {
		str_addf(&element, "%s[%s]", v->name, keys.s);
		if (v->type == TY_STATS) {
			str_addf(t, "foreach ([%s] in %s-) printf(\"%s[%s] " STATS_FORMAT "\", %s",
				 keys.s, v->name, v->name, format.s, keys.s);
			add_stats(t, element.s);
		} else {
			str_addf(t,
				 "foreach (__val = [%s] in %s-) printf(\"%s[%s]=%s\\n\", %s, __val)",
				 keys.s, v->name, v->name, format.s,
				 v->type == TY_STRING ? "\\\"%s\\\"" : "%d", keys.s);
		}
	} else if (v->type == TY_STATS) {
		str_addf(t, "if (@count(%s) == 0) printf(\"%s @count=0x0\\n\") else printf(\"%s " STATS_FORMAT "\"",
			 v->name, v->name, v->name);
		add_stats(t, v->name);
	} else {
		str_addf(t, "printf(\"%s=%s\\n\", %s)", v->name,
			 v->type == TY_STRING ? "\\\"%s\\\"" : "%d", v->name);
	}
	str_add(t, " }");
	str_release(&element);
	str_release(&keys);
	str_release(&format);
}

void sema_add_global_display(struct session *s)
{
	struct program *p = s->program;
	size_t n = p->globals.n, first = p->handlers.n;

	sema_count_uses(s);
	for (size_t i = 0; i < n; i++) {
		struct var *v = p->globals.v[i];

		if (v->tok->src->library || v->n_reads || !v->n_writes ||
		    v->type == TY_UNKNOWN)
			continue;
		v->auto_print = true;
		vec_push(&p->auto_print, &s->arena, v);
	}
	for (size_t i = 0; i < p->auto_print.n; i++) {
		struct var *v = p->auto_print.v[i];
		struct str text = {0};
		struct source *src;
		struct script *sc;
		struct handler *h = ARENA_NEW(&s->arena, struct handler);
		struct probe_inst *inst;
		bool was_private = v->is_private;

		display_text(&text, v);
		src = source_make(s, "<global display>", text.s, text.len);
		str_release(&text);
		sc = parse_source(s, src, NULL);
		if (!sc->probes.n)
			continue;
		h->body = sc->probes.v[0]->body;
		h->tok = sc->probes.v[0]->tok;
		h->id = (int)p->handlers.n;
		vec_push(&p->handlers, &s->arena, h);
		inst = sema_simple_instance(s, sc->probes.v[0]->points.v[0]);
		inst->handler = h;
		inst->id = (int)p->probes.n;
		vec_push(&inst->derivation, &s->arena, "end");
		vec_push(&p->probes, &s->arena, inst);
		v->is_private = false;
		sema_resolve_handler(s, h);
		v->is_private = was_private;
	}
	if (p->handlers.n > first)
		sema_count_uses(s);
}
