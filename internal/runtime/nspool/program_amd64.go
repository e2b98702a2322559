package nspool

const elfMachine = 62 // EM_X86_64

// waitCode: again: mov eax, 34 (pause); syscall; jmp again
var waitCode = []byte{0xb8, 0x22, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xf7}
