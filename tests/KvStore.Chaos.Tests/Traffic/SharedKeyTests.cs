using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Tests.Traffic;

public sealed class SharedKeyTests
{
    [Fact]
    public void A_key_is_used_by_ten_clients_at_most()
    {
        var key = new SharedKey("r/");
        var clientsByKey = Enumerable.Range(0, 1000).Select(client => (Key: key.Use(client), Client: client))
            .GroupBy(use => use.Key, use => use.Client);

        Assert.All(clientsByKey, clients => Assert.InRange(clients.Distinct().Count(), 1, 10));
    }

    [Fact]
    public void A_key_is_used_for_two_hundred_requests_at_most()
    {
        var key = new SharedKey("r/");
        var uses = Enumerable.Range(0, 1000).Select(use => key.Use(use % 3)).GroupBy(name => name);

        Assert.All(uses, use => Assert.InRange(use.Count(), 1, 200));
    }
}
