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
    private const ushort MachineX64 = 62;
    private const ushort MachineArm64 = 183;

    /// <summary>That kernels use.</summary>
    private const int LargestPageBytes = 65536;

    /// <summary>The archive for <c>ctr images import</c> and its like.</summary>
    /// <exception cref="PlatformNotSupportedException">There is no program for this machine's processor.</exception>
    public static byte[] ToArchive()
    {
        using var archive = new MemoryStream();
        new OciArchive { Name = Name, EntryPoint = ["/pause"] }.AddProgram("pause", Program()).Write(archive);
        return archive.ToArray();
    }

    /// <summary>The whole ELF file for this machine.</summary>
    public static byte[] Program() => Program(OciArchive.Architecture);

    /// <param name="architecture">As images name it: <c>amd64</c>, <c>arm64</c>.</param>
    public static byte[] Program(string architecture)
    {
        (byte[] code, ushort machine) = architecture switch
        {
            "amd64" => (PauseCode.ForX64(), MachineX64),
            "arm64" => (PauseCode.ForArm64(), MachineArm64),
            _ => throw new PlatformNotSupportedException($"there is no built-in pause program for {architecture}"),
        };
        var file = new byte[HeaderBytes + ProgramHeaderBytes + code.Length];
        WriteHeaders(file, machine);
        code.CopyTo(file, HeaderBytes + ProgramHeaderBytes);
        return file;
    }

    private static void WriteHeaders(byte[] file, ushort machine)
    {
        Span<byte> elf = file;
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(elf); // 64 bits, little endian.
        BinaryPrimitives.WriteUInt16LittleEndian(elf[16..], 2);     // an executable
        BinaryPrimitives.WriteUInt16LittleEndian(elf[18..], machine);
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
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], LargestPageBytes);
    }
}
