using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench.Workloads;

/// <summary>Two kinds of requests in a given proportion, in an order that the seed fixes.</summary>
internal sealed class MixedRequests(RequestTemplate read, RequestTemplate write, double readShare, KeySpace keys) : RequestSource
{
    private readonly KeySequence _sequence = new(keys);
    private readonly Random _random = new(keys.Seed + 1);

    public override RequestTemplate Next(long now, out ReadOnlySpan<byte> message)
    {
        var template = _random.NextDouble() < readShare ? read : write;
        message = template.Fill(_sequence.Next(), now);
        return template;
    }
}
