/* The compiled library as bytes inside the executable; BPFRT_OBJECT is its path. */
	.section .rodata
	.balign	16
	.globl	bpfrt_object, bpfrt_object_end
bpfrt_object:
	.incbin	BPFRT_OBJECT
bpfrt_object_end:
	.byte	0
	.section .note.GNU-stack, "", %progbits
