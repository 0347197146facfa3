# For cases that trace a program of tests/targets: `. $ROOT/tests/targets/lib.sh`.
T=$(pwd -P)

# build PROGRAM SOURCE [FLAGS]: compiles; the debug information says /T for the case's directory.
build()
{
	out=$1 src=$2
	shift 2
	cp "$ROOT/tests/targets/$src" . || exit 99
	case $src in
	*.cc) "${CXX:-g++}" -g -ffile-prefix-map="$T=/T" -o "$out" "$src" "$@" || exit 99 ;;
	*) "${CC:-gcc}" -g -ffile-prefix-map="$T=/T" -o "$out" "$src" "$@" || exit 99 ;;
	esac
}

# t ARGUMENTS: stap, the case's directory shown as /T.
t()
{
	stap "$@" >.out 2>.err
	status=$?
	sed "s|$T|/T|g" .out
	sed "s|$T|/T|g" .err >&2
	return $status
}

# The lines of a C library's start-up code are not ours.
own()
{
	grep -vE '"(__do_global_dtors_aux|_fini|_init|_start|(de)?register_tm_clones|frame_dummy|_dl_relocate_static_pie|__cxa_finalize)"'
}

# code PID PROGRAM ADDRESS: what stands at that symbol of a running program (PIE).
code()
{
	base=$(sed -n "\|/$2\$|{s/-.*//p;q}" /proc/$1/maps)
	dd if=/proc/$1/mem bs=1 count=16 skip=$((0x$base + 0x$3)) 2>/dev/null | od -An -tx1
}
