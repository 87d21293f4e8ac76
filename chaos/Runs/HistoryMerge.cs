using KvStore.Chaos.History;

namespace KvStore.Chaos.Runs;

/// <summary>Puts the histories of a run's processes together, in the order of time.</summary>
internal static class HistoryMerge
{
    /// <returns>The seconds of the run in which some write was acknowledged.</returns>
    public static HashSet<long> Merge(IReadOnlyList<string> parts, HistoryWriter whole)
    {
        var readers = parts.Select(part => new HistoryReader(part)).ToArray();
        var writtenSeconds = new HashSet<long>();
        try
        {
            var next = new PriorityQueue<IEnumerator<HistoryRecord>, long>();
            foreach (var records in readers.Select(reader => reader.Records().GetEnumerator()))
                Enqueue(records);
            while (next.TryDequeue(out var records, out _))
            {
                whole.Write(records.Current);
                if (records.Current.Operation is { Outcome: Outcome.Ok } operation && IsWrite(operation))
                    writtenSeconds.Add(operation.ReturnedAt / 1_000_000_000);
                Enqueue(records);
            }

            void Enqueue(IEnumerator<HistoryRecord> records)
            {
                if (records.MoveNext())
                    next.Enqueue(records, TimeOf(records.Current));
            }
        }
        finally
        {
            foreach (var reader in readers)
                reader.Dispose();
        }
        return writtenSeconds;
    }

    private static bool IsWrite(Operation operation) => operation.Request.RpcCase switch
    {
        Request.RpcOneofCase.Put or Request.RpcOneofCase.DeleteRange => true,
        Request.RpcOneofCase.Txn => operation.Response.Txn.Responses.Any(response => response.ResponsePut is not null),
        _ => false,
    };

    private static long TimeOf(HistoryRecord record) => record.KindCase switch
    {
        HistoryRecord.KindOneofCase.Operation => record.Operation.ReturnedAt,
        HistoryRecord.KindOneofCase.WatchSent => record.WatchSent.At,
        HistoryRecord.KindOneofCase.WatchReceived => record.WatchReceived.At,
        HistoryRecord.KindOneofCase.WatchStreamEnded => record.WatchStreamEnded.At,
        HistoryRecord.KindOneofCase.FaultInjected => record.FaultInjected.At,
        HistoryRecord.KindOneofCase.FaultHealed => record.FaultHealed.At,
        HistoryRecord.KindOneofCase.MemberObserved => record.MemberObserved.At,
        HistoryRecord.KindOneofCase.ProcessChanged => record.ProcessChanged.At,
        HistoryRecord.KindOneofCase.Note => record.Note.At,
        HistoryRecord.KindOneofCase.Recovered => record.Recovered.To,
        HistoryRecord.KindOneofCase.MemberHash => record.MemberHash.At,
        HistoryRecord.KindOneofCase.RunEnded => record.RunEnded.At,
        _ => 0,
    };
}
