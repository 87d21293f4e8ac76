using FASTER.core;

namespace KvStore.Storage.Values.Faster;

/// <summary>What FASTER calls for each record it reads or writes in a session; one object a session.</summary>
internal sealed class ValueFunctions(RecordLengths lengths) : FunctionsBase<RevisionKey, SpanByte, Empty, Empty, Empty>
{
    private byte[] _record = [];

    /// <summary>Whether a record was found since <see cref="Forget"/>.</summary>
    public bool HasRecord { get; private set; }

    public ReadOnlySpan<byte> Record => _record.AsSpan(0, Length);

    /// <summary>Where the record stands in the log.</summary>
    public long Address { get; private set; }

    private int Length { get; set; }

    /// <summary>Whether a read that had to wait for the disk came to an answer since <see cref="Forget"/>, found or not.</summary>
    public bool IsAnswered { get; private set; }

    public void Forget() => HasRecord = IsAnswered = false;

    public override void ReadCompletionCallback(
        ref RevisionKey key, ref Empty input, ref Empty output, Empty context, Status status, RecordMetadata recordMetadata) =>
        IsAnswered = true;

    public override bool SingleReader(
        ref RevisionKey key, ref Empty input, ref SpanByte value, ref Empty output, ref ReadInfo readInfo)
    {
        var bytes = lengths.BytesInLog(ref value);
        if (_record.Length < bytes.Length)
            _record = new byte[Math.Max(bytes.Length, Math.Max(512, _record.Length * 2))];
        bytes.CopyTo(_record);
        Length = bytes.Length;
        Address = readInfo.Address;
        HasRecord = true;
        return true;
    }

    public override bool ConcurrentReader(
        ref RevisionKey key, ref Empty input, ref SpanByte value, ref Empty output, ref ReadInfo readInfo) =>
        SingleReader(ref key, ref input, ref value, ref output, ref readInfo);

    public override bool SingleWriter(
        ref RevisionKey key, ref Empty input, ref SpanByte source, ref SpanByte destination, ref Empty output,
        ref UpsertInfo upsertInfo, WriteReason reason)
    {
        source.CopyTo(ref destination);
        return true;
    }

    /// <remarks>Values do not change: the same bytes again (a replay) are there already, others make a new record.</remarks>
    public override bool ConcurrentWriter(
        ref RevisionKey key, ref Empty input, ref SpanByte source, ref SpanByte destination, ref Empty output,
        ref UpsertInfo upsertInfo) =>
        source.AsReadOnlySpan().SequenceEqual(lengths.BytesInLog(ref destination));
}
