using FASTER.core;

namespace KvStore.Storage.Values.Faster;

/// <summary>Walks over the values of a part of FASTER's log, oldest first, putting long ones together again.</summary>
/// <remarks>
/// It meets every record: a value may come twice (written again in a replay, or moved by compaction and not yet dropped).
/// Not while values are being written: the newest record may not be whole yet.
/// </remarks>
internal sealed class LogScanner : IDisposable
{
    private readonly string _directory;
    private readonly LogDevice _device;
    private readonly RecordLengths _lengths;
    private readonly long _end;
    private readonly int _readFailuresBefore;
    private readonly IFasterScanIterator<RevisionKey, SpanByte> _records;
    private readonly ValuePieces _pieces = new();

    public LogScanner(
        string directory, LogDevice device, RecordLengths lengths, LogAccessor<RevisionKey, SpanByte> log, long begin, long end)
    {
        _directory = directory;
        _device = device;
        _lengths = lengths;
        _end = end;
        _readFailuresBefore = device.ReadFailures;
        NextAddress = begin;
        _records = log.Scan(begin, end, ScanBufferingMode.SinglePageBuffering);
    }

    public Revision Revision { get; private set; }

    /// <summary>Where the record stands by which a reader finds the value.</summary>
    public long Address { get; private set; }

    /// <summary>Behind the value, and behind everything before it: a place where the log may begin.</summary>
    public long NextAddress { get; private set; }

    /// <summary>How much the value takes in the log.</summary>
    public long SizeInLog { get; private set; }

    /// <exception cref="InvalidDataException">A record fails its checksum.</exception>
    /// <exception cref="IOException">A page could not be read.</exception>
    public bool TryNext(out ReadOnlySpan<byte> value)
    {
        value = default;
        _pieces.Clear();
        while (_records.GetNext(out _))
        {
            ThrowIfReadFailed();
            if (_records.NextAddress > _end)
                return false; // The end of the part, and not of the log, cuts through this record.
            var key = _records.GetKey();
            if (!StoredRecord.TryParse(_lengths.BytesInLog(ref _records.GetValue()), key, out var kind, out var bytes))
            {
                throw new InvalidDataException(
                    $"{_directory}: the record of revision {key.Revision} at log address {_records.CurrentAddress} "
                    + "fails its checksum; it is damaged");
            }
            if (kind == RecordKind.Piece)
            {
                _pieces.Add(key, bytes);
                continue;
            }
            if (kind == RecordKind.Head && !_pieces.AreComplete(key.Revision, bytes))
            {
                throw new InvalidDataException(
                    $"{_directory}: the value of revision {key.Revision} at log address {_records.CurrentAddress} lacks pieces; "
                    + "it is damaged");
            }
            value = kind == RecordKind.Head ? _pieces.Value : bytes;
            Revision = key.Revision;
            Address = _records.CurrentAddress;
            SizeInLog = StoredRecord.SizeInLog(bytes.Length) + _pieces.Length;
            NextAddress = _records.NextAddress;
            return true;
        }
        ThrowIfReadFailed();
        return false;
    }

    public void Dispose() => _records.Dispose();

    private void ThrowIfReadFailed()
    {
        // A page is read on whatever thread FASTER's epoch falls to, and its error is lost there; so any failed read counts.
        if (_device.ReadFailures != _readFailuresBefore)
        {
            var failure = _device.LastReadFailure;
            throw new IOException($"{_directory}: cannot read the log of values: {failure?.Message}", failure);
        }
    }
}
