using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Load;

internal sealed record PutOperation(string Key, string Value, long Lease) : Operation
{
    private PutResponse? _answer;

    public override string UniqueValue => Value;

    public PutRequest Request => new() { Key = Bytes(Key), Value = Bytes(Value), Lease = Lease, PrevKv = true };

    public override async Task<long> SendAsync(EtcdClient client)
    {
        _answer = await client.PutAsync(Request);
        return _answer.Header.Revision;
    }

    public override IReadOnlyList<KeyVersion> Effect(StoreState before) => [before.Put(Key, Value, Lease)];

    public override bool IsAnswerRight(StoreState before) =>
        (_answer!.PrevKv is { } previous ? KeyVersion.Of(previous) : (KeyVersion?)null) == before.Find(Key);

    public override string ToString() => $"put {Key} lease {Lease:x}";
}
