using KvStore.Storage.Disks;
namespace KvStore.Mvcc.Index;
public static class IndexFile
{
    public static void Write(IFile file, IKeyIndex index, long revision) => throw new IOException("pending");
    public static void Load(IFile file, IKeyIndex index) => throw new InvalidDataException("pending");
}
