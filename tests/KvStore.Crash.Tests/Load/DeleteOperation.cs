using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Load;

/// <param name="End">Exclusive.</param>
internal sealed record DeleteOperation(string From, string End) : Operation
{
    private DeleteRangeResponse? _answer;

    public static DeleteOperation Of(string key) => new(key, key + '\0');

    public override bool? ClaimsChange => _answer!.Deleted > 0;

    public DeleteRangeRequest Request => new() { Key = Bytes(From), RangeEnd = Bytes(End) };

    public override async Task<long> SendAsync(EtcdClient client)
    {
        _answer = await client.DeleteAsync(Request);
        return _answer.Header.Revision;
    }

    public override IReadOnlyList<KeyVersion> Effect(StoreState before) =>
        [.. before.Within(From, End).Select(version => KeyVersion.Deleted(version.Key, before.Revision + 1))];

    public override bool IsAnswerRight(StoreState before) => _answer!.Deleted == before.Within(From, End).Count();
}
