using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FASTER.core;

namespace KvStore.Storage.Values.Faster;

/// <summary>Tells FASTER how long a value in its log is, and how much to read when it does not know yet.</summary>
/// <param name="initialReadBytes">
/// What the first read of a record asks for (FASTER's own default of 4 makes every read of a record two reads).
/// </param>
/// <param name="longest">
/// The longest record with its length; more is damage, and must not make FASTER allocate gigabytes or walk off its page.
/// </param>
internal sealed class RecordLengths(int initialReadBytes, int longest) : IVariableLengthStruct<SpanByte>
{
    /// <summary>The bytes of a value in the log or read from the disk; none when its length is damaged.</summary>
    /// <remarks>FASTER's own accessors would take flipped high bits of the length for flags, one of them for a pointer.</remarks>
    public ReadOnlySpan<byte> BytesInLog(ref SpanByte value)
    {
        ref int length = ref Unsafe.As<SpanByte, int>(ref value);
        if ((uint)length > (uint)(longest - sizeof(int)))
            return default;
        return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<int, byte>(ref Unsafe.Add(ref length, 1)), length);
    }

    public int GetLength(ref SpanByte value) => value.TotalSize <= longest ? value.TotalSize : sizeof(int);

    public int GetInitialLength() => initialReadBytes;

    public unsafe void Serialize(ref SpanByte source, void* destination) => source.CopyTo((byte*)destination);

    public unsafe ref SpanByte AsRef(void* source) => ref Unsafe.AsRef<SpanByte>(source);

    public unsafe void Initialize(void* source, void* end) => *(int*)source = (int)((byte*)end - (byte*)source) - sizeof(int);
}
