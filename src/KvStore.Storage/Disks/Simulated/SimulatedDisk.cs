namespace KvStore.Storage.Disks.Simulated;

/// <summary>A disk in memory that can lose power, fail, fill up and be counted; all it does follows from its seeds.</summary>
/// <remarks>
/// <para>It promises what <see cref="IDisk"/> promises and nothing more: at <see cref="PowerLoss"/> each unsynced sector of 512
/// bytes and each unsynced change of a name survives or not by chance; a sector is whole or not written. Directories themselves
/// are durable once created, and gone once deleted.</para>
/// <para>Every test can meet every operation: run once and read <see cref="Operations"/>, then run again for each k with
/// <see cref="FailAt"/>. A fault at a Write, SetLength, Create, Rename or Delete strikes after it reached the cache.</para>
/// <para>Thread-safe; the order of calls from several threads is of course not the seed's.</para>
/// </remarks>
public sealed class SimulatedDisk : IDisk
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, SimulatedDirectory> _directories = new(StringComparer.Ordinal);
    private readonly HashSet<string> _locks = [];
    private readonly Dictionary<long, DiskFault> _faults = [];
    private int _incarnation;

    /// <summary>Operations so far that change or sync something.</summary>
    public long Operations { get; private set; }

    /// <summary>Reads so far.</summary>
    public long Reads { get; private set; }

    /// <summary>
    /// Whether the process died in an operation and neither <see cref="PowerLoss"/> nor <see cref="Restart"/> followed.
    /// </summary>
    public bool IsCrashed { get; private set; }

    /// <summary>The most that all files may hold, in bytes: beyond it writes that need more room fail.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>
    /// Asked before every operation; what it answers happens. Here a test may also count, or let simulated time pass.
    /// </summary>
    public Func<DiskOperation, DiskFault>? Faults { get; set; }

    public long UsedBytes
    {
        get
        {
            lock (_lock)
                return Used();
        }
    }

    /// <summary>Lets the operation with this number (see <see cref="Operations"/>) meet a fault.</summary>
    public void FailAt(long operation, DiskFault fault)
    {
        lock (_lock)
            _faults[operation] = fault;
    }

    /// <summary>
    /// Takes the power away and gives it back: what was not synced survives by chance, all handles and locks are dead.
    /// </summary>
    public void PowerLoss(SeededRandom random)
    {
        lock (_lock)
        {
            StartAgain();
            foreach (var directory in _directories.Values)
                directory.PowerLoss(random);
        }
    }

    /// <summary>
    /// Ends the process alone (kill -9): the operating system keeps all it was given, handles and locks are dead.
    /// </summary>
    public void Restart()
    {
        lock (_lock)
            StartAgain();
    }

    /// <summary>
    /// The same disk once more, for tests that go on from one state in many ways. Faults and counters are not copied.
    /// </summary>
    public SimulatedDisk Copy()
    {
        lock (_lock)
        {
            var copy = new SimulatedDisk { CapacityBytes = CapacityBytes };
            foreach (var (path, directory) in _directories)
                copy._directories.Add(path, directory.Copy());
            return copy;
        }
    }

    /// <summary>Puts a file there, with its directories, as if it had always been there.</summary>
    public void Place(string path, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            MakeDirectories(ParentOf(path));
            DirectoryOf(path).Place(NameOf(path), bytes);
        }
    }

    /// <summary>What a reader of the file would see.</summary>
    public byte[] BytesOf(string path)
    {
        lock (_lock)
            return Find(path).ToArray();
    }

    /// <summary>Lets a bit rot, in the cache and on the device.</summary>
    public void FlipBit(string path, long offset, int bit)
    {
        lock (_lock)
            Find(path).FlipBit(offset, bit);
    }

    public void CreateDirectory(string path)
    {
        lock (_lock)
        {
            if (_directories.ContainsKey(Normalized(path)))
                return;
            ThrowIfAny(Begin(DiskOperationKind.CreateDirectory, path), path);
            MakeDirectories(Normalized(path));
        }
    }

    public bool DirectoryExists(string path)
    {
        lock (_lock)
            return _directories.ContainsKey(Normalized(path));
    }

    public bool FileExists(string path)
    {
        lock (_lock)
            return _directories.TryGetValue(ParentOf(path), out var directory) && directory.Find(NameOf(path)) is not null;
    }

    public IReadOnlyList<string> List(string path)
    {
        lock (_lock)
        {
            string parent = Normalized(path);
            if (!_directories.TryGetValue(parent, out var directory))
                throw new DirectoryNotFoundException($"no directory '{path}'");
            var names = new List<string>(directory.Names);
            foreach (string other in _directories.Keys)
                if (other != parent && ParentOf(other) == parent)
                    names.Add(NameOf(other));
            names.Sort(StringComparer.Ordinal);
            return names;
        }
    }

    public IFile Open(string path, FileOpening opening)
    {
        lock (_lock)
        {
            CheckAlive();
            var directory = DirectoryOf(path);
            var content = directory.Find(NameOf(path));
            if (content is null && opening == FileOpening.Existing)
                throw new FileNotFoundException($"no file '{path}'", path);
            if (content is not null && opening == FileOpening.CreateNew)
                throw new IOException($"'{path}' is there already");
            return new SimulatedFile(this, path, content ?? Create(path, directory), _incarnation);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            var fault = Begin(DiskOperationKind.Rename, from);
            if (fault is DiskFault.None or DiskFault.Crash)
                ApplyRename(from, to);
            ThrowIfAny(fault, from);
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            Find(path);
            var fault = Begin(DiskOperationKind.Delete, path);
            if (fault is DiskFault.None or DiskFault.Crash)
                DirectoryOf(path).Remove(NameOf(path));
            ThrowIfAny(fault, path);
        }
    }

    public void DeleteDirectory(string path)
    {
        lock (_lock)
        {
            string name = Normalized(path);
            if (!_directories.TryGetValue(name, out var directory))
                throw new DirectoryNotFoundException($"no directory '{path}'");
            if (directory.Names.Any() || _directories.Keys.Any(other => other != name && ParentOf(other) == name))
                throw new IOException($"the directory '{path}' is not empty");
            var fault = Begin(DiskOperationKind.Delete, path);
            if (fault is DiskFault.None or DiskFault.Crash)
                _directories.Remove(name);
            ThrowIfAny(fault, path);
        }
    }

    public void SyncDirectory(string path)
    {
        lock (_lock)
        {
            ThrowIfAny(Begin(DiskOperationKind.SyncDirectory, path), path);
            if (!_directories.TryGetValue(Normalized(path), out var directory))
                throw new DirectoryNotFoundException($"no directory '{path}'");
            directory.Sync();
        }
    }

    public long FreeBytes(string path)
    {
        lock (_lock)
            return Room();
    }

    public IDisposable? TryLock(string path)
    {
        lock (_lock)
        {
            CheckAlive();
            var directory = DirectoryOf(path);
            if (directory.Find(NameOf(path)) is null)
                Create(path, directory);
            return _locks.Add(Path.GetFullPath(path)) ? new HeldLock(this, Path.GetFullPath(path), _incarnation) : null;
        }
    }

    internal long LengthOf(SimulatedFile file)
    {
        lock (_lock)
        {
            file.CheckUsable(_incarnation);
            return file.Content.Length;
        }
    }

    internal int Read(SimulatedFile file, long offset, Span<byte> buffer)
    {
        lock (_lock)
        {
            file.CheckUsable(_incarnation);
            CheckAlive();
            var operation = new DiskOperation(DiskOperationKind.Read, file.Path, ++Reads);
            ThrowIfAny(Faults?.Invoke(operation) ?? DiskFault.None, file.Path);
            return file.Content.Read(offset, buffer);
        }
    }

    internal void Write(SimulatedFile file, long offset, ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            file.CheckUsable(_incarnation);
            var fault = Begin(DiskOperationKind.Write, file.Path);
            if (fault is DiskFault.IoError or DiskFault.DiskFull)
                data = data[..(data.Length / 2)];
            long excess = offset + data.Length - file.Content.Length - Room();
            if (excess > 0)
            {
                fault = DiskFault.DiskFull;
                data = data[..(int)Math.Max(0, data.Length - excess)];
            }
            file.Content.Write(offset, data);
            ThrowIfAny(fault, file.Path);
        }
    }

    internal void SetLength(SimulatedFile file, long length)
    {
        lock (_lock)
        {
            file.CheckUsable(_incarnation);
            var fault = Begin(DiskOperationKind.SetLength, file.Path);
            if (length - file.Content.Length > Room())
                fault = DiskFault.DiskFull;
            if (fault is DiskFault.None or DiskFault.Crash)
                file.Content.SetLength(length);
            ThrowIfAny(fault, file.Path);
        }
    }

    internal void Sync(SimulatedFile file)
    {
        lock (_lock)
        {
            file.CheckUsable(_incarnation);
            var fault = Begin(DiskOperationKind.Sync, file.Path);
            if (fault is DiskFault.IoError or DiskFault.DiskFull)
                file.Content.FailSync();
            if (fault == DiskFault.Lie)
                return;
            ThrowIfAny(fault, file.Path);
            file.Content.Sync();
        }
    }

    private DiskFault Begin(DiskOperationKind kind, string path)
    {
        CheckAlive();
        long number = ++Operations;
        if (_faults.Remove(number, out var planned))
            return planned;
        return Faults?.Invoke(new DiskOperation(kind, path, number)) ?? DiskFault.None;
    }

    private void ThrowIfAny(DiskFault fault, string path)
    {
        switch (fault)
        {
            case DiskFault.None:
                return;
            case DiskFault.IoError:
                throw new IOException($"simulated I/O error on '{path}'");
            case DiskFault.DiskFull:
                throw new DiskFullException($"simulated disk is full: '{path}'");
            default:
                IsCrashed = true;
                throw new SimulatedCrashException($"simulated crash at '{path}'");
        }
    }

    private void CheckAlive()
    {
        if (IsCrashed)
            throw new SimulatedCrashException("the simulated process is dead");
    }

    private void StartAgain()
    {
        _incarnation++;
        _locks.Clear();
        _faults.Clear();
        IsCrashed = false;
    }

    private SimulatedContent Create(string path, SimulatedDirectory directory)
    {
        var fault = Begin(DiskOperationKind.Create, path);
        var content = new SimulatedContent();
        if (fault is DiskFault.None or DiskFault.Crash)
            directory.Add(NameOf(path), content);
        ThrowIfAny(fault, path);
        return content;
    }

    private void ApplyRename(string from, string to)
    {
        var source = DirectoryOf(from);
        var target = DirectoryOf(to);
        var content = Find(from);
        if (source == target)
        {
            source.Rename(NameOf(from), NameOf(to));
            return;
        }
        target.Add(NameOf(to), content);
        source.Remove(NameOf(from));
    }

    private long Room() => CapacityBytes == long.MaxValue ? long.MaxValue / 2 : Math.Max(0, CapacityBytes - Used());

    private long Used()
    {
        long used = 0;
        foreach (var directory in _directories.Values)
            foreach (var content in directory.Contents)
                used += content.Length;
        return used;
    }

    private SimulatedContent Find(string path) =>
        DirectoryOf(path).Find(NameOf(path)) ?? throw new FileNotFoundException($"no file '{path}'", path);

    private SimulatedDirectory DirectoryOf(string path) => _directories.TryGetValue(ParentOf(path), out var directory)
        ? directory
        : throw new DirectoryNotFoundException($"no directory '{ParentOf(path)}'");

    private void MakeDirectories(string path)
    {
        if (!_directories.TryAdd(path, new SimulatedDirectory()))
            return;
        if (Path.GetDirectoryName(path) is { } parent)
            MakeDirectories(parent);
    }

    private static string Normalized(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private static string ParentOf(string path) => Path.GetDirectoryName(Normalized(path)) ?? Normalized(path);

    private static string NameOf(string path) => Path.GetFileName(Normalized(path));

    private sealed class HeldLock(SimulatedDisk disk, string path, int incarnation) : IDisposable
    {
        public void Dispose()
        {
            lock (disk._lock)
                if (disk._incarnation == incarnation)
                    disk._locks.Remove(path);
        }
    }
}
