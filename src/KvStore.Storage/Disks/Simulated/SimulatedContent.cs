namespace KvStore.Storage.Disks.Simulated;

/// <summary>The bytes of a file: as programs see them, and as the device holds them.</summary>
/// <remarks>
/// <code>
/// sector        0      1      2      3           Sync copies the dirty sectors down. PowerLoss chooses for each dirty
/// _cached     [new ] [same] [new ] [new ]        sector: what the device held, or any version written since.
/// _durable    [old ] [same] [old ]
/// </code>
/// After a failed sync the cache takes its sectors for clean though the device never got them, as Linux does: no later sync
/// brings them down, only a later write of the same sector.
/// </remarks>
internal sealed class SimulatedContent
{
    public const int SectorBytes = 512;

    // Older versions of a sector that is written again and again without a sync are forgotten beyond this.
    private const int VersionsLimit = 4;

    private byte[] _cached = [];
    private byte[] _durable = [];
    private long _length;
    private long _durableLength;

    // Dirty sectors with the versions they had since the last sync, the newest left out: that one is in the cache.
    private readonly Dictionary<int, List<byte[]>?> _dirty = [];
    private readonly HashSet<int> _forgotten = [];

    public long Length => _length;

    public bool IsDirty => _dirty.Count > 0 || _length != _durableLength;

    public int Read(long offset, Span<byte> buffer)
    {
        int count = (int)Math.Clamp(_length - offset, 0, buffer.Length);
        _cached.AsSpan((int)Math.Min(offset, _length), count).CopyTo(buffer);
        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return;
        long end = offset + data.Length;
        Grow(ref _cached, end);
        MarkDirty(offset, end);
        data.CopyTo(_cached.AsSpan((int)offset));
        _length = Math.Max(_length, end);
    }

    public void SetLength(long length)
    {
        if (length < _length)
        {
            MarkDirty(length, _length);
            _cached.AsSpan((int)length, (int)(_length - length)).Clear();
        }
        Grow(ref _cached, length);
        _length = length;
    }

    public void Sync()
    {
        Grow(ref _durable, _length);
        foreach (int sector in _dirty.Keys)
            CopySector(sector);
        _dirty.Clear();
        if (_length < _durableLength)
            _durable.AsSpan((int)_length, (int)(_durableLength - _length)).Clear();
        _durableLength = _length;
    }

    public void FailSync()
    {
        foreach (int sector in _dirty.Keys)
            _forgotten.Add(sector);
        _dirty.Clear();
    }

    public void PowerLoss(SeededRandom random)
    {
        long length = SurvivingLength(random);
        Grow(ref _durable, length);
        double keep = random.Next(4) switch { 0 => 0.0, 1 => 1.0, 2 => 0.5, _ => 0.1 };
        // In the order of their numbers, so that the seed alone decides.
        foreach (int sector in _dirty.Keys.Order())
            if (random.Chance(keep))
                KeepSector(sector, random);
        foreach (int sector in _forgotten.Order())
            if (!_dirty.ContainsKey(sector) && random.Chance(keep))
                CopySector(sector);
        _durable.AsSpan((int)length).Clear();
        _durableLength = length;
        RestartFromDevice();
    }

    /// <summary>The content written and synced, as if it had always been there.</summary>
    public void Replace(ReadOnlySpan<byte> bytes)
    {
        _durable = bytes.ToArray();
        _durableLength = bytes.Length;
        RestartFromDevice();
    }

    public byte[] ToArray() => _cached.AsSpan(0, (int)_length).ToArray();

    public void FlipBit(long offset, int bit)
    {
        _cached[offset] ^= (byte)(1 << bit);
        if (offset < _durable.Length)
            _durable[offset] ^= (byte)(1 << bit);
    }

    public SimulatedContent Copy()
    {
        var copy = new SimulatedContent
        {
            _cached = (byte[])_cached.Clone(),
            _durable = (byte[])_durable.Clone(),
            _length = _length,
            _durableLength = _durableLength,
        };
        foreach (var (sector, versions) in _dirty)
            copy._dirty.Add(sector, versions is null ? null : [.. versions]);
        copy._forgotten.UnionWith(_forgotten);
        return copy;
    }

    private void RestartFromDevice()
    {
        _cached = (byte[])_durable.Clone();
        _length = _durableLength;
        _dirty.Clear();
        _forgotten.Clear();
    }

    private long SurvivingLength(SeededRandom random)
    {
        if (_length == _durableLength)
            return _length;
        long lower = Math.Min(_length, _durableLength);
        int sectors = (int)((Math.Max(_length, _durableLength) - lower) / SectorBytes);
        return random.Next(3) switch
        {
            0 => _length,
            1 => _durableLength,
            _ => lower + ((long)random.Next(sectors + 1) * SectorBytes),
        };
    }

    private void MarkDirty(long from, long to)
    {
        int last = (int)((to - 1) / SectorBytes);
        for (int sector = (int)(from / SectorBytes); sector <= last; sector++)
            if (!_dirty.TryAdd(sector, null))
                KeepVersion(sector);
    }

    private void KeepVersion(int sector)
    {
        var versions = _dirty[sector] ??= [];
        if (versions.Count == VersionsLimit)
            versions.RemoveAt(0);
        versions.Add(SectorOf(_cached, sector).ToArray());
    }

    private void KeepSector(int sector, SeededRandom random)
    {
        var versions = _dirty[sector];
        int choice = versions is null ? 0 : random.Next(versions.Count + 1);
        if (versions is null || choice == versions.Count)
            CopySector(sector);
        else
            CopyWhatFits(versions[choice], SectorOf(_durable, sector));
    }

    private void CopySector(int sector) => CopyWhatFits(SectorOf(_cached, sector), SectorOf(_durable, sector));

    private static void CopyWhatFits(ReadOnlySpan<byte> source, Span<byte> target) =>
        source[..Math.Min(source.Length, target.Length)].CopyTo(target);

    private static Span<byte> SectorOf(byte[] bytes, int sector)
    {
        int start = Math.Min(sector * SectorBytes, bytes.Length);
        return bytes.AsSpan(start, Math.Min(SectorBytes, bytes.Length - start));
    }

    private static void Grow(ref byte[] bytes, long length)
    {
        if (bytes.Length >= length)
            return;
        long sectors = (Math.Max(length, bytes.Length + (bytes.Length / 2)) + SectorBytes - 1) / SectorBytes;
        Array.Resize(ref bytes, (int)(sectors * SectorBytes));
    }
}
