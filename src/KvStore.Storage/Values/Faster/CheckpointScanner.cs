using System.Runtime.InteropServices;
using FASTER.core;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>Reads the log up to the end of a checkpoint straight from its files, page by page.</summary>
/// <remarks>
/// Not by FASTER's scan: that refuses addresses which compaction has given up, though the checkpoint still needs them and their
/// files are still there. A fold-over checkpoint's part of the log does not change any more, so nothing is shared with the
/// running store; one page is held in memory.
/// <code>
/// record in the log:  RecordInfo 8 | key 16 | length i32 | the bytes of a StoredRecord | zeros to the next 8 bytes
/// no record crosses a page: what is left of one is zeros
/// </code>
/// </remarks>
internal sealed class CheckpointScanner : ICheckpointReader
{
    private const int LengthOffset = StoredRecord.FasterHeaderBytes - sizeof(int);

    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly CheckpointManifest _manifest;
    private readonly ValuePieces _pieces = new();
    private byte[] _page = [];
    private long _pageStart = -1;
    private int _pageLength;
    private IFile? _file;
    private int _segment = -1;

    public CheckpointScanner(IDisk disk, string directory, CheckpointManifest manifest, long position)
    {
        (_disk, _directory, _manifest) = (disk, directory, manifest);
        Position = position == 0 ? manifest.Begin : position;
        if (Position < manifest.Begin || Position > manifest.Until)
            throw new InvalidDataException($"{directory}: checkpoint {manifest.Checkpoint:N} has no position {position}");
    }

    public Revision Revision { get; private set; }

    public long Position { get; private set; }

    public long SizeBytes => _manifest.Until - _manifest.Begin;

    private int PageBytes => 1 << _manifest.PageBits;

    public bool TryNext(out ReadOnlySpan<byte> value)
    {
        _pieces.Clear();
        // Behind the value alone Position is one to go on from: its pieces must be read again with it.
        long address = Position;
        while (TryReadRecord(ref address, out var key, out var record))
        {
            if (!StoredRecord.TryParse(record, key, out var kind, out var bytes))
                throw Damaged(address, $"the record of revision {key.Revision} fails its checksum");
            if (kind == RecordKind.Piece)
            {
                _pieces.Add(key, bytes);
                continue;
            }
            if (kind == RecordKind.Head && !_pieces.AreComplete(key.Revision, bytes))
                throw Damaged(address, $"the value of revision {key.Revision} lacks pieces");
            value = kind == RecordKind.Head ? _pieces.Value : bytes;
            (Revision, Position) = (key.Revision, address);
            return true;
        }
        value = default;
        Position = _manifest.Until;
        return false;
    }

    public void Dispose() => _file?.Dispose();

    /// <param name="address">Moves behind the record.</param>
    private bool TryReadRecord(scoped ref long address, out RevisionKey key, out ReadOnlySpan<byte> record)
    {
        while (address < _manifest.Until)
        {
            var rest = RestOfPage(address);
            if (rest.Length < StoredRecord.FasterHeaderBytes || MemoryMarshal.Read<RecordInfo>(rest).IsNull())
            {
                address = ((address >> _manifest.PageBits) + 1) << _manifest.PageBits;
                continue;
            }
            int length = MemoryMarshal.Read<int>(rest[LengthOffset..]);
            int size = StoredRecord.FasterHeaderBytes + length;
            if (length < 0 || size > rest.Length)
                throw Damaged(address, "a record has an impossible length");
            bool isSkipped = MemoryMarshal.Read<RecordInfo>(rest).SkipOnScan;
            address += (size + 7) & ~7;
            if (isSkipped)
                continue; // Lost a race for its place in the hash index; another one has it.
            key = MemoryMarshal.Read<RevisionKey>(rest[sizeof(long)..]);
            record = rest[StoredRecord.FasterHeaderBytes..size];
            return true;
        }
        key = default;
        record = default;
        return false;
    }

    /// <summary>What the checkpoint holds of a page from the address on.</summary>
    private ReadOnlySpan<byte> RestOfPage(long address)
    {
        long start = address & -PageBytes;
        if (start != _pageStart)
            ReadPage(start);
        return _page.AsSpan(0, _pageLength)[(int)(address - start)..];
    }

    private void ReadPage(long start)
    {
        if (_page.Length == 0)
            _page = GC.AllocateUninitializedArray<byte>(PageBytes);
        _pageStart = -1;
        int length = (int)Math.Min(PageBytes, _manifest.Until - start);
        int segment = (int)(start >> _manifest.SegmentBits);
        if (segment != _segment)
            OpenSegment(segment);
        if (_file!.Read(start & ((1L << _manifest.SegmentBits) - 1), _page.AsSpan(0, length)) < length)
            throw Damaged(start, "the file was cut off");
        (_pageStart, _pageLength) = (start, length);
    }

    private void OpenSegment(int segment)
    {
        _file?.Dispose();
        (_file, _segment) = (null, -1);
        string path = Path.Combine(_directory, LogDevice.NameOf(segment));
        if (!_disk.FileExists(path))
            throw new InvalidDataException($"{path}: the file is missing; the checkpoint needs its values");
        (_file, _segment) = (_disk.Open(path, FileOpening.Existing), segment);
    }

    private InvalidDataException Damaged(long address, string what) =>
        new($"{_directory}: at log address {address} {what}; checkpoint {_manifest.Checkpoint:N} is damaged");
}
