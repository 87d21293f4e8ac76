using System.Globalization;
using KvStore.Storage.Disks;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>The directories of values: a value store is one log, so a snapshot from another member gets one of its own.</summary>
/// <remarks>
/// <code>
/// values      generation 0: what the member began with        goes once no checkpoint that is kept refers to it
/// values.1    from the first snapshot that was installed      the checkpoints taken since are here
/// values.2    a snapshot on its way: no checkpoint refers to it, so a start deletes it
/// </code>
/// </remarks>
internal sealed class ValueGenerations(IDisk disk, DataDirectory directory)
{
    private const string Name = "values", Separator = ".";

    public string PathOf(int generation) =>
        generation == 0 ? directory.Values : directory.Values + Separator + generation.ToString(CultureInfo.InvariantCulture);

    /// <summary>A generation that was never used, or of which nothing is left.</summary>
    public int Unused() => Existing().DefaultIfEmpty(0).Max() + 1;

    public IReadOnlyList<int> Existing() => [.. disk.List(directory.Path).Select(Parse).OfType<int>()];

    /// <summary>Deletes the generation with all that is in it; one that is not there is deleted already.</summary>
    public void Delete(int generation)
    {
        string path = PathOf(generation);
        if (!disk.DirectoryExists(path))
            return;
        foreach (string name in disk.List(path))
            disk.Delete(Path.Combine(path, name));
        disk.SyncDirectory(path);
        disk.DeleteDirectory(path);
        disk.SyncDirectory(directory.Path);
    }

    private static int? Parse(string name)
    {
        if (name == Name)
            return 0;
        return name.StartsWith(Name + Separator, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Name.Length + Separator.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int generation)
            && generation > 0
            ? generation
            : null;
    }
}
