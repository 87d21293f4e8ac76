using System.Globalization;
using Orchestrator.Control.Dns;
using Orchestrator.Control.Tests.Dns;
using Orchestrator.Runtime.Dns;

namespace Orchestrator.Runtime.Tests.Dns;

public sealed class ForwardCacheTests
{
    [Fact]
    public void No_more_is_kept_than_allowed_and_what_is_asked_for_stays()
    {
        var cache = new ForwardCache(new DnsCacheSettings { EntryLimit = 100 }, TimeProvider.System);
        var message = DnsMessage.Decode(Dig.Response(
            1, 0, "www.example.org", DnsType.A, [Dig.Record("www.example.org", DnsType.A, 300, [192, 0, 2, 80])], []))!;
        cache.Add("wanted", message);

        for (int i = 0; i < 10_000; i++)
        {
            cache.Add(i.ToString(CultureInfo.InvariantCulture), message);
            Assert.True(cache.TryGet("wanted", out _), $"gone after {i}");
        }

        Assert.InRange(cache.Count, 50, 100);
        Assert.True(cache.TryGet("9999", out var last));
        Assert.Single(last.Value.Answers);
        Assert.False(cache.TryGet("0", out _));
    }
}
