using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Generation;

/// <summary>Many operations quickly made: puts and reads of a thousand keys in turn by ten clients, and a watch of
/// everything.</summary>
internal static class LargeHistory
{
    private const int KeyCount = 1000, EventsOfAnswer = 100;

    public static IEnumerable<HistoryRecord> Of(int operationCount)
    {
        var keys = Enumerable.Range(0, KeyCount).Select(i => ByteString.CopyFromUtf8($"g/{i:0000}")).ToArray();
        var current = new KeyValue?[KeyCount];
        var events = new List<Event>();
        long revision = 1;
        yield return new HistoryRecord { RunStarted = new RunStarted { Seed = 1, Members = { "m1", "m2", "m3" } } };
        yield return new HistoryRecord
        {
            WatchSent = new WatchSent
            {
                Stream = 1, Client = 1000, Member = "m1",
                Request = new WatchRequest { CreateRequest = new WatchCreateRequest { Key = Zero, RangeEnd = Zero,
                    StartRevision = 1, WatchId = 1 } },
            },
        };
        yield return Answer(0, 1, new WatchResponse { Created = true });
        for (int i = 0; i < operationCount; i++)
        {
            int key = (int)((long)i * 7919 % KeyCount);
            var operation = new Operation { Id = i + 1, Client = i % 10 + 1, Member = "m1", CalledAt = i * 100_000L,
                ReturnedAt = i * 100_000L + 900_000, Outcome = Outcome.Ok };
            if (i % 2 == 0)
            {
                var before = current[key];
                var after = new KeyValue
                {
                    Key = keys[key], Value = ByteString.CopyFromUtf8($"{i % 10 + 1}.{i}"), ModRevision = ++revision,
                        CreateRevision = before?.CreateRevision ?? revision, Version = (before?.Version ?? 0) + 1,
                };
                current[key] = after;
                operation.Request = new Request { Put = new PutRequest { Key = keys[key], Value = after.Value } };
                operation.Response = new Response { Put = new PutResponse { Header =
                    new ResponseHeader { Revision = revision, MemberId = 1 } } };
                events.Add(new Event { Kv = after });
            }
            else
            {
                var answer = new RangeResponse { Header = new ResponseHeader { Revision = revision, MemberId = 1 },
                    Count = current[key] is null ? 0 : 1 };
                if (current[key] is { } kv)
                    answer.Kvs.Add(kv);
                operation.Request = new Request { Range = new RangeRequest { Key = keys[key] } };
                operation.Response = new Response { Range = answer };
            }
            yield return new HistoryRecord { Operation = operation };
            if (events.Count < EventsOfAnswer)
                continue;
            yield return Answer(operation.ReturnedAt, revision, new WatchResponse { Events = { events } });
            events.Clear();
        }
        yield return new HistoryRecord { RunEnded = new RunEnded { At = operationCount * 100_000L + 1_000_000 } };
    }

    private static ByteString Zero { get; } = ByteString.CopyFrom(0);

    private static HistoryRecord Answer(long at, long revision, WatchResponse response)
    {
        (response.WatchId, response.Header) = (1, new ResponseHeader { Revision = revision, MemberId = 1 });
        return new HistoryRecord { WatchReceived = new WatchReceived { Stream = 1, At = at, Response = response } };
    }
}
