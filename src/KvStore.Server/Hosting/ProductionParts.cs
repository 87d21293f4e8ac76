using KvStore.Mvcc.Index;
using KvStore.Server.Members;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Server.Hosting;

/// <summary>FASTER for the values, native memory for the keys.</summary>
internal sealed class ProductionParts(long valueMemoryBytes) : IMemberParts
{
    private readonly ValueStoreOptions _options = new() { MemoryBytes = valueMemoryBytes };

    public IValueStore CreateValues(IDisk disk, string directory) => FasterValueStore.Create(disk, directory, _options);

    public IValueStore OpenValues(IDisk disk, string directory, CheckpointId checkpoint) =>
        FasterValueStore.Open(disk, directory, _options, checkpoint);

    public IKeyIndex CreateIndex() => new NativeKeyIndex();

    /// <summary>The first on this thread, the others on the pool's: a start is quicker by what they would have waited.</summary>
    public void DoAll(params ReadOnlySpan<Action> work)
    {
        Task[] others = [.. work[1..].ToArray().Select(Task.Run)];
        Task first = new(work[0]);
        first.RunSynchronously();
        Task[] all = [first, .. others];
        // All must have ended, well or not, before anyone disposes of what they share.
        Task.WhenAny(Task.WhenAll(all)).Wait();
        foreach (var task in all)
            task.GetAwaiter().GetResult();
    }
}
