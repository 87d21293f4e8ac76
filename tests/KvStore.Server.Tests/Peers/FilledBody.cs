using KvStore.Server.Peers;

namespace KvStore.Server.Tests.Peers;

/// <summary>A snapshot of so many bytes, each telling its place; a resume token is the place to go on at.</summary>
internal sealed class FilledBody(long lengthBytes) : ISnapshotBody
{
    public static byte At(long position) => (byte)((position * 31) ^ (position >> 12));

    public async Task WriteToAsync(Stream target, ReadOnlyMemory<byte> resumeToken, CancellationToken cancellation)
    {
        byte[] buffer = new byte[100_000];
        long position = resumeToken.IsEmpty ? 0 : BitConverter.ToInt64(resumeToken.Span);
        while (position < lengthBytes)
        {
            int count = (int)Math.Min(buffer.Length, lengthBytes - position);
            for (int i = 0; i < count; i++)
                buffer[i] = At(position + i);
            await target.WriteAsync(buffer.AsMemory(0, count), cancellation);
            position += count;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
