# Makes debug/boot/vmlinux-RELEASE in this directory: debug information that is found to be that of the running
# kernel, since it has its build-id, though its functions are others (kernel.c). Nothing of it ever runs.
id=${ID:-$(od -An -v -tx1 /sys/kernel/notes | tr -d ' \n' | sed 's/.*040000001400000003000000474e5500\(.\{40\}\).*/\1/')}
mkdir -p debug/boot
gcc -g -O2 -fno-pie -mcmodel=kernel -fno-ipa-sra -fno-asynchronous-unwind-tables -fcf-protection=none \
	-nostdlib -static -Wl,-T,"$ROOT/tests/targets/kernel.lds",-e,start,-z,max-page-size=4096,--build-id=0x"$id" \
	-o "debug/boot/vmlinux-$(uname -r)" "$ROOT/tests/targets/kernel.c" 2>/dev/null
export SYSTEMTAP_DEBUGINFO_PATH="$PWD/debug"
