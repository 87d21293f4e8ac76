using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench.Workloads;

/// <summary>One kind of request, about one key of the space after the other.</summary>
internal sealed class KeyedRequests(RequestTemplate template, KeySpace keys) : RequestSource
{
    private readonly KeySequence _sequence = new(keys);

    public override RequestTemplate Next(long now, out ReadOnlySpan<byte> message)
    {
        message = template.Fill(_sequence.Next(), now);
        return template;
    }
}
