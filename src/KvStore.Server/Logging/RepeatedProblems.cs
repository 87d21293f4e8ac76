namespace KvStore.Server.Logging;

/// <summary>Tells what is worth a line from what was logged a while ago, for problems that others cause again and again.</summary>
internal sealed class RepeatedProblems(TimeProvider time)
{
    /// <summary>When there are more they are all forgotten: whoever makes up names gets lines in the log, not memory.</summary>
    private const int Limit = 256;

    private static readonly TimeSpan SilentFor = TimeSpan.FromHours(1);

    private readonly Dictionary<(string Who, string Problem), long> _logged = [];

    public bool IsNew(string who, string problem)
    {
        lock (_logged)
        {
            if (_logged.TryGetValue((who, problem), out long since) && time.GetElapsedTime(since) < SilentFor)
                return false;
            if (_logged.Count >= Limit)
                _logged.Clear();
            _logged[(who, problem)] = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>All is well with it: the next problem is news.</summary>
    public void Forget(string who)
    {
        lock (_logged)
        {
            foreach (var key in _logged.Keys.Where(key => key.Who == who).ToArray())
                _logged.Remove(key);
        }
    }
}
