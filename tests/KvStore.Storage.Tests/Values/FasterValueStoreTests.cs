using KvStore.Storage.Values;

namespace KvStore.Storage.Tests.Values;

public sealed class FasterValueStoreTests : IDisposable
{
    private readonly FaultyDisk _disk = new();

    [Fact]
    public void A_first_light()
    {
        using var store = FasterValueStore.Create(_disk, Path.Combine(_disk.Root, "values"), new ValueStoreOptions { MemoryBytes = 1 << 20, ReserveBytes = 0 });
        for (int i = 0; i < 50_000; i++)
            store.Write(new Revision(i, i % 3), BitConverter.GetBytes(i));
        using var reader = store.OpenReader();
        for (int i = 0; i < 50_000; i++)
        {
            Assert.True(reader.TryRead(new Revision(i, i % 3), out var value));
            Assert.Equal(i, BitConverter.ToInt32(value));
        }
        var checkpoint = store.BeginCheckpoint();
        while (!checkpoint.IsComplete)
            store.Refresh();
        store.Dispose();
        using var again = FasterValueStore.Open(_disk, Path.Combine(_disk.Root, "values"), new ValueStoreOptions { MemoryBytes = 1 << 20, ReserveBytes = 0 }, checkpoint.Id);
        using var reader2 = again.OpenReader();
        for (int i = 0; i < 50_000; i++)
        {
            Assert.True(reader2.TryRead(new Revision(i, i % 3), out var value));
            Assert.Equal(i, BitConverter.ToInt32(value));
        }
    }

    public void Dispose() => _disk.Dispose();
}
