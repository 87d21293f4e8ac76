using System.Runtime.InteropServices;

namespace Orchestrator.Runtime.Tests.Streams;

/// <summary>The system's zlib, which can do what .NET's cannot: compress against a dictionary.</summary>
internal static partial class Zlib
{
    private const int SyncFlush = 2;

    /// <summary>One zlib stream, cut at the flush behind each part.</summary>
    public static byte[][] Compress(byte[] dictionary, byte[][] parts)
    {
        var stream = default(ZStream);
        Check(DeflateInit(ref stream, 6, "1.2.11", Marshal.SizeOf<ZStream>()));
        Check(DeflateSetDictionary(ref stream, dictionary, (uint)dictionary.Length));
        var blocks = new List<byte[]>();
        foreach (byte[] part in parts)
        {
            var output = new byte[part.Length + 1024];
            GCHandle input = GCHandle.Alloc(part, GCHandleType.Pinned);
            GCHandle result = GCHandle.Alloc(output, GCHandleType.Pinned);
            stream.NextIn = input.AddrOfPinnedObject();
            stream.AvailableIn = (uint)part.Length;
            stream.NextOut = result.AddrOfPinnedObject();
            stream.AvailableOut = (uint)output.Length;
            Check(Deflate(ref stream, SyncFlush));
            blocks.Add(output[..(output.Length - (int)stream.AvailableOut)]);
            input.Free();
            result.Free();
        }
        DeflateEnd(ref stream);
        return [.. blocks];
    }

    private static void Check(int code)
    {
        if (code != 0)
            throw new InvalidOperationException($"zlib says {code}");
    }

    [DllImport("libz.so.1", EntryPoint = "deflateInit_", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int DeflateInit(ref ZStream stream, int level, string version, int size);

    [DllImport("libz.so.1", EntryPoint = "deflateSetDictionary")]
    private static extern int DeflateSetDictionary(ref ZStream stream, byte[] dictionary, uint length);

    [DllImport("libz.so.1", EntryPoint = "deflate")]
    private static extern int Deflate(ref ZStream stream, int flush);

    [DllImport("libz.so.1", EntryPoint = "deflateEnd")]
    private static extern int DeflateEnd(ref ZStream stream);

    [StructLayout(LayoutKind.Sequential)]
    private struct ZStream
    {
        public IntPtr NextIn;
        public uint AvailableIn;
        public UIntPtr TotalIn;
        public IntPtr NextOut;
        public uint AvailableOut;
        public UIntPtr TotalOut;
        public IntPtr Message;
        public IntPtr State;
        public IntPtr Allocate;
        public IntPtr Free;
        public IntPtr Opaque;
        public int DataType;
        public UIntPtr Adler;
        public UIntPtr Reserved;
    }
}
