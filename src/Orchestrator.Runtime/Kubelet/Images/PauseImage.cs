using System.Buffers.Binary;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>The image of the process that holds a pod's namespaces: built in, so that a node needs neither registry nor compiler.</summary>
/// <remarks>
/// The whole program is 248 bytes. As the first process of its namespace it must not leave zombies and must go when
/// it is told to, which the kernel would not let happen by default:
/// <code>
/// rt_sigaction(SIGCHLD, SIG_IGN)           the kernel reaps children that nobody waits for, adopted ones too
/// rt_sigprocmask(SIG_BLOCK, TERM | INT)    blocked signals reach even a first process
/// rt_sigtimedwait(TERM | INT)              again when interrupted
/// exit(0)
/// </code>
/// </remarks>
public static class PauseImage
{
    public const string Name = "orchestrator.local/pause:1";

    private const ulong LoadAddress = 0x400000;
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;

    /// <summary>The archive for <c>ctr images import</c> and its like.</summary>
    /// <exception cref="PlatformNotSupportedException">The machine is no x86-64: there is no program for it.</exception>
    public static byte[] ToArchive()
    {
        if (OciArchive.Architecture != "amd64")
            throw new PlatformNotSupportedException($"there is no built-in pause program for {OciArchive.Architecture}");
        using var archive = new MemoryStream();
        new OciArchive { Name = Name, EntryPoint = ["/pause"] }.AddProgram("pause", Program()).Write(archive);
        return archive.ToArray();
    }

    /// <summary>The whole ELF file.</summary>
    public static byte[] Program()
    {
        byte[] code = Code();
        var file = new byte[HeaderBytes + ProgramHeaderBytes + code.Length];
        WriteHeaders(file);
        code.CopyTo(file, HeaderBytes + ProgramHeaderBytes);
        return file;
    }

    private static byte[] Code()
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
        const int ActionBytes = 32;
        int action = instructions.Length;
        int signals = action + ActionBytes;
        var code = new byte[signals + sizeof(ulong)];
        instructions.CopyTo(code, 0);
        PointTo(code, 10, action);
        PointTo(code, 34, signals);
        PointTo(code, 56, signals);
        code[78] = unchecked((byte)(51 - 79));
        BinaryPrimitives.WriteUInt64LittleEndian(code.AsSpan(action), 1); // SIG_IGN; no flags, no restorer, empty mask.
        BinaryPrimitives.WriteUInt64LittleEndian(code.AsSpan(signals), 1UL << (15 - 1) | 1UL << (2 - 1));
        return code;
    }

    /// <summary>An address in an instruction of seven bytes counts from the instruction's end.</summary>
    private static void PointTo(byte[] code, int instruction, int target) =>
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(instruction + 3), target - (instruction + 7));

    private static void WriteHeaders(byte[] file)
    {
        Span<byte> elf = file;
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(elf); // 64 bits, little endian.
        BinaryPrimitives.WriteUInt16LittleEndian(elf[16..], 2);     // an executable
        BinaryPrimitives.WriteUInt16LittleEndian(elf[18..], 62);    // of x86-64
        BinaryPrimitives.WriteUInt32LittleEndian(elf[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(elf[24..], LoadAddress + HeaderBytes + ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(elf[32..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(elf[52..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(elf[54..], ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(elf[56..], 1);     // program headers: this one
        Span<byte> segment = elf[HeaderBytes..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);       // loaded
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 5);  // to read and to execute
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], LoadAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], LoadAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 4096);
    }
}
