using System.Text;
using KvStore.Grpc;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;

namespace KvStore.Server.Services;

/// <summary>A WatchResponse that is written from the stored bytes of its events, which all watchers share.</summary>
internal sealed class WatchAnswer(WatchMessage message, ResponseHeader header) : IGrpcMessage
{
    private const int WatchIdField = 2, CreatedField = 3, CanceledField = 4, CompactRevisionField = 5, CancelReasonField = 6,
        FragmentField = 7, EventsField = 11;

    private const int EventTypeField = 1, EventKvField = 2, EventPrevKvField = 3;

    private readonly byte[] _reason = Encoding.UTF8.GetBytes(message.CancelReason);

    public int CalculateSize()
    {
        int size = WireWriter.BytesSize(header.CalculateSize())
            + WireWriter.Size((ulong)message.WatchId)
            + (message.IsCreated ? 2 : 0)
            + (message.IsCanceled ? 2 : 0)
            + WireWriter.Size((ulong)message.CompactRevision)
            + (_reason.Length > 0 ? WireWriter.BytesSize(_reason.Length) : 0)
            + (message.IsFragment ? 2 : 0);
        foreach (var change in message.Events)
            size = checked(size + WireWriter.BytesSize(SizeOf(change)));
        return size;
    }

    public void WriteTo(Span<byte> destination)
    {
        var writer = new WireWriter(destination);
        ResponseHeaders.Write(ref writer, header);
        writer.Varint(WatchIdField, (ulong)message.WatchId);
        writer.Varint(CreatedField, message.IsCreated ? 1u : 0);
        writer.Varint(CanceledField, message.IsCanceled ? 1u : 0);
        writer.Varint(CompactRevisionField, (ulong)message.CompactRevision);
        if (_reason.Length > 0)
            writer.Bytes(CancelReasonField, _reason);
        writer.Varint(FragmentField, message.IsFragment ? 1u : 0);
        foreach (var change in message.Events)
            Write(ref writer, change);
    }

    private static int SizeOf(in WatchedEvent change) =>
        (change.Event.IsDelete ? 2 : 0)
        + WireWriter.BytesSize(change.Event.KeyValue.Length)
        + (change.Previous.IsEmpty ? 0 : WireWriter.BytesSize(change.Previous.Length));

    private static void Write(ref WireWriter writer, in WatchedEvent change)
    {
        writer.Begin(EventsField, SizeOf(change));
        writer.Varint(EventTypeField, change.Event.IsDelete ? 1u : 0);
        writer.Bytes(EventKvField, change.Event.KeyValue.Span);
        if (!change.Previous.IsEmpty)
            writer.Bytes(EventPrevKvField, change.Previous.Span);
    }
}
