using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Revisions;

/// <summary>Which process of a member was there at a time.</summary>
internal sealed class ProcessLives
{
    private readonly Dictionary<string, List<long>> _startsOf = [];

    public ProcessLives(IEnumerable<ProcessChanged> processes)
    {
        foreach (var started in processes.Where(process => process.Kind == ProcessChanged.Types.Kind.Started))
        {
            if (!_startsOf.TryGetValue(started.Member, out var starts))
                _startsOf.Add(started.Member, starts = []);
            starts.Add(started.At);
        }
    }

    /// <summary>A name for the process that answered, or null when one began meanwhile: it could be either.</summary>
    public string? Of(string member, long calledAt, long returnedAt)
    {
        if (!_startsOf.TryGetValue(member, out var starts))
            return member;
        int before = starts.FindLastIndex(start => start <= calledAt), after = starts.FindLastIndex(start => start <= returnedAt);
        return before == after ? $"{member}#{before}" : null;
    }
}
