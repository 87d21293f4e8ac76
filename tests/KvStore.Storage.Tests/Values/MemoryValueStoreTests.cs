using KvStore.Storage.Values;

namespace KvStore.Storage.Tests.Values;

public sealed class MemoryValueStoreTests : ValueStoreConformance
{
    [Fact]
    public void A_damaged_checkpoint_is_refused()
    {
        var store = Start();
        Fill(store, 1, 3, 10);
        var checkpoint = Complete(store);
        string path = Directory.GetFiles(Folder).Single();
        byte[] bytes = File.ReadAllBytes(path);
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[i] ^= (byte)(1 << i % 8);
            File.WriteAllBytes(path, damaged);

            Assert.Throws<InvalidDataException>(() => Open(checkpoint));
        }
    }

    private protected override IValueStore Create() => MemoryValueStore.Create(Disk, Folder);

    private protected override IValueStore Open(CheckpointId checkpoint) => MemoryValueStore.Open(Disk, Folder, checkpoint);
}
