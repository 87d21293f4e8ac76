using System.Buffers.Binary;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>The instructions of <see cref="PauseImage"/>'s program, with the data that they point to behind them.</summary>
internal static class PauseCode
{
    /// <summary>struct sigaction, as the kernel has it: SIG_IGN; no flags, no restorer, empty mask.</summary>
    private const int ActionBytes = 32;

    private const ulong Ignore = 1;
    private const ulong TerminateAndInterrupt = 1UL << (15 - 1) | 1UL << (2 - 1);

    public static byte[] ForX64()
    {
        byte[] instructions =
        [
            0xB8, 13, 0, 0, 0,              //  0  mov eax, 13          rt_sigaction
            0xBF, 17, 0, 0, 0,              //  5  mov edi, 17          SIGCHLD
            0x48, 0x8D, 0x35, 0, 0, 0, 0,   // 10  lea rsi, [action]
            0x31, 0xD2,                     // 17  xor edx, edx
            0x41, 0xBA, 8, 0, 0, 0,         // 19  mov r10d, 8          bytes of a signal set
            0x0F, 0x05,                     // 25  syscall
            0xB8, 14, 0, 0, 0,              // 27  mov eax, 14          rt_sigprocmask
            0x31, 0xFF,                     // 32  xor edi, edi         SIG_BLOCK
            0x48, 0x8D, 0x35, 0, 0, 0, 0,   // 34  lea rsi, [signals]
            0x31, 0xD2,                     // 41  xor edx, edx
            0x41, 0xBA, 8, 0, 0, 0,         // 43  mov r10d, 8
            0x0F, 0x05,                     // 49  syscall
            0xB8, 128, 0, 0, 0,             // 51  mov eax, 128         rt_sigtimedwait
            0x48, 0x8D, 0x3D, 0, 0, 0, 0,   // 56  lea rdi, [signals]
            0x31, 0xF6,                     // 63  xor esi, esi
            0x31, 0xD2,                     // 65  xor edx, edx
            0x41, 0xBA, 8, 0, 0, 0,         // 67  mov r10d, 8
            0x0F, 0x05,                     // 73  syscall
            0x85, 0xC0,                     // 75  test eax, eax
            0x78, 0,                        // 77  js 51
            0x31, 0xFF,                     // 79  xor edi, edi
            0xB8, 60, 0, 0, 0,              // 81  mov eax, 60          exit
            0x0F, 0x05,                     // 86  syscall
        ];
        int action = instructions.Length;
        int signals = action + ActionBytes;
        byte[] code = WithData(instructions);
        PointTo(code, 10, action);
        PointTo(code, 34, signals);
        PointTo(code, 56, signals);
        code[78] = unchecked((byte)(51 - 79));
        return code;
    }

    public static byte[] ForArm64()
    {
        const int Count = 22;
        const int Action = Count * sizeof(uint);
        const int Signals = Action + ActionBytes;
        const uint Call = 0xD4000001;               // svc #0: number in x8, arguments from x0 on
        uint[] instructions =
        [
            Move(8, 134),                           //  0  rt_sigaction
            Move(0, 17),                            //  4  SIGCHLD
            Address(1, 8, Action),                  //  8
            Move(2, 0),                             // 12
            Move(3, 8),                             // 16  bytes of a signal set
            Call,                                   // 20
            Move(8, 135),                           // 24  rt_sigprocmask
            Move(0, 0),                             // 28  SIG_BLOCK
            Address(1, 32, Signals),                // 32
            Move(2, 0),                             // 36
            Move(3, 8),                             // 40
            Call,                                   // 44
            Move(8, 137),                           // 48  rt_sigtimedwait
            Address(0, 52, Signals),                // 52
            Move(1, 0),                             // 56
            Move(2, 0),                             // 60
            Move(3, 8),                             // 64
            Call,                                   // 68
            BranchIfNegative(0, 72, 48),            // 72
            Move(0, 0),                             // 76
            Move(8, 93),                            // 80  exit
            Call,                                   // 84
        ];
        var bytes = new byte[Action];
        for (int i = 0; i < Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), instructions[i]);
        return WithData(bytes);
    }

    private static byte[] WithData(byte[] instructions)
    {
        var code = new byte[instructions.Length + ActionBytes + sizeof(ulong)];
        instructions.CopyTo(code, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(code.AsSpan(instructions.Length), Ignore);
        BinaryPrimitives.WriteUInt64LittleEndian(code.AsSpan(instructions.Length + ActionBytes), TerminateAndInterrupt);
        return code;
    }

    /// <summary>An address in an instruction of seven bytes counts from the instruction's end.</summary>
    private static void PointTo(byte[] code, int instruction, int target) =>
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(instruction + 3), target - (instruction + 7));

    /// <summary>movz xN, #value</summary>
    private static uint Move(uint register, uint value) => 0xD2800000 | value << 5 | register;

    /// <summary>adr xN, target: counted from the instruction itself.</summary>
    private static uint Address(uint register, int at, int target)
    {
        uint distance = (uint)(target - at);
        return 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5 | register;
    }

    /// <summary>tbnz xN, #63, target</summary>
    private static uint BranchIfNegative(uint register, int at, int target) =>
        0xB7000000 | 31u << 19 | ((uint)((target - at) / 4) & 0x3FFF) << 5 | register;
}
