using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Histories;

namespace KvStore.Crash.Tests.Load;

internal sealed record RevokeOperation(long Lease) : Operation
{
    public override bool? ClaimsChange => null;

    public override async Task<long> SendAsync(EtcdClient client) => (await client.RevokeAsync(Lease)).Header.Revision;

    public override IReadOnlyList<KeyVersion> Effect(StoreState before) =>
        [.. before.AttachedTo(Lease).Select(version => KeyVersion.Deleted(version.Key, before.Revision + 1))];
}
