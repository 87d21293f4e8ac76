using KvStore.Chaos.History;
using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Faults;

/// <summary>Composes faults from a seed: some kinds at a time, one to four together, each kind coming again and again.</summary>
/// <remarks>
/// A cluster that never has a majority shows nothing: most storms leave one alone as long as its minority is in trouble. Some do
/// not. While a member's data is lost, none does: the operator needs the others to bring it back.
/// </remarks>
internal sealed class Storm(FaultContext context, long seed, IReadOnlyList<string> names)
{
    private const double MeanSecondsBetween = 5;
    private const int KindsAtMost = 9;
    private const double WildStorms = .3;

    private static readonly int[] Together = [1, 2, 2, 3, 3, 3, 4, 4, 4];

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    private readonly Random _random = new(unchecked((int)(seed ^ (seed >> 32))));
    private readonly Dictionary<string, int> _occurrences = [];
    private readonly List<(Fault Fault, Task Life)> _active = [];
    private int _lastId;
    private bool _sparesMajority;

    /// <summary>Injected so far.</summary>
    public int Count { get; private set; }

    public int EffectiveCount { get; private set; }

    public SortedDictionary<string, (int Effective, int All)> ByName { get; } = new(StringComparer.Ordinal);

    private Recorder Recorder => context.Rig.Recorder;

    /// <summary>Lets faults come for so long, then heals all and comes back when that is done.</summary>
    /// <returns>Names of the kinds that came.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(TimeSpan length, CancellationToken cancellationToken)
    {
        string[] kinds = Draw();
        int together = Together[_random.Next(Together.Length)];
        _sparesMajority = _random.NextDouble() >= WildStorms;
        string spared = _sparesMajority ? "" : ", majority or not,";
        Recorder.Note($"storm of {length.TotalSeconds:F0} s, up to {together} faults at a time{spared} of: {string.Join(", ", kinds)}");
        var came = new HashSet<string>();
        var next = kinds.ToDictionary(kind => kind, _ => Wait());
        using var ending = new CancellationTokenSource();
        using var pace = new PeriodicTimer(Pace);
        var clock = RunClock.StartNow();
        try
        {
            while (clock.Elapsed < length && await pace.WaitForNextTickAsync(cancellationToken))
            {
                await RemoveEndedAsync();
                foreach (string kind in kinds.Where(kind => clock.Elapsed >= next[kind]))
                {
                    next[kind] = clock.Elapsed + Wait();
                    if (_active.Count < together && TryBegin(kind, ending.Token))
                        came.Add(kind);
                }
            }
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(_active.Select(active => active.Life));
            _active.Clear();
        }
        return [.. came];
    }

    // Some kinds are on and the others off, differently each time: what always comes together finds less. Compactions always
    // come.
    private string[] Draw()
    {
        string[] all = [.. names];
        _random.Shuffle(all);
        var drawn = all.Take(_random.Next(Math.Min(4, all.Length), Math.Min(KindsAtMost, all.Length) + 1)).ToHashSet();
        if (names.Contains(Operations.CompactionFault.Kind))
            drawn.Add(Operations.CompactionFault.Kind);
        return [.. drawn.Order(StringComparer.Ordinal)];
    }

    private TimeSpan Wait() => TimeSpan.FromSeconds(-Math.Log(1 - _random.NextDouble()) * MeanSecondsBetween);

    private bool TryBegin(string kind, CancellationToken ending)
    {
        int occurrence = _occurrences[kind] = _occurrences.GetValueOrDefault(kind) + 1;
        var choices = new Random(Mix(kind, occurrence));
        var fault = FaultCatalogue.Make(kind, context.For(_lastId + 1, choices));
        var claims = fault.Claims.ToHashSet();
        if (_active.Any(active => active.Fault.Claims.Any(claims.Contains)) || !LeavesEnough(fault))
            return false;
        _lastId++;
        _active.Add((fault, LiveAsync(fault, ending)));
        return true;
    }

    private bool LeavesEnough(Fault fault)
    {
        var active = _active.Select(other => other.Fault).ToArray();
        bool isDataLost = active.Append(fault).Any(one => one.Claims.Contains(Claim.Damage));
        if (fault.Disrupts.Count == 0 || (!_sparesMajority && !isDataLost))
            return true;
        // All at once is over soon, but on top of nothing else.
        bool isAlone = active.All(other => other.Disrupts.Count == 0);
        int disrupted = active.Append(fault).SelectMany(one => one.Disrupts).Distinct().Count();
        return disrupted <= context.MinorityCount || isAlone;
    }

    private async Task LiveAsync(Fault fault, CancellationToken ending)
    {
        // Not on the storm's own thread: injecting may take its time.
        await Task.Yield();
        long at = Recorder.Now;
        try
        {
            await fault.InjectAsync(ending);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The storm ended meanwhile: what was done is undone.
        }
        Recorder.Write(new HistoryRecord
        {
            FaultInjected = new FaultInjected
            {
                Fault = fault.Id, At = at, Name = fault.Name, Targets = { fault.Targets }, Detail = fault.Detail,
            },
        });
        await Task.Delay(fault.Length, ending).ContinueWith(static _ => { }, TaskScheduler.Default);
        var effect = await fault.HealAsync();
        Recorder.Write(new HistoryRecord
        {
            FaultHealed = new FaultHealed
            {
                Fault = fault.Id, At = Recorder.Now, IsEffective = effect.IsEffective, Evidence = effect.Evidence,
            },
        });
        Tally(fault.Name, effect);
    }

    private void Tally(string name, Effect effect)
    {
        lock (ByName)
        {
            Count++;
            EffectiveCount += effect.IsEffective ? 1 : 0;
            var (effective, all) = ByName.GetValueOrDefault(name);
            ByName[name] = (effective + (effect.IsEffective ? 1 : 0), all + 1);
        }
    }

    private async Task RemoveEndedAsync()
    {
        foreach (var active in _active.Where(active => active.Life.IsCompleted).ToArray())
        {
            _active.Remove(active);
            await active.Life;
        }
    }

    private int Mix(string kind, int occurrence)
    {
        ulong mixed = (ulong)seed;
        foreach (char letter in kind)
            mixed = (mixed ^ letter) * 0x100000001B3;
        mixed = (mixed ^ (ulong)occurrence) * 0x9E3779B97F4A7C15;
        return (int)(mixed >> 33);
    }
}
