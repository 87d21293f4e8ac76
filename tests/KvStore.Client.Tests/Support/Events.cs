using KvStore.Protocol;

namespace KvStore.Client.Tests.Support;

internal static class Events
{
    /// <summary>One line an event: what a test compares.</summary>
    public static string Line(this Event change) =>
        $"{change.Kv.ModRevision} {change.Type} {change.Kv.Key.ToStringUtf8()}={change.Kv.Value.ToStringUtf8()}";

    /// <summary>The events of a watch up to and with a revision.</summary>
    public static async Task<List<string>> ReadUntilAsync(this Watch watch, long revision)
    {
        var lines = new List<string>();
        while (true)
        {
            var batch = await watch.ReadAsync().Soon();
            lines.AddRange(batch.Events.Select(Line));
            if (batch.Revision >= revision)
                return lines;
        }
    }
}
