using System.Buffers.Binary;
using System.Globalization;
using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values;

/// <summary>
/// Values in memory, with checkpoints on the disk: what <see cref="FasterValueStore"/> does, for the simulation.
/// </summary>
/// <remarks>
/// One thread, no time, no chance: the same calls and the same disk give the same store. As with FASTER, a checkpoint takes
/// several calls of <see cref="Refresh"/>, holds later values too, and is what remains after a crash.
/// A file holds one checkpoint:
/// <code>
/// | "KVMEMORY" | version u32 | count u32 | count times: main i64, sub i64, length u32, bytes | crc32c u32 |   little endian
/// </code>
/// </remarks>
public sealed class MemoryValueStore : IValueStore
{
    private const uint FormatVersion = 1;

    private const int HeaderBytes = 16;

    private const int RecordHeaderBytes = 20;

    private const string Prefix = "memory-";

    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly ulong _life;
    private readonly Dictionary<Revision, byte[]> _values = [];

    // The order of writing, in which compaction examines.
    private readonly Queue<Revision> _order = new();
    private Checkpoint? _checkpoint;
    private int _lastCheckpoint;
    private bool _isDisposed;

    private MemoryValueStore(IDisk disk, string directory, ulong life) => (_disk, _directory, _life) = (disk, directory, life);

    private static ReadOnlySpan<byte> Magic => "KVMEMORY"u8;

    public long SizeBytes { get; private set; }

    public bool IsReserveInUse => false;

    /// <summary>An empty store; what a store left in the directory is deleted.</summary>
    /// <param name="life">Another for each store, and each time that it is opened: it stands in the checkpoints' ids, which must not be
    /// those of others.</param>
    /// <exception cref="InvalidDataException">The directory holds something else.</exception>
    public static MemoryValueStore Create(IDisk disk, string directory, ulong life = 0)
    {
        disk.CreateDirectory(directory);
        foreach (string name in OwnFiles(disk, directory))
            disk.Delete(Path.Combine(directory, name));
        disk.SyncDirectory(directory);
        return new MemoryValueStore(disk, directory, life);
    }

    /// <summary>The store as a checkpoint left it.</summary>
    /// <exception cref="InvalidDataException">The checkpoint is missing, damaged or foreign.</exception>
    public static MemoryValueStore Open(IDisk disk, string directory, CheckpointId checkpoint, ulong life = 0)
    {
        if (!disk.DirectoryExists(directory))
            throw new InvalidDataException($"{directory}: there is no such directory");
        var names = OwnFiles(disk, directory);
        var store = new MemoryValueStore(disk, directory, life) { _lastCheckpoint = NumberOf(checkpoint) };
        store.Load(Path.Combine(directory, NameOf(checkpoint)));
        // Newer ones hold what will be written anew, perhaps differently.
        foreach (string name in names.Where(name => NumberOf(name) > NumberOf(checkpoint)))
            disk.Delete(Path.Combine(directory, name));
        disk.SyncDirectory(directory);
        return store;
    }

    public void Write(Revision revision, ReadOnlySpan<byte> value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_values.TryGetValue(revision, out byte[]? old))
            SizeBytes -= RecordHeaderBytes + old.Length;
        else
            _order.Enqueue(revision);
        _values[revision] = value.ToArray();
        SizeBytes += RecordHeaderBytes + value.Length;
    }

    public IValueReader OpenReader()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return new Reader(this);
    }

    public ICheckpointInProgress BeginCheckpoint()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Invariant.Holds(_checkpoint is null or { HasEnded: true });
        _checkpoint = new Checkpoint(NextId());
        return _checkpoint;
    }

    public void Refresh()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_checkpoint is { HasEnded: false } checkpoint)
            Advance(checkpoint);
    }

    public void KeepOnly(IReadOnlyCollection<CheckpointId> checkpoints)
    {
        var kept = checkpoints.Select(NameOf).ToHashSet();
        if (_checkpoint is { IsAwaited: true } awaited)
            kept.Add(NameOf(awaited.Id));
        bool isAny = false;
        foreach (string name in OwnFiles(_disk, _directory).Where(name => !kept.Contains(name)))
        {
            _disk.Delete(Path.Combine(_directory, name));
            isAny = true;
        }
        if (isAny)
            _disk.SyncDirectory(_directory);
    }

    public CompactionStep Compact(long budgetBytes, ValuePredicate isLive)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        long examined = 0;
        long freed = 0;
        // What is moved comes behind the others, and is not looked at again in this step.
        for (int left = _order.Count; left > 0 && examined < budgetBytes; left--)
        {
            var revision = _order.Dequeue();
            byte[] value = _values[revision];
            long size = RecordHeaderBytes + value.Length;
            examined += size;
            if (isLive(revision, value))
            {
                _order.Enqueue(revision);
                continue;
            }
            _values.Remove(revision);
            freed += size;
        }
        SizeBytes -= freed;
        return new CompactionStep(examined, freed);
    }

    public void Scan(ValueVisitor visitor)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        foreach (var revision in _order)
            visitor(revision, _values[revision]);
    }

    public ICheckpointReader ReadCheckpoint(CheckpointId checkpoint, long position = 0)
    {
        string path = Path.Combine(_directory, NameOf(checkpoint));
        byte[] bytes = ReadChecked(path);
        if (position != 0 && (position < HeaderBytes || position > bytes.Length - sizeof(uint)))
            throw new InvalidDataException($"{path}: the checkpoint has no position {position}");
        return new CheckpointReader(bytes, position == 0 ? HeaderBytes : position);
    }

    public void Dispose() => _isDisposed = true;

    private CheckpointId NextId()
    {
        byte[] life = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(life, _life);
        return new(new Guid(++_lastCheckpoint, 0, 0, life));
    }

    private static int NumberOf(CheckpointId id) => BinaryPrimitives.ReadInt32LittleEndian(id.Value.ToByteArray());

    private static int NumberOf(string name) => NumberOf(new CheckpointId(Guid.ParseExact(name.AsSpan(Prefix.Length), "N")));

    private static string NameOf(CheckpointId id) => Prefix + id.Value.ToString("N", CultureInfo.InvariantCulture);

    private static List<string> OwnFiles(IDisk disk, string directory)
    {
        var names = disk.List(directory).ToList();
        foreach (string name in names)
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !Guid.TryParseExact(name.AsSpan(Prefix.Length), "N", out _))
                throw new InvalidDataException(
                    $"{Path.Combine(directory, name)}: this file is not one of a value store in memory");
        }
        return names;
    }

    // One step a call, so that a simulated crash can fall between any two.
    private void Advance(Checkpoint checkpoint)
    {
        string path = Path.Combine(_directory, NameOf(checkpoint.Id));
        try
        {
            switch (checkpoint.Step++)
            {
                case 0:
                    checkpoint.Bytes = ToBytes();
                    break;
                case 1:
                    using (var file = _disk.Open(path, FileOpening.CreateIfMissing))
                    {
                        file.SetLength(0);
                        file.Write(0, checkpoint.Bytes);
                        file.Sync();
                    }
                    break;
                default:
                    _disk.SyncDirectory(_directory);
                    if (!ReadAll(path).AsSpan().SequenceEqual(checkpoint.Bytes))
                        throw new IOException($"{path}: the file reads back otherwise than it was written");
                    checkpoint.Succeed();
                    break;
            }
        }
        catch (IOException failure)
        {
            checkpoint.Fail(failure);
        }
    }

    private byte[] ToBytes()
    {
        byte[] bytes = new byte[HeaderBytes + SizeBytes + sizeof(uint)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), _order.Count);
        int end = HeaderBytes;
        foreach (var revision in _order)
        {
            byte[] value = _values[revision];
            var record = bytes.AsSpan(end, RecordHeaderBytes + value.Length);
            BinaryPrimitives.WriteInt64LittleEndian(record, revision.Main);
            BinaryPrimitives.WriteInt64LittleEndian(record[8..], revision.Sub);
            BinaryPrimitives.WriteInt32LittleEndian(record[16..], value.Length);
            value.CopyTo(record[RecordHeaderBytes..]);
            end += record.Length;
        }
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(end), Crc32C.Of(bytes.AsSpan(0, end)));
        return bytes;
    }

    private void Load(string path)
    {
        using var reader = new CheckpointReader(ReadChecked(path), HeaderBytes);
        while (reader.TryNext(out var value))
            Write(reader.Revision, value);
    }

    private byte[] ReadChecked(string path)
    {
        if (!_disk.FileExists(path))
            throw new InvalidDataException($"{path}: there is no such checkpoint");
        byte[] bytes = ReadAll(path);
        if (bytes.Length < HeaderBytes + sizeof(uint) || !bytes.AsSpan().StartsWith(Magic))
            throw new InvalidDataException($"{path}: this is not a checkpoint of a value store in memory");
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)) != FormatVersion)
            throw new InvalidDataException($"{path}: the format is of another version than {FormatVersion}");
        int end = bytes.Length - sizeof(uint);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(end)) != Crc32C.Of(bytes.AsSpan(0, end)))
            throw new InvalidDataException($"{path}: the file fails its checksum; it is damaged");
        return bytes;
    }

    private byte[] ReadAll(string path)
    {
        using var file = _disk.Open(path, FileOpening.Existing);
        byte[] bytes = new byte[file.Length];
        int read = file.Read(0, bytes);
        return bytes[..read];
    }

    private sealed class Checkpoint(CheckpointId id) : ICheckpointInProgress
    {
        private bool _isComplete;
        private bool _isSeen;
        private IOException? _failure;

        public CheckpointId Id { get; } = id;

        public int Step { get; set; }

        public byte[] Bytes { get; set; } = [];

        public bool HasEnded => _isComplete || _failure is not null;

        /// <summary>Whether its owner may still ask to keep it: it has not been told yet how the checkpoint ended.</summary>
        public bool IsAwaited => !_isSeen && _failure is null;

        public bool IsComplete
        {
            get
            {
                if (_failure is not null)
                    throw new IOException($"checkpoint {Id.Value:N} failed: {_failure.Message}", _failure);
                _isSeen |= _isComplete;
                return _isComplete;
            }
        }

        public void Succeed()
        {
            _isComplete = true;
            Bytes = [];
        }

        public void Fail(IOException failure)
        {
            _failure = failure;
            Bytes = [];
        }
    }

    private sealed class CheckpointReader(byte[] bytes, long position) : ICheckpointReader
    {
        public Revision Revision { get; private set; }

        public long Position { get; private set; } = position;

        public long SizeBytes => bytes.Length;

        public bool TryNext(out ReadOnlySpan<byte> value)
        {
            value = default;
            var rest = bytes.AsSpan((int)Position, bytes.Length - sizeof(uint) - (int)Position);
            if (rest.IsEmpty)
                return false;
            if (rest.Length < RecordHeaderBytes)
                throw new InvalidDataException($"no value begins at {Position}");
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest[16..]);
            if ((uint)length > (uint)(rest.Length - RecordHeaderBytes))
                throw new InvalidDataException($"no value begins at {Position}");
            Revision = new Revision(BinaryPrimitives.ReadInt64LittleEndian(rest), BinaryPrimitives.ReadInt64LittleEndian(rest[8..]));
            value = rest.Slice(RecordHeaderBytes, length);
            Position += RecordHeaderBytes + length;
            return true;
        }

        public void Dispose()
        {
        }
    }

    private sealed class Reader(MemoryValueStore store) : IValueReader
    {
        private bool _isDisposed;

        public bool TryRead(Revision revision, out ReadOnlySpan<byte> value)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            bool isThere = store._values.TryGetValue(revision, out byte[]? bytes);
            value = bytes;
            return isThere;
        }

        public void ReadMany(ReadOnlySpan<Revision> revisions, ValueVisitor visitor)
        {
            foreach (var revision in revisions)
            {
                if (!TryRead(revision, out var value))
                    throw new InvalidDataException($"{store._directory}: the value of revision {revision} is missing");
                visitor(revision, value);
            }
        }

        public void Dispose() => _isDisposed = true;
    }
}
