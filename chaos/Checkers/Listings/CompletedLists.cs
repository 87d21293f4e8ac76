using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Listings;

/// <summary>Finds the lists that clients read in pages, all at the revision of the first.</summary>
internal sealed class CompletedLists
{
    private readonly KeyInterval _prefix;
    private readonly Dictionary<int, (long Revision, ByteString Next, List<KeyValue> Kvs)> _unfinished = [];
    private readonly Dictionary<long, List<List<KeyValue>>> _lists = [];

    public CompletedLists(RunHistory history, KeyInterval prefix)
    {
        _prefix = prefix;
        foreach (var operation in history.Operations)
        {
            if (operation.Request.RpcCase == Request.RpcOneofCase.Range && operation.Outcome == Outcome.Ok)
                Take(operation.Client, operation.Request.Range, operation.Response.Range);
        }
    }

    public int Count { get; private set; }

    /// <summary>All that were read at a revision: they should be alike.</summary>
    public IReadOnlyList<List<KeyValue>> At(long revision) => _lists.GetValueOrDefault(revision) ?? [];

    private void Take(int client, RangeRequest request, RangeResponse response)
    {
        if (!request.RangeEnd.Equals(_prefix.End) || request.KeysOnly || request.CountOnly)
            return;
        if (request.Revision == 0 && request.Key.Equals(_prefix.Key))
            _unfinished[client] = (response.Header.Revision, request.Key, []);
        if (!_unfinished.TryGetValue(client, out var list) || !request.Key.Equals(list.Next)
            || (request.Revision != 0 && request.Revision != list.Revision))
            return;
        list.Kvs.AddRange(response.Kvs);
        if (response.More && response.Kvs.Count > 0)
        {
            _unfinished[client] = list with { Next = ByteString.CopyFrom([.. response.Kvs[^1].Key.Span, 0]) };
            return;
        }
        _unfinished.Remove(client);
        if (!_lists.TryGetValue(list.Revision, out var lists))
            _lists.Add(list.Revision, lists = []);
        lists.Add(list.Kvs);
        Count++;
    }
}
