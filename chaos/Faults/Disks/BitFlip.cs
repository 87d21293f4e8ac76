namespace KvStore.Chaos.Faults.Disks;

/// <summary>Some bits on a member's disk turn over.</summary>
internal sealed class BitFlip(FaultContext context) : DataLoss(context, Kind)
{
    public const string Kind = "bit-flip";

    // Drawn beforehand: which file by its place in the list, which bit by its share of the file.
    private readonly (int File, double Place, int Bit)[] _flips =
    [
        .. Enumerable.Range(0, context.Random.Next(1, 9))
            .Select(_ => (context.Random.Next(), context.Random.NextDouble(), context.Random.Next(8))),
    ];

    public override string Detail => $"{_flips.Length} bits";

    protected override string Harm()
    {
        if (!Directory.Exists(Member.DataDirectory))
            return "";
        var files = new DirectoryInfo(Member.DataDirectory).EnumerateFiles("*", SearchOption.AllDirectories)
            .Where(file => file.Length > 0).OrderBy(file => file.FullName, StringComparer.Ordinal).ToArray();
        if (files.Length == 0)
            return "";
        var told = _flips.Select(flip => Flip(files[flip.File % files.Length], flip.Place, flip.Bit)).ToArray();
        return string.Join(", ", told);
    }

    private string Flip(FileInfo file, double place, int bit)
    {
        // Only where something is: logs are long and mostly empty.
        long offset = (long)(place * UsedBytes(file));
        using var stream = file.Open(FileMode.Open, FileAccess.ReadWrite);
        stream.Position = offset;
        int before = stream.ReadByte();
        stream.Position = offset;
        stream.WriteByte((byte)(before ^ (1 << bit)));
        stream.Flush(flushToDisk: true);
        return $"bit {bit} of byte {offset} of {Path.GetRelativePath(Member.DataDirectory, file.FullName)}";
    }

    private static long UsedBytes(FileInfo file)
    {
        using var stream = file.OpenRead();
        byte[] block = new byte[1 << 16];
        for (long start = (file.Length - 1) / block.Length * block.Length; start >= 0; start -= block.Length)
        {
            stream.Position = start;
            int length = stream.ReadAtLeast(block, block.Length, throwOnEndOfStream: false);
            int last = block.AsSpan(0, length).LastIndexOfAnyExcept((byte)0);
            if (last >= 0)
                return start + last + 1;
        }
        return file.Length;
    }
}
