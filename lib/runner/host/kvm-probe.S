# A 64 KiB firmware that enters long mode and ends QEMU through isa-debug-exit.
        .code16
        .text
        .globl _start
        .org 0xFF00
entry:  cli
        movw %cs, %ax
        movw %ax, %ds
        data32 lgdt %ds:(gdtr - 0)
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        data32 ljmp $8, $(0xFFFF0000 + pm)
        .code32
pm:     movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        xorl %eax, %eax
        movl $0x1000, %edi
        movl $0xC00, %ecx
        cld
        rep stosl
        movl $0x2003, 0x1000
        movl $0x3003, 0x2018
        movl $0xFFE00083, 0x3FF8
        movl $0x1000, %eax
        movl %eax, %cr3
        movl %cr4, %eax
        orl $0x20, %eax
        movl %eax, %cr4
        movl $0xC0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        ljmp $24, $(0xFFFF0000 + lm)
        .code64
lm:     movabs $0x1234567812345678, %rax
        shr $60, %rax
        movb $0x15, %al
        movw $0xf4, %dx
        outb %al, %dx
1:      hlt
        jmp 1b
        .balign 8
gdt:    .quad 0
        .quad 0x00CF9A000000FFFF
        .quad 0x00CF92000000FFFF
        .quad 0x00AF9A000000FFFF
gdtr:   .word 31
        .long 0xFFFF0000 + gdt
        .org 0xFFF0
        .code16
        jmp entry
        .org 0xFFFF
        .byte 0
